// SPDX-License-Identifier: Apache-2.0
/* What is random in a program. Registers have fixed roles, so that it ends: */
#include <string.h>
#include "frontends/riscv/user/decode.h"
#include "tests/lockstep/program.h"
#include "tests/riscv/user/asm.h"

enum {
	RA = 1, SP = 2,
	ROAM = 16,	/* and 17: anywhere in the data */
	ALIGNED = 18,	/* and 19: multiples of eight */
	WILD = 20, DEVICE = 21,
	LOOP = 22,	/* and 23: what is left to do */
	SCRATCH = 26,	/* and 27: the frame's */
};
enum { FRAME = 544, SAVED = 512 };	/* bytes; below are what compressed stores may reach */
enum { FFLAGS = 1, CYCLE = 0xc00 };

/* The other ones: anything may be in them. */
static bool in_pool(unsigned r) { return (r >= 5 && r <= 15) || r >= 28; }
static unsigned pool(struct program *p)
{
	unsigned r = rng_below(&p->rng, 15);
	return r < 11 ? 5 + r : 17 + r;
}

static void put_half(struct program *p, uint16_t half)
{
	memcpy(p->image + p->at, &half, sizeof half);
	p->at += 2;
}

/* ---- one instruction ---- */

static unsigned base(struct program *p, bool atomic)
{
	unsigned n = rng_below(&p->rng, 64);
	if (n < 2)
		return n ? WILD : pool(p);
	return (n < (atomic ? 8 : 40) ? ROAM : ALIGNED) + (n & 1);
}

static bool has_rs1_for_address(uint32_t bits)
{
	unsigned op = bits & 0x7f;
	return op == 0x03 || op == 0x07 || op == 0x23 || op == 0x27 || op == 0x2f || (op == 0x0f && (bits >> 12 & 7) == 2);
}

/* Control flow and CSRs have items of their own; what leaves the mode has none. */
static bool fits(const struct insn *i, struct program *p)
{
	switch (i->kind) {
	case INSN_ILLEGAL: case INSN_JAL: case INSN_JALR: case INSN_BEQ: case INSN_BNE: case INSN_BLT: case INSN_BGE: case INSN_BLTU:
	case INSN_BGEU: case INSN_ECALL: case INSN_EBREAK: case INSN_MRET: case INSN_SRET: case INSN_CSRRW: case INSN_CSRRS: case INSN_CSRRC:
	case INSN_CSRRWI: case INSN_CSRRSI: case INSN_CSRRCI: case INSN_FENCE_I:
		return false;
	case INSN_WFI:	/* not at the end of a page, where QEMU's pc of one that traps is off by a page */
		return p->at % PAGE_SIZE < PAGE_SIZE - 4 && !rng_below(&p->rng, 8);
	case INSN_SFENCE_VMA: case INSN_SINVAL_VMA:
		return !rng_below(&p->rng, 8);
	case INSN_SFENCE_W_INVAL: case INSN_SFENCE_INVAL_IR:
		return !p->user;	/* where they are illegal, and QEMU has them do nothing */
	case INSN_LR_W: case INSN_SC_W:
		return !p->reserves_d && (!i->rd || in_pool(i->rd));
	case INSN_LR_D: case INSN_SC_D:
		return p->reserves_d && (!i->rd || in_pool(i->rd));
	default:
		return !i->rd || in_pool(i->rd);
	}
}

static void put_random(struct program *p)
{
	for (;;) {
		bool compressed = !rng_below(&p->rng, 4);
		const struct insn_pattern *patterns = compressed ? riscv_patterns16 : riscv_patterns32;
		const struct insn_pattern *from = &patterns[rng_below(&p->rng, compressed ? riscv_n_patterns16 : riscv_n_patterns32)];
		uint32_t bits = (uint32_t)rng_next(&p->rng), op = from->value & 0x7f;
		if (!compressed && op != 0x23 && op != 0x27)
			bits = (bits & ~(31u << 7)) | pool(p) << 7;
		if (!compressed && has_rs1_for_address(from->value))
			bits = (bits & ~(31u << 15)) | base(p, op == 0x2f || op == 0x0f) << 15;
		bits = from->value | (bits & ~from->mask);
		if (compressed)
			bits &= 0xffff;
		/* loads and stores from a base that may be anything fault nearly always */
		if (compressed && !(bits & 3) && bits >> 13 && rng_below(&p->rng, 8))
			continue;
		/* near their bases, so that they mostly stay in the data */
		if (!compressed && (op == 0x03 || op == 0x07) && rng_below(&p->rng, 4))
			bits &= ~0xfe000000u;
		struct insn i = riscv_decode(bits, ~(uint64_t)0);
		if (!fits(&i, p))
			continue;
		if (compressed)
			put_half(p, (uint16_t)bits);
		else
			program_put(p, bits);
		return;
	}
}

/* ---- what takes several ---- */

static void put_pointer(struct program *p, unsigned r, bool aligned)
{
	unsigned offset = rng_below(&p->rng, 4) ? rng_below(&p->rng, PAGE_SIZE) : (unsigned)PAGE_SIZE - 1 - rng_below(&p->rng, 16);
	uint32_t at = rng_below(&p->rng, 3) ? PROGRAM_DATA : 0xc0000000u;
	program_li(p, r, (at + rng_below(&p->rng, PROGRAM_PAGES) * (uint32_t)PAGE_SIZE + offset) & ~(aligned ? 7u : 0u));
}

static void put_wild(struct program *p)
{
	program_li(p, WILD, (uint32_t)rng_next(&p->rng));
	if (rng_below(&p->rng, 2))
		program_put(p, asm_i(0x13, 1, WILD, WILD, (int32_t)rng_below(&p->rng, 33)));	/* slli */
}

static void put_move(struct program *p)
{
	unsigned r = rng_below(&p->rng, 4);
	int32_t by = (int32_t)rng_below(&p->rng, 256) - 100;
	program_put(p, asm_addi(ROAM + r, ROAM + r, (r < 2 ? by : by & ~7) & 0xfff));
}

/* Something new in a register: results alone tend to zero and NaN. */
static void put_value(struct program *p)
{
	unsigned r = pool(p), from = ALIGNED + rng_below(&p->rng, 2);
	int32_t offset = 8 * (int32_t)rng_below(&p->rng, 256);
	switch (rng_below(&p->rng, 3)) {
	case 0:
		program_li(p, r, (uint32_t)rng_next(&p->rng));
		program_put(p, asm_i(0x13, 1, r, r, (int32_t)rng_below(&p->rng, 64)));	/* slli */
		break;
	case 1:
		program_put(p, asm_ld(r, from, offset));
		break;
	default:
		program_put(p, asm_i(0x07, 2 + rng_below(&p->rng, 2), rng_below(&p->rng, 32), from, offset));	/* flw, fld */
	}
}

static void put_csr(struct program *p)
{
	if (rng_below(&p->rng, 2))	/* fflags, frm, fcsr: write, set, clear, from registers and immediates */
		program_put(p, asm_i(0x73, 1 + rng_below(&p->rng, 3) + 4 * rng_below(&p->rng, 2), pool(p), pool(p), FFLAGS + (int)rng_below(&p->rng, 3)));
	else if (!p->more || !rng_below(&p->rng, 8))	/* cycle, time, instret */
		program_put(p, asm_csrrs(pool(p), CYCLE + rng_below(&p->rng, 3), 0));
}

static void put_items(struct program *p, unsigned n);

static void put_branch(struct program *p)
{
	static const uint8_t f3[] = { 0, 1, 4, 5, 6, 7 };
	uint32_t from = p->at;
	p->at += 4;
	put_items(p, 1 + rng_below(&p->rng, 4));
	uint32_t insn = asm_b(f3[rng_below(&p->rng, 6)], pool(p), pool(p), (int32_t)(p->at - from));
	memcpy(p->image + from, &insn, sizeof insn);
}

static void put_indirect(struct program *p)
{
	uint32_t from = p->at;
	p->at += 12;
	put_items(p, 1 + rng_below(&p->rng, 3));
	uint32_t to = p->at;
	p->at = from;
	program_put(p, 0x17 | SCRATCH << 7);	/* auipc */
	program_put(p, asm_addi(SCRATCH, SCRATCH, (int32_t)(to - from)));
	program_put(p, asm_jalr(0, SCRATCH, 0));
	p->at = to;
}

static void put_call(struct program *p)
{
	if (!p->n_functions || p->depth > 1)
		return;
	int32_t offset = (int32_t)(p->function[rng_below(&p->rng, p->n_functions)] - p->at);
	if (rng_below(&p->rng, 2)) {
		program_put(p, asm_jal(RA, offset));
	} else {
		program_put(p, 0x17 | SCRATCH << 7 | (uint32_t)(offset + 0x800) >> 12 << 12);
		program_put(p, asm_jalr(RA, SCRATCH, asm_lo((uint32_t)offset)));
	}
}

static void put_lr_sc(struct program *p)
{
	unsigned f3 = 2 + p->reserves_d, at = ALIGNED + rng_below(&p->rng, 2);
	program_put(p, 0x1000002fu | f3 << 12 | pool(p) << 7 | at << 15);
	for (unsigned n = rng_below(&p->rng, 3); n--;)
		put_random(p);
	program_put(p, 0x1800002fu | f3 << 12 | pool(p) << 7 | at << 15 | pool(p) << 20);
}

/* An addi whose immediate changes each time, behind its fence. */
static void put_changing(struct program *p)
{
	unsigned r = pool(p);
	int32_t offset = p->text_alias ? 36 : 24;
	program_put(p, 0x17 | (SCRATCH + 1) << 7);
	program_put(p, asm_i(0x03, 2, SCRATCH, SCRATCH + 1, offset));
	program_put(p, asm_lui(31, 0x100000));
	program_put(p, 0x4033u | SCRATCH << 7 | SCRATCH << 15 | 31 << 20);	/* xor */
	if (p->text_alias) {
		program_put(p, asm_lui(31, p->text_alias));
		program_put(p, 0x33u | (SCRATCH + 1) << 7 | (SCRATCH + 1) << 15 | 31 << 20);	/* add */
	}
	program_put(p, asm_s(0x23, 2, SCRATCH + 1, SCRATCH, offset));
	if (p->text_alias)
		program_put(p, asm_addi(SCRATCH + 1, 0, 0));	/* in no register afterwards */
	program_put(p, 0x100f);							/* fence.i */
	program_put(p, asm_addi(r, r, (int32_t)rng_below(&p->rng, 2048)));
}

static void put_loop(struct program *p)
{
	unsigned counter = LOOP + p->depth, trips = p->depth ? 3 + rng_below(&p->rng, 24) : 2 + rng_below(&p->rng, 16);
	program_put(p, asm_addi(counter, 0, (int32_t)trips));
	p->depth++;
	uint32_t top = p->at;
	put_items(p, 2 + rng_below(&p->rng, 14));
	p->depth--;
	program_put(p, asm_addi(counter, counter, -1 & 0xfff));
	program_put(p, asm_b(1, counter, 0, (int32_t)(top - p->at)));
}

static void put_item(struct program *p)
{
	unsigned n = rng_below(&p->rng, 100);
	if (n < 8 && p->depth < 2)
		put_loop(p);
	else if (n < 15)
		put_branch(p);
	else if (n < 17)
		put_indirect(p);
	else if (n < 21)
		put_call(p);
	else if (n < 27)
		put_move(p);
	else if (n < 30)
		put_pointer(p, ROAM + rng_below(&p->rng, 2), false);
	else if (n < 32)
		put_pointer(p, ALIGNED + rng_below(&p->rng, 2), true);
	else if (n < 33)
		put_wild(p);
	else if (n < 36)
		put_lr_sc(p);
	else if (n < 39)
		put_csr(p);
	else if (n < 40 && (!p->more || !rng_below(&p->rng, 8)))
		program_put(p, asm_ld(pool(p), DEVICE, 8 * (int)rng_below(&p->rng, 3)));
	else if (n < 41 && p->depth < 2)
		put_changing(p);
	else if (n < 43 && p->more)
		p->more(p);
	else if (n < 51)
		put_value(p);
	else
		put_random(p);
}

static void put_items(struct program *p, unsigned n)
{
	while (n--)
		put_item(p);
}

/* ---- functions ---- */

/* What comes next begins near the end of a page, so that loops, calls and single instructions go across. */
static void near_page_end(struct program *p)
{
	p->at = ((p->at + 0x200) | (PAGE_SIZE - 1)) + 1 - 2 * rng_below(&p->rng, 0x100);
}

static void put_function(struct program *p)
{
	near_page_end(p);
	uint32_t at = p->at;
	program_put(p, asm_addi(SP, SP, -FRAME & 0xfff));
	program_put(p, asm_sd(RA, SP, SAVED));
	program_put(p, asm_sd(LOOP, SP, SAVED + 8));
	program_put(p, asm_sd(LOOP + 1, SP, SAVED + 16));
	put_items(p, 4);
	put_loop(p);
	put_items(p, 4);
	program_put(p, asm_ld(RA, SP, SAVED));
	program_put(p, asm_ld(LOOP, SP, SAVED + 8));
	program_put(p, asm_ld(LOOP + 1, SP, SAVED + 16));
	program_put(p, asm_addi(SP, SP, FRAME));
	program_put(p, asm_jalr(0, RA, 0));
	p->function[p->n_functions++] = at;
}

void program_generate(struct program *p, uint64_t seed)
{
	p->rng.s = seed;
	p->depth = p->n_functions = 0;
	if (seed == PROGRAM_EACH) {
		program_begin(p, false);
		program_each(p);
		program_end(p);
		return;
	}
	p->reserves_d = rng_below(&p->rng, 2);
	program_begin(p, rng_below(&p->rng, 2));
	uint32_t entry = p->at;
	p->at += 4;
	for (unsigned i = 0; i < 1 + (unsigned)(seed % ARRAY_SIZE(p->function)); i++)
		put_function(p);
	near_page_end(p);
	uint32_t insn = asm_jal(0, (int32_t)(p->at - entry));
	memcpy(p->image + entry, &insn, sizeof insn);
	for (unsigned r = 5; r < 32; r++)
		if (in_pool(r))
			program_li(p, r, (uint32_t)rng_next(&p->rng));
	for (unsigned i = 0; i < 2; i++) {
		put_pointer(p, ROAM + i, false);
		put_pointer(p, ALIGNED + i, true);
	}
	put_wild(p);
	program_li(p, DEVICE, PROGRAM_DEVICE);
	for (unsigned i = 0; i < 6; i++) {
		put_loop(p);
		put_items(p, 4);
	}
	program_end(p);
}

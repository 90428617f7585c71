// SPDX-License-Identifier: Apache-2.0
/* Writes the guest program: its frame (load a state, jump to the case, save what it left) and a slot of code per case. */
#include "tests/riscv/user/diff.h"
#include <stdlib.h>
#include <string.h>
#include "tests/riscv/user/asm.h"

_Static_assert(DIFF_TABLE + DIFF_CASES * sizeof(struct diff_case) <= DIFF_POOL, "the table fits");
_Static_assert(DIFF_POOL + DIFF_STATES * sizeof(struct diff_state) <= DIFF_SLOTS, "the states fit");
_Static_assert(DIFF_SLOTS + DIFF_CASES * SLOT_SIZE <= DIFF_TAIL, "the slots fit");
_Static_assert(DIFF_OUT + DIFF_CASES * sizeof(struct diff_state) <= DIFF_END, "the output fits");

/* The program's variables */
enum { VAR_CASE = 0, VAR_END = 8, VAR_OUT = 16, VAR_SLOT = 24 };

struct code {
	struct diff_program *p;
	uint64_t at;
};

static void put16(struct code *c, unsigned half)
{
	uint16_t v = (uint16_t)half;

	memcpy(diff_at(c->p, c->at), &v, sizeof(v));
	c->at += 2;
}

static void put(struct code *c, uint32_t word)
{
	put16(c, word & 0xffff);
	put16(c, word >> 16);
}

static void put_insn(struct code *c, uint32_t bits)
{
	put16(c, bits & 0xffff);
	if (insn_size((uint16_t)bits) == 4)
		put16(c, bits >> 16);
}

static void put_address(struct code *c, unsigned reg, uint32_t address)
{
	put(c, asm_lui(reg, address));
	put(c, asm_addi(reg, reg, asm_lo(address)));
}

/* ---- the frame: two registers of its own besides p->own, which are loaded before and saved after use ---- */

static void put_loop(struct diff_program *p, unsigned a, unsigned b)
{
	struct code c = { p, DIFF_START };
	unsigned own = p->own;

	put(&c, asm_lui(a, DIFF_VARS));
	put(&c, asm_ld(b, a, VAR_CASE));
	put(&c, asm_ld(own, a, VAR_END));
	put(&c, asm_b(1, b, own, 40));			/* bne: goes on past write and exit */
	put(&c, asm_addi(17, 0, 64));			/* write(1, out, all); a short write shows in the length */
	put(&c, asm_addi(10, 0, 1));
	put(&c, asm_lui(11, DIFF_OUT));
	put(&c, asm_lui(12, DIFF_CASES * sizeof(struct diff_state)));
	put(&c, asm_addi(12, 12, asm_lo(DIFF_CASES * sizeof(struct diff_state))));
	put(&c, ASM_ECALL);
	put(&c, asm_addi(17, 0, 93));			/* exit(0) */
	put(&c, asm_addi(10, 0, 0));
	put(&c, ASM_ECALL);
	put(&c, asm_ld(own, b, offsetof(struct diff_case, fcsr)));
	put(&c, asm_csrrw(0, 3, own));
	put(&c, asm_ld(own, b, offsetof(struct diff_case, slot)));
	put(&c, asm_sd(own, a, VAR_SLOT));
	put(&c, asm_ld(own, b, offsetof(struct diff_case, state)));
	put(&c, asm_addi(b, b, sizeof(struct diff_case)));
	put(&c, asm_sd(b, a, VAR_CASE));
	put_address(&c, b, DIFF_SCRATCH);
	for (int i = 0; i < SCRATCH_SIZE / 8; i++) {
		put(&c, asm_ld(a, own, (int)offsetof(struct diff_state, memory) + 8 * i));
		put(&c, asm_sd(a, b, 8 * i));
	}
	for (unsigned i = 0; i < 32; i++)
		put(&c, asm_fld(i, own, (int)(offsetof(struct diff_state, f) + 8 * i)));
	for (unsigned i = 1; i < 32; i++)
		if (i != own)
			put(&c, asm_ld(i, own, (int)(8 * i)));
	put(&c, asm_lui(own, DIFF_VARS));
	put(&c, asm_ld(own, own, VAR_SLOT));
	put(&c, asm_jalr(0, own, 0));
}

static void put_tail(struct diff_program *p, unsigned a, unsigned b)
{
	struct code c = { p, DIFF_TAIL };
	unsigned own = p->own;

	put(&c, asm_lui(own, DIFF_VARS));
	put(&c, asm_ld(own, own, VAR_OUT));
	for (unsigned i = 1; i < 32; i++)
		if (i != own)
			put(&c, asm_sd(i, own, (int)(8 * i)));
	for (unsigned i = 0; i < 32; i++)
		put(&c, asm_fsd(i, own, (int)(offsetof(struct diff_state, f) + 8 * i)));
	put(&c, asm_csrrs(a, 3, 0));
	put(&c, asm_sd(a, own, 0));
	put_address(&c, b, DIFF_SCRATCH);
	for (int i = 0; i < SCRATCH_SIZE / 8; i++) {
		put(&c, asm_ld(a, b, 8 * i));
		put(&c, asm_sd(a, own, (int)offsetof(struct diff_state, memory) + 8 * i));
	}
	put(&c, asm_addi(own, own, sizeof(struct diff_state)));
	put(&c, asm_lui(a, DIFF_VARS));
	put(&c, asm_sd(own, a, VAR_OUT));
	put_address(&c, b, DIFF_CLEAR);
	put(&c, 0x1800202fu | a << 7 | b << 15);	/* sc.w a, x0, (b) */
	put(&c, asm_lui(a, DIFF_START));
	put(&c, asm_jalr(0, a, asm_lo(DIFF_START)));
}

/* Machine mode: FP on, traps to a handler that tells the device, then as under QEMU */
static void put_bare(struct diff_program *p)
{
	struct code c = { p, DIFF_BARE_START };

	put_address(&c, 5, DIFF_TRAP);
	put(&c, asm_csrrw(0, 0x305, 5));		/* mtvec */
	put(&c, asm_lui(5, 0x6000));
	put(&c, asm_csrrs(0, 0x300, 5));		/* mstatus.FS */
	put(&c, asm_lui(5, DIFF_START));
	put(&c, asm_jalr(0, 5, asm_lo(DIFF_START)));
	c.at = DIFF_TRAP;
	put(&c, asm_csrrs(5, 0x341, 0));		/* mepc */
	put(&c, asm_csrrs(6, 0x342, 0));		/* mcause */
	put(&c, asm_lui(7, DIFF_DEVICE));
	put(&c, asm_sd(5, 7, 8));
	put(&c, asm_sd(6, 7, 0));
	put(&c, asm_jal(0, 0));
}

/* ---- cases ---- */

/* Access bytes of a load, store or atomic with an address in rs1, else 0; alignment in *align */
static unsigned access_size(const struct insn *i, unsigned *align)
{
	*align = 1;
	switch (i->kind) {
	case INSN_LB: case INSN_LBU: case INSN_SB:
		return 1;
	case INSN_LH: case INSN_LHU: case INSN_SH: case INSN_FLH: case INSN_FSH:
		return 2;
	case INSN_LW: case INSN_LWU: case INSN_SW: case INSN_FLW: case INSN_FSW:
		return 4;
	case INSN_LD: case INSN_SD: case INSN_FLD: case INSN_FSD:
		return 8;
	case INSN_CBO_ZERO:
		return 1;
	}
	if ((i->raw & 0x7f) == 0x2f)
		return *align = i->raw >> 12 & 1 ? 8 : 4;
	return 0;
}

/* Its base register points into the scratch memory. */
static void put_access(struct code *c, const struct insn *i, struct rng *r, unsigned size, unsigned align)
{
	uint32_t at = DIFF_SCRATCH + rng_below(r, (SCRATCH_SIZE - size) / align + 1) * align;
	bool lr = i->kind == INSN_LR_W || i->kind == INSN_LR_D;
	bool sc = i->kind == INSN_SC_W || i->kind == INSN_SC_D;
	unsigned width = size == 8 ? 3 : 2;

	put_address(c, i->rs1, at - (uint32_t)i->imm);
	if (sc && rng_below(r, 2))			/* a reservation before it, at times of another address */
		put(c, 0x1000002fu | width << 12 | i->rs1 << 15);
	if (sc && !rng_below(r, 4))
		put_address(c, i->rs1, DIFF_SCRATCH + rng_below(r, SCRATCH_SIZE / size) * size);
	put_insn(c, i->raw);
	if (lr && i->rd != i->rs1 && rng_below(r, 2))	/* and the other way round */
		put(c, 0x1800002fu | width << 12 | (c->p->own == 1 ? 2u : 1u) << 7 | i->rs1 << 15 | rng_below(r, 32) << 20);
}

/*
 * Jumps and branches: counters lie on both sides, c.addi each, and the way out behind each row; how far a counter came
 * tells where control went. Offset 4 to 11 from the slot's start is the row before, the other lies behind the jump.
 */
enum { ROW = 4, JUMP = 16, ROW_COUNTERS = 4 };

static void put_row(struct code *c, unsigned counter)
{
	for (unsigned i = 0; i < ROW_COUNTERS; i++)
		put16(c, 0x0005 | counter << 7);		/* c.addi counter, 1 */
	put(c, asm_jal(0, (int32_t)(DIFF_TAIL - c->at)));
}

static uint32_t branch_to(const struct insn *i, int32_t offset)
{
	uint32_t u = (uint32_t)offset;

	if (i->size == 4)
		return i->kind == INSN_JAL ? asm_jal(i->rd, offset) : asm_b(i->raw >> 12 & 7, i->rs1, i->rs2, offset);
	if (i->kind == INSN_JAL)
		return 0xa001 | (u >> 5 & 1) << 2 | (u >> 1 & 7) << 3 | (u >> 7 & 1) << 6 | (u >> 6 & 1) << 7 |
		       (u >> 10 & 1) << 8 | (u >> 8 & 3) << 9 | (u >> 4 & 1) << 11 | (u >> 11 & 1) << 12;
	return (i->raw & 0xe383) | (u >> 5 & 1) << 2 | (u >> 1 & 3) << 3 | (u >> 6 & 3) << 5 | (u >> 3 & 3) << 10 |
	       (u >> 8 & 1) << 12;
}

static uint32_t put_jump(struct code *c, const struct insn *i, struct rng *r)
{
	uint64_t slot = c->at;
	unsigned counter = 8 + rng_below(r, 8), jump = JUMP;
	uint32_t bits = i->raw;

	if (counter == c->p->own)
		counter ^= 1;
	if (i->kind == INSN_JALR)
		jump += 8;				/* its base register is set first */
	int32_t to = rng_below(r, 2) ? ROW : (int32_t)(jump + i->size);

	to += (int32_t)rng_below(r, ROW_COUNTERS + 1) * 2;
	put(c, asm_jal(0, JUMP));
	put_row(c, counter);
	if (i->kind == INSN_JALR)
		put_address(c, i->rs1, (uint32_t)slot + (uint32_t)to - (uint32_t)i->imm + rng_below(r, 2));
	else
		bits = branch_to(i, to - (int32_t)jump);
	put_insn(c, bits);
	put_row(c, counter);
	return bits;
}

static bool is_jump(const struct insn *i)
{
	switch (i->kind) {
	case INSN_JAL: case INSN_JALR: case INSN_BEQ: case INSN_BNE:
	case INSN_BLT: case INSN_BGE: case INSN_BLTU: case INSN_BGEU:
		return true;
	}
	return false;
}

/* Whether a random encoding can be run here: legal, no system call, the frame's register unharmed. */
static bool usable(const struct insn *i, unsigned own)
{
	unsigned align;

	switch (i->kind) {
	case INSN_ILLEGAL: case INSN_ECALL: case INSN_EBREAK: case INSN_SRET: case INSN_MRET: case INSN_WFI:
	case INSN_SFENCE_VMA: case INSN_SINVAL_VMA: case INSN_SFENCE_W_INVAL: case INSN_SFENCE_INVAL_IR:
	case INSN_CBO_CLEAN: case INSN_CBO_FLUSH: case INSN_CBO_INVAL:	/* QEMU 10 refuses them; they change nothing */
		return false;
	case INSN_CSRRW: case INSN_CSRRS: case INSN_CSRRC: case INSN_CSRRWI: case INSN_CSRRSI: case INSN_CSRRCI:
		if (i->imm < 1 || i->imm > 3)		/* fflags, frm, fcsr */
			return false;
	}
	if ((access_size(i, &align) || i->kind == INSN_JALR) && !i->rs1)
		return false;
	return i->rd != own;
}

/* The code of one instruction; returns its bits, which for jumps are chosen here. */
static uint32_t put_one(struct code *c, const struct insn *i, struct rng *r)
{
	unsigned align, size = access_size(i, &align);

	if (size)
		put_access(c, i, r, size, align);
	else if (is_jump(i))
		return put_jump(c, i, r);
	else
		put_insn(c, i->raw);
	return i->raw;
}

/* Several instructions in a row: what blocks and passes make of them. Only such as leave frm alone and go straight on. */
static bool mixes(const struct insn *i)
{
	switch (i->kind) {
	case INSN_LR_W: case INSN_LR_D: case INSN_SC_W: case INSN_SC_D: case INSN_FENCE_I:
		return false;
	}
	return !is_jump(i) && (i->raw & 0x7f) != 0x73;
}

static void put_case(struct diff_program *p, unsigned n, struct rng *r, diff_pick_fn *pick, unsigned length)
{
	struct code c = { p, DIFF_SLOTS + (uint64_t)n * SLOT_SIZE };
	struct diff_case *row = (struct diff_case *)diff_at(p, DIFF_TABLE) + n;
	bool frm_counts = false;
	struct insn i;

	row->state = DIFF_POOL + rng_below(r, DIFF_STATES) * sizeof(struct diff_state);
	row->slot = c.at;
	for (unsigned k = rng_below(r, 3); k; k--)
		put16(&c, 0x0001);	/* c.nop: the instruction is not always its block's first */
	for (unsigned k = 0; k < length; k++) {
		do
			i = riscv_decode(pick(r), ~(uint64_t)0);
		while (!usable(&i, p->own) || (length > 1 && !mixes(&i)));
		frm_counts |= i.rm == 7;
		p->insn[n] = put_one(&c, &i, r);
	}
	row->fcsr = rng_below(r, frm_counts ? 5 : 8) << 5 | (rng_below(r, 2) ? 0 : rng_below(r, 32));
	put(&c, asm_jal(0, (int32_t)(DIFF_TAIL - c.at)));
}

void diff_generate(struct diff_program *p, uint64_t seed, diff_pick_fn *pick, unsigned length)
{
	struct rng r = { seed };
	struct diff_state *states;
	uint64_t *vars;

	p->image = calloc(1, DIFF_IMAGE_END - DIFF_BASE);
	if (!p->image)
		return;
	do
		p->own = 1 + rng_below(&r, 31);
	while (p->own == 10 || p->own == 11 || p->own == 12 || p->own == 17);	/* arguments of the system calls */
	unsigned a = p->own == 13 ? 14 : 13, b = p->own == 15 ? 16 : 15;

	put_loop(p, a, b);
	put_tail(p, a, b);
	put_bare(p);
	vars = diff_at(p, DIFF_VARS);
	vars[VAR_CASE / 8] = DIFF_TABLE;
	vars[VAR_END / 8] = DIFF_TABLE + DIFF_CASES * sizeof(struct diff_case);
	vars[VAR_OUT / 8] = DIFF_OUT;
	states = diff_at(p, DIFF_POOL);
	for (unsigned i = 0; i < DIFF_STATES; i++)
		diff_random_state(&r, &states[i]);
	for (unsigned n = 0; n < DIFF_CASES; n++)
		put_case(p, n, &r, pick, length);
}

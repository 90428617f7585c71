// SPDX-License-Identifier: Apache-2.0
/*
 * A program with every instruction, in loops that give each all pairs of edge values: random programs have some rarely, and seldom the values that
 * matter (a division's zero, its overflow). Results and flags go into a sum after each, so that nothing is overwritten unseen.
 */
#include <string.h>
#include "frontends/riscv/user/decode.h"
#include "tests/lockstep/program.h"
#include "tests/riscv/user/asm.h"

enum {
	SP = 2,
	MEMORY = 9,		/* sp, for compressed instructions too */
	A = 10, B = 11, D = 12,	/* x and f: operands, result; memory holds A */
	C = 13,			/* f: a third operand; x: temporary */
	JUMP = 14,		/* where a jump leads */
	TABLE = 16, END = 17,	/* of the values */
	FIRST = 18, SECOND = 19,	/* where A and B come from */
	SUM = 24, FACTOR = 25,
};
enum { FFLAGS = 1, FRM = 2 };
enum { VARIANTS = 3, BODY = 400 /* bytes of a loop: a region holds that, and comes to its end */ };

static const uint64_t values[] = {
	0, 1, ~UINT64_C(0), UINT64_C(1) << 63, ~UINT64_C(0) >> 1,
	UINT64_C(0xffffffff80000000), 0x80000000, 0x7fffffff, 0xffffffff,			/* of 32 bits */
	0x1f, 63, UINT64_C(0x8000000000000001), UINT64_C(0x0123456789abcdef),
	UINT64_C(0xffffffff3f800000), UINT64_C(0xffffffffc0200000),			/* single: 1, -2.5, */
	UINT64_C(0xffffffff7f800000), UINT64_C(0xffffffff7f800001),			/* infinity, signalling NaN, */
	UINT64_C(0xffffffff00000001), UINT64_C(0xffffffff7f7fffff), UINT64_C(0xffffffff4f000000),	/* least, greatest, 2^31, */
	0x3f800000,									/* 1 without its box */
	UINT64_C(0x3ff0000000000000), UINT64_C(0xc004000000000000),			/* double: 1, -2.5, */
	UINT64_C(0xfff0000000000000), UINT64_C(0x7ff0000000000001),			/* -infinity, signalling NaN, */
	UINT64_C(0x0010000000000000), UINT64_C(0x7fefffffffffffff), UINT64_C(0x43e0000000000000),	/* least normal, greatest, 2^63, */
	UINT64_C(0x3810000000000001),							/* which as single is not exact */
	UINT64_C(0xffffffffffff3c00), UINT64_C(0xffffffffffff7c01), UINT64_C(0xffffffffffff0001),	/* half: 1, signalling NaN, least */
};
_Static_assert(ARRAY_SIZE(values) == 32, "the third operand's place is taken modulo that");

struct writer {
	struct program *p;
	uint32_t outer, inner;	/* where the loops around the present place begin */
};

static uint32_t r_type(uint32_t op, unsigned rd, unsigned a, unsigned b) { return op | rd << 7 | a << 15 | b << 20; }
#define ADD 0x33u
#define MUL 0x02000033u
#define XOR 0x4033u
#define FMV_X_D 0xe2000053u

/* ---- around an instruction ---- */

static void put_sum(struct program *p, unsigned r)
{
	program_put(p, r_type(XOR, SUM, SUM, r));
	program_put(p, r_type(MUL, SUM, SUM, FACTOR));
}

static void begin_loops(struct writer *w)
{
	struct program *p = w->p;
	program_put(p, asm_addi(FIRST, TABLE, 0));
	w->outer = p->at;
	program_put(p, asm_addi(SECOND, TABLE, 0));
	program_put(p, asm_i(0x13, 5, C, FIRST, 3));		/* srli: a way of rounding for each value of A */
	program_put(p, asm_i(0x13, 7, C, C, 3));		/* andi */
	program_put(p, asm_csrrw(0, FRM, C));
	w->inner = p->at;
	program_put(p, r_type(0x20004033, C, SECOND, FIRST));	/* sh2add: the third operand */
	program_put(p, asm_i(0x13, 7, C, C, 0xf8));
	program_put(p, r_type(ADD, C, C, TABLE));
	program_put(p, asm_fld(C, C, 0));
	program_put(p, asm_ld(A, FIRST, 0));
	program_put(p, asm_ld(B, SECOND, 0));
	program_put(p, asm_fld(A, FIRST, 0));
	program_put(p, asm_fld(B, SECOND, 0));
}

static void end_loops(struct writer *w)
{
	struct program *p = w->p;
	program_put(p, asm_addi(SECOND, SECOND, 8));
	program_put(p, asm_b(1, SECOND, END, (int32_t)(w->inner - p->at)));
	program_put(p, asm_addi(FIRST, FIRST, 8));
	program_put(p, asm_b(1, FIRST, END, (int32_t)(w->outer - p->at)));
}

/* ---- instructions ---- */

static unsigned opcode(const struct insn_pattern *i) { return i->value & 0x7f; }

/* Loads and stores, floating-point ones too, atomics, cache blocks */
static bool is_memory(uint32_t bits)
{
	unsigned op = bits & 0x7f;
	return op == 0x03 || op == 0x07 || op == 0x23 || op == 0x27 || op == 0x2f || (op == 0x0f && (bits >> 12 & 7) == 2);
}

/* What traps, or has the machine forget what it knows, costs: every fourth time. */
static bool is_rare(const struct insn_pattern *i)
{
	return (opcode(i) == 0x73 && !(i->value >> 12 & 3)) || !strcmp(i->name, "fence_i") || !strcmp(i->name, "c_ebreak");
}

bool program_each_has(const struct insn_pattern *i)
{
	return strcmp(i->name, "ecall") && strcmp(i->name, "mret") && strcmp(i->name, "sret") && strcmp(i->name, "reserved");
}

/*
 * The bits that the pattern leaves open. Variants differ in immediates, in operands that are x0, and in rounding: dynamic, towards zero, and the one
 * that no host has.
 */
static uint32_t fill32(const struct insn_pattern *i, unsigned variant)
{
	static const uint32_t imm[VARIANTS] = { B << 20, 0xfff00000, 0 };
	static const uint8_t rm[VARIANTS] = { 7, 1, 4 };
	unsigned op = opcode(i);
	uint32_t bits = D << 7 | (is_memory(i->value) ? MEMORY : A) << 15 | B << 20;
	if (op == 0x13 || op == 0x1b || op == 0x37 || op == 0x17)
		bits = (bits & 0x000fffff) | imm[variant];
	else if (op == 0x03 || op == 0x07)
		bits &= 0x000fffff;
	else if (op == 0x23 || op == 0x27 || op == 0x63)
		bits &= ~(31u << 7);
	else if (op == 0x73)
		bits = (bits & 0x000fffff) | FFLAGS << 20;
	else if ((op == 0x33 || op == 0x3b) && variant)	/* x0, which lifting knows */
		bits = variant == 1 ? bits & ~(31u << 20) : bits & ~(31u << 15);
	else if (op == 0x53 || (op & 0x73) == 0x43)
		bits |= (uint32_t)C << 27 | (uint32_t)rm[variant] << 12;
	return i->value | (bits & ~i->mask);
}

static bool is_sc(const struct insn_pattern *i) { return !strncmp(i->name, "sc_", 3); }

/* An SC has two, of which the second has no LR. */
static unsigned n_variants(const struct insn_pattern *i)
{
	return is_sc(i) ? 2 : fill32(i, 0) == fill32(i, 1) ? 1 : VARIANTS;
}

/* The same, with the greatest immediate, or none where memory is. Jumps go over four bytes. */
static uint16_t fill16(unsigned which)
{
	uint32_t found = 0;
	for (uint32_t bits = 0; bits <= 0xffff; bits++) {
		unsigned first = 0;
		while (first < riscv_n_patterns16 && (bits & riscv_patterns16[first].mask) != riscv_patterns16[first].value)
			first++;
		if (first != which || (bits & 3) == 3)
			continue;
		const struct insn i = riscv_decode(bits, ~(uint64_t)0);
		bool fits;
		switch (i.kind) {
		case INSN_LW: case INSN_LD: case INSN_FLD: case INSN_SW: case INSN_SD: case INSN_FSD:
			fits = (i.rs1 == MEMORY || i.rs1 == SP) && !i.imm && (i.rd == D || i.rs2 == B);
			break;
		case INSN_BEQ: case INSN_BNE:
			fits = i.rs1 == A && i.imm == 6;
			break;
		case INSN_JAL:
			fits = i.imm == 6;
			break;
		case INSN_JALR:
			fits = i.rs1 == JUMP;
			break;
		default:
			fits = (i.rd == D || i.rd == SP || i.kind == INSN_EBREAK) && (i.rs1 == D || !i.rs1 || i.rs1 == SP) && (i.rs2 == B || !i.rs2);
		}
		found = fits ? bits : found;
	}
	return (uint16_t)found;
}

/* What leads over the four bytes behind it, which show whether it did; where to, an indirect one is not to be known before it is executed. */
static void put_jump(struct program *p, uint32_t insn, unsigned size)
{
	if (size == 4 && (insn & 0x7f) == 0x63)
		insn |= asm_b(0, 0, 0, 8) & ~0x7fu;
	else if (size == 4 && (insn & 0x7f) == 0x6f)
		insn = asm_jal(D, 8);
	else if (size == 4)
		insn = asm_jalr(D, JUMP, 0);
	program_put(p, 0x17 | JUMP << 7);	/* auipc */
	program_put(p, asm_addi(JUMP, JUMP, 20 + (int32_t)size));
	program_put(p, asm_sd(JUMP, MEMORY, 8));
	program_put(p, asm_ld(JUMP, MEMORY, 8));
	memcpy(p->image + p->at, &insn, size);
	p->at += size;
	program_put(p, asm_addi(SUM, SUM, 1));
}

static bool is_jump(const struct insn_pattern *i, unsigned size)
{
	static const char *const compressed[] = { "c_j", "c_jr", "c_jalr", "c_beqz", "c_bnez" };
	for (unsigned k = 0; k < ARRAY_SIZE(compressed); k++)
		if (size == 2 && !strcmp(i->name, compressed[k]))
			return true;
	return size == 4 && (opcode(i) & 0x73) == 0x63 && opcode(i) != 0x73;
}

static void put_one(struct program *p, const struct insn_pattern *i, uint32_t insn, unsigned size, unsigned variant)
{
	uint32_t skip = 0;
	if (size == 2)
		program_put(p, asm_addi(D, A, 0));	/* the operand that is the result, too */
	if (size == 2 || is_memory(i->value))
		program_put(p, asm_sd(A, MEMORY, 0));
	if (is_rare(i)) {
		program_put(p, asm_i(0x13, 7, C, SECOND, 0x18));	/* andi */
		skip = p->at;
		p->at += 4;
	}
	if (is_sc(i) && !variant)
		program_put(p, 0x1000002f | (insn & 0x7000) | C << 7 | MEMORY << 15);	/* lr of the same size */
	if (is_jump(i, size)) {
		put_jump(p, insn, size);
	} else {
		memcpy(p->image + p->at, &insn, size);
		p->at += size;
	}
	if (!strcmp(i->name, "c_addi16sp")) {
		program_put(p, asm_addi(D, SP, 0));
		program_put(p, asm_addi(SP, MEMORY, 0));
	}
	if (skip) {
		uint32_t over = asm_b(1, C, 0, (int32_t)(p->at - skip));
		memcpy(p->image + skip, &over, sizeof over);
	}
}

static void put_result(struct program *p, const struct insn_pattern *i, unsigned size)
{
	bool fp = size == 4 ? opcode(i) == 0x07 || (opcode(i) & 0x70) == 0x40 || opcode(i) == 0x53 : !strncmp(i->name, "c_f", 3);
	put_sum(p, D);
	if (fp) {
		program_put(p, r_type(FMV_X_D, C, D, 0));
		put_sum(p, C);
		program_put(p, asm_i(0x73, 5, C, 0, FFLAGS));	/* csrrwi */
		put_sum(p, C);
	}
	if (size == 2 || is_memory(i->value)) {
		program_put(p, asm_ld(C, MEMORY, 0));
		put_sum(p, C);
	}
}

static void put_each(struct writer *w, const struct insn_pattern *i, unsigned variant, unsigned size)
{
	struct program *p = w->p;
	/* where it traps, a region of what has been executed until then may be asked for */
	if (p->at - w->inner > BODY || is_rare(i)) {
		end_loops(w);
		begin_loops(w);
	}
	uint32_t insn = size == 4 ? fill32(i, variant) : fill16((unsigned)(i - riscv_patterns16));
	put_one(p, i, insn, size, variant);
	put_result(p, i, size);
}

/* ---- the program ---- */

static void put_values(struct program *p)
{
	program_put(p, 0x17 | TABLE << 7);			/* auipc */
	program_put(p, asm_addi(TABLE, TABLE, 16));
	program_put(p, asm_addi(END, TABLE, sizeof values));
	program_put(p, asm_jal(0, 4 + (int32_t)sizeof values));
	memcpy(p->image + p->at, values, sizeof values);
	p->at += sizeof values;
}

void program_each(struct program *p)
{
	struct writer w = { .p = p };
	p->at = (p->at + 7) & ~7u;
	put_values(p);
	program_put(p, asm_addi(MEMORY, SP, 0));
	program_li(p, FACTOR, 0x9e3779b1);
	program_put(p, asm_addi(SUM, 0, 0));
	begin_loops(&w);
	for (const struct insn_pattern *i = riscv_patterns32; i < riscv_patterns32 + riscv_n_patterns32; i++)
		for (unsigned v = 0; program_each_has(i) && v < n_variants(i); v++)
			put_each(&w, i, v, 4);
	for (const struct insn_pattern *i = riscv_patterns16; i < riscv_patterns16 + riscv_n_patterns16; i++)
		if (program_each_has(i))
			put_each(&w, i, 0, 2);
	end_loops(&w);
}

// SPDX-License-Identifier: Apache-2.0
/* RV64I, and M, which is as simple. Volume I, chapters 2, 4 and 12. */
#include "frontends/riscv/user/lift.h"

/* ---- computation ---- */

#define REG(name, op) LIFT(name) { uop_##op(l->b, X(i->rd), X(i->rs1), X(i->rs2)); }
#define IMM(name, op) LIFT(name) { uop_##op(l->b, X(i->rd), X(i->rs1), i->imm); }

/* mv and li are by far the most frequent forms of their instructions */
LIFT(addi)
{
	if (!i->rs1)
		uop_li(l->b, X(i->rd), i->imm);
	else if (!i->imm)
		uop_mov(l->b, X(i->rd), X(i->rs1));
	else
		uop_add_i(l->b, X(i->rd), X(i->rs1), i->imm);
}

LIFT(add)
{
	if (!i->rs1 || !i->rs2)
		uop_mov(l->b, X(i->rd), X(i->rs1 | i->rs2));
	else
		uop_add(l->b, X(i->rd), X(i->rs1), X(i->rs2));
}

LIFT(addiw)
{
	if (!i->imm)
		uop_sext32(l->b, X(i->rd), X(i->rs1));
	else
		uop_addw_i(l->b, X(i->rd), X(i->rs1), i->imm);
}

LIFT(lui)
{
	uop_li(l->b, X(i->rd), i->imm);
}

/* pc + imm = SLOT_PAGE + (offset in the page + imm), which stays within 32 bits: imm's low 12 are 0 */
LIFT(auipc)
{
	uop_add_i(l->b, X(i->rd), SLOT_PAGE, lift_pc(l) + i->imm);
}

IMM(slti, slt_i)
IMM(sltiu, sltu_i)
IMM(xori, xor_i)
IMM(ori, or_i)
IMM(andi, and_i)
IMM(slli, shl_i)
IMM(srli, shr_i)
IMM(srai, sar_i)
IMM(slliw, shlw_i)
IMM(srliw, shrw_i)
IMM(sraiw, sarw_i)
REG(sub, sub)
REG(sll, shl)
REG(slt, slt)
REG(sltu, sltu)
REG(xor, xor)
REG(srl, shr)
REG(sra, sar)
REG(or, or)
REG(and, and)
REG(addw, addw)
REG(subw, subw)
REG(sllw, shlw)
REG(srlw, shrw)
REG(sraw, sarw)

/* M */
REG(mul, mul)
REG(mulh, mulh)
REG(mulhsu, mulhsu)
REG(mulhu, mulhu)
REG(div, div)
REG(divu, divu)
REG(rem, rem)
REG(remu, remu)
REG(mulw, mulw)
REG(divw, divw)
REG(divuw, divuw)
REG(remw, remw)
REG(remuw, remuw)

/* ---- loads and stores ---- */

#define READ(name, op) LIFT(name) { uop_##op(l->b, X(i->rd), X(i->rs1), i->imm); }
#define WRITE(name, op) LIFT(name) { uop_##op(l->b, X(i->rs1), i->imm, X(i->rs2)); }

READ(lb, ld_s8)
READ(lh, ld_s16)
READ(lw, ld_s32)
READ(ld, ld_64)
READ(lbu, ld_u8)
READ(lhu, ld_u16)
READ(lwu, ld_u32)
WRITE(sb, st_8)
WRITE(sh, st_16)
WRITE(sw, st_32)
WRITE(sd, st_64)

/*
 * Every store-to-load order costs a host barrier: asked for when the predecessor set has writes or output and the successor
 * set reads or input (volume I, section 2.7).
 */
LIFT(fence)
{
	unsigned pred = extract(i->raw, 24, 4), succ = extract(i->raw, 20, 4);	/* bits I O R W, from 3 down */
	bool full = pred & 5 && succ & 10;

	if (pred && succ)
		uop_fence(l->b, full);
}

LIFT(fence_tso)
{
	uop_fence(l->b, 0);
}

/* ---- control transfer ---- */

/* Without C, targets that are no multiple of 4 raise an exception on the jump, if it is taken (section 2.5). */
static bool misaligned(const struct lift *l, int64_t target)
{
	return !(l->ext >> EXT_C & 1) && target & 2;
}

static void raise_misaligned(struct lift *l, int32_t target)
{
	uop_add_i(l->b, TEMP(0), SLOT_PAGE, target);
	uop_raise(l->b, TEMP(0), EXC_INSN_MISALIGNED);
}

LIFT(jal)
{
	int32_t target = lift_pc(l) + i->imm;

	l->ended = true;
	if (misaligned(l, target)) {
		raise_misaligned(l, target);
		return;
	}
	if (i->rd)
		uop_add_i(l->b, X(i->rd), SLOT_PAGE, lift_next(l, i));
	uop_jmp(l->b, target);
}

LIFT(jalr)
{
	unsigned base = X(i->rs1);
	int32_t imm = i->imm;

	l->ended = true;
	if (!(l->ext >> EXT_C & 1)) {
		uop_add_i(l->b, TEMP(0), base, imm);
		uop_and_i(l->b, TEMP(0), TEMP(0), -2);
		uop_helper(l->b, HELPER_check_target, SLOT_SINK, TEMP(0), SLOT_ZERO, (int32_t)i->raw);
		base = TEMP(0);
		imm = 0;
	} else if (i->rd && i->rd == i->rs1) {
		uop_mov(l->b, TEMP(0), base);
		base = TEMP(0);
	}
	if (i->rd)
		uop_add_i(l->b, X(i->rd), SLOT_PAGE, lift_next(l, i));
	uop_jr(l->b, base, imm);
}

/*
 * A branch to a misaligned target: the helper gets the target if the branch is taken, else 0, which passes, and the
 * instruction goes on at the next one. `value` is nonzero if taken.
 */
static void branch_misaligned(struct lift *l, const struct insn *i, unsigned value)
{
	uop_add_i(l->b, TEMP(1), SLOT_PAGE, lift_pc(l) + i->imm);
	uop_czero_eqz(l->b, TEMP(1), TEMP(1), value);
	uop_helper(l->b, HELPER_check_target, SLOT_SINK, TEMP(1), SLOT_ZERO, (int32_t)i->raw);
	uop_jmp(l->b, lift_next(l, i));
}

#define BRANCH(name, ...) \
LIFT(name) \
{ \
	l->ended = true; \
	if (misaligned(l, lift_pc(l) + i->imm)) { \
		__VA_ARGS__; \
		branch_misaligned(l, i, TEMP(0)); \
	} else { \
		uop_##name(l->b, X(i->rs1), X(i->rs2), lift_pc(l) + i->imm, lift_next(l, i)); \
	} \
}
#define TEST(op) uop_##op(l->b, TEMP(0), X(i->rs1), X(i->rs2))
BRANCH(beq, TEST(xor); uop_sltu_i(l->b, TEMP(0), TEMP(0), 1))
BRANCH(bne, TEST(xor))
BRANCH(blt, TEST(slt))
BRANCH(bge, TEST(slt); uop_xor_i(l->b, TEMP(0), TEMP(0), 1))
BRANCH(bltu, TEST(sltu))
BRANCH(bgeu, TEST(sltu); uop_xor_i(l->b, TEMP(0), TEMP(0), 1))

// SPDX-License-Identifier: Apache-2.0
/*
 * Environment calls, Zicsr, Zifencei, cache blocks and the privileged instructions: helpers of priv/ do the work. Whatever may
 * change privilege, translation or mode bits leaves for the run loop, which looks all of them up anew.
 */
#include "frontends/riscv/user/lift.h"

/* A helper that gets the instruction's bits, without a result. */
static void call(struct lift *l, const struct insn *i, enum riscv_helper helper, unsigned a, unsigned b)
{
	uop_helper(l->b, helper, SLOT_SINK, a, b, (int32_t)i->raw);
}

static void leave(struct lift *l, const struct insn *i)
{
	uop_leave(l->b, lift_next(l, i));
	l->ended = true;
}

LIFT(ecall)
{
	static const uint8_t cause[4] = { EXC_ECALL_U, EXC_ECALL_S, EXC_ILLEGAL, EXC_ECALL_M };

	uop_raise(l->b, SLOT_ZERO, cause[l->mode & MODE_PRIV]);
	l->ended = true;
}

LIFT(ebreak)
{
	uop_add_i(l->b, TEMP(0), SLOT_PAGE, lift_pc(l));
	uop_raise(l->b, TEMP(0), EXC_BREAKPOINT);
	l->ended = true;
}

/* CSRs whose value nothing else depends on until it is read: fflags, and of each trap's registers tvec, scratch, epc, cause, tval. */
static bool is_plain(unsigned csr)
{
	return csr == 0x001 || csr == 0x105 || csr == 0x305 || (csr >= 0x140 && csr <= 0x143) || (csr >= 0x340 && csr <= 0x343);
}

/* frflags and fsflags, which compilers put around each comparison that is to be quiet. False: not one of them, or not allowed. */
static bool fflags(struct lift *l, const struct insn *i, unsigned operand, bool reads_only)
{
	bool writes_all = (i->raw >> 12 & 3) == 1;	/* csrrw, csrrwi */

	if ((i->imm & 0xfff) != 0x001 || !(l->mode & MODE_FS_ON) || !(l->ext >> EXT_F & 1) || !(reads_only || writes_all))
		return false;
	if (reads_only) {
		uop_fp_flags(l->b, X(i->rd), 31);
		return true;
	}
	if (i->rd)
		uop_fp_flags(l->b, TEMP(1), 31);
	uop_fp_set_flags(l->b, operand, 31);
	if (i->rd)
		uop_mov(l->b, X(i->rd), TEMP(1));
	lift_fs_dirty(l);
	return true;
}

/*
 * csrrs and csrrc with rs1 = x0 do not write: the helper sees that in the bits (volume I, chapter 7). A write ends the block, so that
 * an interrupt that it enables is taken at once (volume II, section 3.1.9) and the next block is of the new mode: the helper trips the
 * deadline where either is due.
 */
static void csr(struct lift *l, const struct insn *i, unsigned operand)
{
	bool reads_only = (i->raw >> 12 & 2) && i->rs1 == 0;

	if (fflags(l, i, operand, reads_only))
		return;
	uop_helper(l->b, HELPER_csr, X(i->rd), operand, SLOT_ZERO, (int32_t)i->raw);
	if (reads_only || is_plain((unsigned)i->imm & 0xfff))
		return;
	uop_jmp(l->b, lift_next(l, i));
	l->ended = true;
}

static void csr_imm(struct lift *l, const struct insn *i)
{
	uop_li(l->b, TEMP(0), i->rs1);
	csr(l, i, TEMP(0));
}

LIFT(csrrw) { csr(l, i, X(i->rs1)); }
LIFT(csrrs) { csr(l, i, X(i->rs1)); }
LIFT(csrrc) { csr(l, i, X(i->rs1)); }
LIFT(csrrwi) { csr_imm(l, i); }
LIFT(csrrsi) { csr_imm(l, i); }
LIFT(csrrci) { csr_imm(l, i); }

LIFT(fence_i)
{
	leave(l, i);
}

static void trap_return(struct lift *l, const struct insn *i, enum riscv_helper helper)
{
	uop_helper(l->b, helper, TEMP(0), SLOT_ZERO, SLOT_ZERO, (int32_t)i->raw);
	uop_leave_jr(l->b, TEMP(0), 0);
	l->ended = true;
}

LIFT(mret) { trap_return(l, i, HELPER_mret); }
LIFT(sret) { trap_return(l, i, HELPER_sret); }

LIFT(wfi)
{
	call(l, i, HELPER_wfi, SLOT_ZERO, SLOT_ZERO);
	leave(l, i);
}

LIFT(pause)
{
	call(l, i, HELPER_pause, SLOT_ZERO, SLOT_ZERO);
}

LIFT(sfence_vma)
{
	call(l, i, HELPER_sfence_vma, X(i->rs1), X(i->rs2));
	leave(l, i);
}

/* Svinval: invalidating at once is allowed, so that the two fences have nothing left to do (volume II, chapter 14). */
LIFT(sinval_vma)
{
	call(l, i, HELPER_sfence_vma, X(i->rs1), X(i->rs2));
	leave(l, i);
}

LIFT(sfence_w_inval)
{
	call(l, i, HELPER_fence_priv, SLOT_ZERO, SLOT_ZERO);
	leave(l, i);
}

LIFT(sfence_inval_ir)
{
	call(l, i, HELPER_fence_priv, SLOT_ZERO, SLOT_ZERO);
	leave(l, i);
}

LIFT(cbo_inval) { call(l, i, HELPER_cbo, X(i->rs1), SLOT_ZERO); }
LIFT(cbo_clean) { call(l, i, HELPER_cbo, X(i->rs1), SLOT_ZERO); }
LIFT(cbo_flush) { call(l, i, HELPER_cbo, X(i->rs1), SLOT_ZERO); }
LIFT(cbo_zero) { call(l, i, HELPER_cbo, X(i->rs1), SLOT_ZERO); }

// SPDX-License-Identifier: Apache-2.0
/*
 * F, D and Zfhmin. Volume I, chapters 20, 21 and 23.
 *
 * Rounding: dynamic modes that the host has cost nothing, for its status register holds them; static ones bracket the
 * operation with fp_round; nearest-max-magnitude, static or dynamic (a mode bit), is fsoft's. Reserved modes have been
 * turned away by lift.c.
 */
#include "frontends/riscv/user/lift.h"
#include "runtime/softfp.h"

enum { RM_RTZ = 1, RM_RMM = 4, RM_DYN = 7 };

static unsigned rounding(const struct lift *l, const struct insn *i)
{
	if (i->rm == RM_DYN && (l->mode >> MODE_RM_SHIFT & 3) == MODE_RM_RMM)
		return RM_RMM;
	return i->rm;
}

/* Emits what rounds; `soft` is for nearest-max-magnitude. */
#define ROUNDED(hard, soft) do { \
	unsigned rm = rounding(l, i); \
	if (rm == RM_RMM) { \
		soft; \
	} else { \
		if (rm != RM_DYN) \
			uop_fp_round(l->b, (int32_t)rm); \
		hard; \
		if (rm != RM_DYN) \
			uop_fp_round(l->b, RM_DYN); \
	} \
	lift_fs_dirty(l); \
} while (0)

/* ---- arithmetic ---- */

#define ARITH(name, NAME) LIFT(name) { \
	ROUNDED(uop_##name(l->b, F(i->rd), F(i->rs1), F(i->rs2)), \
		uop_fsoft(l->b, F(i->rd), F(i->rs1), F(i->rs2), SLOT_ZERO, FSOFT(FSOFT_##NAME, SOFTFP_RMM, 0))); }
#define SQRT(name, NAME) LIFT(name) { \
	ROUNDED(uop_##name(l->b, F(i->rd), F(i->rs1)), \
		uop_fsoft(l->b, F(i->rd), F(i->rs1), SLOT_ZERO, SLOT_ZERO, FSOFT(FSOFT_##NAME, SOFTFP_RMM, 0))); }
/* negate: 1 the product, 2 the addend */
#define FUSED(name, op, NAME, negate) LIFT(name) { \
	ROUNDED(uop_##op(l->b, F(i->rd), F(i->rs1), F(i->rs2), F(i->rs3), negate), \
		uop_fsoft(l->b, F(i->rd), F(i->rs1), F(i->rs2), F(i->rs3), FSOFT(FSOFT_##NAME, SOFTFP_RMM, negate))); }

ARITH(fadd_s, ADD_S)
ARITH(fsub_s, SUB_S)
ARITH(fmul_s, MUL_S)
ARITH(fdiv_s, DIV_S)
SQRT(fsqrt_s, SQRT_S)
FUSED(fmadd_s, fmadd_s, MADD_S, 0)
FUSED(fmsub_s, fmadd_s, MADD_S, 2)
FUSED(fnmsub_s, fmadd_s, MADD_S, 1)
FUSED(fnmadd_s, fmadd_s, MADD_S, 3)
ARITH(fadd_d, ADD_D)
ARITH(fsub_d, SUB_D)
ARITH(fmul_d, MUL_D)
ARITH(fdiv_d, DIV_D)
SQRT(fsqrt_d, SQRT_D)
FUSED(fmadd_d, fmadd_d, MADD_D, 0)
FUSED(fmsub_d, fmadd_d, MADD_D, 2)
FUSED(fnmsub_d, fmadd_d, MADD_D, 1)
FUSED(fnmadd_d, fmadd_d, MADD_D, 3)

/* ---- what does not round; flags change with min, max and comparisons, so FS becomes dirty there too ---- */

#define BINARY(name) LIFT(name) { uop_##name(l->b, F(i->rd), F(i->rs1), F(i->rs2)); lift_fs_dirty(l); }
#define COMPARE(name) LIFT(name) { uop_##name(l->b, X(i->rd), F(i->rs1), F(i->rs2)); lift_fs_dirty(l); }

BINARY(fmin_s)
BINARY(fmax_s)
BINARY(fsgnj_s)
BINARY(fsgnjn_s)
BINARY(fsgnjx_s)
BINARY(fmin_d)
BINARY(fmax_d)
BINARY(fsgnjn_d)
BINARY(fsgnjx_d)
COMPARE(feq_s)
COMPARE(flt_s)
COMPARE(fle_s)
COMPARE(feq_d)
COMPARE(flt_d)
COMPARE(fle_d)

LIFT(fsgnj_d)
{
	if (i->rs1 == i->rs2)	/* fmv.d */
		uop_mov(l->b, F(i->rd), F(i->rs1));
	else
		uop_fsgnj_d(l->b, F(i->rd), F(i->rs1), F(i->rs2));
	lift_fs_dirty(l);
}

LIFT(fclass_s) { uop_fclass_s(l->b, X(i->rd), F(i->rs1)); }
LIFT(fclass_d) { uop_fclass_d(l->b, X(i->rd), F(i->rs1)); }

/* ---- conversions ---- */

/* float to integer; towards zero, as C does, has micro-ops of its own */
#define TO_INT(name, zero, NAME) LIFT(name) { \
	if (i->rm == RM_RTZ) { \
		uop_##zero(l->b, X(i->rd), F(i->rs1)); \
		lift_fs_dirty(l); \
		return; \
	} \
	ROUNDED(uop_##name(l->b, X(i->rd), F(i->rs1)), \
		uop_fsoft(l->b, X(i->rd), F(i->rs1), SLOT_ZERO, SLOT_ZERO, FSOFT(FSOFT_##NAME, SOFTFP_RMM, 0))); }
#define FROM_INT(name, NAME) LIFT(name) { \
	ROUNDED(uop_##name(l->b, F(i->rd), X(i->rs1)), \
		uop_fsoft(l->b, F(i->rd), X(i->rs1), SLOT_ZERO, SLOT_ZERO, FSOFT(FSOFT_##NAME, SOFTFP_RMM, 0))); }
#define FROM_INT_EXACT(name) LIFT(name) { uop_##name(l->b, F(i->rd), X(i->rs1)); lift_fs_dirty(l); }
#define WIDEN(name) LIFT(name) { uop_##name(l->b, F(i->rd), F(i->rs1)); lift_fs_dirty(l); }
#define NARROW(name, NAME) SQRT(name, NAME)

TO_INT(fcvt_w_s, fcvtz_w_s, CVT_W_S)
TO_INT(fcvt_wu_s, fcvtz_wu_s, CVT_WU_S)
TO_INT(fcvt_l_s, fcvtz_l_s, CVT_L_S)
TO_INT(fcvt_lu_s, fcvtz_lu_s, CVT_LU_S)
TO_INT(fcvt_w_d, fcvtz_w_d, CVT_W_D)
TO_INT(fcvt_wu_d, fcvtz_wu_d, CVT_WU_D)
TO_INT(fcvt_l_d, fcvtz_l_d, CVT_L_D)
TO_INT(fcvt_lu_d, fcvtz_lu_d, CVT_LU_D)
FROM_INT(fcvt_s_w, CVT_S_W)
FROM_INT(fcvt_s_wu, CVT_S_WU)
FROM_INT(fcvt_s_l, CVT_S_L)
FROM_INT(fcvt_s_lu, CVT_S_LU)
FROM_INT_EXACT(fcvt_d_w)
FROM_INT_EXACT(fcvt_d_wu)
FROM_INT(fcvt_d_l, CVT_D_L)
FROM_INT(fcvt_d_lu, CVT_D_LU)
WIDEN(fcvt_d_s)
WIDEN(fcvt_s_h)
WIDEN(fcvt_d_h)
NARROW(fcvt_s_d, CVT_S_D)
NARROW(fcvt_h_s, CVT_H_S)
NARROW(fcvt_h_d, CVT_H_D)

/* ---- moves, loads and stores: bits as they are ---- */

#define TO_F(name, op) LIFT(name) { uop_##op(l->b, F(i->rd), X(i->rs1)); lift_fs_dirty(l); }
#define TO_X(name, op) LIFT(name) { uop_##op(l->b, X(i->rd), F(i->rs1)); }
#define READ(name, op) LIFT(name) { uop_##op(l->b, F(i->rd), X(i->rs1), i->imm); lift_fs_dirty(l); }
#define WRITE(name, op) LIFT(name) { uop_##op(l->b, X(i->rs1), i->imm, F(i->rs2)); }

TO_X(fmv_x_h, sext16)
TO_X(fmv_x_w, sext32)
TO_X(fmv_x_d, mov)
TO_F(fmv_h_x, box16)
TO_F(fmv_w_x, box32)
TO_F(fmv_d_x, mov)
READ(flh, ld_box16)
READ(flw, ld_box32)
READ(fld, ld_64)
WRITE(fsh, st_16)
WRITE(fsw, st_32)
WRITE(fsd, st_64)

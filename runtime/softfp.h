/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Software floating point with the rounding mode as a parameter: what the host's arithmetic lacks (nearest, ties to maximum
 * magnitude), and the reference that tests hold the host's arithmetic against. Values are as in the fp micro-ops: singles and
 * halves NaN-boxed in 64 bits, NaN results canonical, conversions to integers saturating with NV alone.
 *
 * The immediate of an `fsoft` micro-op is FSOFT(op, rm, negate):
 *   bits 0 to 7   enum fsoft_op, which says how slots a, b and c are read and what d holds
 *   bits 8 to 10  rounding mode (enum softfp_rm, RISC-V's numbers; 4, RMM, is what fsoft is for)
 *   bits 12, 13   FMADD only: negate the product, negate c
 * Slots that an op does not read should be SLOT_ZERO. For `fcvt.w.d rd, rs1, rmm`:
 *   uop_fsoft(b, rd, rs1, SLOT_ZERO, SLOT_ZERO, FSOFT(FSOFT_CVT_W_D, SOFTFP_RMM, 0))
 */
#pragma once
#include "runtime/util.h"

struct vcpu;

enum softfp_rm { SOFTFP_RNE, SOFTFP_RTZ, SOFTFP_RDN, SOFTFP_RUP, SOFTFP_RMM };

enum fsoft_op {
	FSOFT_ADD_S, FSOFT_SUB_S, FSOFT_MUL_S, FSOFT_DIV_S, FSOFT_SQRT_S, FSOFT_MADD_S,		/* SQRT: a */
	FSOFT_ADD_D, FSOFT_SUB_D, FSOFT_MUL_D, FSOFT_DIV_D, FSOFT_SQRT_D, FSOFT_MADD_D,		/* MADD: a * b + c */
	/* float to integer, a: CVT_to_from; W and WU results are sign-extended from 32 bits */
	FSOFT_CVT_W_S, FSOFT_CVT_WU_S, FSOFT_CVT_L_S, FSOFT_CVT_LU_S,
	FSOFT_CVT_W_D, FSOFT_CVT_WU_D, FSOFT_CVT_L_D, FSOFT_CVT_LU_D,
	/* integer to float: W and WU read a's low 32 bits */
	FSOFT_CVT_S_W, FSOFT_CVT_S_WU, FSOFT_CVT_S_L, FSOFT_CVT_S_LU,
	FSOFT_CVT_D_W, FSOFT_CVT_D_WU, FSOFT_CVT_D_L, FSOFT_CVT_D_LU,
	/* float to float */
	FSOFT_CVT_S_D, FSOFT_CVT_D_S, FSOFT_CVT_S_H, FSOFT_CVT_H_S, FSOFT_CVT_D_H, FSOFT_CVT_H_D,
	FSOFT_COUNT
};

#define FSOFT(op, rm, negate) ((int32_t)((op) | (rm) << 8 | (negate) << 12))

/* Evaluates imm = FSOFT(…) on three slot values; raised exceptions are ORed into *flags as host bits (FP_NV …, runtime/fp.h).
 * Never touches the host's FP status. An imm with an unknown op or mode yields the canonical NaN and no flags. */
uint64_t softfp_eval(int32_t imm, uint64_t a, uint64_t b, uint64_t c, uint32_t *flags);
/* The same with the flags going to cpu->fp_flags: the body of `fsoft`. */
uint64_t softfp_run(struct vcpu *cpu, int32_t imm, uint64_t a, uint64_t b, uint64_t c);

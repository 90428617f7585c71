/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The floating-point part of pass.h, for results in PLACE_ACC. Doubles that arithmetic reads and writes are in facc where PLACE_ACC says so;
 * singles, whose boxes are made by integer operations, bits and integers are in acc. choose.c knows which ops do what: in_facc.
 *
 * A part may define ops of the others too: NAME differs, and what FP_OPS does not name is dropped.
 */
#define FACC fp_bits64(facc)
#define PUT_FACC(v) (facc = fp_double(SLOT(d) = (v)))

#define SINGLES NAME(fadd_s), NAME(fsub_s), NAME(fmul_s), NAME(fdiv_s), NAME(fmadd_s), NAME(fsgnj_s), NAME(fsgnjn_s), NAME(fsgnjx_s), NAME(feq_s), \
	NAME(flt_s), NAME(fle_s), NAME(fsqrt_s)
#define SINGLES_PARTS (UOPS_FP_ARITHMETIC | UOPS_FP_COMPARE | UOPS_FP_BITS)

/* ---- acc to acc ---- */
#define C SLOT(c)
#define NAME(name) VARIANT(name, PLACE_D, PLACE_A, PLACE_B)
#define FP_PARTS (SINGLES_PARTS | UOPS_FP_FROM_INT | UOPS_FP_TO_FP)
#define FP_OPS SINGLES, NAME(fsgnj_d), NAME(fsgnjn_d), NAME(fsgnjx_d), NAME(fcvt_s_w), NAME(box32)
#include "backend/stencil/pass_fp_ops.h"
#undef NAME
/* singles that are known to be NaN-boxed */
#define NAME(name) PASTE(VARIANT(name, PLACE_D, PLACE_A, PLACE_B), boxed)
#define fp_unbox32(v) ((uint32_t)(v))
#define FP_PARTS SINGLES_PARTS
#define FP_OPS SINGLES
#include "backend/stencil/pass_fp_ops.h"
#undef NAME

/* ---- acc to facc ---- */
#undef PUT_ACC
#define PUT_ACC(v) PUT_FACC(v)
#define NAME(name) PASTE(VARIANT(name, PLACE_D, PLACE_A, PLACE_B), widenedboxed)
#define FP_PARTS UOPS_FP_TO_FP
#define FP_OPS NAME(fcvt_d_s)
#include "backend/stencil/pass_fp_ops.h"
#undef fp_unbox32
#undef NAME
#define NAME(name) PASTE(VARIANT(name, PLACE_D, PLACE_A, PLACE_B), widened)
#define FP_PARTS (UOPS_FP_FROM_INT | UOPS_FP_TO_FP)
#define FP_OPS NAME(fcvt_d_w), NAME(fcvt_d_l), NAME(fcvt_d_s)
#include "backend/stencil/pass_fp_ops.h"
#undef NAME

/* ---- facc to facc ---- */
#undef ACC
#define ACC FACC
#define NAME(name) PASTE(VARIANT(name, PLACE_D, PLACE_A, PLACE_B), double)
#define FP_PARTS UOPS_FP_ARITHMETIC
#define FP_OPS NAME(fadd_d), NAME(fsub_d), NAME(fmul_d), NAME(fdiv_d), NAME(fmadd_d), NAME(fsqrt_d)
#include "backend/stencil/pass_fp_ops.h"
#undef NAME
#undef C
/* a third operand in facc */
#define C FACC
#define NAME(name) PASTE(VARIANT(name, PLACE_D, PLACE_A, PLACE_B), acc)
#define FP_PARTS UOPS_FP_ARITHMETIC
#define FP_OPS NAME(fmadd_d)
#include "backend/stencil/pass_fp_ops.h"
#undef NAME
#undef C

/* ---- facc to acc ---- */
#undef PUT_ACC
#define PUT_ACC(v) PUT_INT(v)
#define C SLOT(c)
#define NAME(name) PASTE(VARIANT(name, PLACE_D, PLACE_A, PLACE_B), narrowed)
#define FP_PARTS (UOPS_FP_COMPARE | UOPS_FP_TO_INT | UOPS_FP_TO_FP)
#define FP_OPS NAME(feq_d), NAME(flt_d), NAME(fle_d), NAME(fcvtz_w_d), NAME(fcvtz_l_d), NAME(fcvt_s_d)
#include "backend/stencil/pass_fp_ops.h"
#undef NAME
#undef ACC
#define ACC acc
#undef C
#undef SINGLES
#undef SINGLES_PARTS
#undef FACC
#undef PUT_FACC

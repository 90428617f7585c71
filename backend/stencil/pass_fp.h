/* SPDX-License-Identifier: Apache-2.0 */
/* Floating-point ops of pass.h, with C: a third operand, in struct vcpu or in acc */
#define UOP(name) static STENCIL(NAME(name))
#include "ir/uops_fp.inc"
__attribute__((used)) static stencil_fn *const NAME(keep_fp)[] = {
	NAME(fmadd_s), NAME(fmadd_d), NAME(fadd_s), NAME(fadd_d), NAME(fsub_s), NAME(fsub_d), NAME(fmul_s), NAME(fmul_d), NAME(fdiv_s), NAME(fdiv_d),
	NAME(feq_d), NAME(flt_d), NAME(fle_d), NAME(fsgnj_d), NAME(fsgnjn_d), NAME(fsgnjx_d),
#if !PLACE_B
	NAME(fsqrt_d), NAME(fcvt_d_w), NAME(fcvt_d_l), NAME(fcvt_d_s), NAME(fcvt_s_d), NAME(fcvtz_w_d), NAME(fcvtz_l_d), NAME(box32),
#endif
};
#undef UOP

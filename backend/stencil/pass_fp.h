/* SPDX-License-Identifier: Apache-2.0 */
/* Floating-point ops of pass.h: those of FP_OPS, with C, the place of a third operand */
#define UOP(name) static STENCIL(NAME(name))
#include "ir/uops_fp.inc"
__attribute__((used)) static stencil_fn *const NAME(keep_fp)[] = { FP_OPS };
#undef UOP

/* SPDX-License-Identifier: Apache-2.0 */
/* The ops that FP_OPS names, as NAME says */
#define UOP(name) static STENCIL(NAME(name))
#include "ir/uops_fp.inc"
__attribute__((used)) static stencil_fn *const NAME(keep_fp)[] = { FP_OPS };
#undef UOP

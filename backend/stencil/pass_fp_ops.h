/* SPDX-License-Identifier: Apache-2.0 */
/* The ops that FP_OPS names, of FP_PARTS, as NAME says */
#undef UOP_PARTS
#define UOP_PARTS FP_PARTS
#define UOP(name) static STENCIL(NAME(name))
#include "ir/uops_fp.inc"
__attribute__((used)) static stencil_fn *const NAME(keep_fp)[] = { FP_OPS };
#undef UOP
#undef FP_OPS
#undef FP_PARTS

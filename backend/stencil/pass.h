/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ops that have stencils of their own for pinned operands, with PLACE_D, PLACE_A, PLACE_B: those that compilers use most. An operand that an op
 * does not have counts as place 0; the others' operands are spilled and filled around them. A result that is not pinned is in acc, so in place 0
 * there are only ops without one.
 */
#define VARIANT_(name, d, a, b) op_##name##__##d##a##b
#define VARIANT(name, d, a, b) VARIANT_(name, d, a, b)
#define NAME(name) VARIANT(name, PLACE_D, PLACE_A, PLACE_B)
#define UOP(name) static STENCIL(NAME(name))

#if PLACE_D
#undef UOP_PARTS
#define UOP_PARTS (UOPS_TWO_SOURCES | (PLACE_B ? 0 : UOPS_ONE_SOURCE))
#include "ir/uops_int.inc"
KEEP(NAME(add), NAME(sub), NAME(and), NAME(or), NAME(xor), NAME(shl), NAME(shr), NAME(sar), NAME(slt), NAME(sltu), NAME(addw), NAME(subw),
     NAME(mul), NAME(mulw), NAME(shlw), NAME(shrw), NAME(sarw),
#if !PLACE_B
     NAME(mov), NAME(add_i), NAME(and_i), NAME(or_i), NAME(xor_i), NAME(shl_i), NAME(shr_i), NAME(sar_i), NAME(slt_i), NAME(sltu_i),
     NAME(addw_i), NAME(shlw_i), NAME(shrw_i), NAME(sarw_i), NAME(sext8), NAME(sext16), NAME(sext32), NAME(zext16), NAME(zext32),
#if !PLACE_A
     NAME(li), NAME(lih),
#endif
#endif
)
#elif PLACE_A + PLACE_B
#include "ir/uops_ctl.inc"
KEEP(NAME(beq), NAME(bne), NAME(blt), NAME(bge), NAME(bltu), NAME(bgeu),
#if !PLACE_B
     NAME(jr), NAME(leave_jr),
#endif
)
#endif
#undef UOP
#undef NAME

/* Floating-point slots are never pinned; PLACE_ACC is facc for them, acc for the integers of conversions and comparisons. */
#if PLACE_D == PLACE_ACC && (PLACE_A == 0 || PLACE_A == PLACE_ACC) && (PLACE_B == 0 || PLACE_B == PLACE_ACC)
#include "backend/stencil/pass_fp.h"
#endif

#if !PLACE_D || !PLACE_B
#undef UOP_PARTS
#define UOP_PARTS (PLACE_D ? UOPS_LOADS : UOPS_STORES)
#define MEMORY_OPS "backend/stencil/pass_memory.h"
/* addresses of either half */
#define ENTRY_OF(va) ENTRY_OF_EITHER(va)
#define NAME(name) VARIANT(name, PLACE_D, PLACE_A, PLACE_B)
#if PLACE_D + PLACE_A + PLACE_B
#include MEMORY_OPS
#endif
#undef NAME
#undef ENTRY_OF
/* the near half in line, the other missing */
#define ENTRY_OF(va) ENTRY_OF_NEAR(va)
#define NAME(name) PASTE(VARIANT(name, PLACE_D, PLACE_A, PLACE_B), near)
#include MEMORY_OPS
#undef NAME
#undef ENTRY_OF
#endif

#undef UOP_PARTS
#define UOP_PARTS ~0

/* SPDX-License-Identifier: Apache-2.0 */
/* Loads and stores of pass.h, with ENTRY_OF */
#define UOP(name) static STENCIL(NAME(name))
#include "ir/uops_mem.inc"
__attribute__((used)) static stencil_fn *const NAME(keep_memory)[] = {
#if PLACE_D
	NAME(ld_u8), NAME(ld_s8), NAME(ld_u16), NAME(ld_s16), NAME(ld_u32), NAME(ld_s32), NAME(ld_64), NAME(ld_box32),
#else
	NAME(st_8), NAME(st_16), NAME(st_32), NAME(st_64),
#endif
};
#undef UOP

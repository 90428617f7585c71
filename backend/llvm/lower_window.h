/* SPDX-License-Identifier: Apache-2.0 */
/* Accesses through direct windows, for lower*.c. Nothing is done in regions without. */
#pragma once
#include "backend/llvm/lower.h"


/* In the function's first block: before slots are made, and once they have been loaded; and at the very end */
void windows_begin_region(struct lowering *l);
void windows_enter_region(struct lowering *l);
void windows_end_region(struct lowering *l);
void windows_begin_block(struct lowering *l, unsigned index);
/* Behind each micro-op */
void windows_behind(struct lowering *l, const struct uop *u);

/*
 * The running micro-op's access. Loads: `type` is i64, or the f32 or f64 that the bytes are taken as. Stores: v is an i64, of which the low bytes
 * count, or a float.
 */
value windows_load(struct lowering *l, const struct uop *u, LLVMTypeRef type, unsigned log_bytes, bool is_signed);
void windows_store(struct lowering *l, const struct uop *u, value v, unsigned log_bytes);

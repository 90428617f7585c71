/* SPDX-License-Identifier: Apache-2.0 */
/* Accesses through direct windows, for lower*.c. Nothing is done in regions without. */
#pragma once
#include "backend/llvm/lower.h"

#define NOT_REACHED (UINT32_MAX - 1)	/* in lowering.near: no predecessor has been looked at */

/* In the function's first block: before slots are made, and once they have been loaded; and at the very end */
void windows_begin_region(struct lowering *l);
void windows_enter_region(struct lowering *l);
void windows_end_region(struct lowering *l);
void windows_begin_block(struct lowering *l, unsigned index);
/* Around each micro-op */
void windows_before(struct lowering *l, const struct uop *u);
void windows_behind(struct lowering *l, const struct uop *u);

/* The host address that a load or store of the running micro-op accesses. State is exact behind it. */
value windows_address(struct lowering *l, const struct uop *u);
/* Makes a load or store instruction one whose faults lead back to the running micro-op. Returns it. */
value windows_access(struct lowering *l, value access);
/* What a load has loaded, extended. */
value windows_loaded(struct lowering *l, value v);

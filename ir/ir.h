/* SPDX-License-Identifier: Apache-2.0 */
/* Text form, verifier and passes of micro-op blocks. */
#pragma once
#include "ir/builder.h"

typedef const char *ir_slot_name(unsigned slot);

/* One micro-op, or a whole block with instruction headings, as text that ir_parse reads back to the same block. Returns the
 * length that the whole text needs, as snprintf does. slot_name may be NULL (r0 … r255). */
int ir_print_uop(const struct uop *u, const struct ir_block *b, ir_slot_name *slot_name, const struct helper *helpers, char *text, size_t size);
int ir_print(const struct ir_block *b, ir_slot_name *slot_name, const struct helper *helpers, char *text, size_t size);
/* Reads what ir_print writes (slot names by asking slot_name for each slot). Errors name line and word. */
MUST_CHECK bool ir_parse(struct ir_block *b, const char *text, ir_slot_name *slot_name, const struct helper *helpers, unsigned n_helpers, struct error *err);

/*
 * Checks: every op and slot is known; SLOT_ZERO and SLOT_PAGE are not written; exactly the last micro-op ends the block;
 * instructions are in order; temporaries are written before they are read, within one instruction; and no instruction writes a
 * guest slot or memory before its last micro-op that can fault.
 */
MUST_CHECK bool ir_verify(const struct ir_block *b, const struct helper *helpers, unsigned n_helpers, struct error *err);

/* Constant folding and copy propagation within the block, then removal of dead micro-ops. Faulting micro-ops, their order and the guest
 * slots' values at each of them stay as they are. */
void ir_optimise(struct ir_block *b, const struct helper *helpers);

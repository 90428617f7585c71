/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files that make a struct lift. All fail with err. */
#pragma once
#include "src/lift/blocks.h"

/* Begins a region, which has a row. */
MUST_CHECK bool lift_add_region(struct lift *l, uint64_t va, struct error *err);
/* Takes the block, with a row for its beginning and one for each of its instructions, into the last region. On failure too it is the region's. */
MUST_CHECK bool lift_add_block(struct lift *l, struct lift_block *b, struct error *err);
bool lift_no_memory(struct error *err);

/* ---- only where there are stencils ---- */
/* Lifts the region that begins at the range's address. */
MUST_CHECK bool lift_region(struct lift *l, struct lift_blocks *x, struct error *err);
/* Machine code for what has been lifted: by LLVM, or of stencils. */
MUST_CHECK bool lift_compile(struct lift *l, struct lift_blocks *x, struct error *err);
MUST_CHECK bool lift_copy(struct lift *l, struct lift_blocks *x, struct error *err);

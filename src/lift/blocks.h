/* SPDX-License-Identifier: Apache-2.0 */
/* Lifts blocks into a code cache of their own, with the stencils' code where there is any, and forms regions as the engine does. */
#pragma once
#include "src/lift/lift.h"

struct lift_blocks;
struct lift_blocks *blocks_create(const struct lift_source *s, const struct lift_options *o, struct error *err);
void blocks_destroy(struct lift_blocks *x);
/*
 * The block at va, of at most `size` bytes (0: as many as it has) and max_insns instructions; malloc'd. NULL: err.
 */
struct lift_block *blocks_lift(struct lift_blocks *x, uint64_t va, uint64_t size, unsigned max_insns, struct error *err);

/* ---- machine code: only where there are stencils ---- */
/* The stencils' code of a block, appended to a listing; without one it is only made. */
bool blocks_translate(struct lift_blocks *x, struct lift_block *b, struct listing *host, uint64_t *cold, struct error *err);
/* The region that begins with a block, of those blocks that have been translated; alone: of this block only. */
bool blocks_form(struct lift_blocks *x, const struct lift_block *head, bool alone, struct region *r);

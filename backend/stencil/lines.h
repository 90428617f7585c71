/* SPDX-License-Identifier: Apache-2.0 */
/* Which machine code belongs to which micro-op of all blocks that have been translated, for profilers. With what guards their code cache. */
#pragma once
#include "backend/cache/codecache.h"

/* From `at` on, code is that of micro-op `uop` of the block; of none where that is NULL. */
struct line {
	const char *at;
	const struct code_block *block;
	unsigned uop;
};
struct lines {		/* zero at first */
	struct line *line;	/* by rising `at` */
	size_t n, room;
	bool failed;		/* out of memory: there are none rather than wrong ones */
};

/* Adds a block's, with the marks of stencil_translate_marked. Blocks come in the order of their code, which is that in which it is made. */
void lines_add(struct lines *l, const struct code_block *b, const uint32_t *mark);
/* The block and the micro-op whose code holds `at`, and the size of the block's code. False: it is no block's. */
bool lines_find(const struct lines *l, const char *at, const struct code_block **b, unsigned *uop, uint32_t *size);
/* All blocks are gone. */
void lines_reset(struct lines *l);
void lines_free(struct lines *l);

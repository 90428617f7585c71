// SPDX-License-Identifier: Apache-2.0
#include "backend/stencil/lines.h"
#include <stdlib.h>

static bool make_room(struct lines *l, size_t more)
{
	if (l->n + more <= l->room)
		return true;
	size_t room = l->room ? 2 * l->room : 4096;
	struct line *grown = realloc(l->line, room * sizeof *grown);
	if (!grown)
		return false;
	l->line = grown;
	l->room = room;
	return true;
}

void lines_add(struct lines *l, const struct code_block *b, const uint32_t *mark)
{
	_Static_assert(BLOCK_MAX_UOPS < 4096, "one growth is room enough");
	l->failed |= !make_room(l, b->n_uops + 1u);
	if (l->failed) {
		l->n = 0;
		return;
	}
	for (unsigned i = 0; i <= b->n_uops; i++)
		l->line[l->n++] = (struct line){ (const char *)b->code + (i ? mark[i] : 0), i < b->n_uops ? b : NULL, i };
}

bool lines_find(const struct lines *l, const char *at, const struct code_block **b, unsigned *uop, uint32_t *size)
{
	size_t lo = 0, hi = l->n;
	while (lo < hi) {	/* the first line above */
		size_t mid = lo + (hi - lo) / 2;
		if (l->line[mid].at <= at)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (!lo || !l->line[lo - 1].block)
		return false;
	const struct line *line = &l->line[lo - 1], *first = line - line->uop;
	*b = line->block;
	*uop = line->uop;
	*size = (uint32_t)(first[(*b)->n_uops].at - first->at);
	return true;
}

void lines_reset(struct lines *l)
{
	l->n = 0;
	l->failed = false;
}

void lines_free(struct lines *l)
{
	free(l->line);
	*l = (struct lines){ 0 };
}

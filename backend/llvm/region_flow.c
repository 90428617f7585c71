// SPDX-License-Identifier: Apache-2.0
/* How control flows within a region: edges and loops. */
#include "backend/llvm/region.h"
#include <string.h>

unsigned region_next(const struct region *r, unsigned from, unsigned to[REGION_MAX_NEXT])
{
	const struct region_block *rb = &r->block[from];
	unsigned n = 0;
	for (unsigned k = 0; k < 2; k++)
		if (rb->exit[k].way == WAY_INSIDE)
			to[n++] = rb->exit[k].to;
	if (rb->uop[rb->n_uops - 1].op != UOP_jr || rb->calls)
		return n;
	for (unsigned i = 0; i < r->n_blocks && n < REGION_MAX_TARGETS; i++)
		if (rb->returns ? r->block[i].behind_call : r->block[i].landing)
			to[n++] = i;
	return n;
}

/* ---- loops ---- */

struct edges { uint8_t n[REGION_MAX_BLOCKS], from[REGION_MAX_BLOCKS][REGION_MAX_BLOCKS]; };

static void find_edges(struct edges *edges, const struct region *r)
{
	unsigned to[REGION_MAX_NEXT];
	memset(edges->n, 0, sizeof edges->n);
	for (unsigned i = 0; i < r->n_blocks; i++)
		for (unsigned n = region_next(r, i, to); n-- > 0;)
			if (!memchr(edges->from[to[n]], (int)i, edges->n[to[n]]))
				edges->from[to[n]][edges->n[to[n]]++] = (uint8_t)i;
}

/* A list of blocks, each once */
struct set {
	unsigned n;
	uint8_t block[REGION_MAX_BLOCKS];
	bool has[REGION_MAX_BLOCKS];
};

static void add(struct set *s, unsigned block)
{
	if (!s->has[block])
		s->block[s->n++] = (uint8_t)block;
	s->has[block] = true;
}

static void find_reached(const struct region *r, unsigned head, struct set *reached)
{
	unsigned to[REGION_MAX_NEXT];
	add(reached, head);
	for (unsigned i = 0; i < reached->n; i++)
		for (unsigned n = region_next(r, reached->block[i], to); n-- > 0;)
			add(reached, to[n]);
}

/*
 * The loop that begins at `head`, as its code stands in memory: the region may have been entered in its midst. What leads back to head from behind
 * it, and all between.
 */
static void find_loop(const struct region *r, const struct edges *edges, unsigned head, struct region_loops *loops)
{
	struct set reached = { 0 }, loop = { 0 };
	find_reached(r, head, &reached);
	add(&loop, head);
	for (unsigned k = 0; k < edges->n[head]; k++) {
		unsigned last = edges->from[head][k];
		if (reached.has[last] && r->block[last].position >= r->block[head].position) {
			loops->of[head][head / 64] |= (uint64_t)1 << head % 64;
			add(&loop, last);
		}
	}
	for (unsigned i = 1; i < loop.n; i++) {
		unsigned block = loop.block[i];
		loops->of[block][head / 64] |= (uint64_t)1 << head % 64;
		for (unsigned k = 0; k < edges->n[block]; k++)
			if (reached.has[edges->from[block][k]])
				add(&loop, edges->from[block][k]);
	}
}

void region_find_loops(const struct region *r, struct region_loops *loops)
{
	struct edges edges;
	memset(loops, 0, sizeof *loops);
	find_edges(&edges, r);
	for (unsigned head = 0; head < r->n_blocks; head++)
		find_loop(r, &edges, head, loops);
}

unsigned region_shared_loops(const struct region_loops *loops, unsigned a, unsigned b)
{
	unsigned n = 0;
	for (unsigned i = 0; i < ARRAY_SIZE(loops->of[0]); i++)
		n += (unsigned)__builtin_popcountll(loops->of[a][i] & loops->of[b][i]);
	return n;
}

static bool is_in(const struct region_loops *loops, unsigned block, unsigned head)
{
	return loops->of[block][head / 64] >> head % 64 & 1;
}

unsigned region_innermost_head(const struct region *r, const struct region_loops *loops, unsigned block)
{
	unsigned innermost = block, least = ~0u;
	for (unsigned head = 0; head < r->n_blocks && !is_in(loops, block, block); head++) {
		unsigned size = 0;
		for (unsigned i = 0; i < r->n_blocks && is_in(loops, block, head); i++)
			size += is_in(loops, i, head);
		if (size && size < least) {
			innermost = head;
			least = size;
		}
	}
	return innermost;
}

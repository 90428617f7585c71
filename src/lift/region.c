// SPDX-License-Identifier: Apache-2.0
/* The region that begins at an address. */
#include <stdlib.h>
#include "src/lift/internal.h"

#define MOST 512	/* blocks that are looked at: some times what a region may have */

struct explored {
	unsigned n;
	uint64_t va[MOST];
	struct lift_block *block[MOST];	/* NULL: there is no code, or the region has it */
};

static unsigned find(const struct explored *e, uint64_t va)
{
	unsigned i = 0;
	while (i < e->n && e->va[i] != va)
		i++;
	return i;
}

static void want(struct explored *e, uint64_t va)
{
	if (e->n < MOST && find(e, va) == e->n)
		e->va[e->n++] = va;
}

/* Lifts what can be reached, nearest first, as though all of it had been executed: through branches, and what stands behind calls. */
static bool explore(struct lift *l, struct lift_blocks *x, struct explored *e, struct error *err)
{
	struct error ignored;
	want(e, l->range.va);
	for (unsigned i = 0; i < e->n; i++) {
		struct lift_block *b = e->block[i] = blocks_lift(x, e->va[i], 0, BLOCK_MAX_INSNS, i ? &ignored : err);
		if (!b && i)
			continue;
		if (!b)
			return false;
		for (unsigned n = 0; n < b->n_exits; n++)
			want(e, b->target[n]);
		/* what stands behind a call is returned to, behind an indirect jump it may be a case; other regions do not have it */
		if (b->n_exits < 2)
			want(e, b->va + b->ir.bytes);
	}
	return true;
}

static bool take_region(struct lift *l, struct explored *e, const struct region *r, struct error *err)
{
	if (!lift_add_region(l, l->range.va, err))
		return false;
	l->region[0].loops = r->loops;
	for (unsigned i = 0; i < r->n_blocks; i++) {
		uint64_t va = (l->range.va & PAGE_MASK) + (uint64_t)(int64_t)r->block[i].position;
		struct lift_block **from = &e->block[find(e, va)], *b = *from;
		*from = NULL;
		for (unsigned n = 0; n < b->n_exits; n++)
			b->inside[n] = r->block[i].exit[n].way == WAY_INSIDE ? (int)r->block[i].exit[n].to : -1;
		b->calls = r->block[i].calls;
		b->returns = r->block[i].returns;
		b->behind_call = r->block[i].behind_call;
		b->landing = r->block[i].landing;
		if (!lift_add_block(l, b, err))
			return false;
	}
	return true;
}

static bool form_region(struct lift *l, struct lift_blocks *x, struct explored *e, struct region *r, struct error *err)
{
	for (unsigned i = 0; i < e->n; i++)
		if (e->block[i] && !blocks_translate(x, e->block[i], NULL, NULL, err))
			return false;
	if (!blocks_form(x, e->block[0], false, r))
		return error_set(err, ERROR_USAGE, "0x%llx: the instruction there crosses its page: no region begins with it; leave --region out",
				 (unsigned long long)l->range.va);
	return take_region(l, e, r, err);
}

bool lift_region(struct lift *l, struct lift_blocks *x, struct error *err)
{
	struct explored *e = calloc(1, sizeof *e);
	struct region *r = calloc(1, sizeof *r);
	bool good = e && r ? explore(l, x, e, err) && form_region(l, x, e, r, err) : lift_no_memory(err);
	for (unsigned i = 0; e && i < e->n; i++)
		free(e->block[i]);
	free(e);
	free(r);
	return good;
}

// SPDX-License-Identifier: Apache-2.0
/* The region that begins at an address. */
#include <stdlib.h>
#include "src/lift/internal.h"

struct explored {
	struct lift_block *block[PAGE_SIZE];	/* by offset in the page */
	uint16_t todo[PAGE_SIZE];
	unsigned n;
};

static void want(struct explored *e, uint64_t page, uint64_t va, bool seen[PAGE_SIZE])
{
	if ((va & PAGE_MASK) == page && !seen[va & (PAGE_SIZE - 1)]) {
		seen[va & (PAGE_SIZE - 1)] = true;
		e->todo[e->n++] = va & (PAGE_SIZE - 1);
	}
}

/* Lifts what can be reached in the head's page, as though all of it had been executed: through branches, and what stands behind calls. */
static bool explore(struct lift *l, struct lift_blocks *x, struct explored *e, struct error *err)
{
	bool seen[PAGE_SIZE] = { false };
	uint64_t page = l->range.va & PAGE_MASK;
	struct error ignored;
	want(e, page, l->range.va, seen);
	for (unsigned i = 0; i < e->n; i++) {
		uint64_t va = page + e->todo[i];
		struct lift_block *b = blocks_lift(x, va, 0, BLOCK_MAX_INSNS, i ? &ignored : err);
		if (!b && i)
			continue;
		if (!b)
			return false;
		e->block[e->todo[i]] = b;
		for (unsigned n = 0; n < b->n_exits; n++)
			want(e, page, b->target[n], seen);
		/* what stands behind a call is returned to, behind an indirect jump it may be a case; other regions do not have it */
		if (b->n_exits < 2)
			want(e, page, va + b->ir.bytes, seen);
	}
	return true;
}

static bool take_region(struct lift *l, struct explored *e, const struct region *r, struct error *err)
{
	if (!lift_add_region(l, l->range.va, err))
		return false;
	l->region[0].loops = r->loops;
	for (unsigned i = 0; i < r->n_blocks; i++) {
		struct lift_block **from = &e->block[r->block[i].offset], *b = *from;
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
		if (e->block[e->todo[i]] && !blocks_translate(x, e->block[e->todo[i]], NULL, NULL, err))
			return false;
	if (!blocks_form(x, e->block[e->todo[0]], false, r))
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
		free(e->block[e->todo[i]]);
	free(e);
	free(r);
	return good;
}

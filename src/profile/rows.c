// SPDX-License-Identifier: Apache-2.0
/* Functions and blocks: entries added up. */
#include <stdlib.h>
#include <string.h>
#include "src/profile/profile.h"

struct table {
	struct row *row;
	size_t n, room;
	uint32_t *cell;
	size_t mask;
};

uint64_t profile_weight(const struct profile *p, const struct entry *e)
{
	return p->exact ? e->count * e->n_insns : e->count;
}

enum vcpu_tier row_tier(const struct row *r)
{
	enum vcpu_tier most = TIER_RUNTIME;
	for (unsigned t = 0; t < N_TIERS; t++)
		if (r->tier[t] > r->tier[most])
			most = t;
	return most;
}

static size_t cell_of(const struct table *t, uint64_t start, uint64_t space, uint8_t privilege)
{
	uint64_t h = (start ^ space * 31 ^ privilege) * 0x9e3779b97f4a7c15u;
	return (size_t)(h >> 20) & t->mask;
}

static bool grow(struct table *t)
{
	size_t room = t->room ? 2 * t->room : 256;
	struct row *row = realloc(t->row, room * sizeof *row);
	if (!row)
		return false;
	t->row = row;
	uint32_t *cell = calloc(4 * room, sizeof *cell);
	if (!cell)
		return false;
	free(t->cell);
	t->cell = cell;
	t->room = room;
	t->mask = 4 * room - 1;
	for (size_t i = 0; i < t->n; i++) {
		size_t at = cell_of(t, row[i].start, row[i].space, row[i].privilege);
		while (cell[at])
			at = (at + 1) & t->mask;
		cell[at] = (uint32_t)i + 1;
	}
	return true;
}

/* The row with this beginning, new if need be; NULL: no memory. */
static struct row *find(struct table *t, uint64_t start, uint64_t space, uint8_t privilege)
{
	if (t->n == t->room && !grow(t))
		return NULL;
	size_t at = cell_of(t, start, space, privilege);
	for (; t->cell[at]; at = (at + 1) & t->mask) {
		struct row *r = &t->row[t->cell[at] - 1];
		if (r->start == start && r->space == space && r->privilege == privilege)
			return r;
	}
	t->cell[at] = (uint32_t)++t->n;
	t->row[t->n - 1] = (struct row){ .start = start, .space = space, .privilege = privilege };
	return &t->row[t->n - 1];
}

static int heavier(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	if (x->self != y->self)
		return x->self < y->self ? 1 : -1;
	if (x->total != y->total)
		return x->total < y->total ? 1 : -1;
	return x->start > y->start ? 1 : x->start < y->start ? -1 : 0;
}

static int heavier_in_all(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	return x->total != y->total ? (x->total < y->total ? 1 : -1) : heavier(a, b);
}

static struct rows finish(struct table *t, int (*order)(const void *, const void *))
{
	free(t->cell);
	if (t->n)
		qsort(t->row, t->n, sizeof *t->row, order);
	return (struct rows){ t->row, t->n };
}

/* A program's functions are the same in all address spaces if they have names; without, a page of another program is something else. */
static struct row *function_row(struct table *t, const struct entry *e, const struct function *f)
{
	struct row *r = find(t, f->start, f->known ? 0 : e->space, e->privilege);
	if (r) {
		r->end = f->end;
		r->function = *f;
	}
	return r;
}

struct rows profile_functions(const struct profile *p, bool by_total)
{
	struct table t = { 0 };
	size_t n;
	const struct entry *entry = tally_entries(p->tally, &n);
	for (const struct entry *e = entry; e < entry + n; e++) {
		struct call call[NAMES_MOST_CALLS];
		unsigned depth = names_stack(p->names, e, call, NAMES_MOST_CALLS);
		uint64_t weight = profile_weight(p, e);
		for (unsigned i = 0; i < depth; i++) {
			bool again = false;	/* recursion counts once */
			for (unsigned k = 0; k < i; k++)
				again |= call[k].function.start == call[i].function.start;
			struct row *r = again ? NULL : function_row(&t, e, &call[i].function);
			if (!r)
				continue;
			r->total += weight;
			if (i)
				continue;
			r->self += weight;
			r->tier[e->tier] += weight;
			if (p->exact && e->pc == r->start)
				r->executions += e->count;
		}
	}
	return finish(&t, by_total ? heavier_in_all : heavier);
}

struct rows profile_blocks(const struct profile *p)
{
	struct table t = { 0 };
	size_t n;
	const struct entry *entry = tally_entries(p->tally, &n);
	for (const struct entry *e = entry; e < entry + n; e++) {
		struct row *r = e->bytes ? find(&t, e->block, e->space, e->privilege) : NULL;
		uint64_t weight = profile_weight(p, e);
		if (!r)
			continue;
		r->function = names_find(p->names, e->block, e->privilege);
		r->self += weight;
		r->tier[e->tier] += weight;
		r->executions += p->exact ? e->count : 0;
		r->n_insns = e->n_insns;
		r->bytes = e->bytes;
		r->end = r->start + e->bytes;
		if (e->host_bytes)
			r->host_bytes = e->host_bytes;
	}
	return finish(&t, heavier);
}

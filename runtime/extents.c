// SPDX-License-Identifier: Apache-2.0
#include "runtime/extents.h"
#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY 64

/* The first page of the extent of that size that contains the page. An extent is at most 2^39 bytes, 2^27 pages. */
static uint32_t first_page(uint32_t page, unsigned bits)
{
	return page & ~(((uint32_t)1 << (bits - PAGE_BITS)) - 1);
}

static uint32_t *bucket_of(const struct extents *x, uint32_t page, unsigned bits)
{
	uint64_t key = ((uint64_t)page << 6 | bits) * 0x9e3779b97f4a7c15u;
	return &x->bucket[(key >> 32) & (2 * x->capacity - 1)];
}

struct extent *extents_find(const struct extents *x, uint32_t page, unsigned bits)
{
	if (!(x->sizes >> bits & 1))
		return NULL;
	page = first_page(page, bits);
	for (uint32_t i = *bucket_of(x, page, bits); i; i = x->at[i - 1].next)
		if (x->at[i - 1].page == page && x->at[i - 1].bits == bits)
			return &x->at[i - 1];
	return NULL;
}

struct extent *extents_largest(const struct extents *x, uint32_t page)
{
	for (uint64_t sizes = x->sizes; sizes;) {
		unsigned bits = 63 - (unsigned)__builtin_clzll(sizes);
		struct extent *e = extents_find(x, page, bits);
		if (e)
			return e;
		sizes &= ~((uint64_t)1 << bits);
	}
	return NULL;
}

bool extents_allow(const struct extents *x, uint32_t page, bool write)
{
	for (uint64_t sizes = x->sizes; sizes; sizes &= sizes - 1) {
		const struct extent *e = extents_find(x, page, (unsigned)__builtin_ctzll(sizes));
		if (e && (e->write || !write))
			return true;
	}
	return false;
}

static void link_in(struct extents *x, uint32_t i)
{
	uint32_t *b = bucket_of(x, x->at[i].page, x->at[i].bits);
	x->at[i].next = *b;
	*b = i + 1;
}

/* What refers to extent i */
static uint32_t *link_to(struct extents *x, uint32_t i)
{
	uint32_t *p = bucket_of(x, x->at[i].page, x->at[i].bits);
	while (*p != i + 1)
		p = &x->at[*p - 1].next;
	return p;
}

static bool grow(struct extents *x)
{
	uint32_t capacity = x->capacity ? 2 * x->capacity : FIRST_CAPACITY;
	struct extent *at = realloc(x->at, capacity * sizeof *at);
	if (!at)
		return false;
	x->at = at;
	uint32_t *bucket = calloc(2 * capacity, sizeof *bucket);
	if (!bucket)
		return false;
	free(x->bucket);
	x->bucket = bucket;
	x->capacity = capacity;
	for (uint32_t i = 0; i < x->n; i++)
		link_in(x, i);
	return true;
}

struct extent *extents_add(struct extents *x, uint32_t page, unsigned bits)
{
	if (x->n == x->capacity && !grow(x))
		return NULL;
	x->at[x->n] = (struct extent){ .page = first_page(page, bits), .bits = (uint8_t)bits };
	x->sizes |= (uint64_t)1 << bits;
	link_in(x, x->n);
	return &x->at[x->n++];
}

void extents_remove(struct extents *x, struct extent *e)
{
	uint32_t i = (uint32_t)(e - x->at), last = x->n - 1;
	*link_to(x, i) = e->next;
	if (i != last) {
		*link_to(x, last) = i + 1;
		x->at[i] = x->at[last];
	}
	x->n = last;
}

void extents_clear(struct extents *x)
{
	if (x->n)
		memset(x->bucket, 0, 2 * x->capacity * sizeof *x->bucket);
	x->n = 0;
	x->sizes = 0;
}

void extents_free(struct extents *x)
{
	free(x->at);
	free(x->bucket);
	*x = (struct extents){ 0 };
}

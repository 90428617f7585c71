/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The extents of guest memory that are mapped in one window (runtime/window.h): naturally aligned powers of two, found by their
 * size and place. Extents may lie within others.
 */
#pragma once
#include "runtime/util.h"

struct extent {
	uint64_t pa;		/* guest physical address of its first byte */
	uint32_t page;		/* its first page, from the window's beginning on */
	uint32_t next;		/* in the hash's chain, + 1 */
	uint8_t bits;		/* log2 of its size */
	uint8_t verdict;	/* the owner's */
	bool write;		/* mapped writable */
	bool inside;		/* the writable part of a larger extent, which is read-only */
};

struct extents {
	struct extent *at;	/* in no order */
	uint32_t n, capacity;
	uint32_t *bucket;	/* twice as many as capacity: index + 1, 0: none */
	uint64_t sizes;		/* bit b: extents of 2^b bytes may be there */
};

/* All three by page; NULL: none. The last one finds the largest extent that contains it. Pointers hold until the next change. */
struct extent *extents_find(const struct extents *x, uint32_t page, unsigned bits);
struct extent *extents_largest(const struct extents *x, uint32_t page);
/* Whether some extent that contains the page is mapped for the access. */
bool extents_allow(const struct extents *x, uint32_t page, bool write);
/* NULL: out of memory. There is none of that size there. */
struct extent *extents_add(struct extents *x, uint32_t page, unsigned bits);
/* The last one takes its place in `at`. */
void extents_remove(struct extents *x, struct extent *e);
void extents_clear(struct extents *x);
void extents_free(struct extents *x);

static inline uint64_t extent_size(const struct extent *e)
{
	return (uint64_t)1 << e->bits;
}

/* Whether e lies in the extent of 2^bits bytes that contains the page. */
static inline bool extent_within(const struct extent *e, uint32_t page, unsigned bits)
{
	return e->bits <= bits && (e->page ^ page) >> (bits - PAGE_BITS) == 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A region: blocks that are compiled together, with their loops and branches inside. It is a copy of what the code cache holds, so that it can be
 * compiled without the cache's lock.
 *
 * It is entered at its first block alone. Everything in it has a position relative to the page of that block, so that it holds at whatever address the
 * page is mapped to. Other pages are part of it by the way in which they are mapped beside that page: a jump from one into another asks the virtual-PC
 * cache whether this is so in the running context, and leaves the region if not. A return is compared with the places behind the region's calls;
 * another indirect jump (the case of a switch) with blocks near it to which no link leads.
 */
#pragma once
#include "backend/cache/codecache.h"

/* What the tuning table allows at most */
#define REGION_MAX_TARGETS 24	/* of an indirect jump */
#define REGION_MAX_BLOCKS 80
#define REGION_MAX_INSNS 600
#define REGION_MAX_NEXT REGION_MAX_TARGETS	/* blocks that one leads to */
_Static_assert(REGION_MAX_INSNS + BLOCK_MAX_INSNS <= VCPU_MAX_STRETCH, "what is executed between two polls");

/*
 * What of the process a region's code needs, by block: in a section of its own, filled in where the code is put. Nothing else of it holds an address.
 */
#define LINK_SECTION "calque.links"
struct region_links {
	const struct uop *bound;	/* as in struct region_block */
	const void *code[2];		/* of exits that are WAY_CODE */
	const void *own;		/* as in struct region_block */
};

struct region_exit {
	enum { WAY_LOOKUP, WAY_CODE, WAY_INSIDE } way;	/* by way of the virtual-PC cache; to `code`; to block `to` */
	unsigned to;
	const void *code;	/* stays where it is until everything is flushed */
	int32_t target;		/* its position */
};

struct region_block {
	struct code_block *block;	/* may be looked at with the cache's lock alone */
	const void *code;		/* its own code, which names it in virtual-PC caches */
	const struct uop *bound;	/* its micro-ops, for slow paths at run time */
	struct uop *uop;		/* a copy, with op in place of handler, and positions in place of what is relative to SLOT_PAGE */
	unsigned n_uops, n_insns;
	int32_t position;		/* of its first instruction */
	bool calls, returns;		/* ends in one */
	bool behind_call;		/* returns may lead here … */
	bool landing;			/* … and other indirect jumps here */
	bool reached;			/* some edge leads to it */
	bool polls;			/* interrupts are seen at its beginning */
	bool arrives;			/* some edge leads to it from another page */
	struct region_exit exit[2];
};

struct region {
	uint64_t epoch;			/* of the code cache */
	uint32_t mode;
	const struct helper *helpers;	/* the frontend's */
	unsigned n_blocks, n_insns, n_uops;
	bool loops;			/* some edge leads back */
	bool lines;			/* which code comes from which instruction is kept */
	bool text;			/* the optimised IR is kept */
	bool windows;			/* loads and stores go through direct windows, not the TLB … */
	uint64_t home;			/* … most of them in this segment: va >> WINDOW_BITS */
	struct region_block block[REGION_MAX_BLOCKS];
	struct uop uops[REGION_MAX_INSNS * 8 + BLOCK_MAX_UOPS];
};

/* Which blocks a region is to have, by their positions: those inside, which of them are landings, and those that it leaves to by WAY_CODE. */
struct region_shape {
	unsigned n_blocks, n_landings, n_ways;
	int32_t block[REGION_MAX_BLOCKS], landing[REGION_MAX_BLOCKS], way[2 * REGION_MAX_BLOCKS];
};
void region_get_shape(const struct region *r, struct region_shape *shape);

typedef enum uop_op region_op_of(const void *opaque, const struct uop *bound);

/* With the cache's lock: the block that has been executed at a position in another page; NULL: it is not known. */
struct region_far { struct code_block *(*find)(const void *opaque, int64_t position); const void *opaque; };
/* With the cache's lock, what executing would have made: the block at an offset of `in`'s page, NULL if it cannot be had; and a block's code, if it can. */
typedef struct code_block *region_make_block(void *opaque, const struct code_block *in, unsigned offset);
typedef void region_make_code(void *opaque, struct code_block *b);
struct region_former {
	struct codecache *cache;
	const struct tuning *tuning;
	const struct frontend *frontend;
	bool poll_all;		/* interrupts are seen wherever a single block would see them (deterministic time), else once in each loop */
	region_op_of *op_of;
	const void *arena;	/* op_of's */
	struct region_far far;	/* find NULL: the region has one page */
	/* Not NULL: the region is to have this shape, whether or not its blocks have been executed. */
	const struct region_shape *shape;
	region_make_block *make_block;	/* NULL, and so the next: there are only those that have been executed */
	region_make_code *make_code;
	void *opaque;
};

/*
 * Collects the blocks that head leads to, those that have been executed, nearest first. With the cache's lock. False: it cannot be the
 * beginning of a region, or of one of the shape that is asked for.
 */
bool region_form(struct region *r, const struct region_former *former, struct code_block *head);
/* Whether the block is in the region, anywhere. */
bool region_has(const struct region *r, const struct code_block *b);
/* A position's page, relative to the head's: 0 is that one. */
static inline int32_t region_page(int64_t position) { return (int32_t)(position & (int64_t)PAGE_MASK); }
/* The blocks within the region that block `from` leads to: how many. */
unsigned region_next(const struct region *r, unsigned from, unsigned to[REGION_MAX_NEXT]);
/* By block, the loops that it is in: a bit for each one's head. */
struct region_loops { uint64_t of[REGION_MAX_BLOCKS][(REGION_MAX_BLOCKS + 63) / 64]; };
void region_find_loops(const struct region *r, struct region_loops *loops);
/* How many of block a's loops block b is in, too. */
unsigned region_shared_loops(const struct region_loops *loops, unsigned a, unsigned b);
/* The head of the smallest loop that the block is in; the block itself if it is one, or in none. */
unsigned region_innermost_head(const struct region *r, const struct region_loops *loops, unsigned block);

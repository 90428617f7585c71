/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cache of translated blocks that all vCPUs of a machine share: found by guest physical address and mode, linked to each other
 * within a page, dropped when their bytes are written.
 *
 * Memory is one bounded arena that only grows until it is full; then everything is dropped at once with all vCPUs parked. A
 * dropped block stays readable until then, for a vCPU that is in it; links and virtual-PC caches lead to it no more.
 *
 * Threads: one lock guards the tables, and whatever is written to any vCPU's virtual-PC cache. Executors read blocks without it; what
 * changes under them (exits) is one aligned pointer, written atomically.
 */
#pragma once
#include "frontends/frontend.h"

/* A block or an exit: its offset in the arena, plus 1; 0: none. Half the size of a pointer, for memory that is touched once. */
typedef uint32_t code_ref;

/* A direct exit of a block; stands behind its last micro-op. */
struct code_exit {
	const struct uop *to;		/* where to go on: `miss` until the exit has been linked */
	code_ref next_in;		/* the target's list of exits that lead to it */
	/* the executor's: where its code jumps out; to what while the exit is not linked; and when it leads back to its own block */
	uint32_t jump, unlinked, self;
	struct uop miss;		/* handler: near (may be linked) or far; imm: the target relative to SLOT_PAGE */
};

struct region_use;
struct code_block {
	uint64_t pa;			/* of the first instruction */
	uint64_t va;			/* where it was when it was lifted, for logs and profilers: it may be executed elsewhere, too */
	uint64_t second_pa;		/* page that an instruction continues in; CODE_NO_PAGE */
	uint32_t mode;
	uint32_t size;			/* in the arena, bytes */
	uint16_t n_insns, n_uops;
	uint16_t bytes;			/* of guest code */
	bool dead;			/* under the lock */
	bool both_halves;		/* accesses memory in the half of the address space that its mode does not expect, too */
	bool no_windows;		/* under the lock: a region that began here faulted too much */
	uint16_t uses;			/* under the lock: how often it was looked up before it had code */
	uint16_t heat;			/* under the lock: how often sampling has found it */
	uint8_t n_exits;		/* one for each target that its last micro-op has */
	struct region_use *regions;	/* under the lock: the regions that it is part of */
	const void *code;		/* code_of: where executing it begins, for virtual-PC caches; NULL: not ready (struct code_hooks) */
	code_ref hash_next, page_next[2], incoming;
	const struct insn_info *insn;
	struct uop uop[];		/* then code_exit[n_exits], then insn_info[n_insns] */
};
#define CODE_NO_PAGE (~(uint64_t)0)
/* Without the lock too: it is set once. */
static inline const void *code_of(const struct code_block *b) { return __atomic_load_n(&b->code, __ATOMIC_ACQUIRE); }
static inline struct code_exit *code_exits(const struct uop *last) { return (struct code_exit *)(last + 1); }

/* What the executor puts into blocks. */
struct code_handlers {
	const void *const *op;		/* by enum uop_op */
	const void *near, *far;
};

/* What an executor with code of its own is told, with the lock held. */
struct code_hooks {
	/* The block is wanted: sets its code, or leaves it NULL to have it looked up again next time. False: no room (all is flushed). */
	bool (*prepare)(void *opaque, struct code_block *b);
	void (*link)(void *opaque, struct code_exit *exit, const struct code_block *to);
	void (*unlink)(void *opaque, struct code_exit *exit);
	/* The block is dropped. */
	void (*drop)(void *opaque, struct code_block *b);
	void (*flush)(void *opaque);
	void *opaque;
};

struct codecache;
struct codecache_stats { uint64_t blocks, insns, uops, bytes, invalidated, flushes, arena; };

/* hooks may be NULL: blocks then begin at their first micro-op. */
struct codecache *codecache_create(struct machine *m, const struct code_handlers *h, const struct code_hooks *hooks, uint64_t arena_bytes,
				   struct error *err);
void codecache_destroy(struct codecache *cc);

void codecache_lock(struct codecache *cc);
void codecache_unlock(struct codecache *cc);

/* With the lock held. second_pa must match for a block that crosses a page; pass CODE_NO_PAGE to find any. */
struct code_block *codecache_find(struct codecache *cc, uint64_t pa, uint32_t mode);
/*
 * Binds a block, lifted at va, into the arena and makes it findable. NULL: the arena is full (unlock, codecache_flush, start again).
 * page[1] is NULL unless it crosses.
 */
struct code_block *codecache_add(struct codecache *cc, const struct ir_block *b, uint64_t va, uint64_t pa, uint64_t second_pa, uint32_t mode,
				 struct phys_page *const page[2]);
/* The same into `room` bytes at `at`, found by nobody. NULL: does not fit. */
struct code_block *codecache_bind(const struct code_handlers *h, const struct ir_block *b, uint64_t pa, uint32_t mode, void *at,
				  uint64_t room);
/* The guest's bytes from the block's first page, and the page's record. */
const uint8_t *codecache_page(const struct codecache *cc, const struct code_block *b, struct phys_page **page);
/* Makes a block's code, if it is time for it. False: no room (unlock, codecache_flush, start again). */
bool codecache_prepare(struct codecache *cc, struct code_block *b);
/* Links the exit to a live block of the same page that has code. */
void codecache_link(struct codecache *cc, struct code_exit *from, struct code_block *to);

/* ---- without the lock ---- */
/* The block whose micro-ops u lies in. */
struct code_block *codecache_owner(struct codecache *cc, const struct uop *u);
/* The place of a micro-op of a block; tier and host_bytes are left alone. */
void codecache_place(const struct code_block *b, unsigned uop, struct code_place *place);
/* Whether this is memory for blocks. In signal handlers too. */
bool codecache_holds(const struct codecache *cc, uint64_t address);
/* The block that holds the micro-op or byte `at`; NULL: none does. `at` may be anything. With the lock. */
struct code_block *codecache_block_at(struct codecache *cc, const void *at);
/* The block has accessed memory in the half of the address space that its mode does not expect: it is dropped, and made anew for both halves. */
void codecache_widen(struct codecache *cc, struct code_block *b);
void codecache_invalidate(struct codecache *cc, struct phys_page *page, uint64_t granules);
/* Drops everything, with all vCPUs parked, and empties their virtual-PC caches. */
void codecache_flush(struct codecache *cc);
/* Counts flushes: pointers to blocks and exits that were taken before the last one are void. */
uint64_t codecache_epoch(const struct codecache *cc);
void codecache_get_stats(struct codecache *cc, struct codecache_stats *s);

/* SPDX-License-Identifier: Apache-2.0 */
/* Which slots hold addresses of accesses through windows, and how far they are from what their entries are for (lower_window.h). */
#pragma once
#include "backend/llvm/region.h"
#include "runtime/vcpu.h"

#define FAR UINT64_MAX		/* no bound is known */

struct near_state {
	uint64_t distance[VCPU_SLOTS];	/* of a base from an address of its entry */
	uint64_t size[VCPU_SLOTS];	/* values lie between -size and size */
};

struct near {
	const struct region *region;
	const struct region_loops *loops;
	bool base[VCPU_SLOTS];		/* accesses go through it, or what is near to it */
	uint64_t used[VCPU_SLOTS][REGION_MAX_BLOCKS / 64 + 1];	/* the loops in which they do, as in region_loops … */
	uint64_t made[VCPU_SLOTS][REGION_MAX_BLOCKS / 64 + 1];	/* … and those in which it gets a value that is near to nothing known */
	bool first[VCPU_SLOTS];		/* near_looks_up_first */
	bool reached[REGION_MAX_BLOCKS];
	struct near_state at[];		/* at each block's beginning */
};

/* What a micro-op makes */
enum near_made {
	NEAR_NO_BASE,
	NEAR_SHARES,	/* a base that shares the entry of another slot */
	NEAR_LOOKS_UP,	/* a base whose entry is to be looked up at once, for a loop behind */
	NEAR_UNKNOWN,	/* a base whose entry its accesses look for */
};

/* The caller frees it. */
struct near *near_find(const struct region *r, const struct region_loops *loops);
bool near_is_access(const struct uop *u);
/* Whether the entry of a base is to be looked up at the region's beginning. */
static inline bool near_looks_up_first(const struct near *n, unsigned slot) { return n->first[slot]; }
/* *other: the slot whose entry is shared */
enum near_made near_made(const struct near *n, const struct near_state *s, unsigned block, const struct uop *u, unsigned *other);
/* Goes past a micro-op. */
void near_step(const struct near *n, struct near_state *s, unsigned block, const struct uop *u);

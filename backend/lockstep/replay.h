/* SPDX-License-Identifier: Apache-2.0 */
/* The interpreter that the compiled side is compared with: it notes what it stores and which blocks it executes. */
#pragma once
#include "backend/cache/finder.h"

struct replay_store { uint8_t *host; uint64_t size; };			/* in the mirror's memory */
struct replay_block { const struct uop *end; uint64_t page; };		/* its last micro-op, or the one that faulted; SLOT_PAGE */

#define REPLAY_BLOCKS 1024	/* a power of two */

struct replay {			/* vcpu->exec */
	struct finder finder;	/* first: what the interpreter expects there */
	struct replay_store *store;
	unsigned n_stores, room;
	struct replay_block block[REPLAY_BLOCKS];	/* a ring of the last ones */
	uint64_t n_blocks;
	uint64_t epoch;		/* of the code cache when the stretch began: blocks of an earlier one are gone */
};

/* The engine of the machine that replays; machine->tuning.lockstep_stretch bounds how much it is told to run at a time. */
extern const struct exec_ops replay_engine;

/*
 * Runs until icount is `until`, wherever in a block that is, or an exception is pending; if `faults`, an exception is awaited there. The notes
 * begin anew.
 */
void replay_run(struct vcpu *cpu, uint64_t until, bool faults);

/* ---- what the dispatch loop tells ---- */
static inline void replay_stored(struct replay *r, uintptr_t host, uint64_t size)
{
	if (r->n_stores < r->room)	/* always: an instruction stores once */
		r->store[r->n_stores++] = (struct replay_store){ (uint8_t *)host, size };
}

static inline void replay_executed(struct replay *r, const struct uop *end, uint64_t page)
{
	r->block[r->n_blocks++ & (REPLAY_BLOCKS - 1)] = (struct replay_block){ end, page };
}

void replay_stored_slowly(struct vcpu *cpu, uint64_t va, uint64_t size);

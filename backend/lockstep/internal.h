/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdio.h>
#include "backend/lockstep/lockstep.h"
#include "runtime/journal.h"

/* An engine that acts. */
struct side {
	const char *name;
	const struct exec_ops *ops;
	/* Prints what the engine has made of the block at pa; NULL: there is nothing to see. */
	void (*print)(struct machine *m, uint64_t pa, uint32_t mode, FILE *f);
};

struct lockstep {
	const struct side *side;
	struct machine *m;		/* what acts */
	struct machine mirror;		/* what the interpreter runs */
	bool made;			/* the mirror is there … */
	bool stale;			/* … but its memory is not */
	struct journal journal;
	uint64_t flushes;		/* of the TLB that acts, when it was last compared */
	uint64_t began;			/* icount at the beginning of the stretch */
	uint64_t sweep_at, swept;	/* icount of the next and the last sweep */
	uint64_t insns, stretches, stores, sweeps;
	char failure[160];		/* what differs, in a line; empty: nothing has */
};

static inline struct vcpu *acting(const struct lockstep *l) { return l->m->vcpu[0]; }
static inline struct vcpu *interpreted(const struct lockstep *l) { return l->mirror.vcpu[0]; }

/* ---- state.c ---- */
/* Makes the machine that the interpreter runs, the first time; copies all memory, if it is stale. False: err says why. */
MUST_CHECK bool lockstep_prepare(struct lockstep *l, struct error *err);
void lockstep_destroy_mirror(struct lockstep *l);
/* Makes the interpreter's state that of the vCPU that acts. */
void lockstep_adopt(struct lockstep *l);
/* Both have run: what they have flushed from their TLBs until now, both have. */
void lockstep_ran(struct lockstep *l);

/* ---- compare.c ---- */
/* Whether both are in the same state, and all that the interpreter has stored is there. */
bool lockstep_same(struct lockstep *l);
/* A line for each thing that differs; returns their number. `first` gets the first one, without its newline. */
unsigned lockstep_differences(struct lockstep *l, FILE *f, char *first, size_t size);
/* Whether all of memory is the same; else *pa is the first byte that is not. */
bool lockstep_sweep(struct lockstep *l, uint64_t *pa);

/* ---- report.c ---- */
/* The guest code of the stretch, its micro-ops, what was compiled of it, and both states. */
void lockstep_report(struct lockstep *l, FILE *f);

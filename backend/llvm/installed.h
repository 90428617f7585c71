/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The regions that are in use: each takes the place of its first block's code, and goes when one of its blocks does. All with the code
 * cache's lock.
 */
#pragma once
#include "backend/llvm/compile.h"
#include "backend/llvm/requests.h"
#include "backend/stencil/emit.h"

/* A region's membership in the list of one of its blocks. */
struct region_use {
	struct region_use *next;	/* in the block's list */
	struct installed *region;
	struct code_block *block;
};
struct installed {
	struct installed *next;
	struct code_block *head;
	bool live;			/* its head leads to it */
	uint64_t original;		/* what the head's code began with */
	uint64_t since;			/* samples that had been taken before */
	struct sighting seen;		/* of its head, when it was formed */
	struct compiled code;
	uint64_t faults;		/* host faults of its accesses */
	uint64_t samples;		/* that found a vCPU in it */
	unsigned n_blocks;
	struct region_use use[];
};
struct installed_list {
	struct stencil_arena *arena;
	struct installed *first;
	uint64_t dropped;	/* counts */
};

/* The region that the block leads to, NULL: none. */
struct installed *installed_at(const struct code_block *head);
/* The region whose code holds an address, also one that has been retired; NULL: none. */
struct installed *installed_with(const struct installed_list *l, const char *pc);
/* The micro-op to which the code at an address of the region belongs: what has no line of its own (shared ways out, spills) goes with what stands
 * before it. False: the region has no lines. */
bool installed_find_line(const struct installed *region, const char *pc, const struct code_block **b, unsigned *uop);
/* A sample has found a vCPU in a region, about to execute the block. */
void installed_sample(const struct code_block *b);
/* Whether a region that the block is in has been installed since so many samples. */
bool installed_since(const struct code_block *b, uint64_t sample);
/* Installs what has been made of blocks that are all alive, in place of what its head leads to, after so many samples, and returns it; NULL: out of
 * memory. Takes the code's lines and IR. */
struct installed *installed_add(struct installed_list *l, const struct region *formed, struct compiled *code, const struct sighting *seen,
				uint64_t sample);
/* Which block and which of its instructions a line of its code belongs to: 0 for the block's beginning. False: to none. */
bool installed_line(const struct installed *region, unsigned line, const struct code_block **b, unsigned *insn);
/* Takes a region out of use; vCPUs that are inside go on until they leave. */
void installed_retire(struct installed_list *l, struct installed *region);
/* All regions that the block is part of. */
void installed_drop(struct installed_list *l, struct code_block *b);
/* Forgets all regions; their blocks are gone. */
void installed_flush(struct installed_list *l);

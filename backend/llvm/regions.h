/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The regions of a machine: which blocks are hot, the threads that compile what begins at them or find it on disk, and what has been installed. A vCPU
 * never waits for LLVM or the disk, except where `synchronous` asks for it.
 *
 * Installed code takes the place of its first block's: that block's code begins with a jump to it. When one of a region's blocks is dropped, the
 * jump goes; a vCPU that is inside goes on until it leaves, as it may until it executes its fence (RISC-V: FENCE.I).
 */
#pragma once
#include <stdio.h>
#include "backend/cache/code_memory.h"
#include "backend/cache/store.h"
#include "backend/stencil/emit.h"
#include "runtime/process.h"

struct regions;
struct installed;
struct regions_config {
	const struct machine *machine;	/* whose observer is told */
	struct codecache *cache;
	struct stencil_arena *arena;
	struct code_memory memory;	/* for code; stays the caller's */
	const struct frontend *frontend;
	const struct tuning *tuning;
	bool poll_all;			/* as region_form */
	bool lines;			/* regions_find_line is wanted */
	bool windows;			/* the machine has direct windows … */
	bool may_give_up;		/* … and a region that faults too much does without */
	bool synchronous;		/* compiled where it is asked for, else by so many … */
	unsigned threads;
	bool yields;			/* … which leave the processors to vCPUs that want them */
	struct recall *recall;		/* regions of earlier runs; NULL: none. Becomes the regions'. */
};
struct regions_stats {
	uint64_t regions, blocks, insns, bytes, failed, dropped, ns, stale, straight, fills, leaves, recalled, lost, recall_ns;
	uint64_t samples, inside, beside;	/* beside: outside of regions, in a block that some have */
};

/* The op of a bound micro-op, in region_former.op_of's form. */
enum uop_op regions_op_of(const void *arena, const struct uop *bound);

/* Takes over config->recall, on failure too. */
struct regions *regions_create(const struct regions_config *config, struct error *err);
void regions_destroy(struct regions *r);

/* Called at regular intervals: the vCPU is about to execute block b (NULL: it is not kept) at cpu->pc, having left a region for this, or stencils. On
 * its thread, without the cache's lock. */
void regions_sample(struct regions *r, const struct vcpu *cpu, struct code_block *b, bool from_region);
/* The hooks of the code cache, with its lock held: a block, which has code, gets a region of what is known to follow; it is dropped; all is. */
void regions_compile_now(struct regions *r, struct code_block *b);
/* A block has got code: if an earlier run had a region that begins there, it is asked for. */
void regions_ready(struct regions *r, struct code_block *b);
void regions_drop(struct regions *r, struct code_block *b);
void regions_flush(struct regions *r);
/*
 * The region and the micro-op whose access through a window has faulted at pc, or whose poll has called from there, and all of the guest's state in
 * struct vcpu, from the host's registers there; NULL: it is none of ours. On the vCPU's thread, perhaps in a signal handler.
 */
struct installed *regions_find(struct regions *r, struct vcpu *cpu, const char *pc, const struct host_registers *host, const struct uop **u);
/* The block and the micro-op whose code holds the address, and the size of its region's code; false: none is known. With the cache's lock. */
bool regions_find_line(struct regions *r, uint64_t address, const struct code_block **b, unsigned *uop, uint32_t *size);
/* It has faulted: a page was mapped, or the region is being left. */
void regions_count_fault(struct regions *r, struct installed *region, bool filled);
/* With the cache's lock, of a synchronous one: prints the IR of the regions that b is part of, as they would be formed now. */
void regions_print(struct regions *r, const struct code_block *b, FILE *f);
void regions_get_stats(struct regions *r, struct regions_stats *s);
/* Of the cache on disk; false: there is none. */
bool regions_get_store_stats(struct regions *r, struct store_stats *s);

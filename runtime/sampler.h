/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Samples of what the vCPUs of a machine are doing, at a set rate of host time.
 *
 * A thread of its own sends each vCPU's thread a signal; the handler notes where that stands: the host's program counter or the micro-op that C
 * works for, the guest's mode and address space, and the return addresses that the chain of frame pointers leads to. So a sample is of the
 * instruction that was being executed, not of the next point at which generated code looks up, and a vCPU that is not sampled pays nothing.
 * What a host address stands for the sampler's thread finds out later, before the engine drops its code.
 *
 * VCPUs that wait for an interrupt are counted without being woken. One sampler in a process at a time: the signal (SIGPROF) is the process's.
 */
#pragma once
#include "runtime/machine.h"
#include "runtime/unwind.h"

#define SAMPLE_FRAMES UNWIND_FRAMES	/* deeper stacks are cut off at their root */

struct sample {
	uint64_t pc;		/* guest instruction, virtual; 0: not known */
	uint64_t space;		/* address space: the key of mmu_set_context */
	uint32_t mode;		/* vcpu->mode */
	unsigned vcpu;
	enum vcpu_tier tier;
	uint64_t caller;	/* the return address register; leads out of pc's function until that has called another one */
	unsigned n_frames;
	uint64_t frame[SAMPLE_FRAMES];	/* return addresses, the innermost first: without `caller` while the function has no frame of its own */
	struct code_place place;/* .bytes 0: not known */
};

/* On the sampler's thread, or where the engine drops its code: look at it, and call nothing of the machine. Never two at a time. */
typedef void sample_fn(void *opaque, const struct sample *s);

struct sampler_stats {
	uint64_t ticks;		/* times that all vCPUs were looked at */
	uint64_t idle;		/* vCPUs that waited for an interrupt, or had not been started */
	uint64_t stalled;	/* … that were held by another vCPU */
	uint64_t lost;		/* no room, or the signal before had not been taken yet: the host did not run the thread */
};

struct sampler;
/*
 * Starts sampling `rate` (1 to 10000) times a second of host time. The machine's vCPUs exist, and machine.profile was set before they did. It may
 * run; it must not be destroyed before sampler_stop. NULL: err.
 */
struct sampler *sampler_start(struct machine *m, unsigned rate, sample_fn *fn, void *opaque, struct error *err);
/* Hands over what has been taken, and ends. The machine is paused. *stats (not NULL) is filled in. */
void sampler_stop(struct sampler *s, struct sampler_stats *stats);
/* The engine is about to drop code that marks name; all vCPUs are held. */
void sampler_flush(struct sampler *s);

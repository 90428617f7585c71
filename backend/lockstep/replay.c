// SPDX-License-Identifier: Apache-2.0
#include "backend/lockstep/replay.h"
#include <stdlib.h>
#include "backend/interp/interp.h"
#include "backend/lockstep/replay_execute.h"

/* A store through the soft MMU: the bytes may lie in two pages, or be a device's. */
void replay_stored_slowly(struct vcpu *cpu, uint64_t va, uint64_t size)
{
	const struct phys *p = &cpu->machine->phys;
	while (size) {
		uint64_t pa, n = PAGE_SIZE - (va & ~PAGE_MASK);
		if (n > size)
			n = size;
		const struct phys_range *r = mmu_debug_translate(cpu, va, &pa) ? phys_find(p, GPA(pa)) : NULL;
		if (r && r->host)
			replay_stored(cpu->exec, (uintptr_t)r->host + (pa - r->base.v), n);
		va += n;
		size -= n;
	}
}

/* A block that faults has no end to tell of it. */
static enum interp_exit execute(struct vcpu *cpu, const struct uop *u, const struct uop **at, struct code_handlers *handlers)
{
	enum interp_exit e = replay_execute(cpu, u, at, handlers);
	if (e == INTERP_FAULT)
		replay_executed(cpu->exec, *at, cpu->reg[SLOT_PAGE]);
	return e;
}

static void run(struct vcpu *cpu)
{
	interp_run(cpu, execute);
}

void replay_run(struct vcpu *cpu, uint64_t until, bool faults)
{
	struct replay *r = cpu->exec;
	r->n_stores = 0;
	r->n_blocks = 0;
	r->epoch = codecache_epoch(r->finder.cache);
	uint64_t near = until < BLOCK_MAX_INSNS ? 0 : until - BLOCK_MAX_INSNS;
	bool step = cpu->single_step;
	while (cpu->icount < until + faults && !cpu->exception.pending) {
		/* up to here no block leads past the end; then one at a time, and the last one by instructions if need be */
		uint64_t deadline = near;
		if (cpu->icount >= near) {
			const struct code_block *b = finder_look_up(&r->finder, cpu->pc);
			if (!b)
				break;
			cpu->single_step |= !faults && cpu->icount + b->n_insns > until;
			deadline = cpu->icount + 1;
		}
		atomic_store(&cpu->deadline, deadline);
		run(cpu);
		cpu->single_step = step;
	}
}

static bool init(struct vcpu *cpu, struct error *err)
{
	struct replay *r = aligned_alloc(64, (sizeof *r + 63) / 64 * 64);
	/* a stretch, what the other side executes beyond it before it looks, and a block */
	unsigned room = (unsigned)cpu->machine->tuning.lockstep_stretch + 2 * VCPU_MAX_STRETCH;
	if (!r || !(r->store = malloc(room * sizeof *r->store))) {
		free(r);
		return error_set(err, ERROR_HOST, "lockstep's interpreter: out of memory");
	}
	r->room = room;
	return interp_init(cpu, &r->finder, replay_execute, err);
}

static void destroy(struct vcpu *cpu)
{
	struct replay *r = cpu->exec;
	if (r)
		free(r->store);
	interp_destroy(cpu);
}

const struct exec_ops replay_engine = {
	.name = "replay",
	.vcpu_init = init,
	.vcpu_destroy = destroy,
	.run = run,
	.invalidate = interp_invalidate,
	.flush = interp_flush,
};

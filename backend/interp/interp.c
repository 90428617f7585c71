// SPDX-License-Identifier: Apache-2.0
#include "backend/interp/interp.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include "backend/cache/finder.h"
#include "backend/interp/execute.h"
#include "backend/interp/observed.h"
#include "runtime/fp.h"

/* Goes on through a near exit, linked from now on. */
static const struct code_block *follow(struct finder *x, const struct uop *miss)
{
	struct code_exit *exit = CONTAINER_OF(miss, struct code_exit, miss);
	uint64_t epoch = codecache_epoch(x->cache);
	struct code_block *to = finder_look_up(x, x->cpu->reg[SLOT_PAGE] + (uint64_t)(int64_t)miss->imm);
	if (to && !finder_is_once(x, to) && !finder_link(x, exit, to, epoch) && epoch == codecache_epoch(x->cache))
		__atomic_store_n(&exit->miss.handler, x->handlers.far, __ATOMIC_RELEASE);
	return to;
}

static const struct uop *find(struct finder *x, uint64_t va)
{
	const void *u = finder_probe(x->cpu, va);
	const struct code_block *b = u ? NULL : finder_look_up(x, va);
	return b ? b->uop : u;
}

void interp_run(struct vcpu *cpu, interp_execute_fn *execute)
{
	struct finder *x = cpu->exec;
	finder_set_keys(x);
	if (unlikely(cpu->machine->observer.block)) {
		interp_run_observed(x);
		return;
	}
	vcpu_doing(cpu, TIER_INTERP);
	if (cpu->single_step)
		vcpu_trip(cpu);
	fp_load_control(cpu->fp_control);
	const struct uop *u = find(x, cpu->pc), *at = NULL;
	const struct code_block *b;
	while (u) {
		switch (execute(cpu, u, &at, NULL)) {
		case INTERP_LEAVE:
			u = NULL;
			break;
		case INTERP_LOOKUP:
			b = finder_look_up(x, cpu->pc);
			u = b ? b->uop : NULL;
			break;
		case INTERP_LINK:
			b = follow(x, at);
			u = b ? b->uop : NULL;
			break;
		case INTERP_FAULT:
			finder_locate_fault(cpu, finder_owner(x, at), at);
			u = NULL;
			break;
		}
	}
	vcpu_fp_fold(cpu);
	vcpu_doing(cpu, TIER_RUNTIME);
}

static void interrupted(struct vcpu *cpu, const struct interrupted *host, struct code_mark *mark)
{
	const struct finder *x = cpu->exec;
	if (mark->tier == TIER_INTERP || mark->tier == TIER_DEVICE)
		mark->at = interp_position(x->cache, &x->handlers, host);
}

static bool locate(struct machine *m, const void *at, struct code_place *place)
{
	return interp_locate(m->exec_state, at, place);
}

static void run(struct vcpu *cpu)
{
	interp_run(cpu, interp_execute);
}

/* ---- life ---- */

bool interp_init(struct vcpu *cpu, struct finder *x, interp_execute_fn *execute, struct error *err)
{
	struct machine *m = cpu->machine;
	struct code_handlers handlers;
	execute(NULL, NULL, NULL, &handlers);
	if (!m->exec_state)
		m->exec_state = codecache_create(m, &handlers, NULL, m->code_cache_bytes, err);
	finder_init(x, cpu, m->exec_state, &handlers);
	cpu->exec = x;
	return x->cache != NULL;
}

static bool init(struct vcpu *cpu, struct error *err)
{
	struct finder *x = aligned_alloc(64, (sizeof *x + 63) / 64 * 64);
	if (!x)
		return error_set(err, ERROR_HOST, "interpreter of vCPU %u: out of memory", cpu->index);
	return interp_init(cpu, x, interp_execute, err);
}

void interp_destroy(struct vcpu *cpu)
{
	struct machine *m = cpu->machine;
	free(cpu->exec);
	cpu->exec = NULL;
	if (cpu->index == 0) {		/* the machine's vCPUs go together */
		codecache_destroy(m->exec_state);
		m->exec_state = NULL;
	}
}

void interp_invalidate(struct machine *m, struct phys_page *page, uint64_t granules)
{
	codecache_invalidate(m->exec_state, page, granules);
}

void interp_flush(struct machine *m)
{
	codecache_flush(m->exec_state);
}

static void print_stats(struct machine *m, void *file)
{
	struct codecache_stats s;
	codecache_get_stats(m->exec_state, &s);
	fprintf(file, "interp: %" PRIu64 " blocks, %" PRIu64 " instructions, %" PRIu64 " micro-ops, %" PRIu64 " KiB decoded, "
		"%" PRIu64 " dropped, %" PRIu64 " flushes\n", s.blocks, s.insns, s.uops, s.arena >> 10, s.invalidated, s.flushes);
	for (unsigned i = 0; i < m->n_vcpus; i++)
		fprintf(file, "vcpu%u: %" PRIu64 " instructions, %" PRIu64 " look-ups\n", i, m->vcpu[i]->icount,
			((struct finder *)m->vcpu[i]->exec)->lookups);
}

const struct exec_ops interp_engine = {
	.name = "interp",
	.summary = "The interpreter of micro-ops alone.",
	.vcpu_init = init,
	.vcpu_destroy = interp_destroy,
	.run = run,
	.invalidate = interp_invalidate,
	.flush = interp_flush,
	.print_stats = print_stats,
	.interrupted = interrupted,
	.locate = locate,
};

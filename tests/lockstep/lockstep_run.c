// SPDX-License-Identifier: Apache-2.0
#include "tests/lockstep/lockstep_run.h"
#include <stdlib.h>
#include <string.h>
#include "backend/lockstep/lockstep.h"
#include "frontends/riscv/riscv.h"
#include "tests/lockstep/hart.h"

struct guest {
	struct hart hart;
	struct lockstep_run *run;
};

/* ---- the device ---- */

static bool device_read(void *opaque, uint64_t offset, unsigned size, uint64_t *value)
{
	struct guest *g = opaque;
	struct rng r = { g->run->random };
	*value = rng_next(&r) >> (64 - 8 * size);
	g->run->random = r.s;
	return offset < 16;
}

static bool device_write(void *opaque, uint64_t offset, unsigned size, uint64_t value)
{
	struct guest *g = opaque;
	if (!offset)
		machine_end(&g->hart.m, EXIT_POWEROFF, 0, "done");
	else if (g->run->poke)
		g->run->poke(&g->hart.m, value);
	return true;
}

/* ---- coverage ---- */

static void translated(void *opaque, struct vcpu *cpu, uint64_t va, const struct ir_block *block)
{
	const struct guest *g = opaque;
	coverage_translated(g->run->coverage, va, block);
}

static void generated(void *opaque, const struct generated *code)
{
	const struct guest *g = opaque;
	coverage_generated(g->run->coverage, code);
}

static void watch(struct guest *g)
{
	struct machine *m = &g->hart.m;
	m->profile = true;	/* code comes with the instructions that it is of */
	m->observer.translated = translated;
	m->observer.generated = generated;
	m->observer.opaque = g;	/* a struct hart too: its first member */
}

/* ---- life ---- */

static bool run(struct guest *g, const struct program *p, struct error *err)
{
	static const struct mmio_ops device = { device_read, device_write };
	struct lockstep_run *r = g->run;
	struct machine *m = &g->hart.m;
	m->code_cache_bytes = (uint64_t)4 << 20;
	m->against = r->against;
	m->memory = r->memory;
	m->tuning.lockstep_stretch = r->stretch;
	m->tuning.lockstep_sweep = r->sweep;
	/* a program has some twenty regions then, each of which takes LLVM tens of milliseconds */
	m->tuning.sample_period = 700;
	m->tuning.heat = 1;
	m->log_file = r->log;
	if (r->coverage)
		watch(g);
	if (!phys_add_mmio(&m->phys, GPA(PROGRAM_DEVICE), 0x1000, "device", &device, g, err) ||
	    !hart_load(&g->hart, PROGRAM_BASE, PROGRAM_SIZE, p->image, PROGRAM_SIZE, err) || !hart_run(&g->hart, r->limit, err))
		return false;
	m->exec->ended(m);
	r->exit = m->exit;
	r->insns = m->vcpu[0]->icount;
	return true;
}

bool lockstep_run(struct lockstep_run *r, const struct program *p, struct error *err)
{
	struct guest *g = calloc(1, sizeof *g);
	if (!g)
		return error_set(err, ERROR_HOST, "out of memory");
	g->run = r;
	bool good = hart_begin(&g->hart, &lockstep_engine, PROGRAM_SIZE, err) && run(g, p, err);
	hart_end(&g->hart);
	free(g);
	return good;
}

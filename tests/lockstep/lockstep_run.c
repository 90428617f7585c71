// SPDX-License-Identifier: Apache-2.0
#include "tests/lockstep/lockstep_run.h"
#include <stdlib.h>
#include <string.h>
#include "backend/lockstep/lockstep.h"
#include "frontends/riscv/riscv.h"

struct guest {
	struct machine m;
	struct lockstep_run *run;
	struct cpu_config *config;
	bool ended;
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
		machine_end(&g->m, EXIT_POWEROFF, 0, "done");
	else if (g->run->poke)
		g->run->poke(&g->m, value);
	return true;
}

/* ---- the end ---- */

static void finish(struct guest *g)
{
	pthread_mutex_lock(&g->m.lock);
	g->ended = true;
	pthread_cond_broadcast(&g->m.changed);
	pthread_mutex_unlock(&g->m.lock);
}

static void guest_ended(void *opaque, const struct guest_exit *e)
{
	finish(opaque);
}

static void guest_stopped(void *opaque, struct vcpu *cpu)
{
	finish(opaque);
}

/* ---- life ---- */

static bool set_up(struct guest *g, const struct program *p, struct error *err)
{
	static const struct mmio_ops device = { device_read, device_write };
	struct machine *m = &g->m;
	m->frontend = &riscv64_frontend;
	m->arch = riscv64_frontend.arch;
	m->exec = &lockstep_engine;
	m->deterministic = true;
	m->code_cache_bytes = (uint64_t)4 << 20;
	m->against = g->run->against;
	m->memory = g->run->memory;
	m->tuning.lockstep_stretch = g->run->stretch;
	m->tuning.lockstep_sweep = g->run->sweep;
	/* a program has some twenty regions then, each of which takes LLVM tens of milliseconds */
	m->tuning.sample_period = 700;
	m->tuning.heat = 1;
	m->log_file = g->run->log;
	m->observer.exit = guest_ended;
	m->observer.stopped = guest_stopped;
	m->observer.opaque = g;
	if (!phys_add_ram(&m->phys, GPA(PROGRAM_BASE), PROGRAM_SIZE, "ram", err) ||
	    !phys_add_mmio(&m->phys, GPA(PROGRAM_DEVICE), 0x1000, "device", &device, g, err))
		return false;
	if (!phys_load(&m->phys, GPA(PROGRAM_BASE), p->image, PROGRAM_SIZE))
		return error_set(err, ERROR_HOST, "the program does not fit");
	struct vcpu *cpu = m->vcpu[0] = vcpu_create(m, 0, err);
	if (!cpu)
		return false;
	m->n_vcpus = 1;
	if (!m->frontend->vcpu_init(cpu, g->config, err) || !m->exec->vcpu_init(cpu, err))
		return false;
	m->frontend->reset(cpu);
	cpu->pc = PROGRAM_BASE;
	cpu->stop_icount = g->run->limit;
	return machine_start(m, err);
}

static void run(struct guest *g)
{
	struct machine *m = &g->m;
	machine_resume(m);
	pthread_mutex_lock(&m->lock);
	while (!g->ended)
		pthread_cond_wait(&m->changed, &m->lock);
	pthread_mutex_unlock(&m->lock);
	machine_pause(m);
	m->exec->ended(m);
	g->run->exit = m->exit;
	g->run->insns = m->vcpu[0]->icount;
}

bool lockstep_run(struct lockstep_run *r, const struct program *p, struct error *err)
{
	struct guest *g = calloc(1, sizeof *g);
	if (!g)
		return error_set(err, ERROR_HOST, "out of memory");
	g->run = r;
	g->config = riscv64_frontend.config_parse(riscv64_frontend.default_cpu, err);
	bool good = g->config && machine_init(&g->m, PROGRAM_SIZE, err);
	if (good) {
		good = set_up(g, p, err);
		if (good)
			run(g);
		machine_end_threads(&g->m);
		for (unsigned i = 0; i < g->m.n_vcpus; i++) {
			g->m.exec->vcpu_destroy(g->m.vcpu[i]);
			g->m.frontend->vcpu_destroy(g->m.vcpu[i]);
		}
		machine_destroy(&g->m);
	}
	if (g->config)
		riscv64_frontend.config_free(g->config);
	free(g);
	return good;
}

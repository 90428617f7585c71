// SPDX-License-Identifier: Apache-2.0
#include "tests/lockstep/hart.h"
#include "frontends/riscv/riscv.h"

static void finish(struct hart *h)
{
	pthread_mutex_lock(&h->m.lock);
	h->ended = true;
	pthread_cond_broadcast(&h->m.changed);
	pthread_mutex_unlock(&h->m.lock);
}

static void guest_ended(void *opaque, const struct guest_exit *e)
{
	finish(opaque);
}

static void guest_stopped(void *opaque, struct vcpu *cpu)
{
	finish(opaque);
}

bool hart_begin(struct hart *h, const struct exec_ops *engine, uint64_t ram, struct error *err)
{
	struct machine *m = &h->m;
	h->config = riscv64_frontend.config_parse(riscv64_frontend.default_cpu, err);
	if (!h->config || !machine_init(m, ram, err))
		return false;
	m->frontend = &riscv64_frontend;
	m->arch = riscv64_frontend.arch;
	m->exec = engine;
	m->deterministic = true;
	m->observer.exit = guest_ended;
	m->observer.stopped = guest_stopped;
	m->observer.opaque = h;
	return true;
}

bool hart_load(struct hart *h, uint64_t base, uint64_t ram, const void *image, uint64_t size, struct error *err)
{
	struct machine *m = &h->m;
	if (!phys_add_ram(&m->phys, GPA(base), ram, "ram", err))
		return false;
	if (!phys_load(&m->phys, GPA(base), image, size))
		return error_set(err, ERROR_HOST, "the image does not fit");
	struct vcpu *cpu = m->vcpu[0] = vcpu_create(m, 0, err);
	if (!cpu)
		return false;
	m->n_vcpus = 1;
	if (!m->frontend->vcpu_init(cpu, h->config, err) || !m->exec->vcpu_init(cpu, err))
		return false;
	m->frontend->reset(cpu);
	cpu->pc = base;
	return true;
}

bool hart_run(struct hart *h, uint64_t limit, struct error *err)
{
	struct machine *m = &h->m;
	m->vcpu[0]->stop_icount = limit;
	if (!machine_start(m, err))
		return false;
	machine_resume(m);
	pthread_mutex_lock(&m->lock);
	while (!h->ended)
		pthread_cond_wait(&m->changed, &m->lock);
	pthread_mutex_unlock(&m->lock);
	machine_pause(m);
	return true;
}

void hart_end(struct hart *h)
{
	struct machine *m = &h->m;
	if (m->frontend) {	/* hart_begin came as far as the machine */
		machine_end_threads(m);
		for (unsigned i = 0; i < m->n_vcpus; i++) {
			m->exec->vcpu_destroy(m->vcpu[i]);
			m->frontend->vcpu_destroy(m->vcpu[i]);
		}
		machine_destroy(m);
	}
	if (h->config)
		riscv64_frontend.config_free(h->config);
}

// SPDX-License-Identifier: Apache-2.0
#include "runtime/machine.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "runtime/run.h"
#include "runtime/thread.h"
#include "runtime/window.h"

bool machine_init(struct machine *m, uint64_t ram_and_rom_bytes, struct error *err)
{
	*m = (struct machine){ .paused = true, .code_cache_bytes = CODE_CACHE_DEFAULT, .tuning = tuning_default };
	pthread_mutex_init(&m->lock, NULL);
	pthread_mutex_init(&m->alone, NULL);
	pthread_cond_init(&m->changed, NULL);
	struct timespec wall;
	clock_gettime(CLOCK_REALTIME, &wall);
	m->wall_base = (uint64_t)wall.tv_sec * 1000000000 + (uint64_t)wall.tv_nsec;
	m->phys.memfd = -1;
	m->events = events_create(err);
	if (m->events && phys_init(&m->phys, m, ram_and_rom_bytes, err))
		return true;
	machine_destroy(m);
	return false;
}

static void kick_all(struct machine *m, enum vcpu_request why)
{
	for (unsigned i = 0; i < m->n_vcpus; i++)
		vcpu_kick(m->vcpu[i], why);
}

void machine_end_threads(struct machine *m)
{
	kick_all(m, VCPU_REQ_EXIT);
	pthread_mutex_lock(&m->lock);
	pthread_cond_broadcast(&m->changed);
	pthread_mutex_unlock(&m->lock);
	for (unsigned i = 0; i < m->n_vcpus; i++) {
		if (m->vcpu[i]->thread_started)
			pthread_join(m->vcpu[i]->thread, NULL);
		m->vcpu[i]->thread_started = false;
	}
}

void machine_destroy(struct machine *m)
{
	machine_end_threads(m);
	for (unsigned i = 0; i < m->n_vcpus; i++)
		vcpu_destroy(m->vcpu[i]);
	m->n_vcpus = 0;
	window_disable(m);
	events_destroy(m->events);
	m->events = NULL;
	phys_destroy(&m->phys);
	pthread_cond_destroy(&m->changed);
	pthread_mutex_destroy(&m->alone);
	pthread_mutex_destroy(&m->lock);
}

bool machine_start(struct machine *m, struct error *err)
{
	for (unsigned i = 0; i < m->n_vcpus; i++) {
		struct vcpu *cpu = m->vcpu[i];
		int e = cpu->thread_started ? 0 : thread_start(&cpu->thread, vcpu_thread, cpu, "vcpu%u", i);
		if (e)
			return error_set(err, ERROR_HOST, "thread of vCPU %u: %s", i, strerror(e));
		cpu->thread_started = true;
	}
	return true;
}

void machine_resume(struct machine *m)
{
	pthread_mutex_lock(&m->lock);
	if (m->paused && !m->ended) {
		if (!m->deterministic) {
			__atomic_store_n(&m->clock_base, clock_host_now() - m->clock_base, __ATOMIC_RELAXED);
			__atomic_store_n(&m->clock_running, true, __ATOMIC_RELEASE);
		}
		for (unsigned i = 0; i < m->n_vcpus; i++)	/* host times of guest deadlines have moved */
			atomic_store(&m->vcpu[i]->timer_armed, UINT64_MAX);
		m->paused = false;
		pthread_cond_broadcast(&m->changed);
	}
	pthread_mutex_unlock(&m->lock);
	guest_timers_rearm(m);
}

void machine_request_pause(struct machine *m)
{
	atomic_store(&m->paused, true);
	kick_all(m, VCPU_REQ_PAUSE);
}

void machine_pause(struct machine *m)
{
	machine_request_pause(m);
	pthread_mutex_lock(&m->lock);
	/* Parked is not enough: one that waits for another in the midst of a block goes on by itself. */
	for (unsigned i = 0; i < m->n_vcpus; i++)
		while (m->vcpu[i]->thread_started && !m->vcpu[i]->resting)
			pthread_cond_wait(&m->changed, &m->lock);
	if (m->clock_running) {
		__atomic_store_n(&m->clock_running, false, __ATOMIC_RELEASE);
		__atomic_store_n(&m->clock_base, clock_host_now() - m->clock_base, __ATOMIC_RELAXED);
	}
	pthread_mutex_unlock(&m->lock);
	guest_timers_rearm(m);
}

void machine_end(struct machine *m, enum exit_cause cause, uint64_t code, const char *fmt, ...)
{
	uint32_t none = 0;
	if (!atomic_compare_exchange_strong(&m->ended, &none, 1))
		return;
	m->exit = (struct guest_exit){ .cause = cause, .code = code };
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(m->exit.text, sizeof m->exit.text, fmt, ap);
	va_end(ap);
	machine_request_pause(m);
	if (m->observer.exit)
		m->observer.exit(m->observer.opaque, &m->exit);
}

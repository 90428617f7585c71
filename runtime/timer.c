// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include "runtime/machine.h"

struct guest_timer {
	struct machine *machine;
	guest_timer_fn *fn;
	void *opaque;
	uint64_t when;			/* UINT64_MAX: off, not in the list */
	struct guest_timer *next;
};

static void unlink_timer(struct guest_timers *ts, struct guest_timer *t)
{
	struct guest_timer **at = &ts->head;
	while (*at && *at != t)
		at = &(*at)->next;
	if (*at)
		*at = t->next;
	t->when = UINT64_MAX;
}

static void host_fired(void *opaque)
{
	struct machine *m = opaque;
	pthread_mutex_lock(&m->timers.lock);
	m->timers.host_armed = UINT64_MAX;
	pthread_mutex_unlock(&m->timers.lock);
	guest_timers_run(m, clock_now(m));
}

/* Arms the host's timer for the list's head if it is not already. Locked. */
static void arm_host(struct machine *m, bool anew)
{
	struct guest_timers *ts = &m->timers;
	bool running = __atomic_load_n(&m->clock_running, __ATOMIC_ACQUIRE);
	uint64_t when = ts->head && running ? ts->head->when : UINT64_MAX;
	if (m->deterministic || !m->events)
		return;
	if (!ts->host) {
		ts->host_armed = UINT64_MAX;
		if (when == UINT64_MAX)
			return;
		ts->host = event_timer_new(m->events, host_fired, m);
		if (!ts->host)
			return;
	}
	if (when == ts->host_armed && !anew)
		return;
	ts->host_armed = when;
	event_timer_set(ts->host, when == UINT64_MAX ? when : clock_to_host(m, when));
}

struct guest_timer *guest_timer_new(struct machine *m, guest_timer_fn *fn, void *opaque)
{
	struct guest_timer *t = calloc(1, sizeof(*t));
	if (!t)
		return NULL;
	*t = (struct guest_timer){ .machine = m, .fn = fn, .opaque = opaque, .when = UINT64_MAX };
	return t;
}

void guest_timer_set(struct guest_timer *t, uint64_t when_ns)
{
	struct machine *m = t->machine;
	struct guest_timers *ts = &m->timers;
	pthread_mutex_lock(&ts->lock);
	if (t->when != UINT64_MAX)
		unlink_timer(ts, t);
	if (when_ns != UINT64_MAX) {
		struct guest_timer **at = &ts->head;
		while (*at && (*at)->when <= when_ns)
			at = &(*at)->next;
		t->when = when_ns;
		t->next = *at;
		*at = t;
	}
	arm_host(m, false);
	pthread_mutex_unlock(&ts->lock);
	/* the run loop's bound may be too late now; deterministic machines have one vCPU */
	if (m->deterministic && m->vcpu[0])
		vcpu_trip(m->vcpu[0]);
}

void guest_timer_free(struct guest_timer *t)
{
	if (!t)
		return;
	struct guest_timers *ts = &t->machine->timers;
	pthread_mutex_lock(&ts->lock);
	while (ts->running == t && !pthread_equal(ts->runner, pthread_self()))
		pthread_cond_wait(&ts->idle, &ts->lock);
	if (ts->running == t)
		ts->running = NULL;
	if (t->when != UINT64_MAX)
		unlink_timer(ts, t);
	arm_host(t->machine, false);
	pthread_mutex_unlock(&ts->lock);
	free(t);
}

uint64_t guest_timers_next(struct machine *m)
{
	struct guest_timers *ts = &m->timers;
	pthread_mutex_lock(&ts->lock);
	uint64_t when = ts->head ? ts->head->when : UINT64_MAX;
	pthread_mutex_unlock(&ts->lock);
	return when;
}

void guest_timers_run(struct machine *m, uint64_t now)
{
	struct guest_timers *ts = &m->timers;
	pthread_mutex_lock(&ts->lock);
	/* A callback that arms its timer again in the past must not hold the thread for ever: it gets its turn next
	 * time. */
	for (unsigned budget = 256; budget; budget--) {
		while (ts->running)	/* another thread's */
			pthread_cond_wait(&ts->idle, &ts->lock);
		struct guest_timer *t = ts->head;
		if (!t || t->when > now)
			break;
		unlink_timer(ts, t);
		ts->running = t;
		ts->runner = pthread_self();
		guest_timer_fn *fn = t->fn;
		void *opaque = t->opaque;
		pthread_mutex_unlock(&ts->lock);
		fn(opaque);
		pthread_mutex_lock(&ts->lock);
		ts->running = NULL;
		pthread_cond_broadcast(&ts->idle);
	}
	arm_host(m, false);
	pthread_mutex_unlock(&ts->lock);
}

void guest_timers_rearm(struct machine *m)
{
	pthread_mutex_lock(&m->timers.lock);
	arm_host(m, true);
	pthread_mutex_unlock(&m->timers.lock);
}

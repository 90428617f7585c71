/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Timers in guest time, for devices: they stand still with the guest's clock while the machine is paused. All timers of
 * a machine are one list sorted by deadline. Real time: one host timer is armed for the head and callbacks run on the
 * event thread. Deterministic: nothing is armed; the run loop asks guest_timers_next, bounds its run by it and calls
 * guest_timers_run, so that a callback runs at the same instruction each time. Callbacks run with no lock held, one at
 * a time.
 */
#pragma once
#include <pthread.h>
#include "runtime/util.h"

struct machine;
struct guest_timer;
struct event_timer;
typedef void guest_timer_fn(void *opaque);

/* Part of struct machine; all zero is ready to use. */
struct guest_timers {
	pthread_mutex_t lock;
	pthread_cond_t idle;		/* no callback runs */
	struct guest_timer *head;	/* armed timers, earliest first; equal deadlines in the order of arming */
	struct guest_timer *running;
	pthread_t runner;
	struct event_timer *host;	/* NULL until first needed and in deterministic mode */
	uint64_t host_armed;		/* guest time that it is armed for */
};

/* A timer that is off; NULL only without memory. */
struct guest_timer *guest_timer_new(struct machine *m, guest_timer_fn *fn, void *opaque);
/* Arms at an absolute guest time in ns, replacing an earlier arming; UINT64_MAX turns it off. The callback runs once
 * per arming. Any thread; deterministic: on the vCPU's thread or while it is parked. */
void guest_timer_set(struct guest_timer *t, uint64_t when_ns);
/* After this returns the callback does not run any more (unless called from it). May be NULL. */
void guest_timer_free(struct guest_timer *t);

/* ---- for the run loop ---- */
/* Deadline of the earliest timer, UINT64_MAX if none. */
uint64_t guest_timers_next(struct machine *m);
/* Runs the callbacks of all timers whose deadline is at or before `now`. */
void guest_timers_run(struct machine *m, uint64_t now);
/* The relation of guest to host time changed (pause, resume): arms the host timer anew, or turns it off while the clock
 * stands. */
void guest_timers_rearm(struct machine *m);

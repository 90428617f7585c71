/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The event thread of a machine: file descriptors (epoll) and timers (timerfd). Callbacks run on the event thread, one at a
 * time, with no lock held. Every function may be called from any thread, callbacks included.
 */
#pragma once
#include "runtime/error.h"
#include "runtime/util.h"

struct events;
struct event_timer;
struct event_fd;

typedef void event_fn(void *opaque);
/* `ready` holds EPOLLIN, EPOLLOUT, EPOLLHUP, EPOLLERR bits */
typedef void event_fd_fn(void *opaque, unsigned ready);

struct events *events_create(struct error *err);
/* Stops the thread, frees everything that is left. Not from a callback. */
void events_destroy(struct events *ev);

/* A timer that is off. The callback runs once per arming. */
struct event_timer *event_timer_new(struct events *ev, event_fn *fn, void *opaque);
/* Arms at an absolute CLOCK_MONOTONIC time in ns, replacing an earlier arming; UINT64_MAX turns it off. */
void event_timer_set(struct event_timer *t, uint64_t when_ns);
void event_timer_free(struct event_timer *t);

/* Watches fd for `want` (EPOLLIN | EPOLLOUT, may be 0); the fd stays the caller's. NULL: err says why (regular files cannot be watched). */
struct event_fd *event_fd_new(struct events *ev, int fd, unsigned want, event_fd_fn *fn, void *opaque, struct error *err);
void event_fd_want(struct event_fd *w, unsigned want);
/* After this returns the callback does not run any more (unless called from it). */
void event_fd_free(struct event_fd *w);

/* Runs fn once on the event thread, soon. */
void events_post(struct events *ev, event_fn *fn, void *opaque);
/* Runs fn on the event thread and returns when it is done (here, if this is the event thread): for what only that thread may undo. */
void events_run(struct events *ev, event_fn *fn, void *opaque);

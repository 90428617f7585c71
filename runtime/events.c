// SPDX-License-Identifier: Apache-2.0
#include "runtime/events.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include "runtime/thread.h"

struct event_timer {
	struct events *ev;
	event_fn *fn;
	void *opaque;
	uint64_t when;			/* UINT64_MAX: off */
	struct event_timer *next;	/* all timers, in no order: a machine has a few dozen at most */
};

struct event_fd {
	struct events *ev;
	event_fd_fn *fn;
	void *opaque;
	int fd;
	struct event_fd *next_dead;
	bool dead;
};

struct post {
	event_fn *fn;
	void *opaque;
	struct post *next;
};

struct events {
	pthread_mutex_t lock;
	pthread_cond_t idle;		/* the running callback returned */
	pthread_t thread;
	int epoll, wake, timer;
	struct event_timer *timers;
	uint64_t armed;			/* what the timerfd is set to */
	struct post *posts, **posts_end;
	const void *running;		/* the timer or watch whose callback runs */
	struct event_fd *dead;		/* freed once the current batch of events is done */
	bool quit;
};

static bool on_thread(const struct events *ev)
{
	return pthread_equal(pthread_self(), ev->thread);
}

static void arm(struct events *ev)
{
	uint64_t first = UINT64_MAX;
	for (struct event_timer *t = ev->timers; t; t = t->next)
		if (t->when < first)
			first = t->when;
	if (first == ev->armed)
		return;
	ev->armed = first;
	struct itimerspec spec = { 0 };
	if (first != UINT64_MAX) {
		uint64_t at = first ? first : 1;	/* all 0 would disarm */
		spec.it_value.tv_sec = (time_t)(at / 1000000000);
		spec.it_value.tv_nsec = (long)(at % 1000000000);
	}
	timerfd_settime(ev->timer, TFD_TIMER_ABSTIME, &spec, NULL);
}

/* Calls fn unlocked; whoever frees `what` meanwhile waits until it has returned. */
static void call(struct events *ev, const void *what, event_fn *fn, void *opaque)
{
	ev->running = what;
	pthread_mutex_unlock(&ev->lock);
	fn(opaque);
	pthread_mutex_lock(&ev->lock);
	ev->running = NULL;
	pthread_cond_broadcast(&ev->idle);
}

static void run_timers(struct events *ev)
{
	struct timespec now_ts;
	clock_gettime(CLOCK_MONOTONIC, &now_ts);
	uint64_t now = (uint64_t)now_ts.tv_sec * 1000000000 + (uint64_t)now_ts.tv_nsec, drop;
	if (read(ev->timer, &drop, sizeof drop) < 0 && errno != EAGAIN)
		return;
	ev->armed = UINT64_MAX;
	for (struct event_timer *t = ev->timers; t;) {
		if (t->when > now) {
			t = t->next;
			continue;
		}
		t->when = UINT64_MAX;
		call(ev, t, t->fn, t->opaque);
		t = ev->timers;		/* the list may have changed */
	}
	arm(ev);
}

static void run_posts(struct events *ev)
{
	uint64_t drop;
	if (read(ev->wake, &drop, sizeof drop) < 0 && errno != EAGAIN)
		return;
	while (ev->posts) {
		struct post *p = ev->posts;
		ev->posts = p->next;
		if (!ev->posts)
			ev->posts_end = &ev->posts;
		call(ev, p, p->fn, p->opaque);
		free(p);
	}
}

static void run_fd(struct events *ev, struct event_fd *w, unsigned ready)
{
	if (w->dead)
		return;
	ev->running = w;
	pthread_mutex_unlock(&ev->lock);
	w->fn(w->opaque, ready);
	pthread_mutex_lock(&ev->lock);
	ev->running = NULL;
	pthread_cond_broadcast(&ev->idle);
}

static void *loop(void *opaque)
{
	struct events *ev = opaque;
	pthread_mutex_lock(&ev->lock);
	while (!ev->quit) {
		struct epoll_event ready[16];
		pthread_mutex_unlock(&ev->lock);
		int n = epoll_wait(ev->epoll, ready, ARRAY_SIZE(ready), -1);
		pthread_mutex_lock(&ev->lock);
		for (int i = 0; i < n && !ev->quit; i++) {
			void *what = ready[i].data.ptr;
			if (what == &ev->timer)
				run_timers(ev);
			else if (what == &ev->wake)
				run_posts(ev);
			else
				run_fd(ev, what, ready[i].events);
		}
		while (ev->dead) {
			struct event_fd *w = ev->dead;
			ev->dead = w->next_dead;
			free(w);
		}
	}
	pthread_mutex_unlock(&ev->lock);
	return NULL;
}

static void wake(struct events *ev)
{
	uint64_t one = 1;
	while (write(ev->wake, &one, sizeof one) < 0 && errno == EINTR)
		;
}

struct events *events_create(struct error *err)
{
	struct events *ev = calloc(1, sizeof *ev);
	if (!ev) {
		error_set(err, ERROR_HOST, "event thread: out of memory");
		return NULL;
	}
	pthread_mutex_init(&ev->lock, NULL);
	pthread_cond_init(&ev->idle, NULL);
	ev->posts_end = &ev->posts;
	ev->armed = UINT64_MAX;
	ev->epoll = epoll_create1(EPOLL_CLOEXEC);
	ev->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ev->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	struct epoll_event on_wake = { .events = EPOLLIN, .data.ptr = &ev->wake };
	struct epoll_event on_timer = { .events = EPOLLIN, .data.ptr = &ev->timer };
	if (ev->epoll < 0 || ev->wake < 0 || ev->timer < 0 || epoll_ctl(ev->epoll, EPOLL_CTL_ADD, ev->wake, &on_wake) ||
	    epoll_ctl(ev->epoll, EPOLL_CTL_ADD, ev->timer, &on_timer) || thread_start(&ev->thread, loop, ev, "events")) {
		error_set(err, ERROR_HOST, "event thread: %s", strerror(errno));
		close(ev->epoll);
		close(ev->wake);
		close(ev->timer);
		free(ev);
		return NULL;
	}
	return ev;
}

void events_destroy(struct events *ev)
{
	if (!ev)
		return;
	pthread_mutex_lock(&ev->lock);
	ev->quit = true;
	pthread_mutex_unlock(&ev->lock);
	wake(ev);
	pthread_join(ev->thread, NULL);
	while (ev->timers) {
		struct event_timer *t = ev->timers;
		ev->timers = t->next;
		free(t);
	}
	while (ev->posts) {
		struct post *p = ev->posts;
		ev->posts = p->next;
		free(p);
	}
	while (ev->dead) {
		struct event_fd *w = ev->dead;
		ev->dead = w->next_dead;
		free(w);
	}
	close(ev->epoll);
	close(ev->wake);
	close(ev->timer);
	pthread_cond_destroy(&ev->idle);
	pthread_mutex_destroy(&ev->lock);
	free(ev);
}

struct event_timer *event_timer_new(struct events *ev, event_fn *fn, void *opaque)
{
	struct event_timer *t = calloc(1, sizeof *t);
	if (!t)
		return NULL;
	*t = (struct event_timer){ .ev = ev, .fn = fn, .opaque = opaque, .when = UINT64_MAX };
	pthread_mutex_lock(&ev->lock);
	t->next = ev->timers;
	ev->timers = t;
	pthread_mutex_unlock(&ev->lock);
	return t;
}

void event_timer_set(struct event_timer *t, uint64_t when_ns)
{
	pthread_mutex_lock(&t->ev->lock);
	t->when = when_ns;
	arm(t->ev);
	pthread_mutex_unlock(&t->ev->lock);
}

void event_timer_free(struct event_timer *t)
{
	if (!t)
		return;
	struct events *ev = t->ev;
	pthread_mutex_lock(&ev->lock);
	for (struct event_timer **at = &ev->timers; *at; at = &(*at)->next)
		if (*at == t) {
			*at = t->next;
			break;
		}
	while (ev->running == t && !on_thread(ev))
		pthread_cond_wait(&ev->idle, &ev->lock);
	pthread_mutex_unlock(&ev->lock);
	free(t);
}

struct event_fd *event_fd_new(struct events *ev, int fd, unsigned want, event_fd_fn *fn, void *opaque, struct error *err)
{
	struct event_fd *w = calloc(1, sizeof *w);
	if (!w) {
		error_set(err, ERROR_HOST, "watching a file: out of memory");
		return NULL;
	}
	*w = (struct event_fd){ .ev = ev, .fn = fn, .opaque = opaque, .fd = fd };
	struct epoll_event on = { .events = want, .data.ptr = w };
	if (epoll_ctl(ev->epoll, EPOLL_CTL_ADD, fd, &on)) {
		error_set(err, ERROR_HOST, "watching file descriptor %d: %s", fd, strerror(errno));
		free(w);
		return NULL;
	}
	return w;
}

void event_fd_want(struct event_fd *w, unsigned want)
{
	struct epoll_event on = { .events = want, .data.ptr = w };
	epoll_ctl(w->ev->epoll, EPOLL_CTL_MOD, w->fd, &on);
}

void event_fd_free(struct event_fd *w)
{
	if (!w)
		return;
	struct events *ev = w->ev;
	epoll_ctl(ev->epoll, EPOLL_CTL_DEL, w->fd, NULL);
	pthread_mutex_lock(&ev->lock);
	w->dead = true;		/* it may still stand in the batch of events that is being worked off */
	while (ev->running == w && !on_thread(ev))
		pthread_cond_wait(&ev->idle, &ev->lock);
	w->next_dead = ev->dead;
	ev->dead = w;
	pthread_mutex_unlock(&ev->lock);
	wake(ev);
}

void events_post(struct events *ev, event_fn *fn, void *opaque)
{
	struct post *p = malloc(sizeof *p);
	if (!p)
		abort();	/* a lost event would hang the guest */
	*p = (struct post){ .fn = fn, .opaque = opaque };
	pthread_mutex_lock(&ev->lock);
	*ev->posts_end = p;
	ev->posts_end = &p->next;
	pthread_mutex_unlock(&ev->lock);
	wake(ev);
}

struct run {
	event_fn *fn;
	void *opaque;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool done;
};

static void run_and_tell(void *opaque)
{
	struct run *r = opaque;
	r->fn(r->opaque);
	pthread_mutex_lock(&r->lock);
	r->done = true;
	pthread_cond_signal(&r->changed);
	pthread_mutex_unlock(&r->lock);
}

void events_run(struct events *ev, event_fn *fn, void *opaque)
{
	if (on_thread(ev)) {
		fn(opaque);
		return;
	}
	struct run r = { .fn = fn, .opaque = opaque };
	pthread_mutex_init(&r.lock, NULL);
	pthread_cond_init(&r.changed, NULL);
	events_post(ev, run_and_tell, &r);
	pthread_mutex_lock(&r.lock);
	while (!r.done)
		pthread_cond_wait(&r.changed, &r.lock);
	pthread_mutex_unlock(&r.lock);
	pthread_cond_destroy(&r.changed);
	pthread_mutex_destroy(&r.lock);
}

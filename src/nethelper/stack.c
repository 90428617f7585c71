// SPDX-License-Identifier: Apache-2.0
/* libslirp and its poll loop. */
#include "src/nethelper/nethelper.h"
#include <errno.h>
#include <libslirp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define FRAME_MAX 65536
#define QUEUE_MAX ((size_t)8 << 20)	/* bytes of frames kept for a slow guest; beyond, frames are lost as on a wire */
#define QUEUE_PAUSE ((size_t)1 << 20)	/* from here on the host's sockets are left alone */

struct timer {
	SlirpTimerCb fn;
	void *opaque;
	int64_t when;			/* ms; -1: off */
	struct timer *next;
};

struct frame {
	struct frame *next;
	size_t size;
	uint8_t bytes[];
};

struct stack {
	Slirp *slirp;
	struct timer *timers;
	struct frame *first, **last;	/* to the guest, when the socket is full */
	size_t queued;
	struct pollfd *poll;
	unsigned n_poll, max_poll;
	bool lost;			/* the other end of the socket is closed */
};

/* ---- what libslirp asks of us ---- */

static int64_t now_ns(void *opaque)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static bool try_send(struct stack *s, const void *bytes, size_t size)
{
	ssize_t n;
	do
		n = send(SOCKET_FD, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n < 0 && (errno == EPIPE || errno == ECONNRESET))
		s->lost = true;
	return n >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != ENOBUFS);
}

static ssize_t send_packet(const void *bytes, size_t size, void *opaque)
{
	struct stack *s = opaque;
	if (!s->first && try_send(s, bytes, size))
		return size;
	if (s->queued + size > QUEUE_MAX)
		return size;
	struct frame *f = malloc(sizeof(*f) + size);
	if (!f)
		return size;
	f->next = NULL;
	f->size = size;
	memcpy(f->bytes, bytes, size);
	*s->last = f;
	s->last = &f->next;
	s->queued += size;
	return size;
}

static void send_queued(struct stack *s)
{
	while (s->first && try_send(s, s->first->bytes, s->first->size)) {
		struct frame *f = s->first;
		s->first = f->next;
		if (!s->first)
			s->last = &s->first;
		s->queued -= f->size;
		free(f);
	}
}

static void guest_error(const char *message, void *opaque)
{
}

static void *timer_new(SlirpTimerCb fn, void *fn_opaque, void *opaque)
{
	struct stack *s = opaque;
	struct timer *t = calloc(1, sizeof(*t));
	if (!t)
		abort();
	*t = (struct timer){ .fn = fn, .opaque = fn_opaque, .when = -1, .next = s->timers };
	s->timers = t;
	return t;
}

static void timer_free(void *timer, void *opaque)
{
	struct stack *s = opaque;
	for (struct timer **at = &s->timers; *at; at = &(*at)->next) {
		if (*at == timer) {
			*at = (*at)->next;
			break;
		}
	}
	free(timer);
}

static void timer_mod(void *timer, int64_t when, void *opaque)
{
	((struct timer *)timer)->when = when;
}

static void run_timers(struct stack *s)
{
	int64_t now = now_ns(s) / 1000000;
	for (struct timer *t = s->timers; t;) {
		if (t->when < 0 || t->when > now) {
			t = t->next;
			continue;
		}
		t->when = -1;
		t->fn(t->opaque);
		t = s->timers;		/* the list may have changed; what has run is off or later */
	}
}

/* All descriptors are asked for anew before each poll. */
static void poll_fd_nothing(int fd, void *opaque)
{
}

static void notify(void *opaque)
{
}

static const SlirpCb callbacks = {
	.send_packet = send_packet,
	.guest_error = guest_error,
	.clock_get_ns = now_ns,
	.timer_new = timer_new,
	.timer_free = timer_free,
	.timer_mod = timer_mod,
	.register_poll_fd = poll_fd_nothing,
	.unregister_poll_fd = poll_fd_nothing,
	.notify = notify,
};

/* ---- setting up ---- */

static bool forward(struct stack *s, const struct hostfwd *f, const char *text, struct error *err)
{
	struct sockaddr_in host = { .sin_family = AF_INET, .sin_port = htons(f->host_port), .sin_addr = f->host };
	struct sockaddr_in guest = { .sin_family = AF_INET, .sin_port = htons(f->guest_port), .sin_addr = f->guest };
	struct sockaddr_in6 host6 = { .sin6_family = AF_INET6, .sin6_port = htons(f->host_port), .sin6_addr = f->host6 };
	struct sockaddr_in6 guest6 = { .sin6_family = AF_INET6, .sin6_port = htons(f->guest_port), .sin6_addr = f->guest6 };
	int flags = f->udp ? SLIRP_HOSTFWD_UDP : 0, error;
	if (f->v6)
		error = slirp_add_hostxfwd(s->slirp, (struct sockaddr *)&host6, sizeof(host6), (struct sockaddr *)&guest6,
					   sizeof(guest6), flags | SLIRP_HOSTFWD_V6ONLY);
	else
		error = slirp_add_hostxfwd(s->slirp, (struct sockaddr *)&host, sizeof(host), (struct sockaddr *)&guest,
					   sizeof(guest), flags);
	return !error || error_set(err, ERROR_USAGE, "hostfwd %s: cannot listen on the host's port %u: %s", text, f->host_port,
				   strerror(errno));
}

struct stack *stack_new(const struct net_options *o, struct error *err)
{
	struct stack *s = calloc(1, sizeof(*s));
	if (!s) {
		error_set(err, ERROR_HOST, "calque-net: out of memory");
		return NULL;
	}
	s->last = &s->first;
	/* The addresses that QEMU's user network uses, which guides and guests know */
	SlirpConfig c = {
		.version = 1,
		.restricted = o->restrict_guest,
		.in_enabled = true,
		.vnetwork.s_addr = htonl(0x0a000200),		/* 10.0.2.0/24 */
		.vnetmask.s_addr = htonl(0xffffff00),
		.vhost.s_addr = htonl(0x0a000202),		/* the gateway, which is the host */
		.vdhcp_start.s_addr = htonl(0x0a00020f),
		.vnameserver.s_addr = htonl(0x0a000203),
		.in6_enabled = true,				/* fec0::/64, host ::2, names ::3 */
		.vprefix_addr6.s6_addr = { 0xfe, 0xc0 },
		.vprefix_len = 64,
		.vhost6.s6_addr = { 0xfe, 0xc0, [15] = 2 },
		.vnameserver6.s6_addr = { 0xfe, 0xc0, [15] = 3 },
		.vhostname = "calque",
	};
	s->slirp = slirp_new(&c, &callbacks, s);
	if (!s->slirp) {
		error_set(err, ERROR_HOST, "calque-net: libslirp %s did not start", slirp_version_string());
		stack_free(s);
		return NULL;
	}
	for (unsigned i = 0; i < o->n_hostfwd; i++) {
		if (!forward(s, &o->hostfwd[i], o->hostfwd_text[i], err)) {
			stack_free(s);
			return NULL;
		}
	}
	return s;
}

void stack_free(struct stack *s)
{
	if (!s)
		return;
	if (s->slirp)
		slirp_cleanup(s->slirp);
	while (s->first) {
		struct frame *f = s->first;
		s->first = f->next;
		free(f);
	}
	free(s->poll);
	free(s);
}

/* ---- the loop ---- */

static int add_poll_fd(struct stack *s, int fd, short events)
{
	if (s->n_poll == s->max_poll) {
		unsigned max = s->max_poll ? 2 * s->max_poll : 64;
		struct pollfd *grown = realloc(s->poll, max * sizeof(*grown));
		if (!grown)
			return -1;
		s->poll = grown;
		s->max_poll = max;
	}
	s->poll[s->n_poll] = (struct pollfd){ .fd = fd, .events = events };
	return s->n_poll++;
}

static int add_poll(int fd, int events, void *opaque)
{
	return add_poll_fd(opaque, fd, (events & SLIRP_POLL_IN ? POLLIN : 0) | (events & SLIRP_POLL_OUT ? POLLOUT : 0) |
					       (events & SLIRP_POLL_PRI ? POLLPRI : 0));
}

static int get_revents(int i, void *opaque)
{
	struct stack *s = opaque;
	if (i < 0 || (unsigned)i >= s->n_poll)
		return 0;
	short r = s->poll[i].revents;
	return (r & POLLIN ? SLIRP_POLL_IN : 0) | (r & POLLOUT ? SLIRP_POLL_OUT : 0) | (r & POLLPRI ? SLIRP_POLL_PRI : 0) |
	       (r & POLLERR ? SLIRP_POLL_ERR : 0) | (r & POLLHUP ? SLIRP_POLL_HUP : 0);
}

/* Takes frames from the guest; the queue to the guest being full, the guest's own frames wait, too. */
static void receive_frames(struct stack *s)
{
	static uint8_t frame[FRAME_MAX];
	for (unsigned i = 0; i < 64 && s->queued < QUEUE_PAUSE; i++) {
		ssize_t n = recv(SOCKET_FD, frame, sizeof(frame), MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return;
		if (n <= 0) {
			s->lost = true;
			return;
		}
		slirp_input(s->slirp, frame, n);
	}
}

static int timeout_ms(struct stack *s, uint32_t wanted)
{
	int64_t now = now_ns(s) / 1000000, wait = wanted == UINT32_MAX ? -1 : (int64_t)wanted;
	for (struct timer *t = s->timers; t; t = t->next) {
		if (t->when < 0)
			continue;
		int64_t left = t->when > now ? t->when - now : 0;
		if (wait < 0 || left < wait)
			wait = left;
	}
	return wait > 60000 ? 60000 : (int)wait;
}

void stack_run(struct stack *s, int parent_fd)
{
	while (!s->lost) {
		bool full = s->queued >= QUEUE_PAUSE;
		uint32_t timeout = UINT32_MAX;
		s->n_poll = 0;
		add_poll_fd(s, SOCKET_FD, (full ? 0 : POLLIN) | (s->first ? POLLOUT : 0));
		if (parent_fd >= 0)
			add_poll_fd(s, parent_fd, POLLIN);
		unsigned own = s->n_poll;
		if (!full)
			slirp_pollfds_fill(s->slirp, &timeout, add_poll, s);
		int n = poll(s->poll, s->n_poll, timeout_ms(s, timeout));
		if (n < 0 && errno != EINTR)
			return;
		if (parent_fd >= 0 && n > 0 && s->poll[own - 1].revents)
			return;
		short mine = n > 0 ? s->poll[0].revents : 0;
		if (!full)
			slirp_pollfds_poll(s->slirp, n < 0, get_revents, s);
		run_timers(s);
		if (mine & POLLOUT)
			send_queued(s);
		if (mine & (POLLIN | POLLHUP | POLLERR))
			receive_frames(s);
		if (mine & (POLLHUP | POLLERR) && full)
			return;
	}
}

// SPDX-License-Identifier: Apache-2.0
/* The server: who comes, who speaks, what has happened. */
#include "src/ctl/ctl.h"
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>
#include "runtime/thread.h"
#include "src/ctl/internal.h"
#include "src/profile/names.h"

#define LAST_WORDS_NS UINT64_C(1000000000)

/* ---- clients ---- */

/* The guest is its user's own, and the host's administrator's. */
static bool may_come(int fd)
{
	struct ucred who;
	socklen_t size = sizeof who;
	return !getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) && (who.uid == geteuid() || !who.uid);
}

static void welcome(struct ctl *ctl)
{
	int fd = accept4(ctl->listener.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return;
	struct ctl_client *c = ctl->client;
	while (c < ctl->client + CTL_CLIENTS && c->fd >= 0)
		c++;
	bool may = may_come(fd);
	if (may && c < ctl->client + CTL_CLIENTS) {
		client_open(c, fd);
		return;
	}
	struct ctl_client turned_away = { .fd = fd };
	struct error err;
	if (may)
		error_set(&err, ERROR_USAGE, "there are %u clients already: try again when one has left", CTL_CLIENTS);
	else
		error_set(&err, ERROR_USAGE, "another user's guest");
	reply_error(&turned_away, "", &err);
	client_flush(&turned_away);
	client_close(&turned_away);
}

static void part(struct ctl *ctl, struct ctl_client *c)
{
	ctl_profile_forget(ctl, c);
	client_close(c);
}

/* A client that sends nothing more stays until it has been answered; what it has sent before it hung up is done. */
static bool is_done(const struct ctl_client *c)
{
	return c->broken || (c->ended && !c->n_in && (c->hung_up || (!c->n_out && !c->pending && !c->subscribed)));
}

/* One line each, so that nobody waits for long because another has much to ask. True: there may be more. */
static bool serve_all(struct ctl *ctl)
{
	bool more = false;
	for (struct ctl_client *c = ctl->client; c < ctl->client + CTL_CLIENTS; c++) {
		if (c->fd < 0)
			continue;
		client_flush(c);
		more |= client_serve(ctl, c);
		client_flush(c);
		if (is_done(c))
			part(ctl, c);
	}
	return more;
}

/* ---- the thread ---- */

static int time_left(const struct ctl *ctl)
{
	uint64_t due = ctl_profile_due(ctl), now = clock_host_now();
	if (due == UINT64_MAX)
		return -1;
	uint64_t ms = due > now ? (due - now) / 1000000 + 1 : 0;
	return ms > 3600000 ? 3600000 : (int)ms;
}

/* Until something happens; with `more` only looks. */
static void wait_for(struct ctl *ctl, bool more)
{
	struct pollfd p[CTL_CLIENTS + 2] = { { ctl->listener.fd, POLLIN, 0 }, { ctl->wake_fd, POLLIN, 0 } };
	for (unsigned i = 0; i < CTL_CLIENTS; i++) {
		const struct ctl_client *c = &ctl->client[i];
		bool listens = !c->ended && c->n_in < CTL_LINE && c->n_out <= CTL_QUEUE;
		p[i + 2] = (struct pollfd){ c->fd, (short)((listens ? POLLIN : 0) | (c->n_out ? POLLOUT : 0)), 0 };
	}
	if (poll(p, ARRAY_SIZE(p), more ? 0 : time_left(ctl)) < 0)
		return;
	for (unsigned i = 0; i < CTL_CLIENTS; i++) {
		struct ctl_client *c = &ctl->client[i];
		if (p[i + 2].revents & POLLIN)
			client_receive(c);
		c->hung_up |= p[i + 2].revents & (POLLHUP | POLLERR);
	}
	eventfd_t count;
	if (p[1].revents)
		(void)!eventfd_read(ctl->wake_fd, &count);
	if (p[0].revents)
		welcome(ctl);
}

/* What is queued goes out, unless nobody takes it. */
static void say_last_words(struct ctl *ctl)
{
	uint64_t until = clock_host_now() + LAST_WORDS_NS;
	bool left = true;
	while (left && clock_host_now() < until) {
		struct pollfd p[CTL_CLIENTS];
		left = false;
		for (unsigned i = 0; i < CTL_CLIENTS; i++) {
			struct ctl_client *c = &ctl->client[i];
			client_flush(c);
			bool waits = c->n_out && !c->broken;
			p[i] = (struct pollfd){ waits ? c->fd : -1, POLLOUT, 0 };
			left |= waits;
		}
		if (left)
			poll(p, CTL_CLIENTS, 100);
	}
}

static void *serve(void *opaque)
{
	struct ctl *ctl = opaque;
	for (bool more = false; !atomic_load(&ctl->quit);) {
		wait_for(ctl, more);
		if (ctl_profile_due(ctl) <= clock_host_now())
			ctl_profile_finish(ctl);
		more = serve_all(ctl);
		ctl_take_events(ctl);
	}
	ctl_profile_finish(ctl);
	ctl_take_events(ctl);
	say_last_words(ctl);
	return NULL;
}

/* ---- for the commands ---- */

struct vcpu *ctl_vcpu(const struct ctl_call *call, struct error *err)
{
	const struct machine *m = &call->ctl->vm->machine;
	uint64_t n = ctl_value(call->request, "vcpu")->number;
	if (n < m->n_vcpus)
		return m->vcpu[n];
	error_set(err, ERROR_USAGE, "there is no vCPU %llu: the guest has %u, from 0 on", (unsigned long long)n, m->n_vcpus);
	return NULL;
}

static void add_guest(struct machine *m, void *opaque)
{
	struct ctl_call *call = opaque;
	names_add_guest(call->client->names, call->ctl->vm);
}

struct names *ctl_names(struct ctl_call *call)
{
	struct ctl_client *c = call->client;
	struct vm *vm = call->ctl->vm;
	if (c->names || !(c->names = names_new()))
		return c->names;
	names_add_image(c->names, vm->config.kernel);
	names_add_image(c->names, vm->config.firmware);
	machine_run_alone(&vm->machine, add_guest, call);
	return c->names;
}

/* ---- life ---- */

static void release(struct ctl *ctl)
{
	for (unsigned i = 0; i < CTL_CLIENTS; i++)
		client_close(&ctl->client[i]);
	unix_close(&ctl->listener);
	if (ctl->wake_fd >= 0)
		close(ctl->wake_fd);
	free(ctl->events);
	pthread_mutex_destroy(&ctl->lock);
	free(ctl);
}

struct ctl *ctl_start(struct vm *vm, const struct ctl_config *config, struct error *err)
{
	struct ctl *ctl = calloc(1, sizeof *ctl);
	if (!ctl) {
		error_set(err, ERROR_HOST, "out of memory");
		return NULL;
	}
	ctl->vm = vm;
	ctl->config = *config;
	pthread_mutex_init(&ctl->lock, NULL);
	for (unsigned i = 0; i < CTL_CLIENTS; i++)
		ctl->client[i].fd = -1;
	ctl->listener.fd = -1;
	ctl->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (ctl->wake_fd < 0)
		error_set(err, ERROR_HOST, "eventfd: %s", strerror(errno));
	else if (!vm_observe(vm, &(struct observer){ .exit = ctl_on_end, .opaque = ctl }))
		error_set(err, ERROR_HOST, "too many observers");
	else if (unix_listen(&ctl->listener, config->path, CTL_CLIENTS, err)) {
		int e = thread_start(&ctl->thread, serve, ctl, "ctl");
		if (!e)
			return ctl;
		error_set(err, ERROR_HOST, "thread: %s", strerror(e));
	}
	vm_unobserve(vm, ctl);
	release(ctl);
	return NULL;
}

void ctl_stop(struct ctl *ctl)
{
	atomic_store(&ctl->quit, true);
	eventfd_write(ctl->wake_fd, 1);
	pthread_join(ctl->thread, NULL);
	vm_unobserve(ctl->vm, ctl);
	release(ctl);
}

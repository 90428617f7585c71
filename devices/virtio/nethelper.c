// SPDX-License-Identifier: Apache-2.0
/*
 * The backend that runs calque-net: a process of its own, because it parses what the guest and the network send, with a user-mode
 * network stack in a sandbox. One frame is one message on a socket pair. The helper's first message says "ok" or what is wrong.
 */
#include "devices/virtio/netbackend.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "devices/virtio/hostfwd.h"

#define HELPER "calque-net"
#define HELPER_FD 3
#define START_MS 10000
#define BATCH 64		/* frames in one go, so that others on the event thread have their turn */

struct nethelper {
	struct netbackend backend;
	pid_t pid;
	int fd;
	struct events *events;
	struct event_fd *watch;
	unsigned want;			/* what watch waits for; 0: no watch (it would report a hang-up again and again) */
	uint8_t frame[NET_FRAME_MAX];
	size_t held;			/* frame holds one that the front had no buffer for */
};

/* ---- starting ---- */

/* The helper: by $CALQUE_NET, near this program (installed somewhere else than planned, or in a build directory), or where planned. */
static bool find_helper(char path[PATH_MAX], struct error *err)
{
	const char *set = getenv("CALQUE_NET");
	if (set && *set) {
		snprintf(path, PATH_MAX, "%s", set);
		return !access(path, X_OK) || error_set(err, ERROR_USAGE, "CALQUE_NET=%s: %s", set, strerror(errno));
	}
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash = n > 0 ? memrchr(self, '/', n) : NULL;
	if (slash) {
		*slash = 0;
		static const char *const below[] = { "", "/../libexec", "/nethelper", "/src/nethelper" };
		for (unsigned i = 0; i < ARRAY_SIZE(below); i++)
			if (snprintf(path, PATH_MAX, "%s%s/" HELPER, self, below[i]) < PATH_MAX && !access(path, X_OK))
				return true;
	}
	snprintf(path, PATH_MAX, "%s/" HELPER, CALQUE_LIBEXECDIR);
	if (!access(path, X_OK))
		return true;
	return error_set(err, ERROR_USAGE, "--net user: " HELPER " is neither beside this program nor in %s; build with libslirp "
			 "(meson -Dslirp=enabled), or set CALQUE_NET to its path", CALQUE_LIBEXECDIR);
}

static int spawn(pid_t *pid, const char *path, char *const argv[], int fd)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none, all;
	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&files);
	posix_spawnattr_init(&attr);
	/* dup2 onto itself clears close-on-exec, too */
	posix_spawn_file_actions_adddup2(&files, fd, HELPER_FD);
	posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
	/* Its own process group: the terminal's Ctrl-C is not meant for it. */
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawnattr_setpgroup(&attr, 0);
	int error = posix_spawn(pid, path, &files, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&files);
	return error;
}

/* The helper's first message */
static bool await_ok(struct nethelper *h, struct error *err)
{
	struct pollfd p = { .fd = h->fd, .events = POLLIN };
	int ready;
	do
		ready = poll(&p, 1, START_MS);
	while (ready < 0 && errno == EINTR);
	char text[300];
	ssize_t n = ready > 0 ? recv(h->fd, text, sizeof(text) - 1, MSG_DONTWAIT) : -1;
	if (n == 2 && !memcmp(text, "ok", 2))
		return true;
	if (n > 0) {
		text[n] = 0;
		return error_set(err, ERROR_USAGE, "--net user: %s", text);
	}
	return error_set(err, ERROR_HOST, "--net user: " HELPER " %s", ready ? "ended at once" : "does not answer");
}

/* Ends the helper: closing the socket is enough, unless it hangs. */
static void reap(pid_t pid)
{
	for (unsigned i = 0; i < 200; i++) {
		pid_t got = waitpid(pid, NULL, WNOHANG);
		if (got == pid || (got < 0 && errno != EINTR))
			return;
		poll(NULL, 0, i < 20 ? 1 : 10);
	}
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

/* ---- frames ---- */

static void ready(void *opaque, unsigned what);

/* Watches for what is wanted now. On the event thread. */
static void want(struct nethelper *h, unsigned events)
{
	struct error err;
	if (events == h->want)
		return;
	h->want = events;
	if (!events) {
		event_fd_free(h->watch);
		h->watch = NULL;
	} else if (h->watch) {
		event_fd_want(h->watch, events);
	} else {
		h->watch = event_fd_new(h->events, h->fd, events, ready, h, &err);
	}
}

static void lost(struct nethelper *h)
{
	want(h, 0);
	close(h->fd);
	h->fd = -1;
	h->held = 0;
	h->backend.down(h->backend.front, "the network helper " HELPER " has ended");
}

static void receive_frames(struct nethelper *h)
{
	for (unsigned i = 0; i < BATCH; i++) {
		if (!h->held) {
			ssize_t n = recv(h->fd, h->frame, sizeof(h->frame), MSG_DONTWAIT);
			if (n < 0 && errno == EINTR)
				continue;
			if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
				break;
			if (n <= 0) {
				lost(h);
				return;
			}
			h->held = n;
		}
		if (!h->backend.receive(h->backend.front, h->frame, h->held)) {
			want(h, h->want & ~EPOLLIN);
			return;
		}
		h->held = 0;
	}
	want(h, h->want | EPOLLIN);
}

static void ready(void *opaque, unsigned what)
{
	struct nethelper *h = opaque;
	if (what & EPOLLOUT) {
		want(h, h->want & ~EPOLLOUT);
		h->backend.writable(h->backend.front);
	}
	if (h->fd >= 0 && what & (EPOLLIN | EPOLLHUP | EPOLLERR))
		receive_frames(h);
}

static bool helper_start(struct netbackend *b, struct events *ev, struct error *err)
{
	struct nethelper *h = CONTAINER_OF(b, struct nethelper, backend);
	h->events = ev;
	want(h, EPOLLIN);
	return h->watch || error_set(err, ERROR_HOST, "the network helper's socket cannot be watched");
}

static bool helper_send(struct netbackend *b, const struct iovec *iov, unsigned n_iov)
{
	struct nethelper *h = CONTAINER_OF(b, struct nethelper, backend);
	if (h->fd < 0)
		return true;
	struct msghdr m = { .msg_iov = (struct iovec *)iov, .msg_iovlen = n_iov };
	ssize_t n;
	do
		n = sendmsg(h->fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
		want(h, h->want | EPOLLOUT);
		return false;
	}
	/* Other errors: the frame is lost; that the helper has ended shows at the next receive. */
	return true;
}

static void helper_kick(struct netbackend *b)
{
	struct nethelper *h = CONTAINER_OF(b, struct nethelper, backend);
	if (h->fd >= 0)
		receive_frames(h);
}

static void stop_watching(void *opaque)
{
	want(opaque, 0);
}

static void helper_destroy(struct netbackend *b)
{
	struct nethelper *h = CONTAINER_OF(b, struct nethelper, backend);
	if (h->events)
		events_run(h->events, stop_watching, h);
	if (h->fd >= 0)
		close(h->fd);
	if (h->pid > 0)
		reap(h->pid);
	free(h);
}

static const struct netbackend_ops helper_ops = {
	.start = helper_start,
	.send = helper_send,
	.kick = helper_kick,
	.destroy = helper_destroy,
};

struct netbackend *nethelper_new(const struct net_config *c, struct error *err)
{
	char path[PATH_MAX], parent[16];
	char *argv[4 + 2 * ARRAY_SIZE(c->hostfwd) + 1];
	unsigned argc = 0;
	struct hostfwd checked;
	for (unsigned i = 0; i < c->n_hostfwd; i++)
		if (!hostfwd_parse(c->hostfwd[i], &checked, err))
			return NULL;
	if (!find_helper(path, err))
		return NULL;
	snprintf(parent, sizeof(parent), "%d", (int)getpid());
	argv[argc++] = HELPER;
	argv[argc++] = "--parent";
	argv[argc++] = parent;
	if (c->restrict_guest)
		argv[argc++] = "--restrict";
	for (unsigned i = 0; i < c->n_hostfwd; i++) {
		argv[argc++] = "--hostfwd";
		argv[argc++] = c->hostfwd[i];
	}
	argv[argc] = NULL;

	struct nethelper *h = calloc(1, sizeof(*h));
	int pair[2] = { -1, -1 };
	if (!h || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair)) {
		error_set(err, ERROR_HOST, "--net user: %s", strerror(errno));
		free(h);
		return NULL;
	}
	h->backend.ops = &helper_ops;
	h->fd = pair[0];
	int error = spawn(&h->pid, path, argv, pair[1]);
	close(pair[1]);
	if (error) {
		h->pid = 0;
		error_set(err, ERROR_HOST, "--net user: %s: %s", path, strerror(error));
		helper_destroy(&h->backend);
		return NULL;
	}
	if (!await_ok(h, err)) {
		helper_destroy(&h->backend);
		return NULL;
	}
	return &h->backend;
}

// SPDX-License-Identifier: Apache-2.0
/* A listening Unix socket. One client at a time: others wait in the backlog until it leaves. */
#include "src/serial/internal.h"
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include "src/unix_socket.h"

struct unix_server {
	struct serial s;
	struct unix_listener listener;
	struct event_fd *listen_watch;	/* while there is no client */
	struct event_fd *gone_watch;	/* while the client only listens */
};

static struct unix_server *server_of(struct serial *s)
{
	return CONTAINER_OF(s, struct unix_server, s);
}

static void client_waits(void *opaque, unsigned ready)
{
	struct unix_server *u = opaque;
	int fd = accept4(u->listener.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return;
	int out = fcntl(fd, F_DUPFD_CLOEXEC, 0);	/* a number of its own, to be watched for output */
	if (out < 0) {
		close(fd);
		return;
	}
	event_fd_free(u->listen_watch);
	u->listen_watch = NULL;
	serial_set_fds(&u->s, fd, out);
	u->s.c.kick(&u->s.c);
}

static bool unix_start(struct serial *s, struct error *err)
{
	struct unix_server *u = server_of(s);
	u->listen_watch = event_fd_new(s->ev, u->listener.fd, EPOLLIN, client_waits, u, err);
	return u->listen_watch != NULL;
}

static void client_gone(void *opaque, unsigned ready)
{
	struct unix_server *u = opaque;
	struct error err;
	event_fd_free(u->gone_watch);
	u->gone_watch = NULL;
	serial_set_fds(&u->s, -1, -1);
	/* Should that fail (a host out of memory), no further client comes. */
	if (!u->listen_watch)
		u->listen_watch = event_fd_new(u->s.ev, u->listener.fd, EPOLLIN, client_waits, u, &err);
}

/* The client sends nothing more; it may still want to read ("echo x | socat - UNIX:…"): then we wait for the hang-up. */
static void unix_ended(struct serial *s)
{
	struct unix_server *u = server_of(s);
	struct pollfd p = { .fd = s->in_fd };
	struct error err;
	if (poll(&p, 1, 0) == 0)
		u->gone_watch = event_fd_new(s->ev, s->in_fd, 0, client_gone, u, &err);
	if (!u->gone_watch)
		client_gone(u, 0);
}

static void unix_stop(struct serial *s)
{
	struct unix_server *u = server_of(s);
	event_fd_free(u->gone_watch);
	event_fd_free(u->listen_watch);
	u->gone_watch = u->listen_watch = NULL;
}

static void unix_destroy(struct serial *s)
{
	struct unix_server *u = server_of(s);
	unix_close(&u->listener);
	free(u);
}

static const struct serial_ops unix_ops = {
	.start = unix_start,
	.stop = unix_stop,
	.ended = unix_ended,
	.destroy = unix_destroy,
};

struct chardev *serial_open_unix(const char *path, struct error *err)
{
	struct unix_server *u = malloc(sizeof(*u));
	if (!u) {
		error_set(err, ERROR_HOST, "serial unix:%s: out of memory", path);
		return NULL;
	}
	u->listen_watch = u->gone_watch = NULL;
	if (!unix_listen(&u->listener, path, 4, err)) {
		error_prefix(err, "serial unix:%s", path);
		goto no_serial;
	}
	if (!serial_init(&u->s, &unix_ops, err)) {
		unix_close(&u->listener);
		goto no_serial;
	}
	return &u->s.c;
no_serial:
	free(u);
	return NULL;
}

// SPDX-License-Identifier: Apache-2.0
/* A listening Unix socket. One client at a time: others wait in the backlog until it leaves. */
#include "src/serial/internal.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

struct unix_server {
	struct serial s;
	int listen_fd;
	struct event_fd *listen_watch;	/* while there is no client */
	struct event_fd *gone_watch;	/* while the client only listens */
	struct sockaddr_un address;
};

static struct unix_server *server_of(struct serial *s)
{
	return CONTAINER_OF(s, struct unix_server, s);
}

static void client_waits(void *opaque, unsigned ready)
{
	struct unix_server *u = opaque;
	int fd = accept4(u->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
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
	u->listen_watch = event_fd_new(s->ev, u->listen_fd, EPOLLIN, client_waits, u, err);
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
		u->listen_watch = event_fd_new(u->s.ev, u->listen_fd, EPOLLIN, client_waits, u, &err);
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
	close(u->listen_fd);
	unlink(u->address.sun_path);
	free(u);
}

static const struct serial_ops unix_ops = {
	.start = unix_start,
	.stop = unix_stop,
	.ended = unix_ended,
	.destroy = unix_destroy,
};

/* A socket that a dead program left behind is removed; one that answers is not. */
static bool make_way(const struct sockaddr_un *a, struct error *err)
{
	struct stat st;
	if (lstat(a->sun_path, &st))
		return true;
	if (!S_ISSOCK(st.st_mode))
		return error_set(err, ERROR_USAGE, "serial unix:%s: there is a file of this name", a->sun_path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool dead = fd >= 0 && connect(fd, (const struct sockaddr *)a, sizeof(*a)) && errno == ECONNREFUSED;
	if (fd >= 0)
		close(fd);
	if (!dead)
		return error_set(err, ERROR_USAGE, "serial unix:%s: in use by another program", a->sun_path);
	unlink(a->sun_path);
	return true;
}

static bool listen_at(struct unix_server *u, struct error *err)
{
	const struct sockaddr *a = (const struct sockaddr *)&u->address;
	u->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* Its mode before it listens: the guest's console is the user's own. */
	if (u->listen_fd >= 0 && !bind(u->listen_fd, a, sizeof(u->address)) && !chmod(u->address.sun_path, 0600) &&
	    !listen(u->listen_fd, 4))
		return true;
	error_set(err, ERROR_USAGE, "serial unix:%s: %s", u->address.sun_path, strerror(errno));
	if (u->listen_fd >= 0)
		close(u->listen_fd);
	return false;
}

struct chardev *serial_open_unix(const char *path, struct error *err)
{
	struct unix_server *u = malloc(sizeof(*u));
	if (!u) {
		error_set(err, ERROR_HOST, "serial unix:%s: out of memory", path);
		return NULL;
	}
	u->listen_watch = u->gone_watch = NULL;
	u->address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof(u->address.sun_path)) {
		error_set(err, ERROR_USAGE, "serial unix:%s: the path is longer than %zu bytes", path,
			  sizeof(u->address.sun_path) - 1);
		goto no_serial;
	}
	strcpy(u->address.sun_path, path);
	if (!make_way(&u->address, err) || !serial_init(&u->s, &unix_ops, err))
		goto no_serial;
	if (!listen_at(u, err)) {
		serial_fini(&u->s);
		goto no_serial;
	}
	return &u->s.c;
no_serial:
	free(u);
	return NULL;
}

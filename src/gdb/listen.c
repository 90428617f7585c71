// SPDX-License-Identifier: Apache-2.0
/* The socket that a debugger connects to. */
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "src/gdb/internal.h"
#include "src/options.h"

static void announce(bool wait, const char *target)
{
	fprintf(stderr, "calque: %s GDB: target remote %s\n", wait ? "waiting for" : "listening for", target);
}

/* ---- TCP ---- */

static bool bind_to(struct gdb_link *l, const struct addrinfo *at, struct error *err)
{
	int on = 1;
	l->listen_fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (l->listen_fd < 0)
		return error_set(err, ERROR_HOST, "socket: %s", strerror(errno));
	setsockopt(l->listen_fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(l->listen_fd, at->ai_addr, at->ai_addrlen) || listen(l->listen_fd, 1))
		return error_set(err, ERROR_USAGE, "%s; choose another address", strerror(errno));
	return true;
}

static void announce_tcp(const struct gdb_link *l, bool wait)
{
	struct sockaddr_storage at;
	socklen_t len = sizeof at;
	char host[NI_MAXHOST], port[NI_MAXSERV], target[NI_MAXHOST + NI_MAXSERV + 4];
	if (getsockname(l->listen_fd, (struct sockaddr *)&at, &len) ||
	    getnameinfo((struct sockaddr *)&at, len, host, sizeof host, port, sizeof port,
			NI_NUMERICHOST | NI_NUMERICSERV))
		return;
	snprintf(target, sizeof target, strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, port);
	announce(wait, target);
}

/* PORT, HOST:PORT or [HOST]:PORT; without a host, or with an empty one, only this machine is served. */
static bool listen_tcp(struct gdb_link *l, const char *spec, bool wait, struct error *err)
{
	const struct addrinfo want = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV };
	const char *colon = strrchr(spec, ':'), *port = colon ? colon + 1 : spec;
	uint64_t number;
	struct addrinfo *found;
	if (!parse_number(port, 65535, &number, err))
		return error_set(err, ERROR_USAGE, "neither [HOST:]PORT (0 to 65535) nor unix:PATH");
	size_t n = colon ? (size_t)(colon - spec) : 0;
	if (n >= 2 && spec[0] == '[' && spec[n - 1] == ']') {
		spec++;
		n -= 2;
	}
	char *host = n ? strndup(spec, n) : strdup("127.0.0.1"), digits[8];
	if (!host)
		return error_set(err, ERROR_HOST, "out of memory");
	snprintf(digits, sizeof digits, "%u", (unsigned)number);
	int e = getaddrinfo(host, digits, &want, &found);
	bool good = !e ? bind_to(l, found, err) : error_set(err, ERROR_USAGE, "host %.100s: %s", host, gai_strerror(e));
	if (!e)
		freeaddrinfo(found);
	free(host);
	if (good)
		announce_tcp(l, wait);
	return good;
}

/* ---- Unix sockets ---- */

/* A socket that nobody listens on any more may go; anything else at that path stays. */
static void remove_stale(const struct sockaddr_un *at)
{
	struct stat st;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (!lstat(at->sun_path, &st) && S_ISSOCK(st.st_mode) && connect(fd, (const struct sockaddr *)at, sizeof *at) &&
	    errno == ECONNREFUSED)
		unlink(at->sun_path);
	if (fd >= 0)
		close(fd);
}

static bool listen_unix(struct gdb_link *l, const char *path, bool wait, struct error *err)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	if (!*path || strlen(path) >= sizeof at.sun_path)
		return error_set(err, ERROR_USAGE, "the path must have 1 to %zu bytes", sizeof at.sun_path - 1);
	strcpy(at.sun_path, path);
	remove_stale(&at);
	l->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (l->listen_fd < 0)
		return error_set(err, ERROR_HOST, "socket: %s", strerror(errno));
	if (bind(l->listen_fd, (struct sockaddr *)&at, sizeof at))
		return error_set(err, ERROR_USAGE, "%s",
			errno == EADDRINUSE ? "exists already; remove it or choose another path" : strerror(errno));
	l->path = strdup(path);
	if (!l->path || listen(l->listen_fd, 1))
		return error_set(err, ERROR_HOST, "%s", l->path ? strerror(errno) : "out of memory");
	announce(wait, path);
	return true;
}

/* ---- either ---- */

bool gdb_listen(struct gdb_link *l, const char *spec, bool wait, struct error *err)
{
	l->listen_fd = l->fd = -1;
	return strncmp(spec, "unix:", 5) ? listen_tcp(l, spec, wait, err) : listen_unix(l, spec + 5, wait, err);
}

bool gdb_accept(struct gdb_link *l)
{
	int on = 1;
	l->fd = accept4(l->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (l->fd < 0)
		return false;
	setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	l->no_ack = false;
	l->in_at = l->in_n = l->packet_n = 0;
	return true;
}

void gdb_hang_up(struct gdb_link *l)
{
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
}

void gdb_link_close(struct gdb_link *l)
{
	gdb_hang_up(l);
	if (l->listen_fd >= 0)
		close(l->listen_fd);
	l->listen_fd = -1;
	if (l->path)
		unlink(l->path);
	free(l->path);
	l->path = NULL;
}

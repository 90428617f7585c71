// SPDX-License-Identifier: Apache-2.0
#include "src/serial/internal.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define WAIT_MS 250		/* how long a full queue holds the caller up */
#define PIECE 4096		/* PIPE_BUF: a pipe that polls writable takes that much without blocking */

static struct serial *serial_of(struct chardev *c)
{
	return CONTAINER_OF(c, struct serial, c);
}

/* ---- output ---- */

/* One write that does not block: bytes taken, 0 if the host takes none now, -1 if it never will. Locked. */
static ssize_t write_some(struct serial *s, const uint8_t *bytes, size_t n)
{
	struct pollfd p = { .fd = s->out_fd, .events = POLLOUT };
	ssize_t got;
	if (s->out_kind == OUT_POLL && poll(&p, 1, 0) <= 0)
		return 0;
	if (s->out_kind == OUT_SOCKET)
		got = send(s->out_fd, bytes, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	else
		got = write(s->out_fd, bytes, n < PIECE ? n : PIECE);
	if (got >= 0)
		return got;
	return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? 0 : -1;
}

/* Sends from the queue what the host takes now. Locked. */
static void send_queued(struct serial *s)
{
	while (s->out_count) {
		unsigned run = SERIAL_OUT_MAX - s->out_head;
		ssize_t n = write_some(s, s->out + s->out_head, s->out_count < run ? s->out_count : run);
		if (n == 0)
			return;
		if (n < 0)
			n = s->out_count;	/* gone: dropped */
		s->out_head = (s->out_head + n) % SERIAL_OUT_MAX;
		s->out_count -= n;
		s->out_stuck = false;
	}
}

static void out_ready(void *opaque, unsigned ready)
{
	struct serial *s = opaque;
	pthread_mutex_lock(&s->out_lock);
	if (s->out_fd >= 0)
		send_queued(s);
	if (!s->out_count) {
		event_fd_free(s->out_watch);
		s->out_watch = NULL;
	}
	pthread_mutex_unlock(&s->out_lock);
}

static void enqueue(struct serial *s, const uint8_t *bytes, unsigned n)
{
	unsigned tail = (s->out_head + s->out_count) % SERIAL_OUT_MAX, run = SERIAL_OUT_MAX - tail;
	memcpy(s->out + tail, bytes, n < run ? n : run);
	if (n > run)
		memcpy(s->out, bytes + run, n - run);
	s->out_count += n;
}

/* The queue is full: waits a little for the host. False: it takes nothing. Locked. */
static bool wait_for_room(struct serial *s)
{
	unsigned before = s->out_count;
	struct pollfd p = { .fd = s->out_fd, .events = POLLOUT };
	if (!s->out_stuck)
		poll(&p, 1, WAIT_MS);
	send_queued(s);
	s->out_stuck = s->out_count == before;
	return !s->out_stuck;
}

static void serial_write(struct chardev *c, const uint8_t *bytes, unsigned n)
{
	struct serial *s = serial_of(c);
	struct error err;
	if (s->ops->output) {
		s->ops->output(s, bytes, n);
		return;
	}
	pthread_mutex_lock(&s->out_lock);
	if (s->out_count && s->out_fd >= 0)
		send_queued(s);
	while (n && s->out_fd >= 0) {
		ssize_t done = s->out_count ? 0 : write_some(s, bytes, n);
		if (done < 0)
			break;
		if (!done) {
			unsigned room = SERIAL_OUT_MAX - s->out_count;
			if (!room && !wait_for_room(s))
				break;
			room = SERIAL_OUT_MAX - s->out_count;
			done = n < room ? n : room;
			enqueue(s, bytes, done);
		}
		bytes += done;
		n -= done;
	}
	/* Without a watch (not started) the rest goes out with the next write, or when draining. */
	if (s->out_count && !s->out_watch && s->ev && s->out_fd >= 0)
		s->out_watch = event_fd_new(s->ev, s->out_fd, EPOLLOUT, out_ready, s, &err);
	pthread_mutex_unlock(&s->out_lock);
}

static void serial_drain(struct chardev *c)
{
	struct serial *s = serial_of(c);
	pthread_mutex_lock(&s->out_lock);
	while (s->out_count && s->out_fd >= 0 && wait_for_room(s))
		;
	pthread_mutex_unlock(&s->out_lock);
}

/* ---- input ---- */

static void in_ready(void *opaque, unsigned ready);

static void watch_input(struct serial *s, bool on)
{
	struct error err;
	if (on && !s->in_watch && s->in_fd >= 0 && !s->in_file && !s->in_ended)
		s->in_watch = event_fd_new(s->ev, s->in_fd, EPOLLIN, in_ready, s, &err);
	if (!on && s->in_watch) {
		event_fd_free(s->in_watch);
		s->in_watch = NULL;
	}
}

static void input_ended(struct serial *s)
{
	watch_input(s, false);
	s->in_ended = true;
	if (s->ops->ended)
		s->ops->ended(s);
	else
		serial_set_fds(s, -1, s->out_fd);
}

static unsigned take(struct serial *s, uint8_t *to, unsigned n)
{
	pthread_mutex_lock(&s->in_lock);
	if (n > s->in_count)
		n = s->in_count;
	memcpy(to, s->in, n);
	s->in_count -= n;
	memmove(s->in, s->in + n, s->in_count);
	pthread_mutex_unlock(&s->in_lock);
	return n;
}

static unsigned waiting(struct serial *s)
{
	pthread_mutex_lock(&s->in_lock);
	unsigned n = s->in_count;
	pthread_mutex_unlock(&s->in_lock);
	return n;
}

/* Gives the front what it takes. */
static void deliver(struct serial *s)
{
	uint8_t bytes[256];
	while (waiting(s) && s->c.can_receive) {
		unsigned n = s->c.can_receive(s->c.front);
		if (!n)
			return;
		n = take(s, bytes, n < sizeof(bytes) ? n : sizeof(bytes));
		s->c.receive(s->c.front, bytes, n);
	}
}

/* Reads once, if there is something and room for it. False: nothing more now. */
static bool read_some(struct serial *s)
{
	uint8_t bytes[256];
	unsigned room = SERIAL_IN_MAX - waiting(s);
	if (s->in_fd < 0 || s->in_ended || (!room && !s->in_keep_reading))
		return false;
	struct pollfd p = { .fd = s->in_fd, .events = POLLIN };
	if (!s->in_file && poll(&p, 1, 0) <= 0)
		return false;
	ssize_t n = read(s->in_fd, bytes, room < sizeof(bytes) && !s->in_keep_reading ? room : sizeof(bytes));
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
		return errno == EINTR;
	if (n <= 0) {
		input_ended(s);
		return false;
	}
	unsigned left = s->ops->filter ? s->ops->filter(s, bytes, n) : (unsigned)n;
	if (left > room)
		left = room;
	pthread_mutex_lock(&s->in_lock);
	memcpy(s->in + s->in_count, bytes, left);
	s->in_count += left;
	pthread_mutex_unlock(&s->in_lock);
	return true;
}

static void pump(struct serial *s)
{
	/* A bounded number of rounds, so that others on the event thread have their turn */
	for (unsigned i = 0; i < 16; i++) {
		deliver(s);
		/* Without an escape key nothing is read ahead of what the guest takes; the front kicks. */
		if (waiting(s) && !s->in_keep_reading) {
			watch_input(s, false);
			return;
		}
		if (!read_some(s)) {
			watch_input(s, true);
			return;
		}
	}
	watch_input(s, true);
	s->c.kick(&s->c);
}

static void in_ready(void *opaque, unsigned ready)
{
	pump(opaque);
}

static void kicked(void *opaque, unsigned ready)
{
	struct serial *s = opaque;
	uint64_t drop;
	if (read(s->kick_fd, &drop, sizeof(drop)) == sizeof(drop))
		pump(s);
}

static void serial_kick(struct chardev *c)
{
	uint64_t one = 1;
	while (write(serial_of(c)->kick_fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

/* Looks at what kind of file the output is. Locked, or not started. */
static void find_out_kind(struct serial *s)
{
	struct stat st;
	int flags = fcntl(s->out_fd, F_GETFL);
	if (fstat(s->out_fd, &st))
		return;
	s->out_kind = S_ISSOCK(st.st_mode) ? OUT_SOCKET : flags & O_NONBLOCK || S_ISREG(st.st_mode) ? OUT_NONBLOCK : OUT_POLL;
	/* A reader that leaves shall not end the program: its output is dropped. */
	struct sigaction old;
	if (S_ISFIFO(st.st_mode) && !sigaction(SIGPIPE, NULL, &old) && old.sa_handler == SIG_DFL)
		signal(SIGPIPE, SIG_IGN);
}

void serial_set_fds(struct serial *s, int in_fd, int out_fd)
{
	struct stat st;
	if (in_fd != s->in_fd) {
		watch_input(s, false);
		if (s->in_fd >= 0)
			close(s->in_fd);
		s->in_fd = in_fd;
		s->in_ended = false;
		/* What epoll cannot watch is always ready: files, /dev/null. */
		s->in_file = in_fd >= 0 && !fstat(in_fd, &st) && !S_ISFIFO(st.st_mode) && !S_ISSOCK(st.st_mode) && !isatty(in_fd);
	}
	if (out_fd == s->out_fd)
		return;
	pthread_mutex_lock(&s->out_lock);
	event_fd_free(s->out_watch);	/* waits for nothing: this is the event thread, or there is none */
	s->out_watch = NULL;
	if (s->out_fd >= 0)
		close(s->out_fd);
	s->out_fd = out_fd;
	s->out_count = 0;
	s->out_stuck = false;
	if (out_fd >= 0)
		find_out_kind(s);
	pthread_mutex_unlock(&s->out_lock);
}

/* ---- life ---- */

static void stop(struct chardev *c);

struct starting {
	struct serial *s;
	struct error *err;
	bool ok;
};

static void start_watching(void *opaque)
{
	struct starting *st = opaque;
	struct serial *s = st->s;
	s->kick_watch = event_fd_new(s->ev, s->kick_fd, EPOLLIN, kicked, s, st->err);
	st->ok = s->kick_watch && (!s->ops->start || s->ops->start(s, st->err));
	if (st->ok)
		pump(s);
}

static bool start(struct chardev *c, struct events *ev, struct error *err)
{
	struct serial *s = serial_of(c);
	pthread_mutex_lock(&s->out_lock);
	s->ev = ev;
	pthread_mutex_unlock(&s->out_lock);
	struct starting st = { .s = s, .err = err };
	events_run(ev, start_watching, &st);
	if (!st.ok)
		stop(c);
	return st.ok;
}

/* On the event thread, which makes and unmakes watches as it goes. */
static void stop_watching(void *opaque)
{
	struct serial *s = opaque;
	event_fd_free(s->kick_watch);
	s->kick_watch = NULL;
	watch_input(s, false);
	if (s->ops->stop)
		s->ops->stop(s);
	pthread_mutex_lock(&s->out_lock);
	event_fd_free(s->out_watch);
	s->out_watch = NULL;
	s->ev = NULL;
	pthread_mutex_unlock(&s->out_lock);
}

static void stop(struct chardev *c)
{
	struct serial *s = serial_of(c);
	if (s->ev)
		events_run(s->ev, stop_watching, s);
}

static void destroy(struct chardev *c)
{
	struct serial *s = serial_of(c);
	stop(c);
	serial_drain(c);
	serial_fini(s);
	if (s->ops->destroy)
		s->ops->destroy(s);
	else
		free(s);
}

bool serial_init(struct serial *s, const struct serial_ops *ops, struct error *err)
{
	*s = (struct serial){ .ops = ops, .in_fd = -1, .out_fd = -1 };
	s->kick_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (s->kick_fd < 0)
		return error_set(err, ERROR_HOST, "serial: eventfd: %s", strerror(errno));
	pthread_mutex_init(&s->out_lock, NULL);
	pthread_mutex_init(&s->in_lock, NULL);
	s->c = (struct chardev){
		.start = start, .stop = stop, .write = serial_write, .kick = serial_kick, .drain = serial_drain, .destroy = destroy,
	};
	return true;
}

void serial_fini(struct serial *s)
{
	if (s->in_fd >= 0)
		close(s->in_fd);
	if (s->out_fd >= 0)
		close(s->out_fd);
	close(s->kick_fd);
	pthread_mutex_destroy(&s->out_lock);
	pthread_mutex_destroy(&s->in_lock);
}

bool serial_start(struct chardev *c, struct events *ev, struct error *err)
{
	return !c || !c->start || c->start(c, ev, err);
}

void serial_stop(struct chardev *c)
{
	if (c && c->stop)
		c->stop(c);
}

void serial_destroy(struct chardev *c)
{
	if (c && c->destroy)
		c->destroy(c);
}

static void discard(struct serial *s, const uint8_t *bytes, unsigned n)
{
}

static const struct serial_ops none_ops = { .output = discard };

static struct chardev *open_none(struct error *err)
{
	struct serial *s = malloc(sizeof(*s));
	if (s && serial_init(s, &none_ops, err))
		return &s->c;
	if (!s)
		error_set(err, ERROR_HOST, "serial: out of memory");
	free(s);
	return NULL;
}

struct chardev *serial_open(const char *spec, struct error *err)
{
	if (!strcmp(spec, "stdio"))
		return serial_open_stdio(err);
	if (!strcmp(spec, "pty"))
		return serial_open_pty(err);
	if (!strcmp(spec, "none"))
		return open_none(err);
	if (!strncmp(spec, "unix:", 5) && spec[5])
		return serial_open_unix(spec + 5, err);
	if (!strncmp(spec, "file:", 5) && spec[5])
		return serial_open_file(spec + 5, err);
	error_set(err, ERROR_USAGE, "serial '%s': give stdio, pty, unix:PATH, file:PATH or none", spec);
	return NULL;
}

void serial_on_leave(struct chardev *c, void (*leave)(void *opaque), void *opaque)
{
	if (c && c->destroy == destroy && serial_of(c)->ops == &serial_stdio_ops)
		serial_stdio_on_leave(serial_of(c), leave, opaque);
}

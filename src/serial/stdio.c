// SPDX-License-Identifier: Apache-2.0
/* Standard input and output, with Ctrl-A as escape key if input is a terminal. */
#include "src/serial/internal.h"
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ESCAPE 1	/* Ctrl-A */

struct stdio {
	struct serial s;
	bool raw, escaped;
	pthread_mutex_t lock;
	void (*leave)(void *opaque);	/* these two under lock */
	void *opaque;
};

static struct stdio *stdio_of(struct serial *s)
{
	return CONTAINER_OF(s, struct stdio, s);
}

static void help(struct serial *s)
{
	static const char text[] = "\r\n"
		"Ctrl-A x       leave: stops the guest\r\n"
		"Ctrl-A Ctrl-A  sends Ctrl-A to the guest (Ctrl-A a, too)\r\n"
		"Ctrl-A h       this help\r\n";
	s->c.write(&s->c, (const uint8_t *)text, sizeof(text) - 1);
}

static void leave(struct stdio *io)
{
	pthread_mutex_lock(&io->lock);
	void (*fn)(void *opaque) = io->leave;
	void *opaque = io->opaque;
	pthread_mutex_unlock(&io->lock);
	if (fn)
		fn(opaque);
}

static unsigned filter(struct serial *s, uint8_t *bytes, unsigned n)
{
	struct stdio *io = stdio_of(s);
	unsigned out = 0;
	for (unsigned i = 0; io->raw && i < n; i++) {
		uint8_t b = bytes[i];
		if (!io->escaped) {
			if (b == ESCAPE)
				io->escaped = true;
			else
				bytes[out++] = b;
			continue;
		}
		io->escaped = false;
		if (b == 'x' || b == 'X')
			leave(io);
		else if (b == 'h' || b == 'H' || b == '?')
			help(s);
		else if (b == ESCAPE || b == 'a')
			bytes[out++] = ESCAPE;
		/* anything else after Ctrl-A is swallowed with it: a typing error sends no half of a key sequence */
	}
	return io->raw ? out : n;
}

static void stdio_destroy(struct serial *s)
{
	struct stdio *io = stdio_of(s);
	if (io->raw)
		serial_terminal_restore();
	pthread_mutex_destroy(&io->lock);
	free(io);
}

const struct serial_ops serial_stdio_ops = { .filter = filter, .destroy = stdio_destroy };

void serial_stdio_on_leave(struct serial *s, void (*fn)(void *opaque), void *opaque)
{
	struct stdio *io = stdio_of(s);
	pthread_mutex_lock(&io->lock);
	io->leave = fn;
	io->opaque = opaque;
	pthread_mutex_unlock(&io->lock);
}

/*
 * Standard output as an open file of our own, so that it can be non-blocking: the flag on the one we were given would be seen
 * by every program that shares it, the user's shell included. Files keep their position and sockets cannot be opened again.
 */
static int open_output(void)
{
	struct stat st;
	if (!fstat(1, &st) && (S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode))) {
		int fd = open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
		if (fd >= 0)
			return fd;
	}
	return fcntl(1, F_DUPFD_CLOEXEC, 3);
}

struct chardev *serial_open_stdio(struct error *err)
{
	struct stdio *io = malloc(sizeof(*io));
	if (!io) {
		error_set(err, ERROR_HOST, "serial stdio: out of memory");
		return NULL;
	}
	if (!serial_init(&io->s, &serial_stdio_ops, err)) {
		free(io);
		return NULL;
	}
	io->raw = io->escaped = false;
	io->leave = NULL;
	pthread_mutex_init(&io->lock, NULL);
	/* A closed descriptor is no error: there is just no input or no output. */
	int in = fcntl(0, F_DUPFD_CLOEXEC, 3), out = open_output();
	if (in >= 0 && isatty(in)) {
		/* Reading our terminal from the background would stop us: then there is no input. (-1: it is not ours.) */
		pid_t foreground = tcgetpgrp(in);
		if (foreground >= 0 && foreground != getpgrp()) {
			close(in);
			in = -1;
		} else if (!terminal_raw(in, err)) {
			close(in);
			close(out);
			serial_fini(&io->s);
			stdio_destroy(&io->s);
			return NULL;
		} else {
			io->raw = io->s.in_keep_reading = true;
		}
	}
	serial_set_fds(&io->s, in, out);
	return &io->s.c;
}

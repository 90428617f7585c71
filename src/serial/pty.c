// SPDX-License-Identifier: Apache-2.0
/* A pseudo terminal, for screen, minicom and the like. */
#include "src/serial/internal.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

struct pty {
	struct serial s;
	int slave;	/* held open: without any user of the slave side, reads fail and the watch reports a hang-up for ever */
};

static void pty_destroy(struct serial *s)
{
	struct pty *p = CONTAINER_OF(s, struct pty, s);
	close(p->slave);
	free(p);
}

static const struct serial_ops pty_ops = { .destroy = pty_destroy };

/* Opens both sides; the slave raw, else it would echo our output as input. */
static bool open_both(struct pty *p, char *name, size_t size, struct error *err)
{
	struct termios t;
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	if (master < 0)
		return error_set(err, ERROR_HOST, "serial pty: %s", strerror(errno));
	int out = fcntl(master, F_DUPFD_CLOEXEC, 0);	/* a number of its own, to be watched for output */
	serial_set_fds(&p->s, master, out);
	if (out < 0 || grantpt(master) || unlockpt(master) || ptsname_r(master, name, size))
		return error_set(err, ERROR_HOST, "serial pty: %s", strerror(errno));
	p->slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (p->slave < 0 || tcgetattr(p->slave, &t))
		return error_set(err, ERROR_HOST, "serial pty: %s: %s", name, strerror(errno));
	cfmakeraw(&t);
	return !tcsetattr(p->slave, TCSANOW, &t) || error_set(err, ERROR_HOST, "serial pty: %s: %s", name, strerror(errno));
}

struct chardev *serial_open_pty(struct error *err)
{
	char name[128];
	struct pty *p = malloc(sizeof(*p));
	if (!p) {
		error_set(err, ERROR_HOST, "serial pty: out of memory");
		return NULL;
	}
	if (!serial_init(&p->s, &pty_ops, err)) {
		free(p);
		return NULL;
	}
	p->slave = -1;
	if (!open_both(p, name, sizeof(name), err)) {
		serial_fini(&p->s);
		if (p->slave >= 0)
			close(p->slave);
		free(p);
		return NULL;
	}
	fprintf(stderr, "calque: serial port on %s\n", name);
	return &p->s.c;
}

// SPDX-License-Identifier: Apache-2.0
/* file:PATH, output only. */
#include "src/serial/internal.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

static const struct serial_ops file_ops = { 0 };

struct chardev *serial_open_file(const char *path, struct error *err)
{
	struct serial *s = malloc(sizeof(*s));
	if (!s) {
		error_set(err, ERROR_HOST, "serial file:%s: out of memory", path);
		return NULL;
	}
	if (!serial_init(s, &file_ops, err))
		goto no_serial;
	/* O_NONBLOCK: a FIFO that nobody reads is an error, not a wait for ever. */
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0666);
	if (fd < 0) {
		const char *why = errno == ENXIO ? "nobody reads from this pipe" : strerror(errno);
		error_set(err, ERROR_USAGE, "serial file:%s: %s", path, why);
		serial_fini(s);
		goto no_serial;
	}
	serial_set_fds(s, -1, fd);
	return &s->c;
no_serial:
	free(s);
	return NULL;
}

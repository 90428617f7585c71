/* SPDX-License-Identifier: Apache-2.0 */
/* What the backends share: output that does not block for long, and input pumped to the front on the event thread. */
#pragma once
#include <pthread.h>
#include <sys/types.h>
#include "src/serial/serial.h"

#define SERIAL_OUT_MAX 65536
#define SERIAL_IN_MAX 4096

struct serial;

/* All may be NULL. */
struct serial_ops {
	/* Looks at input that came in and may shorten it, in place; returns what is left. Event thread. */
	unsigned (*filter)(struct serial *s, uint8_t *bytes, unsigned n);
	/* Input has ended (end of file, the other side is gone); in_fd is still open, but not read
	 * any more. NULL: it is closed. Event thread. */
	void (*ended)(struct serial *s);
	/* The front is in place, before any input. */
	bool (*start)(struct serial *s, struct error *err);
	void (*stop)(struct serial *s);	/* event thread */
	/* Replaces writing to out_fd. */
	void (*output)(struct serial *s, const uint8_t *bytes, unsigned n);
	/* Closes what is not in_fd and out_fd, and frees. */
	void (*destroy)(struct serial *s);
};

struct serial {
	struct chardev c;
	const struct serial_ops *ops;
	struct events *ev;		/* NULL: not started, or stopped */

	/* output, under out_lock */
	pthread_mutex_t out_lock;
	int out_fd;			/* -1: nowhere */
	enum { OUT_NONBLOCK, OUT_SOCKET, OUT_POLL } out_kind;	/* how to write without blocking */
	struct event_fd *out_watch;	/* while something is queued */
	uint8_t out[SERIAL_OUT_MAX];
	unsigned out_head, out_count;
	bool out_stuck;			/* the host takes nothing: no more waiting, what does not fit is dropped */

	/* input: the event thread's */
	int in_fd;			/* -1: none */
	bool in_file;			/* a regular file or the like: always ready, cannot be watched */
	bool in_ended;			/* nothing more comes from in_fd */
	bool in_keep_reading;		/* when the guest takes nothing, too, for the escape key; what is too much is lost */
	struct event_fd *in_watch;
	pthread_mutex_t in_lock;	/* of these two, for mem's input comes from any thread */
	uint8_t in[SERIAL_IN_MAX];
	unsigned in_count;

	int kick_fd;			/* eventfd: pump */
	struct event_fd *kick_watch;
};

/* Sets up the common part. False: nothing to release. */
MUST_CHECK bool serial_init(struct serial *s, const struct serial_ops *ops, struct error *err);
/* Closes in_fd and out_fd, too. */
void serial_fini(struct serial *s);
/* Changes the descriptors, closing the old ones. Event thread, or not started. */
void serial_set_fds(struct serial *s, int in_fd, int out_fd);

struct chardev *serial_open_stdio(struct error *err);
struct chardev *serial_open_pty(struct error *err);
struct chardev *serial_open_unix(const char *path, struct error *err);
struct chardev *serial_open_file(const char *path, struct error *err);
void serial_stdio_on_leave(struct serial *s, void (*leave)(void *opaque), void *opaque);
extern const struct serial_ops serial_stdio_ops;

/* Puts the terminal on fd into raw mode, remembering how it was. */
MUST_CHECK bool terminal_raw(int fd, struct error *err);

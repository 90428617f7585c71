/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A character backend: where a serial port or console sends its output and gets its input from. Backends (stdio, pty, unix
 * socket, file, the embedding program) are structs of function pointers in src/serial/; devices are the front.
 *
 * Threads: write may be called from any thread, without a device lock. receive is called on the event thread.
 */
#pragma once
#include "runtime/error.h"
#include "runtime/util.h"

struct events;

struct chardev {
	/* Lets input flow; called once, when the front is in place. NULL: nothing to do. */
	bool (*start)(struct chardev *c, struct events *ev, struct error *err);
	/* After this returns the front is not called any more: before the front or the events are destroyed. Repeatable. NULL: nothing to do. */
	void (*stop)(struct chardev *c);
	/* Sends bytes; keeps what the host does not take at once (bounded: then it blocks the caller shortly, and drops if the host never takes it). */
	void (*write)(struct chardev *c, const uint8_t *bytes, unsigned n);
	/* The front can take input again after can_receive said 0. */
	void (*kick)(struct chardev *c);
	/* Flushes what is buffered. */
	void (*drain)(struct chardev *c);
	void (*destroy)(struct chardev *c);

	/* Set by the front: how many bytes it can take now, and delivery of at most that many. */
	unsigned (*can_receive)(void *front);
	void (*receive)(void *front, const uint8_t *bytes, unsigned n);
	void *front;
};

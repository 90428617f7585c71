/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Backends of serial ports and consoles (devices/chardev.h): where the guest's characters go and come from.
 *
 * Two steps, because the event thread exists only once the machine does: serial_open opens files and reports what is wrong with
 * them; serial_start, called by the board when the front is in place, lets input flow.
 */
#pragma once
#include "devices/chardev.h"
#include "runtime/events.h"

/*
 * SPEC is one of
 *	stdio		standard input and output; a terminal is put into raw mode, with Ctrl-A as its escape key;
 *			pipes and files pass every byte, and at their end the guest just gets no more input
 *	pty		a new pseudo terminal; its path is printed on stderr
 *	unix:PATH	a listening Unix socket that serves one client at a time
 *	file:PATH	output only; the file is emptied first
 *	none		nowhere
 */
struct chardev *serial_open(const char *spec, struct error *err);
/* Works for any chardev: those without a start op (the embedding program's) need none. */
MUST_CHECK bool serial_start(struct chardev *c, struct events *ev, struct error *err);
/* Ends input: when this returns the front is not called any more. Before the front and the machine's events are destroyed. */
void serial_stop(struct chardev *c);
/* Sends what is still buffered, as far as the host takes it, and frees. NULL is fine. */
void serial_destroy(struct chardev *c);

/* Called on the event thread when the user presses Ctrl-A x. Only stdio has such a key; for others nothing happens. */
void serial_on_leave(struct chardev *c, void (*leave)(void *opaque), void *opaque);

/* In memory: output goes to a function, called on the writing thread; input comes through serial_mem_input. */
struct chardev *serial_mem(void (*output)(void *opaque, const uint8_t *bytes, unsigned n), void *opaque, struct error *err);
/* Queues input for the guest, any thread, before the start too; returns how many bytes there was room for. */
unsigned serial_mem_input(struct chardev *c, const void *bytes, unsigned n);

/*
 * The terminal. serial_open("stdio") puts it into raw mode and destroying the chardev restores it; for all other ways out
 * main calls serial_terminal_guard first thing: it restores at exit and at signals that end or stop the process (handlers
 * that main installs itself afterwards call serial_terminal_restore, which is safe in signal handlers and can be repeated).
 */
void serial_terminal_guard(void);
void serial_terminal_restore(void);

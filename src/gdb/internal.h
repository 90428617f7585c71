/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of the GDB server. */
#pragma once
#include "runtime/debug.h"
#include "src/gdb/gdb.h"

#define GDB_PACKET 16384	/* bytes of a packet's contents, as qSupported promises */

/* ---- listen.c, link.c: the socket, packets in and out ---- */

struct gdb_link {
	int listen_fd, fd;
	char *path;		/* of a Unix socket, to be removed; NULL: TCP */
	bool no_ack;
	uint8_t in[2048];	/* received, not yet read */
	unsigned in_at, in_n;
	char packet[GDB_PACKET + 1];	/* the last one received, NUL-terminated */
	unsigned packet_n;
	char reply[2 * GDB_PACKET + 8];
	unsigned reply_n;
};

enum gdb_input { GDB_PACKET_READY, GDB_INTERRUPT, GDB_NOTHING, GDB_CLOSED };

/* Listens as gdb_start says; `wait`: what is printed says that the guest does. In listen.c. */
bool gdb_listen(struct gdb_link *l, const char *spec, bool wait, struct error *err);
bool gdb_accept(struct gdb_link *l);
/* Reads what is there until a packet is complete. Does not block. */
enum gdb_input gdb_receive(struct gdb_link *l);
void gdb_hang_up(struct gdb_link *l);
void gdb_link_close(struct gdb_link *l);

/* The reply under construction. */
void gdb_begin(struct gdb_link *l);
void gdb_put(struct gdb_link *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void gdb_put_hex(struct gdb_link *l, const void *bytes, unsigned n);
/* Binary with the protocol's escapes. */
void gdb_put_binary(struct gdb_link *l, const void *bytes, unsigned n);
/* Sends it, and waits for the acknowledgement where the protocol has one. False: the debugger is gone. */
bool gdb_send(struct gdb_link *l);
/* Hex digits to bytes; returns how many pairs there were (at most max). */
unsigned gdb_unhex(const char *text, uint8_t *bytes, unsigned max);

/* ---- the server ---- */

struct gdb {
	struct vm *vm;
	struct gdb_link link;
	pthread_t thread;
	bool serving;		/* it is there */
	int wake_fd;		/* eventfd: stopped, ended, quit */
	_Atomic bool quit;
	bool running;
	bool ended_sent;
	unsigned general, last;	/* vCPU of Hg; vCPU of the last stop */
	bool physical;		/* addresses of memory are physical ones */
	bool takes_interrupts;	/* while it steps */
	struct debug debug;
	_Atomic uint64_t hits;	/* vCPUs that stopped by themselves and are not reported yet */
	struct gdb_symbols *symbols;	/* the file that the debugger has open; NULL: none */

	char *xml;		/* target description */
	unsigned xml_n;
	unsigned order[512];	/* indices of frontend registers by GDB's numbers */
	unsigned n_regs, n_core;/* all; those of the `g` packet */
};

/* ---- regs.c ---- */
bool gdb_describe(struct gdb *g);
void gdb_read_registers(struct gdb *g);
void gdb_write_registers(struct gdb *g, const char *hex);
void gdb_read_register(struct gdb *g, unsigned number);
void gdb_write_register(struct gdb *g, unsigned number, const char *hex);

/* ---- parse.c: pieces of packets ---- */
/* Hexadecimal number at *text; moves behind it. */
bool gdb_number(const char **text, uint64_t *value);
/* The character at *text; moves behind it. */
bool gdb_expect(const char **text, char c);
/* A thread: 0 and -1 mean any and all, here UINT64_MAX; else the bit of the vCPU, whose number the thread's is + 1. */
bool gdb_threads(const struct gdb *g, const char **text, uint64_t *mask);
/* Replies. */
void gdb_ok(struct gdb *g);
void gdb_error(struct gdb *g);

/* ---- command.c: one packet; false: the session is over ---- */
bool gdb_command(struct gdb *g);
/* ---- query.c: q and Q packets ---- */
bool gdb_query(struct gdb *g, const char *p);
void gdb_set(struct gdb *g, const char *p);
/* ---- memory.c: m, M, x and X packets ---- */
void gdb_read_memory(struct gdb *g, const char *p, bool binary);
void gdb_write_memory(struct gdb *g, const char *p, bool binary);
/* ---- monitor.c: a command in hex; false: the session is over ---- */
bool gdb_monitor(struct gdb *g, const char *hex);
/* ---- symbols.c: vFile packets, for the one file that there is: the symbols of the guest's kernel ---- */
void gdb_file(struct gdb *g, const char *p);
void gdb_file_close(struct gdb *g);

/* ---- control.c ---- */
enum { SIGNAL_INT = 2, SIGNAL_TRAP = 5 };	/* GDB's own numbers */
/*
 * What vCPUs do: those of `step` stop after an instruction, or one that leads out of their range, those of `go` run on,
 * the others stay.
 */
struct gdb_resume {
	uint64_t step, go;
	struct { uint64_t first, end; } range[MACHINE_MAX_VCPUS];
};
void gdb_resume(struct gdb *g, const struct gdb_resume *r);
/* Is told of the machine from now on. */
MUST_CHECK bool gdb_observe(struct gdb *g);
/* Pauses the machine, after a reboot if one is under way. How the guest has ended: EXIT_NONE: not, EXIT_REBOOT: it was
 * to come back, but the server quits. */
enum exit_cause gdb_pause(struct gdb *g);
/* Pauses the machine and says so with a signal number. */
bool gdb_stopped(struct gdb *g, unsigned signal);
bool gdb_report_stop(struct gdb *g, unsigned signal);
bool gdb_report_end(struct gdb *g);
void gdb_detach(struct gdb *g);

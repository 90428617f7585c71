/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Breakpoints, watchpoints and steps for a debugger: exact under every engine, and without cost where there are none.
 *
 * No fast path looks for them. A page of code with a breakpoint is kept out of the virtual-PC caches and its blocks are
 * not linked, so that each of its instructions is looked up, alone in its block. A page with a watched byte gets neither
 * TLB entries for data nor windows, so that every access to it comes to the soft MMU. One that hits leaves the
 * instruction as a fault does, before anything has happened; the run loop does the instruction once more, alone and
 * unwatched, and stops behind it.
 *
 * Addresses are virtual, in whatever address space. Watched are the loads, stores, atomics and cache-block operations of
 * guest code; not what it fetches, not page-table walks, devices (DMA) and built-in firmware. An atomic and a
 * store-conditional count as read and write.
 *
 * Threads: points are changed while the machine is paused; what takes a vCPU is called on its thread.
 */
#pragma once
#include "runtime/machine.h"

#define DEBUG_BREAKPOINTS 256
#define DEBUG_WATCHPOINTS 64

enum { WATCH_READ = 1, WATCH_WRITE = 2 };

/* All breakpoints work alike; a debugger that sets several kinds wants to be told which it was. */
enum { BREAK_SOFT = 1, BREAK_HARD = 2 };

struct breakpoint {
	uint64_t va;
	unsigned kinds;		/* BREAK_*: one or more */
};

struct watchpoint {
	uint64_t va, last;	/* the first and the last byte */
	unsigned access;	/* WATCH_* */
};

struct debug {
	struct breakpoint breakpoint[DEBUG_BREAKPOINTS];
	struct watchpoint watchpoint[DEBUG_WATCHPOINTS];
	unsigned n_breakpoints, n_watchpoints;
	/* The pages that are off the fast paths: those of all points, or more */
	uint64_t code_page[DEBUG_BREAKPOINTS];
	struct { uint64_t first, last; } data_pages[DEBUG_WATCHPOINTS];
	unsigned n_code_pages, n_data_pages;
};

/*
 * Add a point, or take it away; what is there already, or not there any more, is no error. False: too many, or bytes of
 * a watchpoint that do not exist.
 */
MUST_CHECK bool debug_breakpoint(struct debug *d, uint64_t va, unsigned kind, bool insert);
MUST_CHECK bool debug_watchpoint(struct debug *d, uint64_t va, uint64_t size, unsigned access, bool insert);
/*
 * Before the machine goes on: what has been added or taken away holds from here on. `briefly`: a debugger that steps
 * takes its points away for so long; their pages then stay off the fast paths, since taking them off again drops all TLB
 * entries.
 */
void debug_arm(struct machine *m, struct debug *d, bool briefly);

/* ---- for the run loop, the soft MMU and engines; machine->debug is not NULL ---- */
/* The kinds of the breakpoint at va; 0: there is none. */
unsigned debug_breaks_at(const struct debug *d, uint64_t va);
/* Whether some breakpoint is in va's page, so that its instructions are to be looked up one by one … */
bool debug_breaks_page(const struct debug *d, uint64_t va);
/* … and whether the vCPU, about to execute the one at va, stops there. */
bool debug_stops_at(struct vcpu *cpu, uint64_t va);
/* Whether some byte of these 2^bits around va lies in a watched page. */
bool debug_watches_block(const struct debug *d, uint64_t va, unsigned bits);
/* False: the access hits a watchpoint, and must not be done now. No exception is pending then. */
MUST_CHECK bool debug_allows(struct vcpu *cpu, uint64_t va, unsigned size, unsigned access);
/* Does the instruction whose access was not allowed. */
void debug_pass_access(struct vcpu *cpu);
/* The engine has come back, exceptions have been taken: whether the vCPU stops, which cpu->debug.stop then says. */
MUST_CHECK bool debug_stops(struct vcpu *cpu);

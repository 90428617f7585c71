/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a process has once, whatever number of machines live in it: the handlers of SIGSEGV and SIGBUS, and a share of the memory
 * mappings that the kernel allows it.
 *
 * Any thread may call these functions. Their state is private to process.c.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "runtime/error.h"
#include "runtime/util.h"

/*
 * A fault of generated code. Registers are changed through the pointers: the thread goes on with what stands there when the handler
 * returns true.
 */
struct process_fault {
	int signal;		/* SIGSEGV or SIGBUS */
	bool located;		/* address and write are known; not where the address is none that the host could translate */
	bool write;
	uint64_t address;
	uint64_t *pc, *sp;
	void *context;		/* ucontext_t */
};

/* What the host's registers held, by the numbers that its instructions give them; of vector registers the low 64 bits. */
struct host_registers { uint64_t general[16], vector[16]; };
void process_fault_registers(const struct process_fault *f, struct host_registers *r);

/*
 * Called in the signal handler, on the thread that faulted, with no signal blocked that was not before. What faulted was
 * generated code, which holds no lock: the handler may call whatever that code might have called. False: the fault is none of
 * its own.
 */
typedef bool process_fault_fn(void *opaque, struct process_fault *f);

/*
 * Faults of instructions in [begin, end) are for the handler from now on. Every other fault goes where it went before the first
 * such call: to the handler of the program that embeds us, or the default. False: the host is of a kind that we cannot read
 * faults of, or too many ranges.
 */
MUST_CHECK bool process_add_code(const void *begin, const void *end, process_fault_fn *handler, void *opaque, struct error *err);
/* No thread executes the range any more. With the last one the handlers that were there before come back. */
void process_remove_code(const void *begin);

/* Mappings for direct windows (runtime/window.h): takes n from what the process may have, or returns false; gives n back. */
MUST_CHECK bool process_take_mappings(unsigned n);
void process_give_mappings(unsigned n);
/* How many there are to take in all. */
unsigned process_max_mappings(void);

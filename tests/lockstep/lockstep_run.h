/* SPDX-License-Identifier: Apache-2.0 */
/* A bare machine that runs a program under --engine lockstep: RAM, one hart, one device. */
#pragma once
#include "runtime/machine.h"
#include "tests/lockstep/coverage.h"
#include "tests/lockstep/program.h"

struct lockstep_run {
	enum lockstep_side against;
	enum memory_mode memory;
	uint64_t stretch, sweep;	/* lockstep_stretch, lockstep_sweep */
	uint64_t limit;			/* instructions: the end of a program that does not end by itself */
	uint64_t random;		/* what the device answers comes from here: no two loads alike */
	/* Stores to the device at +8, on the vCPU's thread, while it acts for real; NULL: ignored. */
	void (*poke)(struct machine *m, uint64_t value);
	FILE *log;			/* where the report goes */
	struct coverage *coverage;	/* gets what is compiled; NULL: nobody asks */
	/* ---- results ---- */
	struct guest_exit exit;
	uint64_t insns;
};

/* False: err says what the host lacks. */
MUST_CHECK bool lockstep_run(struct lockstep_run *r, const struct program *p, struct error *err);

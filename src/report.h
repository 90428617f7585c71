/* SPDX-License-Identifier: Apache-2.0 */
/* How a run ended, for people, for programs and for the shell. */
#pragma once
#include <stdio.h>
#include "src/profile/names.h"
#include "src/vm.h"

struct run_report {
	struct guest_exit exit;
	uint64_t host_ns;	/* wall time from the start */
	uint64_t guest_ns;	/* guest's clock */
	uint64_t insns;		/* all vCPUs */
	unsigned vcpus;
	int signal;		/* that stopped it, or 0 */
	const char *arch, *board, *engine;
	bool has_pc;		/* died, timed out, stopped: where the vCPU was */
	uint64_t pc;
	char symbol[128];	/* of pc, or "" */
};

/* The exit status that stands for how the guest ended; `signal` as in struct run_report. */
int report_status(const struct guest_exit *e, int signal);
/* "poweroff", "timeout", … as JSON and messages call it */
const char *report_cause(enum exit_cause cause);
/* The vCPUs must be parked. */
void report_fill(struct run_report *r, struct vm *vm, const struct names *names);
/* One line. */
void report_print(const struct run_report *r, FILE *f);
void report_json(const struct run_report *r, FILE *f);
/* The registers of the vCPU that a dead guest died on. */
void report_registers(struct vm *vm, unsigned vcpu, FILE *f);
/* The engine's counters and the vCPUs'. They must be parked. */
void report_stats(struct vm *vm, FILE *f);

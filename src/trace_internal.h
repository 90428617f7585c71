/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files that write the logs. */
#pragma once
#include <stdio.h>
#include "src/trace.h"

#define TRACE_MAX_REGS 96	/* those that are compared after each instruction */
#define TRACE_TEXTS 4096

struct trace_text {
	uint64_t pc;
	unsigned have;
	uint8_t code[VM_MAX_CODE];
	char line[120];
};

struct trace {
	struct vm *vm;
	const struct names *names;
	struct log_range *range;	/* the machine looks at them */
	FILE *f;		/* its own lock keeps the lines of several threads apart */
	unsigned reg[TRACE_MAX_REGS], n_regs;
	struct { uint64_t old[TRACE_MAX_REGS]; uint64_t icount; } cpu[MACHINE_MAX_VCPUS];
	struct trace_text text[TRACE_TEXTS];	/* with the file's lock */
};

/* Begins a piece of several lines, of which this is the beginning of the first; trace_end ends it. */
void trace_begin(const struct trace *t);
void trace_end(const struct trace *t);
/* " <name+0x12>" if the address has a name, and the end of the line. */
void trace_name(const struct trace *t, uint64_t va);

/* struct observer's `translated`: -d insn,uop */
void trace_translated(void *opaque, struct vcpu *cpu, uint64_t va, const struct ir_block *block);
/* struct observer's `generated`: -d ir,host. Only where there are stencils. */
void trace_generated(void *opaque, const struct generated *g);

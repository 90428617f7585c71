/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The logs -d exec (one line per instruction: count, PC, disassembly, registers that it changed), -d int (one per
 * exception or interrupt) and -d in_asm (each translated block). They hold nothing that differs between two
 * deterministic runs.
 */
#pragma once
#include "src/symbols.h"
#include "src/vm.h"

struct trace;
/* By the machine's log bits, to its log file. NULL: out of memory. The machine is paused. */
struct trace *trace_start(struct vm *vm, const struct symbols *symbols);
void trace_stop(struct trace *t);

/* One instruction as "address  bytes  text"; false if memory there cannot be read. Vcpu parked or on its thread. */
bool trace_disassemble(struct vm *vm, struct vcpu *cpu, uint64_t pc, char *text, unsigned size);

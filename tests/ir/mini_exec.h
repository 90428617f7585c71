/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs one block of micro-ops on a flat guest memory instead of an MMU; needs no machine. Two executors stand behind it: the smallest
 * there can be, a switch (mini_exec.c), and the interpreter's dispatch loop (interp_exec.c).
 */
#pragma once
#include "ir/ir.h"

#define MINI_BASE 0x10000u	/* guest address of the memory */
#define MINI_SIZE 8192u		/* bytes: two pages, the second read-only */

/* Causes that the memory raises */
enum { MINI_LOAD_FAULT = 5, MINI_STORE_FAULT = 7, MINI_LOAD_MISALIGNED = 4, MINI_STORE_MISALIGNED = 6 };

enum mini_end { MINI_TARGET, MINI_INDIRECT, MINI_LEAVE, MINI_FAULT, MINI_BAD };

struct mini {
	struct vcpu cpu;	/* reg, exception, reservation, fp_control and fp_flags are used */
	uint8_t memory[MINI_SIZE] __attribute__((aligned(4096)));
	const struct helper *helpers;
	enum mini_end end;
	uint64_t pc;		/* MINI_TARGET: relative to the page; MINI_FAULT: the instruction's offset; else the address */
};

extern const char *const mini_name;
/* For executors: host memory of an access, or NULL with the exception set. */
void *mini_access(struct mini *m, uint64_t va, unsigned size, bool write, bool aligned);
/* For executors: the offset of the instruction that micro-op `at` belongs to. */
uint64_t mini_offset(const struct ir_block *b, unsigned at);

/* Runs a block from its start; the host's FP status is the guest's meanwhile, and flags are folded into cpu.fp_flags. */
void mini_run(struct mini *m, const struct ir_block *b);
/* Empty registers and memory, round to nearest, no flags. */
void mini_reset(struct mini *m);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The smallest executor of micro-ops: a switch, and a flat guest memory instead of an MMU. Tests of the bodies and of the
 * passes run on it; it needs no machine.
 */
#pragma once
#include "ir/ir.h"

#define MINI_BASE 0x10000u	/* guest address of the memory */
#define MINI_SIZE 4096u		/* bytes; the upper half is read-only */

/* Causes that the memory raises */
enum { MINI_LOAD_FAULT = 5, MINI_STORE_FAULT = 7, MINI_LOAD_MISALIGNED = 4, MINI_STORE_MISALIGNED = 6 };

enum mini_end { MINI_TARGET, MINI_INDIRECT, MINI_LEAVE, MINI_FAULT, MINI_BAD };

struct mini {
	struct vcpu cpu;	/* reg, exception, reservation, fp_control and fp_flags are used */
	uint8_t memory[MINI_SIZE] __attribute__((aligned(4096)));
	const struct helper *helpers;
	enum mini_end end;
	uint64_t pc;		/* where the block leads; on a fault the instruction's offset */
	unsigned at;		/* the micro-op that ended it */
};

/* Runs a block from its start; the host's FP status is the guest's meanwhile, and flags are folded into cpu.fp_flags. */
void mini_run(struct mini *m, const struct ir_block *b);
/* Empty registers and memory, round to nearest, no flags. */
void mini_reset(struct mini *m);

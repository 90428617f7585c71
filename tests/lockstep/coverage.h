/* SPDX-License-Identifier: Apache-2.0 */
/* Which micro-ops and which of the guest's instructions machine code has been made of. */
#pragma once
#include "frontends/riscv/user/decode.h"
#include "runtime/machine.h"

struct coverage {
	enum vcpu_tier tier;		/* whose code counts */
	const uint8_t *text;		/* the guest's, from `base` on */
	uint64_t base;
	/* ---- results ---- */
	bool op[UOP_COUNT];
	bool insn32[256], insn16[64];	/* by number of its pattern */
	/* ---- blocks as they were translated ---- */
	struct coverage_block *block;
	size_t n_blocks;
};

/* As the observer of a machine (struct observer) whose code lies at one address each. */
void coverage_translated(struct coverage *c, uint64_t va, const struct ir_block *block);
/* Counts the blocks that the code is of. */
void coverage_generated(struct coverage *c, const struct generated *g);
/* Frees what was translated; results stay. */
void coverage_finish(struct coverage *c);

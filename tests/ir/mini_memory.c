// SPDX-License-Identifier: Apache-2.0
/* What the test executors have in common. */
#include <string.h>
#include "runtime/fp.h"
#include "tests/ir/mini_exec.h"

void mini_reset(struct mini *m)
{
	const struct helper *helpers = m->helpers;

	memset(m, 0, sizeof(*m));
	m->helpers = helpers;
	m->cpu.fp_control = FP_CONTROL_DEFAULT;
	m->cpu.reg[SLOT_PAGE] = 0x7ffff000;
}

void *mini_access(struct mini *m, uint64_t va, unsigned size, bool write, bool aligned)
{
	struct exception *e = &m->cpu.exception;

	if (aligned && va % size) {
		*e = (struct exception){ write ? MINI_STORE_MISALIGNED : MINI_LOAD_MISALIGNED, va, true };
		return NULL;
	}
	uint64_t end = MINI_BASE + (write ? MINI_SIZE / 2 : MINI_SIZE);
	if (va < MINI_BASE || va >= end || end - va < size) {
		*e = (struct exception){ write ? MINI_STORE_FAULT : MINI_LOAD_FAULT, va, true };
		return NULL;
	}
	return &m->memory[va - MINI_BASE];
}

uint64_t mini_offset(const struct ir_block *b, unsigned at)
{
	unsigned i = b->n_insns;

	while (i > 1 && b->insn[i - 1].first_uop > at)
		i--;
	return b->insn[i - 1].offset;
}

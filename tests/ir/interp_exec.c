// SPDX-License-Identifier: Apache-2.0
/* The interpreter's dispatch loop behind mini_run. */
#include "backend/interp/execute.h"
#include "runtime/fp.h"
#include "tests/ir/mini_bound.h"

const char *const mini_name = "interp";

void mini_run(struct mini *m, const struct ir_block *b)
{
	_Alignas(16) char bound[MINI_BOUND_SIZE];
	struct tlb_entry tlb[2];
	struct frontend frontend = { .helpers = m->helpers };
	struct machine machine = { .frontend = &frontend };
	struct code_handlers handlers;
	const struct uop *at = NULL;

	interp_execute(NULL, NULL, NULL, &handlers);
	const struct uop *first = mini_bind(bound, b, &handlers)->uop;
	mini_map(m, tlb);
	m->cpu.machine = &machine;
	m->cpu.deadline = 0;	/* every exit trips */
	fp_load_control(m->cpu.fp_control);
	enum interp_exit e = interp_execute(&m->cpu, first, &at, NULL);
	m->cpu.fp_flags |= fp_take_flags();
	fp_load_control(FP_CONTROL_DEFAULT);
	m->cpu.machine = NULL;

	m->end = e == INTERP_FAULT ? MINI_FAULT : e == INTERP_LEAVE ? mini_end_of(b) : MINI_BAD;
	if (m->end == MINI_FAULT)
		m->pc = mini_offset(b, (unsigned)(at - first));
	else
		m->pc = m->end == MINI_TARGET ? m->cpu.pc - m->cpu.reg[SLOT_PAGE] : m->cpu.pc;
}

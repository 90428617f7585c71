// SPDX-License-Identifier: Apache-2.0
/* -d insn,uop: blocks as they are translated. */
#include <inttypes.h>
#include "ir/ir.h"
#include "runtime/log.h"
#include "src/trace_internal.h"

static void print_uops(const struct trace *t, const struct ir_block *block, unsigned insn)
{
	const struct frontend *frontend = t->vm->frontend;
	unsigned end = insn + 1 < block->n_insns ? block->insn[insn + 1].first_uop : block->n_uops;
	char text[200];
	for (unsigned i = block->insn[insn].first_uop; i < end; i++) {
		ir_print_uop(&block->uop[i], block, frontend->slot_name, frontend->helpers, text, sizeof text);
		fprintf(t->f, "        uop   %s\n", text);
	}
}

void trace_translated(void *opaque, struct vcpu *cpu, uint64_t va, const struct ir_block *block)
{
	const struct trace *t = opaque;
	const struct machine *m = &t->vm->machine;
	char text[160];
	if (!log_covers(m, va, block->bytes))
		return;
	trace_begin(t);
	fprintf(t->f, "block at %016" PRIx64 ", %u instructions, %u micro-ops", va, block->n_insns, block->n_uops);
	trace_name(t, va);
	for (unsigned i = 0; i < block->n_insns; i++) {
		if (m->log & LOG_INSN && vm_disassemble(t->vm, cpu, va + block->insn[i].offset, text, sizeof text))
			fprintf(t->f, "    %s\n", text);
		if (m->log & LOG_UOP)
			print_uops(t, block, i);
	}
	trace_end(t);
}

// SPDX-License-Identifier: Apache-2.0
#include "src/trace.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "runtime/log.h"
#include "src/log_filter.h"
#include "src/trace_internal.h"

void trace_begin(const struct trace *t)
{
	const struct vcpu *cpu = vcpu_current();
	flockfile(t->f);
	if (cpu)
		fprintf(t->f, "vcpu %u: ", cpu->index);
}

void trace_end(const struct trace *t)
{
	funlockfile(t->f);
}

void trace_name(const struct trace *t, uint64_t va)
{
	char name[128];
	if (names_at(t->names, va, name, sizeof name))
		fprintf(t->f, " <%s>", name);
	fputc('\n', t->f);
}

/* ---- each instruction ---- */

/* An instruction's line. What was disassembled is remembered: a log repeats itself. */
static const char *disassembled(struct trace *t, struct vcpu *cpu, uint64_t pc)
{
	uint8_t code[VM_MAX_CODE];
	struct trace_text *e = &t->text[pc >> 1 & (TRACE_TEXTS - 1)];
	unsigned have = vm_read_code(cpu, pc, code);
	if (e->have == have && have && e->pc == pc && !memcmp(e->code, code, have))
		return e->line;
	e->have = have;
	e->pc = pc;
	memcpy(e->code, code, have);
	if (have)
		vm_format_insn(t->vm, pc, code, have, e->line, sizeof e->line);
	else
		snprintf(e->line, sizeof e->line, "%016" PRIx64 "  (not readable)", pc);
	return e->line;
}

static void print_changes(struct trace *t, struct vcpu *cpu)
{
	const struct frontend *fe = t->vm->frontend;
	for (unsigned i = 0; i < t->n_regs; i++) {
		uint64_t value, *old = &t->cpu[cpu->index].old[i];
		const struct frontend_reg *r = &fe->regs[t->reg[i]];
		if (!fe->reg_read(cpu, t->reg[i], &value) || value == *old)
			continue;
		fprintf(t->f, "  %s=%" PRIx64, r->alias ? r->alias : r->name, value);
		*old = value;
	}
}

static bool on_step(void *opaque, struct vcpu *cpu)
{
	struct trace *t = opaque;
	/* nothing retired: an exception, which -d int tells of */
	if (cpu->icount == t->cpu[cpu->index].icount)
		return false;
	t->cpu[cpu->index].icount = cpu->icount;
	if (!log_covers(&t->vm->machine, cpu->step_pc, 1))
		return false;
	flockfile(t->f);
	if (t->vm->machine.n_vcpus > 1)
		fprintf(t->f, "%u: ", cpu->index);
	fprintf(t->f, "%10" PRIu64 " %s", cpu->icount, disassembled(t, cpu, cpu->step_pc));
	print_changes(t, cpu);
	fputc('\n', t->f);
	funlockfile(t->f);
	return false;
}

/* ---- blocks and exceptions ---- */

static void on_block(void *opaque, struct vcpu *cpu, unsigned n, unsigned bytes)
{
	const struct trace *t = opaque;
	if (!log_covers(&t->vm->machine, cpu->pc, bytes))
		return;
	flockfile(t->f);
	fprintf(t->f, "vcpu %u at %" PRIu64 ": block %016" PRIx64 ", %u instructions", cpu->index, cpu->icount, cpu->pc, n);
	trace_name(t, cpu->pc);
	funlockfile(t->f);
}

static void on_exception(void *opaque, struct vcpu *cpu, uint64_t cause, uint64_t value, bool interrupt)
{
	const struct trace *t = opaque;
	const char *name = t->vm->frontend->exception_name(cause, interrupt);
	if (!log_covers(&t->vm->machine, cpu->pc, 1))
		return;
	flockfile(t->f);
	fprintf(t->f, "vcpu %u at %" PRIu64 ": %s %" PRIu64 " (%s)", cpu->index, cpu->icount, interrupt ? "interrupt" : "exception", cause,
		name ? name : "?");
	if (!interrupt)
		fprintf(t->f, ", value 0x%" PRIx64, value);
	fprintf(t->f, ", pc 0x%" PRIx64, cpu->pc);
	trace_name(t, cpu->pc);
	funlockfile(t->f);
}

/* ---- life ---- */

static void note_registers(struct trace *t)
{
	const struct vm *vm = t->vm;
	const struct frontend *fe = vm->frontend;
	/* all but the control registers, many of which change on their own, and the PC, which stands in each line */
	for (unsigned i = 0; i < fe->n_regs && t->n_regs < TRACE_MAX_REGS; i++)
		if (strcmp(fe->regs[i].group, "csr") && strcmp(fe->regs[i].name, "pc"))
			t->reg[t->n_regs++] = i;
	for (unsigned c = 0; c < vm->machine.n_vcpus; c++)
		for (unsigned i = 0; i < t->n_regs; i++)
			if (!fe->reg_read(vm->machine.vcpu[c], t->reg[i], &t->cpu[c].old[i]))
				t->cpu[c].old[i] = 0;
}

struct trace *trace_start(struct vm *vm, const struct names *names, const char *filter, struct error *err)
{
	struct machine *m = &vm->machine;
	struct trace *t = calloc(1, sizeof *t);
	if (!t) {
		error_set(err, ERROR_HOST, "out of memory");
		return NULL;
	}
	t->vm = vm;
	t->names = names;
	t->f = m->log_file;
	note_registers(t);
	struct observer o = { .opaque = t };
	if (m->log & LOG_STEP)
		o.step = on_step;
	if (m->log & LOG_EXEC)
		o.block = on_block;
	if (m->log & LOG_INT)
		o.exception = on_exception;
	if (m->log & (LOG_INSN | LOG_UOP))
		o.translated = trace_translated;
#ifdef HAVE_STENCILS
	if (m->log & (LOG_IR | LOG_HOST))
		o.generated = trace_generated;
#endif
	unsigned n = 0;
	bool good = !filter || log_filter_parse(filter, names, &t->range, &n, err) || error_prefix(err, "--log-filter");
	if (!good || !(vm_observe(vm, &o) || error_set(err, ERROR_HOST, "too many observers"))) {
		trace_free(t);
		return NULL;
	}
	m->log_range = t->range;
	m->n_log_ranges = n;
	return t;
}

void trace_free(struct trace *t)
{
	if (t)
		free(t->range);
	free(t);
}

// SPDX-License-Identifier: Apache-2.0
#include "src/trace.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_REGS 96	/* those that are compared after each instruction */

#define MAX_CODE 16	/* bytes of an instruction, no fewer than any architecture has */
#define MAX_TEXTS 4096

struct text {
	uint64_t pc;
	unsigned have;
	uint8_t code[MAX_CODE];
	char line[120];
};

struct trace {
	struct vm *vm;
	const struct symbols *symbols;
	FILE *f;
	pthread_mutex_t lock;	/* lines of several vCPUs do not mix */
	unsigned reg[MAX_REGS], n_regs;
	struct { uint64_t old[MAX_REGS]; uint64_t icount; } cpu[MACHINE_MAX_VCPUS];
	struct text text[MAX_TEXTS];	/* under lock */
};

/* Bytes of code at pc, as many as the page and memory there allow; what an instruction needs of the next page, too. */
static unsigned read_code(struct vcpu *cpu, uint64_t pc, uint8_t code[MAX_CODE])
{
	unsigned first = (unsigned)(PAGE_SIZE - (pc & ~PAGE_MASK));
	if (first >= MAX_CODE)
		return vm_debug_read(cpu, pc, code, MAX_CODE) ? MAX_CODE : 0;
	if (!vm_debug_read(cpu, pc, code, first))
		return 0;
	return vm_debug_read(cpu, pc + first, code + first, MAX_CODE - first) ? MAX_CODE : first;
}

static void format_insn(struct vm *vm, uint64_t pc, const uint8_t *code, unsigned have, char *text, unsigned size)
{
	char insn[100], bytes[2 * MAX_CODE + 1];
	unsigned len = vm->frontend->disassemble(vm->cpu_config, pc, code, have, insn, sizeof insn);
	if (len > have)
		len = have;
	for (unsigned i = 0; i < len; i++)
		snprintf(bytes + 2 * i, 3, "%02x", code[len - 1 - i]);
	for (char *tab = insn; (tab = strchr(tab, '\t'));)
		*tab = ' ';
	snprintf(text, size, "%016" PRIx64 "  %-8s  %s", pc, bytes, insn + strspn(insn, " "));
}

bool trace_disassemble(struct vm *vm, struct vcpu *cpu, uint64_t pc, char *text, unsigned size)
{
	uint8_t code[MAX_CODE];
	unsigned have = read_code(cpu, pc, code);
	if (have)
		format_insn(vm, pc, code, have, text, size);
	return have != 0;
}

/* The same, remembering what was disassembled: a log repeats itself. */
static const char *disassembled(struct trace *t, struct vcpu *cpu, uint64_t pc)
{
	uint8_t code[MAX_CODE];
	struct text *e = &t->text[pc >> 1 & (MAX_TEXTS - 1)];
	unsigned have = read_code(cpu, pc, code);
	if (e->have == have && have && e->pc == pc && !memcmp(e->code, code, have))
		return e->line;
	e->have = have;
	e->pc = pc;
	memcpy(e->code, code, have);
	if (have)
		format_insn(t->vm, pc, code, have, e->line, sizeof e->line);
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
	pthread_mutex_lock(&t->lock);
	if (t->vm->machine.n_vcpus > 1)
		fprintf(t->f, "%u: ", cpu->index);
	fprintf(t->f, "%10" PRIu64 " %s", cpu->icount, disassembled(t, cpu, cpu->step_pc));
	print_changes(t, cpu);
	fputc('\n', t->f);
	pthread_mutex_unlock(&t->lock);
	return false;
}

static void on_exception(void *opaque, struct vcpu *cpu, uint64_t cause, uint64_t value, bool interrupt)
{
	struct trace *t = opaque;
	const char *name = t->vm->frontend->exception_name(cause, interrupt);
	char symbol[128];
	pthread_mutex_lock(&t->lock);
	fprintf(t->f, "vcpu %u at %" PRIu64 ": %s %" PRIu64 " (%s)", cpu->index, cpu->icount,
		interrupt ? "interrupt" : "exception", cause, name ? name : "?");
	if (!interrupt)
		fprintf(t->f, ", value 0x%" PRIx64, value);
	fprintf(t->f, ", pc 0x%" PRIx64, cpu->pc);
	if (symbols_at(t->symbols, cpu->pc, symbol, sizeof symbol))
		fprintf(t->f, " <%s>", symbol);
	fputc('\n', t->f);
	pthread_mutex_unlock(&t->lock);
}

static void on_translated(void *opaque, struct vcpu *cpu, uint64_t va, const struct ir_block *block)
{
	struct trace *t = opaque;
	char text[160];
	pthread_mutex_lock(&t->lock);
	fprintf(t->f, "block at %016" PRIx64 ", %u instructions, %u micro-ops", va, block->n_insns, block->n_uops);
	if (symbols_at(t->symbols, va, text, sizeof text))
		fprintf(t->f, " <%s>", text);
	fputc('\n', t->f);
	for (unsigned i = 0; i < block->n_insns; i++)
		if (trace_disassemble(t->vm, cpu, va + block->insn[i].offset, text, sizeof text))
			fprintf(t->f, "    %s\n", text);
	pthread_mutex_unlock(&t->lock);
}

struct trace *trace_start(struct vm *vm, const struct symbols *symbols)
{
	const struct frontend *fe = vm->frontend;
	struct trace *t = calloc(1, sizeof *t);
	if (!t)
		return NULL;
	t->vm = vm;
	t->symbols = symbols;
	t->f = vm->machine.log_file;
	pthread_mutex_init(&t->lock, NULL);
	/* all but the control registers, many of which change on their own, and the PC, which stands in each line */
	for (unsigned i = 0; i < fe->n_regs && t->n_regs < MAX_REGS; i++)
		if (strcmp(fe->regs[i].group, "csr") && strcmp(fe->regs[i].name, "pc"))
			t->reg[t->n_regs++] = i;
	for (unsigned c = 0; c < vm->machine.n_vcpus; c++)
		for (unsigned i = 0; i < t->n_regs; i++)
			if (!fe->reg_read(vm->machine.vcpu[c], t->reg[i], &t->cpu[c].old[i]))
				t->cpu[c].old[i] = 0;
	struct observer o = { .opaque = t };
	if (vm->machine.log & LOG_EXEC)
		o.step = on_step;
	if (vm->machine.log & LOG_INT)
		o.exception = on_exception;
	if (vm->machine.log & LOG_BLOCKS)
		o.translated = on_translated;
	if (!vm_observe(vm, &o)) {
		trace_stop(t);
		return NULL;
	}
	return t;
}

void trace_stop(struct trace *t)
{
	if (!t)
		return;
	vm_unobserve(t->vm, t);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

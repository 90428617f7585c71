// SPDX-License-Identifier: Apache-2.0
#include "src/crash.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "src/report.h"

#define TRAPS 8
#define BLOCKS 32
#define BEFORE 6	/* instructions shown before the last one, and after it */
#define AFTER 4
#define FURTHEST 65536	/* bytes: a longer function is not disassembled from its beginning */

struct trap {
	uint64_t icount, pc, cause, value;
	unsigned times;		/* one after the other: a handler that traps itself would push all else out */
	bool interrupt;
};
struct block { uint64_t icount, pc, bytes; };

/* Of one vCPU; written on its thread. */
struct past {
	uint64_t n_traps, n_blocks;
	struct trap trap[TRAPS];
	struct block block[BLOCKS];
};

struct crash {
	struct vm *vm;
	struct past past[];
};

/* ---- remembering ---- */

static void on_exception(void *opaque, struct vcpu *cpu, uint64_t cause, uint64_t value, bool interrupt)
{
	struct past *p = &((struct crash *)opaque)->past[cpu->index];
	struct trap *last = &p->trap[(p->n_traps - 1) % TRAPS];
	if (p->n_traps && last->pc == cpu->pc && last->icount == cpu->icount && last->cause == cause && last->interrupt == interrupt) {
		last->times++;
		return;
	}
	p->trap[p->n_traps++ % TRAPS] = (struct trap){ cpu->icount, cpu->pc, cause, value, 1, interrupt };
}

static void on_block(void *opaque, struct vcpu *cpu, unsigned n, unsigned bytes)
{
	struct past *p = &((struct crash *)opaque)->past[cpu->index];
	p->block[p->n_blocks++ % BLOCKS] = (struct block){ cpu->icount, cpu->pc, bytes };
}

struct crash *crash_start(struct vm *vm, bool blocks, struct error *err)
{
	struct crash *c = calloc(1, sizeof *c + vm->machine.n_vcpus * sizeof c->past[0]);
	if (!c) {
		error_set(err, ERROR_HOST, "out of memory");
		return NULL;
	}
	c->vm = vm;
	if (vm_observe(vm, &(struct observer){ .exception = on_exception, .block = blocks ? on_block : NULL, .opaque = c }))
		return c;
	error_set(err, ERROR_HOST, "too many observers");
	free(c);
	return NULL;
}

void crash_free(struct crash *c)
{
	free(c);
}

/* ---- telling ---- */

struct printer {
	const struct crash *c;
	struct vcpu *cpu;
	const struct names *names;
	FILE *f;
	bool colour;
};

static const char *name_on(const struct printer *p)
{
	return p->colour ? "\033[36m" : "";
}

static const char *off(const struct printer *p)
{
	return p->colour ? "\033[0m" : "";
}

static void title(const struct printer *p, const char *text)
{
	fprintf(p->f, "%s%s%s\n", p->colour ? "\033[1m" : "", text, off(p));
}

static void end_with_name(const struct printer *p, uint64_t va)
{
	char name[128];
	if (names_at(p->names, va, name, sizeof name))
		fprintf(p->f, "  %s%s%s", name_on(p), name, off(p));
	fputc('\n', p->f);
}

/* Where the instruction behind the one at va stands; 0: the one at va cannot be read. */
static uint64_t next_insn(const struct printer *p, uint64_t va)
{
	const struct vm *vm = p->c->vm;
	uint8_t code[VM_MAX_CODE];
	char text[160];
	unsigned have = vm_read_code(p->cpu, va, code);
	return have ? va + vm->frontend->disassemble(vm->cpu_config, va, code, have, text, sizeof text) : 0;
}

/* The instruction that stands BEFORE instructions before pc, if decoding from `start` on meets pc; 0: it does not. */
static uint64_t back_from(const struct printer *p, uint64_t start, uint64_t pc)
{
	uint64_t last[BEFORE], n = 0;
	for (uint64_t at = start; at < pc; at = next_insn(p, at)) {
		if (!at)
			return 0;
		last[n++ % BEFORE] = at;
		if (n > 1 && at <= last[(n - 2) % BEFORE])
			return 0;
		if (next_insn(p, at) > pc)
			return 0;
	}
	return !n ? pc : n <= BEFORE ? start : last[n % BEFORE];
}

/* Instructions have several lengths: the function's beginning says where they begin, and without one any that fits. */
static uint64_t first_shown(const struct printer *p, uint64_t pc)
{
	struct function f = names_find(p->names, pc, PRIVILEGE_KERNEL);
	uint64_t first = f.known && pc - f.start < FURTHEST ? back_from(p, f.start, pc) : 0;
	unsigned align = p->c->vm->frontend->insn_align;
	for (uint64_t distance = BEFORE * 4; !first && distance > 0; distance -= align)
		first = pc >= distance ? back_from(p, pc - distance, pc) : 0;
	return first ? first : pc;
}

static void print_code(const struct printer *p)
{
	uint64_t pc = p->cpu->pc;
	char text[160];
	title(p, "code");
	unsigned after = 0;
	for (uint64_t at = first_shown(p, pc); after <= AFTER; at = next_insn(p, at)) {
		if (!at || !vm_disassemble(p->c->vm, p->cpu, at, text, sizeof text)) {
			fprintf(p->f, "  %016" PRIx64 "  (not readable)\n", at ? at : pc);
			break;
		}
		if (at == pc)
			fprintf(p->f, "%s> %s%s\n", p->colour ? "\033[31m" : "", text, off(p));
		else
			fprintf(p->f, "  %s\n", text);
		after += at >= pc;
	}
}

static void print_traps(const struct printer *p)
{
	const struct past *past = &p->c->past[p->cpu->index];
	uint64_t first = past->n_traps > TRAPS ? past->n_traps - TRAPS : 0;
	if (!past->n_traps)
		return;
	title(p, "last exceptions and interrupts");
	for (uint64_t i = first; i < past->n_traps; i++) {
		const struct trap *t = &past->trap[i % TRAPS];
		const char *name = p->c->vm->frontend->exception_name(t->cause, t->interrupt);
		fprintf(p->f, "  %" PRIu64 " instructions ago: %s", p->cpu->icount - t->icount, name ? name : "?");
		if (!t->interrupt)
			fprintf(p->f, ", value 0x%" PRIx64, t->value);
		if (t->times > 1)
			fprintf(p->f, ", %u times", t->times);
		fprintf(p->f, ", at 0x%" PRIx64, t->pc);
		end_with_name(p, t->pc);
	}
}

/* What runs again and again is linked and leaves no trace. */
static void print_trail(const struct printer *p)
{
	const struct vcpu *cpu = p->cpu;
	uint64_t first = cpu->n_trail > VCPU_TRAIL ? cpu->n_trail - VCPU_TRAIL : 0;
	if (first == cpu->n_trail)
		return;
	title(p, "last jumps to code that was not at hand");
	for (uint64_t i = first; i < cpu->n_trail; i++) {
		const struct vcpu_jump *jump = &cpu->trail[i % VCPU_TRAIL];
		fprintf(p->f, "  %" PRIu64 " instructions ago: 0x%" PRIx64, cpu->icount - jump->icount, jump->to);
		end_with_name(p, jump->to);
	}
}

static void print_blocks(const struct printer *p)
{
	const struct past *past = &p->c->past[p->cpu->index];
	uint64_t first = past->n_blocks > BLOCKS ? past->n_blocks - BLOCKS : 0;
	title(p, "last blocks");
	for (uint64_t i = first; i < past->n_blocks; i++) {
		const struct block *b = &past->block[i % BLOCKS];
		fprintf(p->f, "  0x%" PRIx64 "-0x%" PRIx64, b->pc, b->pc + b->bytes - 1);
		end_with_name(p, b->pc);
	}
}

static unsigned find_stack(struct vcpu *cpu, const struct names *names, struct call call[NAMES_MOST_CALLS])
{
	struct unwound stack;
	unwind(cpu, &stack);
	const struct entry e = { .pc = cpu->pc, .privilege = (uint8_t)cpu->machine->frontend->privilege(cpu->mode), .caller = stack.caller,
				 .n_frames = (uint16_t)stack.n, .frame = stack.frame };
	unsigned n = names_stack(names, &e, call, NAMES_MOST_CALLS);
	struct function caller = names_find(names, stack.caller - 1, PRIVILEGE_USER);
	if (n == 1 && !call[0].function.known && caller.known)	/* a jump into nowhere: who made it is what matters */
		call[n++] = (struct call){ stack.caller - 1, caller };
	return n;
}

bool crash_panicked(const struct crash *c, const struct names *names, unsigned *vcpu)
{
	struct call call[NAMES_MOST_CALLS];
	for (*vcpu = 0; *vcpu < c->vm->machine.n_vcpus; ++*vcpu)
		for (unsigned i = find_stack(c->vm->machine.vcpu[*vcpu], names, call); i-- > 0;)
			if (call[i].function.known && (!strcmp(call[i].function.name, "panic") || !strcmp(call[i].function.name, "vpanic")))
				return true;
	return false;
}

static void print_stack(const struct printer *p)
{
	struct call call[NAMES_MOST_CALLS];
	unsigned n = find_stack(p->cpu, p->names, call);
	title(p, "stack");
	for (unsigned i = 0; i < n; i++) {
		/* of callers, where they go on */
		uint64_t at = call[i].pc + (i > 0);
		const struct function *function = &call[i].function;
		fprintf(p->f, "  #%-2u 0x%" PRIx64, i, at);
		if (function->known)
			fprintf(p->f, "  %s%s+0x%" PRIx64 "%s", name_on(p), function->name, at - function->start, off(p));
		fputc('\n', p->f);
	}
}

void crash_print(const struct crash *c, unsigned vcpu, const struct names *names, FILE *f)
{
	const struct printer p = { c, c->vm->machine.vcpu[vcpu], names, f, isatty(fileno(f)) && !getenv("NO_COLOR") };
	char text[64];
	snprintf(text, sizeof text, "vCPU %u, %s mode", vcpu, privilege_name(c->vm->frontend->privilege(p.cpu->mode)));
	title(&p, text);
	report_registers(c->vm, vcpu, f);
	print_code(&p);
	print_traps(&p);
	if (p.c->past[p.cpu->index].n_blocks)
		print_blocks(&p);
	else
		print_trail(&p);
	print_stack(&p);
}

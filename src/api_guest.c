// SPDX-License-Identifier: Apache-2.0
/* The public API: what a program sees of a guest and does to it. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "src/api.h"
#include "src/serial/serial.h"

/* ---- vCPUs ---- */

unsigned calque_vm_vcpus(const calque_vm *vm)
{
	return vm->vm->machine.n_vcpus;
}

const char *calque_register_name(const calque_vm *vm, unsigned index)
{
	const struct frontend *f = vm->vm->frontend;
	return index < f->n_regs ? f->regs[index].name : NULL;
}

/* A request that is carried out while the vCPU stands. */
struct request {
	struct vm *vm;
	enum { READ_REG, WRITE_REG, READ_MEMORY, WRITE_MEMORY, COUNT, DISASSEMBLE } what;
	unsigned reg;
	uint64_t value;		/* register, address, count */
	void *to;
	const void *from;
	size_t size;
	bool good;
};

static void carry_out(struct vcpu *cpu, void *arg)
{
	struct request *q = arg;
	const struct frontend *f = q->vm->frontend;
	switch (q->what) {
	case READ_REG:
		q->good = f->reg_read(cpu, q->reg, &q->value);
		break;
	case WRITE_REG:
		q->good = f->reg_write(cpu, q->reg, q->value);
		break;
	case READ_MEMORY:
		q->good = vm_debug_read(cpu, q->value, q->to, q->size);
		break;
	case WRITE_MEMORY:
		q->good = vm_debug_write(cpu, q->value, q->from, q->size);
		break;
	case COUNT:
		q->value = cpu->icount;
		q->good = true;
		break;
	case DISASSEMBLE:
		q->good = vm_disassemble(
			q->vm, cpu, q->value, q->to, (unsigned)(q->size > UINT32_MAX ? UINT32_MAX : q->size));
		break;
	}
}

static bool on_vcpu(calque_vm *vm, unsigned index, struct request *q, struct calque_error *err)
{
	struct machine *m = &vm->vm->machine;
	if (index >= m->n_vcpus)
		return api_fail(err, CALQUE_USAGE, "there is no vCPU %u: the VM has %u", index, m->n_vcpus);
	struct vcpu *cpu = m->vcpu[index];
	/* A callback on a vCPU's thread may look at that vCPU, but not wait for another. */
	if (api_inside() == vm && vcpu_current() != cpu)
		return api_fail(err, CALQUE_STATE, "in a callback only the vCPU that it is about can be reached");
	q->vm = vm->vm;
	vcpu_run_on(cpu, carry_out, q);
	return true;
}

static bool on_register(calque_vm *vm, unsigned index, const char *name, struct request *q, struct calque_error *err)
{
	int reg = vm_find_reg(vm->vm, name);
	if (reg < 0)
		return api_fail(err, CALQUE_USAGE, "%s has no register %.40s", vm->vm->frontend->name, name);
	q->reg = (unsigned)reg;
	if (!on_vcpu(vm, index, q, err))
		return false;
	return q->good ||
		api_fail(err, CALQUE_USAGE, "register %.40s cannot be %s", name,
			q->what == READ_REG ? "read" : "written");
}

bool calque_vcpu_read_register(
	calque_vm *vm, unsigned vcpu, const char *name, uint64_t *value, struct calque_error *err)
{
	struct request q = { .what = READ_REG };
	if (!on_register(vm, vcpu, name, &q, err))
		return false;
	*value = q.value;
	return true;
}

bool calque_vcpu_write_register(
	calque_vm *vm, unsigned vcpu, const char *name, uint64_t value, struct calque_error *err)
{
	struct request q = { .what = WRITE_REG, .value = value };
	return on_register(vm, vcpu, name, &q, err);
}

uint64_t calque_vcpu_instructions(calque_vm *vm, unsigned vcpu)
{
	struct request q = { .what = COUNT };
	return on_vcpu(vm, vcpu, &q, NULL) ? q.value : 0;
}

bool calque_vcpu_disassemble(
	calque_vm *vm, unsigned vcpu, uint64_t address, char *text, size_t size, struct calque_error *err)
{
	struct request q = { .what = DISASSEMBLE, .value = address, .to = text, .size = size };
	if (!on_vcpu(vm, vcpu, &q, err))
		return false;
	return q.good || api_fail(err, CALQUE_USAGE, "0x%" PRIx64 " cannot be read", address);
}

/* ---- memory ---- */

bool calque_memory_read(calque_vm *vm, uint64_t address, void *to, size_t size, struct calque_error *err)
{
	return vm_phys_read(&vm->vm->machine, address, to, size) ||
	       api_fail(err, CALQUE_USAGE, "0x%" PRIx64 " and %zu bytes: not all of it is memory", address, size);
}

bool calque_memory_write(calque_vm *vm, uint64_t address, const void *from, size_t size, struct calque_error *err)
{
	return vm_phys_write(&vm->vm->machine, address, from, size) ||
	       api_fail(err, CALQUE_USAGE, "0x%" PRIx64 " and %zu bytes: not all of it is memory", address, size);
}

bool calque_vcpu_read_memory(
	calque_vm *vm, unsigned vcpu, uint64_t address, void *to, size_t size, struct calque_error *err)
{
	struct request q = { .what = READ_MEMORY, .value = address, .to = to, .size = size };
	if (!on_vcpu(vm, vcpu, &q, err))
		return false;
	return q.good ||
		api_fail(err, CALQUE_USAGE, "0x%" PRIx64 " and %zu bytes: not all of it is mapped to memory", address,
			size);
}

bool calque_vcpu_write_memory(
	calque_vm *vm, unsigned vcpu, uint64_t address, const void *from, size_t size, struct calque_error *err)
{
	struct request q = { .what = WRITE_MEMORY, .value = address, .from = from, .size = size };
	if (!on_vcpu(vm, vcpu, &q, err))
		return false;
	return q.good ||
		api_fail(err, CALQUE_USAGE, "0x%" PRIx64 " and %zu bytes: not all of it is mapped to memory", address,
			size);
}

/* ---- interrupts and the console ---- */

bool calque_irq_set(calque_vm *vm, unsigned n, bool level, struct calque_error *err)
{
	const struct board_ops *b = vm->vm->board;
	struct irq_line line = { 0 };
	if (b->irq_input)
		line = b->irq_input(&vm->vm->machine, n);
	if (!line.set)
		return api_fail(err, CALQUE_USAGE, "board %s has no interrupt input %u", b->name, n);
	line.set(line.opaque, line.n, level);
	return true;
}

size_t calque_console_send(calque_vm *vm, const void *bytes, size_t n)
{
	if (!vm->console)
		return 0;
	size_t sent = serial_mem_input(vm->console, bytes, n > UINT32_MAX ? UINT32_MAX : (unsigned)n);
	if (sent) {
		struct calque_event e = { .kind = CALQUE_EVENT_INPUT, .bytes = bytes, .n = sent };
		api_deliver(vm, &e);
	}
	return sent;
}

/* ---- events ---- */

bool api_deliver(struct calque_vm *vm, struct calque_event *e)
{
	calque_event_fn *fn = vm->fn;
	if (!fn || !(vm->kinds & e->kind))
		return false;
	const struct calque_vm *before = api_enter(vm);
	e->vm = vm;
	bool answer = fn(vm->opaque, e);
	api_leave(before);
	return answer;
}

void api_set_state(struct calque_vm *vm, enum calque_vm_state state)
{
	if (atomic_exchange(&vm->state, (int)state) == (int)state)
		return;
	struct calque_event e = { .kind = CALQUE_EVENT_STATE, .state = state };
	api_deliver(vm, &e);
}

void api_output(void *opaque, const uint8_t *bytes, unsigned n)
{
	struct calque_event e = { .kind = CALQUE_EVENT_OUTPUT, .bytes = bytes, .n = n };
	api_deliver(opaque, &e);
}

static void on_exception(void *opaque, struct vcpu *cpu, uint64_t cause, uint64_t value, bool interrupt)
{
	struct calque_event e = {.kind = CALQUE_EVENT_EXCEPTION,
		.vcpu = cpu->index,
		.pc = cpu->pc,
		.cause = cause,
		.value = value,
		.interrupt = interrupt};
	api_deliver(opaque, &e);
}

static bool on_step(void *opaque, struct vcpu *cpu)
{
	struct calque_vm *vm = opaque;
	struct calque_event e = { .kind = CALQUE_EVENT_STEP, .vcpu = cpu->index, .pc = cpu->step_pc };
	if (!api_deliver(vm, &e))
		return false;
	api_set_state(vm, CALQUE_PAUSED);
	return true;
}

static void on_end(void *opaque, const struct guest_exit *g)
{
	struct calque_vm *vm = opaque;
	struct calque_exit exit;
	api_exit(&exit, g);
	struct calque_event ended = { .kind = CALQUE_EVENT_STATE, .state = CALQUE_ENDED };
	struct calque_event e = { .kind = CALQUE_EVENT_EXIT, .vcpu = g->vcpu, .exit = &exit };
	atomic_store(&vm->state, CALQUE_PAUSED);	/* what it is after a reset */
	api_deliver(vm, &ended);
	api_deliver(vm, &e);
}

bool api_observe_machine(struct calque_vm *vm)
{
	struct observer o = { .exit = on_end, .opaque = vm };
	if (vm->kinds & CALQUE_EVENT_EXCEPTION)
		o.exception = on_exception;
	if (vm->kinds & CALQUE_EVENT_STEP)
		o.step = on_step;
	vm_unobserve(vm->vm, vm);
	return vm_observe(vm->vm, &o);
}

bool calque_vm_observe(calque_vm *vm, unsigned kinds, calque_event_fn *fn, void *opaque, struct calque_error *err)
{
	if (!api_outside(vm, err))
		return false;
	if (calque_vm_state(vm) == CALQUE_RUNNING)
		return api_fail(err, CALQUE_STATE, "the VM runs: calque_vm_pause first");
	vm->fn = fn;
	vm->opaque = opaque;
	vm->kinds = fn ? kinds : 0;
	return api_observe_machine(vm) || api_fail(err, CALQUE_HOST, "too many observers");
}

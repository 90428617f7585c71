// SPDX-License-Identifier: Apache-2.0
#include "src/vm.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "backend/cache/store.h"
#include "devices/chardev.h"

/* 2026-01-01 00:00 UTC in ns since 1970: runs with the same input show the same dates. */
#define DETERMINISTIC_START (UINT64_C(1767225600) * 1000000000)

/* ---- observers ---- */

#define EACH_OBSERVER(vm, o, callback)                                                    \
	for (struct observer *o = (vm)->observer; o < (vm)->observer + VM_OBSERVERS; o++) \
		if ((vm)->observing[o - (vm)->observer] && o->callback)

static void on_exception(void *opaque, struct vcpu *cpu, uint64_t cause, uint64_t value, bool interrupt)
{
	struct vm *vm = opaque;
	EACH_OBSERVER(vm, o, exception)
		o->exception(o->opaque, cpu, cause, value, interrupt);
}

static bool on_step(void *opaque, struct vcpu *cpu)
{
	struct vm *vm = opaque;
	bool stop = false;
	EACH_OBSERVER(vm, o, step)
		stop |= o->step(o->opaque, cpu);
	return stop;
}

static void on_translated(void *opaque, struct vcpu *cpu, uint64_t va, const struct ir_block *block)
{
	struct vm *vm = opaque;
	EACH_OBSERVER(vm, o, translated)
		o->translated(o->opaque, cpu, va, block);
}

static void on_generated(void *opaque, const struct generated *g)
{
	struct vm *vm = opaque;
	pthread_mutex_lock(&vm->observers);
	EACH_OBSERVER(vm, o, generated)
		o->generated(o->opaque, g);
	pthread_mutex_unlock(&vm->observers);
}

static void on_block(void *opaque, struct vcpu *cpu, unsigned n, unsigned bytes)
{
	struct vm *vm = opaque;
	EACH_OBSERVER(vm, o, block)
		o->block(o->opaque, cpu, n, bytes);
}

static void on_debug(void *opaque, struct vcpu *cpu)
{
	struct vm *vm = opaque;
	EACH_OBSERVER(vm, o, debug)
		o->debug(o->opaque, cpu);
}

static void on_stopped(void *opaque, struct vcpu *cpu)
{
	struct vm *vm = opaque;
	EACH_OBSERVER(vm, o, stopped)
		o->stopped(o->opaque, cpu);
	pthread_mutex_lock(&vm->machine.lock);
	vm->stopped |= (uint64_t)1 << cpu->index;
	pthread_cond_broadcast(&vm->machine.changed);
	pthread_mutex_unlock(&vm->machine.lock);
}

static void on_end(void *opaque, const struct guest_exit *e)
{
	struct vm *vm = opaque;
	struct machine *m = &vm->machine;
	const struct vcpu *cpu = vcpu_current();
	if (cpu && cpu->machine == m)
		m->exit.vcpu = cpu->index;
	EACH_OBSERVER(vm, o, exit)
		o->exit(o->opaque, e);
	pthread_mutex_lock(&m->lock);
	vm->ended = true;
	pthread_cond_broadcast(&m->changed);
	pthread_mutex_unlock(&m->lock);
}

/* The machine is told of a callback only while somebody wants it: exceptions are frequent, and steps cost most of the
 * speed. */
static void update_observers(struct vm *vm)
{
	struct machine *m = &vm->machine;
	bool exception = false, step = false, translated = false, generated = false, block = false;
	EACH_OBSERVER(vm, o, exception)
		exception = true;
	EACH_OBSERVER(vm, o, step)
		step = true;
	EACH_OBSERVER(vm, o, translated)
		translated = true;
	EACH_OBSERVER(vm, o, generated)
		generated = true;
	EACH_OBSERVER(vm, o, block)
		block = true;
	m->observer.exception = exception ? on_exception : NULL;
	m->observer.step = step ? on_step : NULL;
	m->observer.translated = translated ? on_translated : NULL;
	m->observer.block = block ? on_block : NULL;
	__atomic_store_n(&m->observer.generated, generated ? on_generated : NULL, __ATOMIC_RELEASE);
	for (unsigned i = 0; i < m->n_vcpus; i++)
		m->vcpu[i]->single_step = step;
}

bool vm_observe(struct vm *vm, const struct observer *o)
{
	unsigned i = 0;
	pthread_mutex_lock(&vm->observers);
	while (i < VM_OBSERVERS && vm->observing[i])
		i++;
	if (i < VM_OBSERVERS) {
		vm->observer[i] = *o;
		vm->observing[i] = true;
		update_observers(vm);
	}
	pthread_mutex_unlock(&vm->observers);
	return i < VM_OBSERVERS;
}

void vm_unobserve(struct vm *vm, void *opaque)
{
	pthread_mutex_lock(&vm->observers);
	for (unsigned i = 0; i < VM_OBSERVERS; i++)
		if (vm->observing[i] && vm->observer[i].opaque == opaque)
			vm->observing[i] = false;
	update_observers(vm);
	pthread_mutex_unlock(&vm->observers);
}

/* ---- creation ---- */

static bool add_vcpus(struct vm *vm, unsigned n, struct error *err)
{
	struct machine *m = &vm->machine;
	for (unsigned i = 0; i < n; i++) {
		struct vcpu *cpu = vcpu_create(m, i, err);
		if (!cpu)
			return false;
		m->vcpu[i] = cpu;
		m->n_vcpus = i + 1;
		if (!vm->frontend->vcpu_init(cpu, vm->cpu_config, err) || !m->exec->vcpu_init(cpu, err))
			return false;
		cpu->stop_icount = UINT64_MAX;
	}
	return true;
}

static bool add_extra_ranges(struct vm *vm, const struct vm_config *c, struct error *err)
{
	struct phys *p = &vm->machine.phys;
	for (unsigned i = 0; i < c->n_extra; i++) {
		const struct range_config *r = &c->extra[i];
		bool good = r->ops ? phys_add_mmio(p, GPA(r->base), r->size, r->name, r->ops, r->opaque, err)
				   : phys_add_ram(p, GPA(r->base), r->size, r->name, err);
		if (!good)
			return false;
	}
	return true;
}

static uint64_t memory_size(const struct vm *vm, const struct vm_config *c)
{
	uint64_t size = vm->board->memory_size(c);
	for (unsigned i = 0; i < c->n_extra; i++)
		if (!c->extra[i].ops)
			size += c->extra[i].size;
	return size;
}

static void reset_vcpus(struct vm *vm)
{
	struct machine *m = &vm->machine;
	for (unsigned i = 0; i < m->n_vcpus; i++) {
		struct vcpu *cpu = m->vcpu[i];
		cpu->irq_lines = 0;
		cpu->waiting = false;
		cpu->exception = (struct exception){ 0 };
		cpu->reservation.size = 0;
		cpu->debug.stop = DEBUG_NOT;
		vm->frontend->reset(cpu);
		cpu->halted = i > 0;
	}
}

static void stop_console(struct chardev *c)
{
	if (c && c->stop)
		c->stop(c);
}

static struct vm *create(struct vm_config *config, bool load, struct error *err)
{
	struct vm_parts parts;
	if (!vm_config_resolve(config, &parts, err))
		return NULL;
	struct vm *vm = calloc(1, sizeof *vm);
	if (!vm) {
		error_set(err, ERROR_HOST, "out of memory");
		return NULL;
	}
	struct machine *m = &vm->machine;
	vm->frontend = parts.frontend;
	vm->board = parts.board;
	pthread_mutex_init(&vm->control, NULL);
	pthread_mutex_init(&vm->observers, NULL);
	vm->cpu_config = vm->frontend->config_parse(config->cpu, err);
	if (!vm->cpu_config)
		goto no_machine;
	if (!machine_init(m, memory_size(vm, config), err))
		goto no_machine;
	m->arch = vm->frontend->arch;
	m->frontend = vm->frontend;
	m->exec = parts.engine;
	m->measure = config->stats;
	m->profile = config->profile;
	if (config->code_cache)
		m->code_cache_bytes = config->code_cache;
	m->jit_threads = config->jit_threads;
	m->tuning = config->tuning;
	m->memory = (enum memory_mode)config->memory;
	m->against = (enum lockstep_side)config->against;
	m->cache = config->cache && strcmp(config->cache, "off") ? config->cache : NULL;
	m->cache_bytes = config->cache_size ? config->cache_size : STORE_LIMIT_DEFAULT;
	m->deterministic = config->deterministic;
	if (m->deterministic)
		m->wall_base = DETERMINISTIC_START;
	m->observer = (struct observer){ .debug = on_debug, .stopped = on_stopped, .exit = on_end, .opaque = vm };
	m->log = config->log;
	m->log_file = config->log_file;
	if (!add_vcpus(vm, config->smp, err) || !vm->board->create(m, config, vm->cpu_config, err) ||
	    !add_extra_ranges(vm, config, err))
		goto fail;
	reset_vcpus(vm);
	if (load && !vm->board->load(m, config, err))
		goto fail;
	vm->config = *config;
	vm_config_init(config);
	return vm;
fail:
	/* the consoles stay the caller's, but must not call devices any more */
	stop_console(config->serial);
	stop_console(config->virtio_console);
	vm_destroy(vm);
	return NULL;
no_machine:
	if (vm->cpu_config)
		vm->frontend->config_free(vm->cpu_config);
	pthread_mutex_destroy(&vm->control);
	pthread_mutex_destroy(&vm->observers);
	free(vm);
	return NULL;
}

struct vm *vm_create(struct vm_config *config, struct error *err)
{
	return create(config, true, err);
}

struct vm *vm_create_empty(struct vm_config *config, struct error *err)
{
	return create(config, false, err);
}

static void destroy_console(struct chardev *c)
{
	if (c)
		c->destroy(c);
}

void vm_destroy(struct vm *vm)
{
	struct machine *m = &vm->machine;
	if (vm->started)
		vm_pause(vm);
	stop_console(vm->config.serial);
	stop_console(vm->config.virtio_console);
	destroy_console(vm->config.serial);
	destroy_console(vm->config.virtio_console);
	if (m->board)
		bus_drain(vm->board->bus(m));
	/* A vCPU that rests looks at its state once more when it wakes. */
	machine_end_threads(m);
	/* Devices own timers and file descriptors of the event thread: they go before the machine does. */
	if (m->board)
		vm->board->destroy(m);
	for (unsigned i = 0; i < m->n_vcpus; i++) {
		m->exec->vcpu_destroy(m->vcpu[i]);
		vm->frontend->vcpu_destroy(m->vcpu[i]);
	}
	machine_destroy(m);
	vm->frontend->config_free(vm->cpu_config);
	vm_config_free(&vm->config);
	pthread_mutex_destroy(&vm->control);
	pthread_mutex_destroy(&vm->observers);
	free(vm);
}

/* ---- running ---- */

/* vm->control held */
static bool start_threads(struct vm *vm, struct error *err)
{
	if (!vm->started)
		vm->started = machine_start(&vm->machine, err);
	return vm->started;
}

static uint64_t add_saturating(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

/* vm->control held, threads started */
static void go_on(struct vm *vm)
{
	bus_resume(vm->board->bus(&vm->machine));
	vm->running = true;
	machine_resume(&vm->machine);
}

/* vm->control held, threads started: lets the vCPUs of the mask run, each for at most n instructions */
static void go(struct vm *vm, uint64_t mask, uint64_t n)
{
	struct machine *m = &vm->machine;
	for (unsigned i = 0; i < m->n_vcpus; i++) {
		struct vcpu *cpu = m->vcpu[i];
		cpu->frozen = !(mask >> i & 1);
		cpu->stop_icount = add_saturating(cpu->icount, n);
	}
	pthread_mutex_lock(&m->lock);
	vm->stopped = 0;
	pthread_mutex_unlock(&m->lock);
	go_on(vm);
}

/* vm->control held */
static void halt(struct vm *vm)
{
	if (!vm->started || !vm->running)
		return;
	machine_pause(&vm->machine);
	bus_drain(vm->board->bus(&vm->machine));
	vm->running = false;
}

bool vm_resume_some(struct vm *vm, uint64_t mask, struct error *err)
{
	pthread_mutex_lock(&vm->control);
	bool good = start_threads(vm, err);
	if (good && vm->running)	/* one that stopped by itself may still be on its way */
		halt(vm);
	if (good)
		go(vm, mask, UINT64_MAX);
	pthread_mutex_unlock(&vm->control);
	return good;
}

bool vm_resume(struct vm *vm, struct error *err)
{
	return vm_resume_some(vm, UINT64_MAX, err);
}

void vm_pause(struct vm *vm)
{
	pthread_mutex_lock(&vm->control);
	halt(vm);
	pthread_mutex_unlock(&vm->control);
}

void vm_while_paused(struct vm *vm, void (*fn)(void *opaque), void *opaque)
{
	pthread_mutex_lock(&vm->control);
	bool was_running = vm->running;
	halt(vm);
	fn(opaque);
	if (was_running)
		go_on(vm);
	pthread_mutex_unlock(&vm->control);
}

void vm_on_vcpu(struct vm *vm, struct vcpu *cpu, vcpu_fn *fn, void *opaque)
{
	pthread_mutex_lock(&vm->control);
	vcpu_run_on(cpu, fn, opaque);
	pthread_mutex_unlock(&vm->control);
}

/* vm->control held */
static bool reset(struct vm *vm, struct error *err)
{
	struct machine *m = &vm->machine;
	halt(vm);
	reset_vcpus(vm);
	m->exec->flush(m);
	bus_reset(vm->board->bus(m));
	pthread_mutex_lock(&m->lock);
	vm->ended = false;
	m->exit = (struct guest_exit){ 0 };
	m->ended = 0;	/* last: from here on the next end may be reported */
	pthread_cond_broadcast(&m->changed);
	pthread_mutex_unlock(&m->lock);
	const struct vm_config *c = &vm->config;
	return (!c->kernel && !c->firmware) || vm->board->load(m, c, err);
}

bool vm_reset(struct vm *vm, struct error *err)
{
	pthread_mutex_lock(&vm->control);
	bool good = reset(vm, err);
	pthread_mutex_unlock(&vm->control);
	return good;
}

/* In one piece: who pauses meanwhile finds the old life or the new one, and the machine stays paused. */
bool vm_reboot(struct vm *vm, struct error *err)
{
	pthread_mutex_lock(&vm->control);
	bool was_running = vm->running;
	bool good = reset(vm, err);
	if (good && was_running)
		go(vm, UINT64_MAX, UINT64_MAX);
	pthread_mutex_unlock(&vm->control);
	return good;
}

static struct timespec deadline_after(uint64_t ns)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	uint64_t at = (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec + ns;
	return (struct timespec){ .tv_sec = (time_t)(at / 1000000000), .tv_nsec = (long)(at % 1000000000) };
}

/* Waits for machine.changed, at most until `until` (NULL: for ever); machine.lock held. False: time is up. */
static bool wait_change(struct machine *m, const struct timespec *until)
{
	if (!until)
		return !pthread_cond_wait(&m->changed, &m->lock);
	return pthread_cond_clockwait(&m->changed, &m->lock, CLOCK_MONOTONIC, until) != ETIMEDOUT;
}

bool vm_wait(struct vm *vm, uint64_t timeout_ns, bool no_reboot, struct guest_exit *e)
{
	struct machine *m = &vm->machine;
	bool forever = timeout_ns > (uint64_t)1 << 62;
	struct timespec until = forever ? (struct timespec){ 0 } : deadline_after(timeout_ns);
	for (;;) {
		bool in_time = true;
		pthread_mutex_lock(&m->lock);
		while (!vm->ended && in_time)
			in_time = wait_change(m, forever ? NULL : &until);
		bool ended = vm->ended;
		if (ended)	/* here, for a reset may come from elsewhere */
			*e = m->exit;
		pthread_mutex_unlock(&m->lock);
		if (!ended)
			return false;
		if (m->exec->ended) {
			vm_pause(vm);
			m->exec->ended(m);
			*e = m->exit;
		}
		if (e->cause != EXIT_REBOOT || no_reboot)
			return true;
		struct error err;
		if (!vm_reboot(vm, &err)) {
			e->cause = EXIT_DIED;
			snprintf(e->text, sizeof e->text, "cannot restart after the guest's reboot: %.140s", err.text);
			return true;
		}
	}
}

/* In WFI with no timer set: nothing but an event from outside can wake it. */
static bool waits_for_ever(struct vcpu *cpu)
{
	return cpu->halted || (cpu->waiting && cpu->timer_deadline == UINT64_MAX && !cpu->requests &&
			       guest_timers_next(cpu->machine) == UINT64_MAX);
}

uint64_t vm_run_vcpu(struct vm *vm, unsigned index, uint64_t n)
{
	struct machine *m = &vm->machine;
	struct vcpu *cpu = m->vcpu[index];
	struct error err;
	if (!n || m->ended)
		return 0;
	pthread_mutex_lock(&vm->control);
	if (!start_threads(vm, &err)) {
		pthread_mutex_unlock(&vm->control);
		return 0;
	}
	halt(vm);
	uint64_t before = cpu->icount;
	go(vm, (uint64_t)1 << index, n);
	pthread_mutex_lock(&m->lock);
	unsigned idle = 0;
	while (!vm->ended && !m->paused && !(vm->stopped >> index & 1) && idle < 3) {
		/* A vCPU that goes to sleep tells nobody; looked at now and then, only while a caller waits for a
		 * count. */
		struct timespec soon = deadline_after(10000000);
		if (!wait_change(m, &soon))
			idle = waits_for_ever(cpu) ? idle + 1 : 0;
	}
	pthread_mutex_unlock(&m->lock);
	halt(vm);
	uint64_t ran = cpu->icount - before;
	cpu->stop_icount = UINT64_MAX;
	pthread_mutex_unlock(&vm->control);
	return ran;
}

uint64_t vm_run_insns(struct vm *vm, uint64_t n)
{
	return vm_run_vcpu(vm, 0, n);
}

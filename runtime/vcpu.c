// SPDX-License-Identifier: Apache-2.0
#include "runtime/vcpu.h"
#include <linux/futex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "runtime/debug.h"
#include "runtime/fp.h"
#include "runtime/machine.h"
#include "runtime/run.h"

/* The vCPU whose thread this is, NULL elsewhere. */
static _Thread_local struct vcpu *self;

struct vcpu *vcpu_current(void)
{
	return self;
}

/* ---- futexes ---- */

static void futex_wait(_Atomic uint32_t *word, uint32_t value, uint64_t until_ns)
{
	struct timespec t = { (time_t)(until_ns / 1000000000), (long)(until_ns % 1000000000) };
	syscall(SYS_futex, word, FUTEX_WAIT_BITSET_PRIVATE, value, until_ns == UINT64_MAX ? NULL : &t, NULL, FUTEX_BITSET_MATCH_ANY);
}

static void futex_wake(_Atomic uint32_t *word)
{
	syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT32_MAX, NULL, NULL, 0);
}

/* ---- kicks and interrupt lines: any thread ---- */

void vcpu_kick(struct vcpu *cpu, enum vcpu_request why)
{
	atomic_fetch_or(&cpu->requests, why);
	atomic_store(&cpu->deadline, 0);
	atomic_fetch_add(&cpu->wake, 1);
	/* Who sleeps has parked before, or is about to find that the word has changed. */
	if (atomic_load(&cpu->parked) != VCPU_RUNNING)
		futex_wake(&cpu->wake);
}

void vcpu_set_irq(struct vcpu *cpu, unsigned n, bool level)
{
	uint64_t bit = (uint64_t)1 << n;
	if (!level) {
		atomic_fetch_and(&cpu->irq_lines, ~bit);
	} else if (!(atomic_fetch_or(&cpu->irq_lines, bit) & bit)) {
		if (cpu == self)
			vcpu_trip(cpu);
		else
			vcpu_kick(cpu, VCPU_REQ_IRQ);
	}
}

void vcpu_recheck_timer(struct vcpu *cpu)
{
	if (cpu == self)
		cpu->machine->arch->update_timer(cpu);
	else
		vcpu_kick(cpu, VCPU_REQ_TIMER);
}

/* ---- parking ---- */

/* What another vCPU does for us is mostly done within a microsecond or two: less than a system call and a switch take. */
static void wait_briefly(_Atomic uint32_t *word, uint32_t value)
{
	for (unsigned i = 0; i < 100 && atomic_load_explicit(word, memory_order_relaxed) == value; i++)
		cpu_relax();
}

static void park(struct vcpu *cpu)
{
	atomic_store(&cpu->parked, VCPU_PARKED);
	if (atomic_load(&cpu->claims))
		futex_wake(&cpu->parked);
}

/* Takes a parked vCPU for its own thread (RUNNING) or for another (HELD). */
static void take(struct vcpu *cpu, enum vcpu_parking as)
{
	for (;;) {
		uint32_t state = VCPU_PARKED;
		if (atomic_compare_exchange_strong(&cpu->parked, &state, as))
			return;
		if (state == VCPU_RUNNING)
			vcpu_kick(cpu, VCPU_REQ_CLAIM);
		wait_briefly(&cpu->parked, state);
		if (state == VCPU_HELD) {
			if (!atomic_compare_exchange_strong(&cpu->parked, &state, VCPU_HELD_WANTED))
				continue;
			state = VCPU_HELD_WANTED;
		}
		futex_wait(&cpu->parked, state, UINT64_MAX);
	}
}

static void unpark(struct vcpu *cpu)
{
	take(cpu, VCPU_RUNNING);
}

static void hold(struct vcpu *cpu)
{
	atomic_fetch_add(&cpu->claims, 1);
	take(cpu, VCPU_HELD);
}

static void release(struct vcpu *cpu)
{
	if (atomic_exchange(&cpu->parked, VCPU_PARKED) == VCPU_HELD_WANTED)
		futex_wake(&cpu->parked);
	if (atomic_fetch_sub(&cpu->claims, 1) == 1)
		futex_wake(&cpu->claims);
}

/* Others may have acted on this vCPU's state meanwhile: the run loop is to look at it after this block. */
static void come_back(struct vcpu *me)
{
	unpark(me);
	vcpu_trip(me);
}

void vcpu_run_on(struct vcpu *cpu, vcpu_fn *fn, void *arg)
{
	struct vcpu *me = self;
	if (cpu == me) {
		fn(cpu, arg);
		return;
	}
	if (me)
		park(me);
	hold(cpu);
	fn(cpu, arg);
	release(cpu);
	if (me)
		come_back(me);
}

void machine_run_alone(struct machine *m, void (*fn)(struct machine *m, void *arg), void *arg)
{
	struct vcpu *me = self;
	if (me)
		park(me);
	pthread_mutex_lock(&m->alone);
	for (unsigned i = 0; i < m->n_vcpus; i++)
		if (m->vcpu[i] != me)
			hold(m->vcpu[i]);
	fn(m, arg);
	for (unsigned i = 0; i < m->n_vcpus; i++)
		if (m->vcpu[i] != me)
			release(m->vcpu[i]);
	pthread_mutex_unlock(&m->alone);
	if (me)
		come_back(me);
}

/* ---- the run loop ---- */

/* Parked until a kick, the host time `until` or the end of a claim; spurious returns are fine. */
static void sleep_parked(struct vcpu *cpu, uint32_t seen, uint64_t until)
{
	park(cpu);
	futex_wait(&cpu->wake, seen, until);
	unpark(cpu);
}

static void serve_claims(struct vcpu *cpu)
{
	uint32_t claims;
	atomic_fetch_and(&cpu->requests, ~(uint32_t)VCPU_REQ_CLAIM);
	if (!atomic_load(&cpu->claims))
		return;
	park(cpu);
	while ((claims = atomic_load(&cpu->claims))) {
		wait_briefly(&cpu->claims, claims);
		futex_wait(&cpu->claims, claims, UINT64_MAX);
	}
	unpark(cpu);
}

static void timer_fired(void *opaque)
{
	struct vcpu *cpu = opaque;
	atomic_store(&cpu->timer_armed, UINT64_MAX);
	vcpu_kick(cpu, VCPU_REQ_IRQ);
}

/* The host timer that interrupts guest code at timer_deadline. It is only ever moved forward in time when it has fired: a
 * guest that pushes its timer on and on costs no system calls. */
static void arm_timer(struct vcpu *cpu)
{
	uint64_t host = clock_to_host(cpu->machine, atomic_load(&cpu->timer_deadline));
	if (host < atomic_load(&cpu->timer_armed)) {
		atomic_store(&cpu->timer_armed, host);
		event_timer_set(cpu->timer, host);
	}
}

static void wait_for_work(struct vcpu *cpu)
{
	struct machine *m = cpu->machine;
	while (atomic_load(&cpu->waiting)) {
		uint32_t seen = atomic_load(&cpu->wake);
		if (atomic_load(&cpu->timer_deadline) <= clock_now(m))
			m->arch->update_timer(cpu);
		if (m->arch->has_work(cpu)) {
			atomic_store(&cpu->waiting, false);
			return;
		}
		if (atomic_load(&cpu->requests) & ~(uint32_t)VCPU_REQ_IRQ || m->paused)
			return;
		atomic_fetch_and(&cpu->requests, ~(uint32_t)VCPU_REQ_IRQ);
		if (m->deterministic) {
			uint64_t next = atomic_load(&cpu->timer_deadline), device = guest_timers_next(m), now = clock_now(m);
			if (device < next)
				next = device;
			if (next != UINT64_MAX) {	/* time passes at once */
				if (next > now)
					m->clock_skipped += next - now;
				guest_timers_run(m, clock_now(m));
				continue;
			}
			sleep_parked(cpu, seen, UINT64_MAX);
		} else {
			sleep_parked(cpu, seen, clock_to_host(m, atomic_load(&cpu->timer_deadline)));
		}
	}
}

/* How far guest code may run before the loop must look again. */
static uint64_t next_deadline(struct vcpu *cpu)
{
	struct machine *m = cpu->machine;
	uint64_t limit = cpu->sample_icount;
	if (m->deterministic) {
		uint64_t now = clock_now(m), next = guest_timers_next(m), own = atomic_load(&cpu->timer_deadline);
		if (own < next)
			next = own;
		uint64_t left = next > now ? next - now : 0;
		if (next != UINT64_MAX && cpu->icount + left < limit)
			limit = cpu->icount + left;
	}
	if (cpu->stop_icount != UINT64_MAX && cpu->stop_icount - VCPU_MAX_STRETCH < limit)
		limit = cpu->stop_icount - VCPU_MAX_STRETCH;
	return limit;
}

/* Built-in firmware may answer it, whose accesses are not the guest's. */
static void take_exception(struct vcpu *cpu)
{
	cpu->debug.passing = true;
	cpu->machine->arch->take_exception(cpu);
	cpu->debug.passing = false;
}

static void stop_for_debugger(struct vcpu *cpu)
{
	struct machine *m = cpu->machine;
	if (!debug_stops(cpu))
		return;
	cpu->debug.step = false;
	machine_request_pause(m);
	if (m->observer.debug)
		m->observer.debug(m->observer.opaque, cpu);
}

static void run_guest(struct vcpu *cpu)
{
	struct machine *m = cpu->machine;
	/* Blocks retire as a whole: the last instructions before an exact stop go one at a time. */
	bool near_stop = cpu->stop_icount != UINT64_MAX && cpu->stop_icount - cpu->icount < VCPU_MAX_STRETCH;
	bool step = cpu->single_step;
	cpu->step_pc = cpu->pc;
	cpu->single_step |= near_stop | cpu->debug.step;
	/* A deadline that nobody has tripped stays as it is: exceptions need not wait for a store to be seen everywhere. */
	uint64_t deadline = next_deadline(cpu);
	if (atomic_load(&cpu->deadline) != deadline)
		atomic_store(&cpu->deadline, deadline);
	if (atomic_load(&cpu->requests))
		vcpu_trip(cpu);
	m->exec->run(cpu);
	if (unlikely(cpu->debug.stop == DEBUG_WATCHPOINT))
		debug_pass_access(cpu);
	cpu->single_step = step;
	if (cpu->exception.pending)
		take_exception(cpu);
	if (step && m->observer.step && cpu->debug.stop != DEBUG_BREAKPOINT && m->observer.step(m->observer.opaque, cpu))
		machine_request_pause(m);
	if (unlikely(cpu->debug.step || cpu->debug.stop))
		stop_for_debugger(cpu);
}

static void update_time(struct vcpu *cpu, bool fired)
{
	struct machine *m = cpu->machine;
	if (m->deterministic) {
		uint64_t now = clock_now(m);
		if (guest_timers_next(m) <= now)
			guest_timers_run(m, now);
		if (atomic_load(&cpu->timer_deadline) <= now)
			m->arch->update_timer(cpu);
	} else {
		if (fired && atomic_load(&cpu->timer_deadline) <= clock_now(m))
			m->arch->update_timer(cpu);
		arm_timer(cpu);
	}
}

static void wait_while_paused(struct vcpu *cpu)
{
	struct machine *m = cpu->machine;
	park(cpu);
	pthread_mutex_lock(&m->lock);
	cpu->resting = true;
	pthread_cond_broadcast(&m->changed);
	while (m->paused && !(atomic_load(&cpu->requests) & VCPU_REQ_EXIT))
		pthread_cond_wait(&m->changed, &m->lock);
	cpu->resting = false;
	pthread_mutex_unlock(&m->lock);
	unpark(cpu);
}

void *vcpu_thread(void *opaque)
{
	struct vcpu *cpu = opaque;
	struct machine *m = cpu->machine;
	self = cpu;
	unpark(cpu);
	for (;;) {
		uint32_t requests = atomic_load(&cpu->requests);
		if (requests & VCPU_REQ_EXIT)
			break;
		if (requests & VCPU_REQ_CLAIM)
			serve_claims(cpu);
		if (requests & VCPU_REQ_TIMER) {
			atomic_fetch_and(&cpu->requests, ~(uint32_t)VCPU_REQ_TIMER);
			m->arch->update_timer(cpu);
		}
		if (requests & (VCPU_REQ_PAUSE | VCPU_REQ_IRQ))
			atomic_fetch_and(&cpu->requests, ~(uint32_t)(VCPU_REQ_PAUSE | VCPU_REQ_IRQ));
		if (atomic_load(&m->paused)) {
			wait_while_paused(cpu);
			continue;
		}
		if (atomic_load(&cpu->halted) || cpu->frozen) {
			uint32_t seen = atomic_load(&cpu->wake);
			if ((atomic_load(&cpu->halted) || cpu->frozen) && !atomic_load(&cpu->requests))
				sleep_parked(cpu, seen, UINT64_MAX);
			continue;
		}
		if (cpu->icount >= cpu->stop_icount) {
			machine_request_pause(m);
			cpu->stop_icount = UINT64_MAX;
			if (m->observer.stopped)
				m->observer.stopped(m->observer.opaque, cpu);
			continue;
		}
		update_time(cpu, requests & VCPU_REQ_IRQ);
		if (atomic_load(&cpu->waiting)) {
			wait_for_work(cpu);
			if (atomic_load(&cpu->waiting))
				continue;
		}
		if (!cpu->debug.holds_interrupts)
			m->arch->take_interrupt(cpu);
		run_guest(cpu);
	}
	park(cpu);
	return NULL;
}

/* ---- on the vCPU's thread ---- */

void vcpu_wait(struct vcpu *cpu)
{
	atomic_store(&cpu->waiting, true);
	vcpu_trip(cpu);
}

void vcpu_halt(struct vcpu *cpu)
{
	atomic_store(&cpu->halted, true);
	vcpu_trip(cpu);
}

void vcpu_start(struct vcpu *cpu)
{
	atomic_store(&cpu->halted, false);
	vcpu_kick(cpu, VCPU_REQ_IRQ);
}

void vcpu_fp_fold(struct vcpu *cpu)
{
	cpu->fp_flags |= fp_take_flags();
}

/* ---- life ---- */

struct vcpu *vcpu_create(struct machine *m, unsigned index, struct error *err)
{
	struct vcpu *cpu = aligned_alloc(64, (sizeof *cpu + 63) / 64 * 64);
	if (!cpu) {
		error_set(err, ERROR_HOST, "vCPU %u: out of memory", index);
		return NULL;
	}
	memset(cpu, 0, sizeof *cpu);
	cpu->machine = m;
	cpu->index = index;
	cpu->parked = VCPU_PARKED;
	cpu->timer_deadline = cpu->timer_armed = cpu->stop_icount = cpu->sample_icount = UINT64_MAX;
	cpu->jump_cache = calloc(JUMP_CACHE_SIZE, sizeof *cpu->jump_cache);
	cpu->timer = event_timer_new(m->events, timer_fired, cpu);
	if (!cpu->jump_cache || !cpu->timer || !mmu_vcpu_init(cpu, err)) {
		error_set(err, ERROR_HOST, "vCPU %u: out of memory", index);
		vcpu_destroy(cpu);
		return NULL;
	}
	return cpu;
}

void vcpu_destroy(struct vcpu *cpu)
{
	if (!cpu)
		return;
	event_timer_free(cpu->timer);
	mmu_vcpu_destroy(cpu);
	free(cpu->jump_cache);
	free(cpu);
}

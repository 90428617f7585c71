// SPDX-License-Identifier: Apache-2.0
#include "runtime/sampler.h"
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <ucontext.h>
#include "runtime/thread.h"

#define RING 1024	/* samples between two looks of the thread, a power of two */
#define TICKS_PER_DRAIN 16

/* What the signal handler writes down. */
struct record {
	struct code_mark mark;
	uint64_t page, pc, space;
	uint32_t mode;
	struct unwound stack;
};

/* One writer, the handler on the vCPU's thread, and one reader, who has the sampler's lock. */
struct ring {
	_Atomic unsigned head, tail;
	_Atomic bool asked;	/* a signal is on its way */
	_Atomic uint64_t lost;
	struct record record[RING];
};

struct sampler {
	struct machine *machine;
	sample_fn *fn;
	void *opaque;
	uint64_t period_ns;
	pthread_t thread;
	_Atomic bool end;
	pthread_mutex_t lock;	/* of reading rings and of fn; taken before the engine's own */
	struct sampler_stats stats;
	struct ring ring[];
};

/* The process's sampler. A late signal finds NULL. */
static struct sampler *_Atomic active;
static struct sigaction before;

/* ---- on the vCPUs' threads ---- */

uint64_t interrupted_word(const uint64_t *at)
{
	return *at;
}

#if defined(__x86_64__)
static void read_context(const ucontext_t *c, struct interrupted *i)
{
	i->reg = (const uint64_t *)c->uc_mcontext.gregs;
	i->n_regs = REG_RIP;	/* the general registers come first */
	i->pc = (uint64_t)c->uc_mcontext.gregs[REG_RIP];
	i->sp = (uint64_t)c->uc_mcontext.gregs[REG_RSP];
}
#else
static void read_context(const ucontext_t *c, struct interrupted *i)
{
	*i = (struct interrupted){ 0 };
}
#endif

static void take_sample(struct vcpu *cpu, struct ring *ring, const ucontext_t *context)
{
	unsigned head = atomic_load_explicit(&ring->head, memory_order_relaxed);
	if (head - atomic_load_explicit(&ring->tail, memory_order_acquire) == RING) {
		atomic_fetch_add(&ring->lost, 1);
		return;
	}
	struct record *r = &ring->record[head % RING];
	struct interrupted host;
	read_context(context, &host);
	r->mark = (struct code_mark){ .tier = (enum vcpu_tier)cpu->doing };
	if (cpu->machine->exec->interrupted)
		cpu->machine->exec->interrupted(cpu, &host, &r->mark);
	r->page = cpu->reg[SLOT_PAGE];
	r->pc = cpu->pc;
	r->mode = cpu->mode;
	r->space = mmu_context(cpu);
	unwind(cpu, &r->stack);
	atomic_store_explicit(&ring->head, head + 1, memory_order_release);
}

static void on_signal(int signal, siginfo_t *info, void *context)
{
	int error = errno;
	struct vcpu *cpu = vcpu_current();
	struct sampler *s = atomic_load(&active);
	if (s && cpu && cpu->machine == s->machine) {
		struct ring *ring = &s->ring[cpu->index];
		take_sample(cpu, ring, context);
		atomic_store(&ring->asked, false);
	}
	errno = error;
}

/* ---- handing over ---- */

static void hand_over(struct sampler *s, unsigned vcpu, const struct record *r)
{
	struct machine *m = s->machine;
	struct sample out = { .pc = r->pc, .space = r->space, .mode = r->mode, .vcpu = vcpu, .tier = r->mark.tier, .caller = r->stack.caller,
			      .n_frames = r->stack.n };
	memcpy(out.frame, r->stack.frame, out.n_frames * sizeof out.frame[0]);
	if (r->mark.at) {
		bool found = m->exec->locate(m, r->mark.at, &out.place);
		if (found && (out.tier == TIER_REGION || out.tier == TIER_STENCIL))
			out.tier = out.place.tier;
		if (found)
			out.pc = (r->page & PAGE_MASK) + out.place.offset;
	}
	s->fn(s->opaque, &out);
}

/* With the lock. */
static void drain(struct sampler *s)
{
	for (unsigned i = 0; i < s->machine->n_vcpus; i++) {
		struct ring *ring = &s->ring[i];
		unsigned tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
		while (tail != atomic_load_explicit(&ring->head, memory_order_acquire)) {
			hand_over(s, i, &ring->record[tail % RING]);
			atomic_store_explicit(&ring->tail, ++tail, memory_order_release);
		}
	}
}

void sampler_flush(struct sampler *s)
{
	pthread_mutex_lock(&s->lock);
	drain(s);
	pthread_mutex_unlock(&s->lock);
}

/* ---- the thread ---- */

static void look_at(struct sampler *s, struct vcpu *cpu)
{
	struct ring *ring = &s->ring[cpu->index];
	if (atomic_load(&cpu->parked) != VCPU_RUNNING) {
		if (atomic_load(&cpu->waiting) || atomic_load(&cpu->halted))
			s->stats.idle++;
		else
			s->stats.stalled++;
	} else if (atomic_exchange(&ring->asked, true)) {
		atomic_fetch_add(&ring->lost, 1);
	} else {
		pthread_kill(cpu->thread, SIGPROF);
	}
}

/* Up to a quarter of a period early or late, so that what the guest does at a rate of its own is not always met at the same point. */
static uint64_t jitter(struct sampler *s, uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return s->period_ns * 3 / 4 + (*state >> 33) % (s->period_ns / 2 + 1);
}

static void *sampler_thread(void *opaque)
{
	struct sampler *s = opaque;
	struct machine *m = s->machine;
	uint64_t next = clock_host_now(), random = next;
	while (!atomic_load(&s->end)) {
		next += jitter(s, &random);
		uint64_t now = clock_host_now();
		if (next < now)		/* the host did not run us: what was missed is not made up for */
			next = now;
		struct timespec t = { (time_t)(next / 1000000000), (long)(next % 1000000000) };
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
		if (!atomic_load(&m->paused)) {
			s->stats.ticks++;
			for (unsigned i = 0; i < m->n_vcpus; i++)
				look_at(s, m->vcpu[i]);
		}
		if (s->stats.ticks % TICKS_PER_DRAIN == 0)
			sampler_flush(s);
	}
	return NULL;
}

/* ---- life ---- */

struct sampler *sampler_start(struct machine *m, unsigned rate, sample_fn *fn, void *opaque, struct error *err)
{
	struct sampler *s = calloc(1, sizeof *s + m->n_vcpus * sizeof *s->ring), *none = NULL;
	if (!s) {
		error_set(err, ERROR_HOST, "sampler: out of memory");
		return NULL;
	}
	s->machine = m;
	s->fn = fn;
	s->opaque = opaque;
	s->period_ns = 1000000000u / rate;
	pthread_mutex_init(&s->lock, NULL);
	if (!atomic_compare_exchange_strong(&active, &none, s)) {
		error_set(err, ERROR_HOST, "sampler: another machine of this process is being sampled");
		goto fail;
	}
	struct sigaction ours = { .sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK };
	ours.sa_sigaction = on_signal;
	sigemptyset(&ours.sa_mask);
	sigaction(SIGPROF, &ours, &before);
	atomic_store(&m->sampler, s);
	if (!thread_start(&s->thread, sampler_thread, s, "sampler"))
		return s;
	error_set(err, ERROR_HOST, "sampler: the host has no more threads");
	atomic_store(&m->sampler, NULL);
	sigaction(SIGPROF, &before, NULL);
	atomic_store(&active, NULL);
fail:
	pthread_mutex_destroy(&s->lock);
	free(s);
	return NULL;
}

void sampler_stop(struct sampler *s, struct sampler_stats *stats)
{
	struct machine *m = s->machine;
	atomic_store(&s->end, true);
	pthread_join(s->thread, NULL);
	/* signals that have been sent are taken as soon as the host runs their threads */
	for (unsigned i = 0; i < m->n_vcpus; i++)
		while (atomic_load(&s->ring[i].asked))
			sched_yield();
	sampler_flush(s);
	atomic_store(&m->sampler, NULL);
	atomic_store(&active, NULL);
	for (unsigned i = 0; i < m->n_vcpus; i++)
		s->stats.lost += atomic_load(&s->ring[i].lost);
	*stats = s->stats;
	sigaction(SIGPROF, &before, NULL);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

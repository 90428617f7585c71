// SPDX-License-Identifier: Apache-2.0
#include "src/profile/take.h"
#include <stdlib.h>
#include <time.h>

struct taking {
	struct vm *vm;
	bool exact;
	unsigned rate;
	struct sampler *sampler;	/* NULL: exact */
	struct tally *samples;
	struct tally *blocks[MACHINE_MAX_VCPUS];	/* exact: each its own vCPU's, so that none waits for another */
	uint64_t host_ns, insns, vcpu_ns, process_ns;	/* at the start */
};

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec t;
	return clock_gettime(clock, &t) ? 0 : (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* Host processor time of the vCPUs' threads, which may not have been started yet. */
static uint64_t vcpus_ns(const struct vm *vm)
{
	uint64_t ns = 0;
	clockid_t clock;
	for (unsigned i = 0; vm->started && i < vm->machine.n_vcpus; i++)
		if (!pthread_getcpuclockid(vm->machine.vcpu[i]->thread, &clock))
			ns += clock_ns(clock);
	return ns;
}

static void take_sample(void *opaque, const struct sample *s)
{
	struct taking *t = opaque;
	tally_sample(t->samples, s, t->vm->frontend->privilege(s->mode));
}

static void take_block(void *opaque, struct vcpu *cpu, unsigned n, unsigned bytes)
{
	struct taking *t = opaque;
	tally_block(t->blocks[cpu->index], cpu->pc, mmu_context(cpu), t->vm->frontend->privilege(cpu->mode), (enum vcpu_tier)cpu->doing, n, bytes);
}

static void free_taking(struct taking *t)
{
	tally_free(t->samples);
	for (unsigned i = 0; i < t->vm->machine.n_vcpus; i++)
		tally_free(t->blocks[i]);
	free(t);
}

struct taking *profile_start(struct vm *vm, unsigned rate, bool exact, struct error *err)
{
	struct taking *t = calloc(1, sizeof *t);
	bool good = t && (t->samples = tally_new());
	if (!t)
		goto no_memory;
	t->vm = vm;
	t->exact = exact;
	t->rate = rate;
	for (unsigned i = 0; good && exact && i < vm->machine.n_vcpus; i++)
		good = (t->blocks[i] = tally_new());
	if (!good)
		goto no_memory;
	t->host_ns = clock_host_now();
	t->insns = vm_icount(vm);
	t->vcpu_ns = vcpus_ns(vm);
	t->process_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	if (exact && !vm_observe(vm, &(struct observer){ .block = take_block, .opaque = t })) {
		error_set(err, ERROR_HOST, "too many observers");
		goto fail;
	}
	if (!exact && !(t->sampler = sampler_start(&vm->machine, rate, take_sample, t, err)))
		goto fail;
	return t;
no_memory:
	error_set(err, ERROR_HOST, "out of memory");
fail:
	if (t)
		free_taking(t);
	return NULL;
}

void profile_stop(struct taking *t, struct profile *p)
{
	struct vm *vm = t->vm;
	*p = (struct profile){ .exact = t->exact, .rate = t->rate, .vcpus = vm->machine.n_vcpus, .arch = vm->frontend->name, .vm = vm };
	if (t->sampler)
		sampler_stop(t->sampler, &p->stats);
	else
		vm_unobserve(vm, t);
	p->host_ns = clock_host_now() - t->host_ns;
	p->insns = vm_icount(vm) - t->insns;
	p->vcpu_ns = vcpus_ns(vm) - t->vcpu_ns;
	p->other_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - t->process_ns - p->vcpu_ns;
	for (unsigned i = 0; i < vm->machine.n_vcpus; i++)
		if (t->blocks[i])
			tally_merge(t->samples, t->blocks[i]);
	p->tally = t->samples;
	t->samples = NULL;
	size_t n;
	const struct entry *entry = tally_entries(p->tally, &n);
	for (size_t i = 0; i < n; i++)
		p->samples += profile_weight(p, &entry[i]);
	uint64_t looks = p->samples + p->stats.idle + p->stats.stalled;
	p->period_ns = looks ? p->host_ns * p->vcpus / looks : 0;
	free_taking(t);
}

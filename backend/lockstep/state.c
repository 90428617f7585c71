// SPDX-License-Identifier: Apache-2.0
/* The machine that the interpreter runs. */
#include "runtime/mirror.h"
#include <string.h>
#include "backend/lockstep/internal.h"
#include "backend/lockstep/replay.h"
#include "frontends/frontend.h"

static uint64_t count_flushes(const struct vcpu *cpu)
{
	struct mmu_stats s;
	mmu_get_stats(cpu, &s);
	return s.flushes + s.page_flushes;
}

static bool make(struct lockstep *l, struct error *err)
{
	struct machine *m = l->m, *mirror = &l->mirror;
	if (!machine_init(mirror, m->phys.ram_size, err))
		return false;
	l->made = true;
	mirror_ranges(&mirror->phys, &m->phys);
	mirror->arch = m->arch;
	mirror->frontend = m->frontend;
	mirror->exec = &replay_engine;
	mirror->code_cache_bytes = m->code_cache_bytes;
	mirror->tuning = m->tuning;
	mirror->deterministic = true;
	struct vcpu *cpu = mirror->vcpu[0] = vcpu_create(mirror, 0, err);
	if (!cpu)
		return false;
	mirror->n_vcpus = 1;
	if (!m->frontend->vcpu_init(cpu, m->frontend->config(acting(l)), err) || !replay_engine.vcpu_init(cpu, err))
		return false;
	mirror->journal = &l->journal;
	l->stale = true;
	return true;
}

bool lockstep_prepare(struct lockstep *l, struct error *err)
{
	if (!l->made && !make(l, err))
		return false;
	if (l->stale) {
		journal_clear(&l->journal);	/* it is in the memory that is copied */
		mirror_copy(&l->mirror.phys, &l->m->phys);
		replay_engine.flush(&l->mirror);
		l->flushes = UINT64_MAX;	/* no TLB entry holds either */
	}
	l->stale = false;
	return true;
}

void lockstep_destroy_mirror(struct lockstep *l)
{
	struct vcpu *cpu = l->made ? interpreted(l) : NULL;
	if (cpu) {
		replay_engine.vcpu_destroy(cpu);
		l->m->frontend->vcpu_destroy(cpu);
	}
	if (l->made)
		machine_destroy(&l->mirror);
	l->made = false;
}

void lockstep_adopt(struct lockstep *l)
{
	struct vcpu *from = acting(l), *to = interpreted(l);
	memcpy(to->reg, from->reg, sizeof to->reg);
	memcpy(to->arch, from->arch, l->m->frontend->arch_bytes);
	to->pc = from->pc;
	to->icount = from->icount;
	to->fp_flags = from->fp_flags;
	to->exception = from->exception;
	to->reservation = from->reservation;
	to->reservation.pa = (uintptr_t)mirror_of(&l->mirror.phys, &l->m->phys, (const void *)from->reservation.pa);
	to->single_step = from->single_step;
	atomic_store(&to->irq_lines, atomic_load(&from->irq_lines));
	atomic_store(&to->timer_deadline, atomic_load(&from->timer_deadline));
	atomic_store(&to->waiting, false);
	l->mirror.clock_skipped = l->m->clock_skipped;
	atomic_store(&l->mirror.ticks_offset, atomic_load(&l->m->ticks_offset));
	l->m->frontend->adopted(to);
	/* firmware and resets flush without an instruction that the interpreter would see */
	if (count_flushes(from) != l->flushes)
		mmu_flush(to, &(struct mmu_flush){ .all_addresses = true, .all_contexts = true });
}

void lockstep_ran(struct lockstep *l)
{
	l->flushes = count_flushes(acting(l));
}

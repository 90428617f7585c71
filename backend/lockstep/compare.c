// SPDX-License-Identifier: Apache-2.0
#include <inttypes.h>
#include <string.h>
#include "backend/lockstep/internal.h"
#include "backend/lockstep/replay.h"
#include "frontends/frontend.h"
#include "runtime/mirror.h"

static bool same_exception(const struct exception *a, const struct exception *b)
{
	return a->pending == b->pending && (!a->pending || (a->cause == b->cause && a->value == b->value));
}

/* The address of a reservation is the host's. */
static bool same_reservation(const struct lockstep *l)
{
	const struct vcpu *a = acting(l), *b = interpreted(l);
	return a->reservation.size == b->reservation.size &&
	       (!a->reservation.size ||
		(b->reservation.pa == (uintptr_t)mirror_of(&l->mirror.phys, &l->m->phys, (const void *)a->reservation.pa) &&
		 a->reservation.value == b->reservation.value));
}

/* Registers that have names; the frontend's state may have further bytes, which differ without meaning. */
static bool named_differ(const struct lockstep *l, unsigned i, uint64_t value[2])
{
	const struct frontend *fe = l->m->frontend;
	return fe->reg_read(acting(l), i, &value[0]) && fe->reg_read(interpreted(l), i, &value[1]) && value[0] != value[1];
}

static bool same_registers(const struct lockstep *l)
{
	const struct vcpu *a = acting(l), *b = interpreted(l);
	const struct frontend *fe = l->m->frontend;
	uint64_t value[2];
	if (memcmp(a->reg, b->reg, SLOT_TEMP * sizeof a->reg[0]))
		return false;
	if (!memcmp(a->arch, b->arch, fe->arch_bytes))
		return true;
	for (unsigned i = 0; i < fe->n_regs; i++)
		if (named_differ(l, i, value))
			return false;
	return true;
}

static const uint8_t *counterpart(const struct lockstep *l, const struct replay_store *s)
{
	return mirror_of(&l->m->phys, &l->mirror.phys, s->host);
}

static bool same_stores(const struct lockstep *l)
{
	const struct replay *r = interpreted(l)->exec;
	for (const struct replay_store *s = r->store; s < r->store + r->n_stores; s++)
		if (memcmp(s->host, counterpart(l, s), s->size))
			return false;
	return true;
}

bool lockstep_same(struct lockstep *l)
{
	struct vcpu *a = acting(l), *b = interpreted(l);
	atomic_store(&b->irq_lines, atomic_load(&a->irq_lines));	/* an input, not a result */
	return a->pc == b->pc && a->icount == b->icount && a->fp_flags == b->fp_flags && a->mode == b->mode &&
	       a->waiting == b->waiting && !l->journal.mismatch[0] && same_exception(&a->exception, &b->exception) &&
	       same_reservation(l) && same_registers(l) && same_stores(l);
}

/* ---- saying what differs ---- */

struct list {
	FILE *f;
	char *first;
	size_t size;
	unsigned n;
};

static void differ(struct list *list, const char *name, uint64_t compiled, uint64_t interpreter)
{
	char line[160];
	snprintf(line, sizeof line, "%s: compiled 0x%" PRIx64 ", interpreter 0x%" PRIx64, name, compiled, interpreter);
	fprintf(list->f, "  %s\n", line);
	if (!list->n++)
		snprintf(list->first, list->size, "%s", line);
}

static void compare(struct list *list, const char *name, uint64_t compiled, uint64_t interpreter)
{
	if (compiled != interpreter)
		differ(list, name, compiled, interpreter);
}

static void compare_registers(struct lockstep *l, struct list *list)
{
	const struct frontend *fe = l->m->frontend;
	struct vcpu *a = acting(l), *b = interpreted(l);
	uint64_t value[2];
	unsigned before = list->n;
	for (unsigned i = 0; i < fe->n_regs; i++)
		if (named_differ(l, i, value))
			differ(list, fe->regs[i].alias ? fe->regs[i].alias : fe->regs[i].name, value[0], value[1]);
	for (unsigned i = 0; i < SLOT_TEMP && list->n == before; i++)	/* what no register names */
		compare(list, fe->slot_name(i), a->reg[i], b->reg[i]);
}

static void compare_stores(struct lockstep *l, struct list *list)
{
	const struct phys *p = &l->mirror.phys;
	const struct replay *r = interpreted(l)->exec;
	for (const struct replay_store *s = r->store; s < r->store + r->n_stores; s++) {
		uint64_t value[2] = { 0, 0 };
		unsigned n = s->size < 8 ? (unsigned)s->size : 8;
		char name[48];
		if (!memcmp(s->host, counterpart(l, s), s->size))
			continue;
		const struct phys_range *range = phys_find_host(p, s->host);
		snprintf(name, sizeof name, "%" PRIu64 " bytes stored at physical 0x%" PRIx64, s->size,
			 range->base.v + (uint64_t)(s->host - range->host));
		memcpy(&value[0], counterpart(l, s), n);
		memcpy(&value[1], s->host, n);
		differ(list, name, value[0], value[1]);
	}
}

unsigned lockstep_differences(struct lockstep *l, FILE *f, char *first, size_t size)
{
	struct vcpu *a = acting(l), *b = interpreted(l);
	struct list list = { f, first, size, 0 };
	compare(&list, "instruction count", a->icount, b->icount);
	compare(&list, "exception pending", a->exception.pending, b->exception.pending);
	if (!same_exception(&a->exception, &b->exception)) {
		compare(&list, "exception's cause", a->exception.cause, b->exception.cause);
		compare(&list, "exception's value", a->exception.value, b->exception.value);
	}
	compare_registers(l, &list);
	compare(&list, "accrued floating-point flags", a->fp_flags, b->fp_flags);
	compare(&list, "mode of translation", a->mode, b->mode);
	compare(&list, "waits for an interrupt", a->waiting, b->waiting);
	if (!same_reservation(l)) {
		compare(&list, "size of the reservation", a->reservation.size, b->reservation.size);
		compare(&list, "value of the reservation", a->reservation.value, b->reservation.value);
		compare(&list, "reservation, offset in memory", a->reservation.pa - (uintptr_t)l->m->phys.ram,
			b->reservation.pa - (uintptr_t)l->mirror.phys.ram);
	}
	compare_stores(l, &list);
	if (l->journal.mismatch[0]) {
		fprintf(f, "  %s\n", l->journal.mismatch);
		if (!list.n++)
			snprintf(first, size, "%s", l->journal.mismatch);
	}
	return list.n;
}

bool lockstep_sweep(struct lockstep *l, uint64_t *pa)
{
	const struct phys *p = &l->m->phys;
	uint64_t at = mirror_compare(&l->mirror.phys, p);
	l->sweeps++;
	if (at == p->ram_size)
		return true;
	const struct phys_range *r = phys_find_host(p, p->ram + at);
	*pa = r->base.v + (uint64_t)(p->ram + at - r->host);
	return false;
}

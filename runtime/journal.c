// SPDX-License-Identifier: Apache-2.0
#include "runtime/journal.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "runtime/machine.h"

static const char *const kind_names[] = { "a read of a device", "a write to a device", "the interrupt lines", "memory" };

/* ---- recording ---- */

/* A new entry's index, ROOM_NONE without memory. With the lock. */
#define ROOM_NONE (~0u)
static unsigned append(struct journal *j, const struct journal_entry *e)
{
	if (j->n == j->room) {
		unsigned room = j->room ? 2 * j->room : 256;
		struct journal_entry *more = realloc(j->entry, room * sizeof *more);
		if (!more) {
			j->lost = true;
			return ROOM_NONE;
		}
		j->entry = more;
		j->room = room;
	}
	j->entry[j->n] = *e;
	return j->n++;
}

static unsigned append_locked(struct journal *j, const struct journal_entry *e)
{
	pthread_mutex_lock(&j->lock);
	unsigned at = append(j, e);
	pthread_mutex_unlock(&j->lock);
	return at;
}

/* The entry stands before what the device does meanwhile; its answer is filled in afterwards. */
static void answer(struct journal *j, unsigned at, bool good, uint64_t value)
{
	pthread_mutex_lock(&j->lock);
	if (at != ROOM_NONE) {
		j->entry[at].refused = !good;
		j->entry[at].value = value;
	}
	pthread_mutex_unlock(&j->lock);
}

void journal_memory(struct machine *m, gpa_t at, const void *bytes, uint64_t size)
{
	struct journal *j = m->journal;
	if (m != j->recorder || (vcpu_current() == m->vcpu[0] && j->recording && !j->in_device))
		return;
	struct journal_entry e = { .kind = JOURNAL_MEMORY, .pa = at.v, .value = size, .bytes = malloc(size) };
	pthread_mutex_lock(&j->lock);
	if (e.bytes)
		memcpy(e.bytes, bytes, size);
	if (!e.bytes || append(j, &e) == ROOM_NONE) {
		j->lost = true;
		free(e.bytes);
	}
	pthread_mutex_unlock(&j->lock);
}

/* ---- replaying ---- */

/* Others' writes that stand next in the journal happen now. */
static void write_memory(struct journal *j)
{
	struct phys *p = &j->mirror->phys;
	pthread_mutex_lock(&j->lock);
	for (; j->next < j->n && j->entry[j->next].kind == JOURNAL_MEMORY; j->next++) {
		const struct journal_entry *e = &j->entry[j->next];
		if (!phys_load(p, GPA(e->pa), e->bytes, e->value))
			abort();	/* the mirror has the recorder's ranges */
		phys_dma_done(p, GPA(e->pa), e->value);
	}
	pthread_mutex_unlock(&j->lock);
}

/* What stands next must be this; a copy of it in *e. */
static bool take(struct journal *j, const struct journal_entry *want, struct journal_entry *e)
{
	pthread_mutex_lock(&j->lock);
	bool some = j->next < j->n;
	if (some)
		*e = j->entry[j->next];
	pthread_mutex_unlock(&j->lock);
	bool same = some && e->kind == want->kind && e->size == want->size && e->pa == want->pa &&
		    (e->kind != JOURNAL_WRITE || e->value == want->value);
	if (!same && !j->mismatch[0])
		snprintf(j->mismatch, sizeof j->mismatch, "the interpreter asked for %s, 0x%" PRIx64 " size %u value 0x%" PRIx64
			 "; the compiled code for %s, 0x%" PRIx64 " size %u value 0x%" PRIx64, kind_names[want->kind], want->pa, want->size,
			 want->value, some ? kind_names[e->kind] : "nothing", some ? e->pa : 0, some ? e->size : 0, some ? e->value : 0);
	if (!same)
		return false;
	j->next++;
	write_memory(j);
	return true;
}

/* ---- guest code asks ---- */

bool journal_read(struct vcpu *cpu, const struct phys_range *r, uint64_t offset, unsigned size, uint64_t *value)
{
	struct journal *j = cpu->machine->journal;
	struct journal_entry e = { .kind = JOURNAL_READ, .size = (uint8_t)size, .pa = r->base.v + offset }, got;
	if (cpu->machine == j->mirror) {
		bool good = take(j, &e, &got) && !got.refused;
		*value = good ? got.value : 0;
		return good;
	}
	if (!j->recording)
		return r->ops->read(r->opaque, offset, size, value);
	unsigned at = append_locked(j, &e);
	j->in_device++;
	bool good = r->ops->read(r->opaque, offset, size, value);
	j->in_device--;
	answer(j, at, good, good ? *value : 0);
	return good;
}

bool journal_write(struct vcpu *cpu, const struct phys_range *r, const struct mmio_ops *ops, uint64_t offset, unsigned size, uint64_t value)
{
	struct journal *j = cpu->machine->journal;
	struct journal_entry e = { .kind = JOURNAL_WRITE, .size = (uint8_t)size, .pa = r->base.v + offset, .value = value }, got;
	if (cpu->machine == j->mirror)
		return take(j, &e, &got) && !got.refused;
	if (!j->recording)
		return ops->write(r->opaque, offset, size, value);
	unsigned at = append_locked(j, &e);
	j->in_device++;
	bool good = ops->write(r->opaque, offset, size, value);
	j->in_device--;
	answer(j, at, good, value);
	/* it may have set the clock, of which the mirror has a copy from where the recorder began to run */
	vcpu_trip(cpu);
	return good;
}

uint64_t journal_lines(const struct vcpu *cpu, uint64_t lines)
{
	struct journal *j = cpu->machine->journal;
	struct journal_entry e = { .kind = JOURNAL_LINES, .value = lines }, got;
	if (cpu->machine == j->mirror && j->replaying)
		return take(j, &e, &got) ? got.value : lines;
	if (cpu->machine == j->recorder && j->recording)
		append_locked(j, &e);
	return lines;
}

/* ---- stretches ---- */

void journal_record(struct journal *j, bool on)
{
	j->recording = on;
}

void journal_replay(struct journal *j)
{
	write_memory(j);
	j->replaying = true;
}

/* Frees the first k entries. With the lock. */
static void drop(struct journal *j, unsigned k)
{
	for (unsigned i = 0; i < k; i++)
		free(j->entry[i].bytes);
	j->n -= k;
	memmove(j->entry, j->entry + k, j->n * sizeof *j->entry);
	j->next = 0;
}

void journal_replayed(struct journal *j)
{
	j->replaying = false;
	write_memory(j);
	pthread_mutex_lock(&j->lock);
	const struct journal_entry *e = &j->entry[j->next];
	if (j->next < j->n && e->kind != JOURNAL_MEMORY && !j->mismatch[0])
		snprintf(j->mismatch, sizeof j->mismatch, "the compiled code asked for %s, 0x%" PRIx64 " size %u value 0x%" PRIx64
			 "; the interpreter did not", kind_names[e->kind], e->pa, e->size, e->value);
	if (j->next)
		drop(j, j->next);
	pthread_mutex_unlock(&j->lock);
}

void journal_clear(struct journal *j)
{
	pthread_mutex_lock(&j->lock);
	drop(j, j->n);
	pthread_mutex_unlock(&j->lock);
}

void journal_init(struct journal *j, struct machine *recorder, struct machine *mirror)
{
	*j = (struct journal){ .recorder = recorder, .mirror = mirror };
	pthread_mutex_init(&j->lock, NULL);
}

void journal_free(struct journal *j)
{
	drop(j, j->n);
	free(j->entry);
	pthread_mutex_destroy(&j->lock);
}

// SPDX-License-Identifier: Apache-2.0
#include "src/profile/tally.h"
#include <stdlib.h>
#include <string.h>

#define MOST_ENTRIES ((size_t)1 << 22)

struct tally {
	struct entry *entry;
	size_t n, room;
	uint32_t *table;	/* index of an entry + 1; a power of two of them */
	size_t mask;
	uint64_t dropped;
};

struct tally *tally_new(void)
{
	struct tally *s = calloc(1, sizeof *s);
	if (s)
		s->table = calloc(1024, sizeof *s->table);
	if (s && !s->table) {
		free(s);
		return NULL;
	}
	if (s)
		s->mask = 1023;
	return s;
}

void tally_free(struct tally *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n; i++)
		free((void *)(uintptr_t)s->entry[i].frame);
	free(s->entry);
	free(s->table);
	free(s);
}

static uint64_t mix(uint64_t h, uint64_t v)
{
	return (h ^ v) * 0x9e3779b97f4a7c15u ^ h >> 29;
}

static uint64_t hash(const struct entry *e)
{
	uint64_t h = mix(mix(e->pc, e->space), (uint64_t)e->tier << 8 | e->privilege);
	h = mix(mix(h, e->block), e->caller);
	for (unsigned i = 0; i < e->n_frames; i++)
		h = mix(h, e->frame[i]);
	return h ^ h >> 32;
}

static bool same(const struct entry *a, const struct entry *b)
{
	return a->pc == b->pc && a->space == b->space && a->tier == b->tier && a->privilege == b->privilege && a->block == b->block &&
	       a->bytes == b->bytes && a->caller == b->caller && a->n_frames == b->n_frames &&
	       (!a->n_frames || !memcmp(a->frame, b->frame, a->n_frames * sizeof *a->frame));
}

static bool grow(struct tally *s)
{
	size_t room = s->room ? 2 * s->room : 512, cells = 4 * room;
	struct entry *entry = s->n < MOST_ENTRIES ? realloc(s->entry, room * sizeof *entry) : NULL;
	if (!entry)
		return false;
	s->entry = entry;
	uint32_t *table = calloc(cells, sizeof *table);
	if (!table)
		return false;
	s->room = room;
	free(s->table);
	s->table = table;
	s->mask = cells - 1;
	for (size_t i = 0; i < s->n; i++) {
		size_t at = hash(&s->entry[i]) & s->mask;
		while (table[at])
			at = (at + 1) & s->mask;
		table[at] = (uint32_t)i + 1;
	}
	return true;
}

static void add(struct tally *s, const struct entry *e)
{
	size_t at;
	if (s->n == s->room && !grow(s)) {
		s->dropped += e->count;
		return;
	}
	for (at = hash(e) & s->mask; s->table[at]; at = (at + 1) & s->mask) {
		struct entry *old = &s->entry[s->table[at] - 1];
		if (same(old, e)) {
			old->count += e->count;
			if (e->host_bytes)
				old->host_bytes = e->host_bytes;
			return;
		}
	}
	uint64_t *frame = NULL;
	if (e->n_frames && !(frame = malloc(e->n_frames * sizeof *frame))) {
		s->dropped += e->count;
		return;
	}
	if (frame)
		memcpy(frame, e->frame, e->n_frames * sizeof *frame);
	s->entry[s->n] = *e;
	s->entry[s->n].frame = frame;
	s->table[at] = (uint32_t)++s->n;
}

void tally_sample(struct tally *s, const struct sample *sample, enum privilege privilege)
{
	const struct code_place *p = &sample->place;
	uint64_t page = sample->pc & PAGE_MASK;
	add(s, &(struct entry){
		.count = 1, .pc = sample->pc, .space = privilege == PRIVILEGE_USER ? sample->space : 0,
		.block = p->bytes ? page + p->block : page, .n_insns = p->n_insns, .bytes = p->bytes, .host_bytes = p->host_bytes,
		.tier = (uint8_t)sample->tier, .privilege = (uint8_t)privilege, .n_frames = (uint16_t)sample->n_frames,
		.caller = sample->caller, .frame = sample->frame });
}

void tally_block(struct tally *s, uint64_t pc, uint64_t space, enum privilege privilege, enum vcpu_tier tier, unsigned n_insns,
		 unsigned bytes)
{
	add(s, &(struct entry){ .count = 1, .pc = pc, .space = privilege == PRIVILEGE_USER ? space : 0, .block = pc, .n_insns = (uint16_t)n_insns,
				.bytes = (uint16_t)bytes, .tier = (uint8_t)tier, .privilege = (uint8_t)privilege });
}

void tally_merge(struct tally *s, const struct tally *from)
{
	for (size_t i = 0; i < from->n; i++)
		add(s, &from->entry[i]);
	s->dropped += from->dropped;
}

uint64_t tally_dropped(const struct tally *s)
{
	return s->dropped;
}

const struct entry *tally_entries(const struct tally *s, size_t *n)
{
	*n = s->n;
	return s->entry;
}

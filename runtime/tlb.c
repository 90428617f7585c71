// SPDX-License-Identifier: Apache-2.0
#include "runtime/tlb.h"
#include <stdlib.h>
#include <string.h>

#define TLB_MIN_ENTRIES 256
#define MOST_ENTRIES 16384	/* where pages go on displacing each other, even if there are few: a page of a stack and one of a heap may */
#define CONFLICTS 4	/* for each entry; they then have cost some ten times what growing costs */

static const struct tlb_entry EMPTY = { .tag = { TLB_NO_TAG, TLB_NO_TAG, TLB_NO_TAG } };

static unsigned n_entries(const struct tlb *t)
{
	return t->t.entries ? (unsigned)(t->t.mask / sizeof(struct tlb_entry)) + 1 : 0;
}

static struct tlb_entry *entry(const struct tlb *t, unsigned i)
{
	return (struct tlb_entry *)t->t.entries + i;
}

/* The page that an entry is for: its tags are that page or TLB_NO_TAG, whose page bits are all ones too. */
static bool is_for(const struct tlb_entry *e, uint64_t page)
{
	return e->tag[MMU_READ] == page || e->tag[MMU_WRITE] == page || e->tag[MMU_FETCH] == page;
}

static bool is_empty(const struct tlb_entry *e)
{
	return (e->tag[MMU_READ] & e->tag[MMU_WRITE] & e->tag[MMU_FETCH]) == TLB_NO_TAG;
}

static uint64_t page_of(const struct tlb_entry *e)
{
	return e->tag[MMU_READ] & e->tag[MMU_WRITE] & e->tag[MMU_FETCH];
}

/* A table that cannot be had leaves the old one in place: slower, never wrong. */
static bool resize(struct tlb *t, unsigned n)
{
	struct tlb_entry *entries = aligned_alloc(64, n * sizeof *entries);
	uint8_t *bits = malloc(n);
	if (!entries || !bits) {
		free(entries);
		free(bits);
		return false;
	}
	struct tlb old = *t;
	for (unsigned i = 0; i < n; i++)
		entries[i] = EMPTY;
	t->t = (struct tlb_table){ (char *)entries, (n - 1) * sizeof *entries };
	t->leaf_bits = bits;
	t->evictions = t->conflicts = 0;
	for (unsigned i = 0; i < n_entries(&old); i++) {
		struct tlb_entry *e = entry(&old, i);
		if (is_empty(e))
			continue;
		struct tlb_entry *to = TLB_ENTRY(&t->t, page_of(e));
		*to = *e;
		bits[to - entries] = old.leaf_bits[i];
	}
	free(old.t.entries);
	free(old.leaf_bits);
	return true;
}

struct tlb_entry *tlb_find(struct tlb *t, uint64_t va, enum mmu_access access, bool *grown, struct mmu_stats *stats)
{
	if (!t->t.entries)
		return NULL;
	uint64_t page = va & PAGE_MASK;
	struct tlb_entry *e = TLB_ENTRY(&t->t, va);
	if (e->tag[access] == page)
		return e;
	for (unsigned i = 0; i < t->n_victims; i++) {
		if (t->victim[i].tag[access] != page)
			continue;
		if (is_for(e, page))	/* the main entry is newer (other rights); the victim is stale */
			return NULL;
		unsigned n = (unsigned)(e - entry(t, 0));
		struct tlb_entry swap = *e;
		uint8_t bits = t->leaf_bits[n];
		*e = t->victim[i];
		t->leaf_bits[n] = t->victim_bits[i];
		t->victim[i] = swap;
		t->victim_bits[i] = bits;
		stats->victim_hits++;
		if (++t->conflicts <= CONFLICTS * n_entries(t) || n_entries(t) >= MOST_ENTRIES || !resize(t, 2 * n_entries(t)))
			return e;
		stats->grows++;
		*grown = true;
		return TLB_ENTRY(&t->t, va);
	}
	return NULL;
}

void tlb_fill(struct tlb *t, const struct tlb_entry *e, uint64_t page, unsigned leaf_bits, unsigned max_entries, struct mmu_stats *stats)
{
	if (!t->t.entries) {
		if (!resize(t, TLB_MIN_ENTRIES))
			return;
		t->large_first = UINT64_MAX;
		t->large_last = 0;
	}
	for (unsigned i = 0; i < t->n_victims; i++)
		if (is_for(&t->victim[i], page))
			t->victim[i] = EMPTY;
	struct tlb_entry *to = TLB_ENTRY(&t->t, page);
	if (!is_empty(to) && !is_for(to, page)) {
		unsigned v = t->next_victim, n = n_entries(t);
		t->next_victim = (v + 1) % TLB_VICTIMS;
		if (t->n_victims <= v)
			t->n_victims = v + 1;
		t->victim[v] = *to;
		t->victim_bits[v] = t->leaf_bits[to - entry(t, 0)];
		if (++t->evictions > n && n < max_entries && resize(t, 2 * n)) {
			stats->grows++;
			to = TLB_ENTRY(&t->t, page);
		}
	}
	*to = *e;
	t->leaf_bits[to - entry(t, 0)] = (uint8_t)leaf_bits;
	if (leaf_bits > PAGE_BITS) {
		uint64_t mask = ((uint64_t)1 << leaf_bits) - 1;
		if ((page & ~mask) < t->large_first)
			t->large_first = page & ~mask;
		if ((page | mask) > t->large_last)
			t->large_last = page | mask;
	}
}

void tlb_flush(struct tlb *t)
{
	for (unsigned i = 0; i < n_entries(t); i++)
		*entry(t, i) = EMPTY;
	t->n_victims = t->next_victim = 0;
	t->large_first = UINT64_MAX;
	t->large_last = 0;
	t->evictions = t->conflicts = 0;
}

void tlb_flush_page(struct tlb *t, uint64_t va)
{
	if (!t->t.entries)
		return;
	if (va >= t->large_first && va <= t->large_last) {
		for (unsigned i = 0; i < n_entries(t); i++)
			if (!is_empty(entry(t, i)) && (page_of(entry(t, i)) ^ va) >> t->leaf_bits[i] == 0)
				*entry(t, i) = EMPTY;
	} else if (is_for(TLB_ENTRY(&t->t, va), va & PAGE_MASK)) {
		*TLB_ENTRY(&t->t, va) = EMPTY;
	}
	for (unsigned i = 0; i < t->n_victims; i++)
		if (!is_empty(&t->victim[i]) && (page_of(&t->victim[i]) ^ va) >> t->victim_bits[i] == 0)
			t->victim[i] = EMPTY;
}

void tlb_write_protect_va(struct tlb *t, uint64_t va)
{
	if (!t->t.entries)
		return;
	struct tlb_entry *e = TLB_ENTRY(&t->t, va);
	if (e->tag[MMU_WRITE] == (va & PAGE_MASK))
		e->tag[MMU_WRITE] = TLB_NO_TAG;
	for (unsigned i = 0; i < t->n_victims; i++)
		if (t->victim[i].tag[MMU_WRITE] == (va & PAGE_MASK))
			t->victim[i].tag[MMU_WRITE] = TLB_NO_TAG;
}

static void protect_host(struct tlb_entry *e, const uint8_t *host_page)
{
	if (e->tag[MMU_WRITE] != TLB_NO_TAG && e->tag[MMU_WRITE] + e->addend == (uint64_t)(uintptr_t)host_page)
		e->tag[MMU_WRITE] = TLB_NO_TAG;
}

void tlb_write_protect_host(struct tlb *t, const uint8_t *host_page)
{
	for (unsigned i = 0; i < n_entries(t); i++)
		protect_host(entry(t, i), host_page);
	for (unsigned i = 0; i < t->n_victims; i++)
		protect_host(&t->victim[i], host_page);
}

void tlb_free(struct tlb *t)
{
	free(t->t.entries);
	free(t->leaf_bits);
	*t = (struct tlb){ 0 };
}

// SPDX-License-Identifier: Apache-2.0
/*
 * What a flush does to windows. A new walk costs a small part of what it takes to unmap an extent and fault it in again, and
 * most flushes are about something else: so extents are checked, not dropped. Sets that are not current are checked when they
 * become so.
 */
#include "runtime/debug.h"
#include "runtime/tlb.h"

enum verdict { KEEP, DEMOTE, DROP };

/* ---- checks ---- */

static enum verdict check(struct vcpu *cpu, struct tlb_half *h, unsigned index, const struct window *w, const struct extent *e)
{
	struct mmu_leaf leaf;
	uint64_t va = w->va + ((uint64_t)e->page << PAGE_BITS);
	const struct debug *d = cpu->machine->debug;
	if ((d && debug_watches_block(d, va, e->bits)) || !cpu->machine->arch->probe(cpu, va, index, &leaf) || leaf.size_bits < e->bits || (leaf.pa & PAGE_MASK) != e->pa ||
	    (window_is_shared(cpu->mmu, h) && !leaf.global))
		return DROP;
	h->windows[index].cut |= leaf.size_bits > e->bits && !e->inside;
	return e->write && !(leaf.prot & MMU_PROT_W) ? DEMOTE : KEEP;
}

static bool carry_out(struct vcpu *cpu, struct window *w, struct extent *e, enum verdict v)
{
	cpu->mmu->stats.window_kept += v == KEEP;
	return v == KEEP || (v == DROP ? window_drop(cpu, w, e) : window_demote(cpu, w, e));
}

/* ---- sets ---- */

static void revalidate_window(struct vcpu *cpu, struct tlb_half *h, unsigned index, struct window *w)
{
	struct extents *x = &w->extents;
	uint32_t dropped = 0;
	for (uint32_t i = 0; i < x->n; i++)
		dropped += (x->at[i].verdict = (uint8_t)check(cpu, h, index, w, &x->at[i])) == DROP;
	/* One system call in place of many: an address space that ends, or becomes another program's */
	if (dropped > x->n / 4 * 3 && dropped > 1) {
		cpu->mmu->stats.window_dropped += x->n;
		if (!window_clear(cpu, w))
			window_retire(cpu, w);
		return;
	}
	/* Removing one puts the last in its place, which has had its turn. */
	for (uint32_t i = x->n; i-- > 0;)
		if (i < x->n && !carry_out(cpu, w, &x->at[i], x->at[i].verdict))
			return;
}

void window_revalidate(struct vcpu *cpu, struct tlb_half *h, unsigned index)
{
	struct window_set *set = &h->windows[index];
	set->stale = set->cut = false;
	for (struct window *w = set->first, *next; w; w = next) {
		next = w->next;
		revalidate_window(cpu, h, index, w);
	}
}

/* ---- one address ---- */

/* The guest's leaf has become read-only: so must what was writable inside. False: the window is empty or gone. */
static bool demote_inside(struct vcpu *cpu, struct window *w, uint32_t page, unsigned bits)
{
	for (uint32_t i = w->extents.n; i-- > 0;) {
		struct extent *e = i < w->extents.n ? &w->extents.at[i] : NULL;
		if (e && e->inside && extent_within(e, page, bits) && !window_demote(cpu, w, e))
			return false;
	}
	return true;
}

static void flush_address(struct vcpu *cpu, struct tlb_half *h, unsigned index, struct window *w, uint64_t va)
{
	struct mmu *mmu = cpu->mmu;
	bool current = h == &mmu->current->low || h == mmu_upper_half(mmu, mmu->current);
	uint32_t page = (uint32_t)((va - w->va) >> PAGE_BITS);
	struct extent *e = extents_largest(&w->extents, page);
	if (!e)
		return;
	/* Asked as for a writable extent: what it answers goes for those inside, too. */
	struct extent as_writable = *e;
	as_writable.write = true;
	enum verdict v = current ? check(cpu, h, index, w, &as_writable) : DROP;
	if (v == DEMOTE && e->bits > PAGE_BITS && !demote_inside(cpu, w, page, e->bits))
		return;
	if (v == DEMOTE && !(e = extents_largest(&w->extents, page))->write)
		v = KEEP;
	carry_out(cpu, w, e, v);
}

void window_flush(struct vcpu *cpu, struct tlb_half *h, const uint64_t *va)
{
	for (unsigned i = 0; i < MMU_INDICES; i++) {
		struct window_set *set = &h->windows[i];
		if (!set->first || set->stale)
			continue;
		if (!va || set->cut) {
			set->stale = true;	/* mmu_flush publishes what is current */
			continue;
		}
		for (struct window *w = set->first, *next; w; w = next) {
			next = w->next;
			if (*va - w->va < WINDOW_SIZE)
				flush_address(cpu, h, i, w, *va);
		}
	}
}

/* ---- pages that get code ---- */

struct protect { struct vcpu *cpu; uint64_t pa, va; };

static void protect_window(struct vcpu *cpu, struct window *w, const struct protect *p)
{
	struct extents *x = &w->extents;
	if (p->va == PAGE_MANY_VA) {
		for (uint32_t i = x->n; i-- > 0;) {
			struct extent *e = i < x->n ? &x->at[i] : NULL;
			if (e && e->write && p->pa - e->pa < extent_size(e) && !window_demote(cpu, w, e))
				return;
		}
		return;
	}
	if (p->va - 1 - w->va >= WINDOW_SIZE)
		return;
	uint32_t page = (uint32_t)((p->va - 1 - w->va) >> PAGE_BITS);
	for (uint64_t sizes = x->sizes; sizes; sizes &= sizes - 1) {
		struct extent *e = extents_find(x, page, (unsigned)__builtin_ctzll(sizes));
		if (e && e->write && p->pa - e->pa < extent_size(e) && !window_demote(cpu, w, e))
			return;
	}
}

static void protect_half(struct tlb_half *h, const void *arg)
{
	const struct protect *p = arg;
	for (unsigned i = 0; i < MMU_INDICES; i++)
		for (struct window *w = h->windows[i].first, *next; w; w = next) {
			next = w->next;
			protect_window(p->cpu, w, p);
		}
}

void window_write_protect(struct vcpu *cpu, uint64_t pa, uint64_t va)
{
	mmu_each_half(cpu->mmu, protect_half, &(struct protect){ cpu, pa, va });
}

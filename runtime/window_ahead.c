// SPDX-License-Identifier: Apache-2.0
/*
 * What is mapped in a window before an access faults there. A fault costs three or four times what mapping a page does; a page that is mapped and
 * never accessed costs that for nothing, and again when it goes. So looking ahead waits for a fault that it would have spared, and its steps
 * grow with what is mapped already.
 *
 * Only what a load or store would be granted with nothing to update is mapped, as a TLB may look ahead; the guest's tables say so, now.
 */
#include "runtime/debug.h"
#include "runtime/tlb.h"

const struct phys_range *window_range(struct vcpu *cpu, uint64_t va, const struct mmu_leaf *leaf, bool write)
{
	if (cpu->machine->debug && debug_watches_block(cpu->machine->debug, va, PAGE_BITS))
		return NULL;
	const struct phys_range *r = phys_find(&cpu->machine->phys, GPA(leaf->pa));
	if (!r || r->kind == PHYS_MMIO || leaf->size_bits < PAGE_BITS || !(leaf->prot & MMU_PROT_R) ||
	    (write && (r->kind == PHYS_ROM || r->watch || !(leaf->prot & MMU_PROT_W))))
		return NULL;
	return r;
}

bool window_is_shared(const struct mmu *mmu, const struct tlb_half *h)
{
	return h == &mmu->mode[mmu->current->key >> 60]->upper;
}

/* Where to map: one window, and what says what may be there */
struct view {
	struct vcpu *cpu;
	struct tlb_half *half;
	unsigned index;
	struct window *w;
};

static uint32_t page_in(const struct view *v, uint64_t va)
{
	return (uint32_t)((va - v->w->va) >> PAGE_BITS);
}

enum step { MAPPED, NOT_GRANTED, STOP, GONE };	/* STOP: there is no room; GONE: the host refused, and windows may be gone */

/* `leaf_bits`: the largest leaf wanted */
static enum step map_one(const struct view *v, uint64_t va, bool write, unsigned leaf_bits)
{
	struct mmu_leaf leaf;
	if (!v->cpu->machine->arch->probe(v->cpu, va, v->index, &leaf) || leaf.size_bits > leaf_bits ||
	    (window_is_shared(v->cpu->mmu, v->half) && !leaf.global))
		return NOT_GRANTED;
	const struct phys_range *r = window_range(v->cpu, va, &leaf, write);
	if (!r)
		return NOT_GRANTED;
	if (!window_has_room(v->cpu))
		return STOP;
	return window_map(v->cpu, &v->half->windows[v->index], v->w, va, &leaf, r, write, false) ? MAPPED : GONE;
}

/* ---- what the TLB knows ---- */

#define MOST_KNOWN 64

static bool is_known(const struct tlb *t, uint64_t va, bool write)
{
	return t->t.entries && TLB_ENTRY(&t->t, va)->tag[write ? MMU_WRITE : MMU_READ] == (va & PAGE_MASK);
}

/*
 * Code that goes through the TLB has made the faulting access before: the region has taken its place, or the window has been emptied. What else that
 * code accessed the region would fault in page after page. From the faulting page on, as many pages as the window has extents, with the TLB's rights.
 * The lower half's alone: of what a kernel accesses all over its memory, a region accesses so little that mapping it costs what it saves.
 */
static bool map_known(const struct view *v, const struct tlb *t, uint64_t va)
{
	uint64_t n = t->t.mask / sizeof(struct tlb_entry) + 1;
	uint32_t left = v->w->extents.n < MOST_KNOWN ? v->w->extents.n : MOST_KNOWN;
	for (uint64_t i = 0; i < n && left; i++) {
		const struct tlb_entry *e = TLB_ENTRY(&t->t, va + i * PAGE_SIZE);
		bool write = e->tag[MMU_WRITE] != TLB_NO_TAG;
		uint64_t page = e->tag[write ? MMU_WRITE : MMU_READ];
		if (page == TLB_NO_TAG || page - v->w->va >= WINDOW_SIZE || extents_allow(&v->w->extents, page_in(v, page), write))
			continue;
		enum step s = map_one(v, page, write, WINDOW_BITS);
		if (s == STOP || s == GONE)
			return s == STOP;
		left -= s == MAPPED;
		v->cpu->mmu->stats.window_known += s == MAPPED;
	}
	return true;
}

/* ---- what lies behind ---- */

/*
 * Code that walks through memory would fault in page after page: behind as many pages as are mapped before the faulting one, so many are mapped ahead,
 * which costs a seventh of their faults.
 */
#define MOST_AHEAD 32

static bool map_behind(const struct view *v, uint64_t va, bool write)
{
	const struct extents *x = &v->w->extents;
	uint32_t page = page_in(v, va), before = 0;
	if (!extents_find(x, page, PAGE_BITS))
		return true;
	while (before < MOST_AHEAD && before < page && extents_find(x, page - before - 1, PAGE_BITS))
		before++;
	enum step s = MAPPED;
	for (va = (va & PAGE_MASK) + PAGE_SIZE; s == MAPPED && before-- > 0 && va - v->w->va < WINDOW_SIZE; va += PAGE_SIZE)
		s = extents_largest(x, page_in(v, va)) ? STOP : map_one(v, va, write, PAGE_BITS);
	return s != GONE;
}

bool window_look_ahead(struct vcpu *cpu, struct tlb_half *h, unsigned index, struct window *w, uint64_t va, bool write)
{
	const struct view v = { cpu, h, index, w };
	const struct tlb *t = &h->tlb[index];
	return !(va >> 63) && is_known(t, va, write) ? map_known(&v, t, va) : map_behind(&v, va, write);
}

// SPDX-License-Identifier: Apache-2.0
/*
 * What is mapped in a window: extents of the guest's RAM, each as the guest's leaf grants it. Reading needs one mapping for a
 * leaf of any size. Writing is given by the page, or by a small block of pages, for each page that is written concerns whoever
 * wants to put code there; so a large leaf is a read-only extent with writable ones inside.
 */
#include <sys/mman.h>
#include "runtime/debug.h"
#include "runtime/process.h"
#include "runtime/tlb.h"

/* The largest block that becomes writable at once: 64 KiB */
#define WRITE_BITS 16

static uint8_t *host_of(const struct window *w, uint32_t page, unsigned bits)
{
	return w->host + (((uint64_t)page << PAGE_BITS) & ~(((uint64_t)1 << bits) - 1));
}

/* ---- taking away ---- */

/* A mapping that cannot be replaced because there are too many can still be closed. */
static bool hide(uint8_t *host, uint64_t size)
{
	return mmap(host, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) != MAP_FAILED ||
	       !mprotect(host, size, PROT_NONE);
}

static void forget(struct vcpu *cpu, struct window *w, struct extent *e)
{
	extents_remove(&w->extents, e);
	process_give_mappings(1);
	cpu->mmu->windows.extents--;
}

bool window_clear(struct vcpu *cpu, struct window *w)
{
	if (!w->extents.n)
		return true;
	if (!hide(w->host, WINDOW_SIZE))
		return false;
	process_give_mappings(w->extents.n);
	cpu->mmu->windows.extents -= w->extents.n;
	extents_clear(&w->extents);
	return true;
}

static void clear_or_retire(struct vcpu *cpu, struct window *w)
{
	if (!window_clear(cpu, w))
		window_retire(cpu, w);
}

/* Forgets all extents within the block. */
static void forget_block(struct vcpu *cpu, struct window *w, uint32_t page, unsigned bits)
{
	struct extents *x = &w->extents;
	struct extent *e;
	if (bits == PAGE_BITS) {
		if ((e = extents_find(x, page, bits)))
			forget(cpu, w, e);
		return;
	}
	for (uint32_t i = x->n; i-- > 0;)
		if (i < x->n && extent_within(&x->at[i], page, bits))
			forget(cpu, w, &x->at[i]);
}

bool window_drop(struct vcpu *cpu, struct window *w, const struct extent *e)
{
	uint32_t page = e->page;
	unsigned bits = e->bits;
	if (!hide(host_of(w, page, bits), (uint64_t)1 << bits)) {
		clear_or_retire(cpu, w);
		return false;
	}
	cpu->mmu->stats.window_dropped++;
	forget_block(cpu, w, page, bits);
	return true;
}

bool window_demote(struct vcpu *cpu, struct window *w, struct extent *e)
{
	if (mprotect(host_of(w, e->page, e->bits), extent_size(e), PROT_READ))
		return window_drop(cpu, w, extents_largest(&w->extents, e->page));
	if (e->inside)
		forget(cpu, w, e);
	else
		e->write = false;
	return true;
}

/* ---- making room ---- */

static void oldest_half(struct tlb_half *h, const void *arg)
{
	struct window **oldest = *(struct window **const *)arg;
	for (unsigned i = 0; i < MMU_INDICES; i++)
		for (struct window *w = h->windows[i].first; w; w = w->next)
			if (w->extents.n && (!*oldest || w->used < (*oldest)->used))
				*oldest = w;
}

/* What is mapped at most for one fault: an extent, and the writable one inside. */
#define MOST_PER_FILL 2

bool window_has_room(const struct vcpu *cpu)
{
	unsigned n_vcpus = cpu->machine->n_vcpus ? cpu->machine->n_vcpus : 1;
	if (cpu->mmu->windows.extents + MOST_PER_FILL > process_max_mappings() / n_vcpus || !process_take_mappings(MOST_PER_FILL))
		return false;
	process_give_mappings(MOST_PER_FILL);
	return true;
}

/*
 * What the window maps that has not been used for longest goes until there is room; that may be the window that asks. False:
 * there is none.
 */
static bool make_room(struct vcpu *cpu)
{
	while (!window_has_room(cpu)) {
		struct window *oldest = NULL, **arg = &oldest;
		mmu_each_half(cpu->mmu, oldest_half, &arg);
		if (!oldest)
			return false;
		cpu->mmu->stats.window_evictions++;
		if (!window_clear(cpu, oldest)) {
			window_retire(cpu, oldest);
			return false;
		}
	}
	return true;
}

/* ---- mapping ---- */

/* The largest block around va that one mapping can show: within the leaf, the window and the RAM, and without what a debugger watches. */
static unsigned block_bits(const struct debug *d, uint64_t va, const struct phys_range *r, const struct mmu_leaf *leaf)
{
	unsigned bits = leaf->size_bits < WINDOW_BITS ? leaf->size_bits : WINDOW_BITS;
	for (; bits > PAGE_BITS; bits--) {
		uint64_t size = (uint64_t)1 << bits, first = leaf->pa & ~(size - 1);
		if (first >= r->base.v && first - r->base.v < r->size && size <= r->size - (first - r->base.v) &&
		    !(d && debug_watches_block(d, va, bits)))
			break;
	}
	return bits;
}

/* Registers as a writer of all pages of the block. */
static bool note_writers(struct vcpu *cpu, uint64_t va, const struct mmu_leaf *leaf, const struct phys_range *r, unsigned bits)
{
	uint64_t size = (uint64_t)1 << bits, pa = leaf->pa & ~(size - 1);
	struct phys_page *page = phys_page(&cpu->machine->phys, r, GPA(pa));
	va &= ~(size - 1);
	for (uint64_t i = 0; bits > PAGE_BITS && i < size >> PAGE_BITS; i++)
		if (atomic_load_explicit(&page[i].code, memory_order_relaxed))
			return false;
	for (uint64_t i = 0; i < size >> PAGE_BITS; i++)
		if (!mmu_note_writer(cpu, &page[i], va + i * PAGE_SIZE))
			return false;
	return true;
}

static struct extent *add(struct vcpu *cpu, struct window *w, uint32_t page, unsigned bits, const struct mmu_leaf *leaf)
{
	if (!process_take_mappings(1))
		return NULL;
	struct extent *e = extents_add(&w->extents, page, bits);
	if (e) {
		e->pa = leaf->pa & ~(extent_size(e) - 1);
		cpu->mmu->windows.extents++;
	} else {
		process_give_mappings(1);
	}
	return e;
}

/* Shows the block, read-only or writable, in place of all that was mapped within it. On failure nothing is. */
static bool map_block(struct vcpu *cpu, struct window *w, uint32_t page, unsigned bits, const struct mmu_leaf *leaf,
		      const struct phys_range *r, bool write)
{
	struct phys *phys = &cpu->machine->phys;
	uint64_t size = (uint64_t)1 << bits;
	uint8_t *host = host_of(w, page, bits), *ram = r->host + ((leaf->pa & ~(size - 1)) - r->base.v);
	forget_block(cpu, w, page, bits);
	struct extent *e = add(cpu, w, page, bits, leaf);
	if (e) {
		int prot = write ? PROT_READ | PROT_WRITE : PROT_READ;
		e->write = write;
		if (mmap(host, size, prot, MAP_SHARED | MAP_FIXED, phys->memfd, (off_t)(ram - phys->ram)) != MAP_FAILED)
			return true;
		forget(cpu, w, e);
	}
	/* What was there is forgotten; or it is gone, and its place free for others. */
	if (!hide(host, size))
		clear_or_retire(cpu, w);
	return false;
}

/* Makes a block writable that is mapped. */
static bool make_writable(struct vcpu *cpu, struct window *w, uint32_t page, unsigned bits, const struct mmu_leaf *leaf)
{
	struct extent *e = extents_find(&w->extents, page, bits);
	if (!e && (e = add(cpu, w, page, bits, leaf)))
		e->inside = true;
	if (!e)
		return false;
	if (!mprotect(host_of(w, page, bits), (uint64_t)1 << bits, PROT_READ | PROT_WRITE)) {
		e->write = true;
		return true;
	}
	e = extents_largest(&w->extents, page);
	window_drop(cpu, w, e);
	return false;
}

static bool maps(const struct extent *e, uint32_t page, uint64_t pa)
{
	return e->pa + ((uint64_t)(page - e->page) << PAGE_BITS) == (pa & PAGE_MASK);
}

static bool map(struct vcpu *cpu, struct window_set *set, struct window *w, uint64_t va, const struct mmu_leaf *leaf,
		const struct phys_range *r, bool write, bool again)
{
	uint32_t page = (uint32_t)((va - w->va) >> PAGE_BITS);
	unsigned bits = block_bits(cpu->machine->debug, va, r, leaf), write_bits = bits < WRITE_BITS ? bits : WRITE_BITS;
	if (write && !note_writers(cpu, va, leaf, r, write_bits) && !note_writers(cpu, va, leaf, r, write_bits = PAGE_BITS))
		return false;	/* there is code */
	if (!make_room(cpu)) {
		cpu->mmu->stats.window_refused++;
		return false;
	}
	struct extent *e = extents_largest(&w->extents, page);
	bool there = e && e->bits >= bits && maps(e, page, leaf->pa);
	/* A read that faults where something readable should be: whatever the reason, it must not fault for ever. */
	if (there && again && !write)
		there = false;
	if (there && !write)
		return true;
	if (!there) {
		if (e && e->bits > bits && !window_drop(cpu, w, e))
			return false;
		bool writable = write && write_bits == bits;
		if (!map_block(cpu, w, page, bits, leaf, r, writable)) {
			cpu->mmu->stats.window_refused++;
			return false;
		}
		set->cut |= bits < leaf->size_bits;
		if (!write || writable)
			return true;
	}
	return make_writable(cpu, w, page, write_bits, leaf);
}

bool window_map(struct vcpu *cpu, struct window_set *set, struct window *w, uint64_t va, const struct mmu_leaf *leaf,
		const struct phys_range *r, bool write, bool again)
{
	bool mapped = map(cpu, set, w, va, leaf, r, write, again);
	cpu->mmu->stats.window_fills += mapped;
	return mapped;
}

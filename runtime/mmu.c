// SPDX-License-Identifier: Apache-2.0
#include "runtime/mmu.h"
#include <stdlib.h>
#include <string.h>
#include "runtime/machine.h"
#include "runtime/tlb.h"

/* Tables of the lower half belong to one context each, of which there are many; the upper half's are shared. */
enum { MAX_LOW_ENTRIES = 2048, MAX_UPPER_ENTRIES = 8192 };

/* What executors see where a table has not been allocated: nothing hits, nobody writes. */
static struct tlb_entry no_entries = { .tag = { TLB_NO_TAG, TLB_NO_TAG, TLB_NO_TAG } };

/* ---- contexts ---- */

static struct tlb_half *upper_half(struct mmu *mmu, struct tlb_context *c)
{
	return c->own_upper ? &c->upper : &mmu->mode[c->key >> 60]->upper;
}

static struct tlb_half *half_of(struct mmu *mmu, uint64_t va)
{
	return va >> 63 ? upper_half(mmu, mmu->current) : &mmu->current->low;
}

/* Shows the executors the tables of the current context and index. */
static void publish(struct vcpu *cpu)
{
	struct mmu *mmu = cpu->mmu;
	struct tlb_half *half[2] = { &mmu->current->low, upper_half(mmu, mmu->current) };
	for (unsigned i = 0; i < 2; i++) {
		struct tlb_table *t = &half[i]->tlb[mmu->data_index].t;
		cpu->tlb[i] = t->entries ? *t : (struct tlb_table){ (char *)&no_entries, 0 };
	}
}

static void new_code_id(struct mmu *mmu, struct tlb_half *h)
{
	h->code_id = ++mmu->next_code_id;
	memset(h->code_filter, 0, sizeof h->code_filter);
	h->large_code_first = UINT64_MAX;
	h->large_code_last = 0;
}

static void flush_half(struct mmu *mmu, struct tlb_half *h)
{
	for (unsigned i = 0; i < MMU_INDICES; i++)
		tlb_flush(&h->tlb[i]);
	new_code_id(mmu, h);
}

static void free_half(struct tlb_half *h)
{
	for (unsigned i = 0; i < MMU_INDICES; i++)
		tlb_free(&h->tlb[i]);
}

static struct tlb_context *find_context(struct mmu *mmu, uint64_t key)
{
	struct tlb_context *oldest = &mmu->context[0];
	for (unsigned i = 0; i < TLB_CONTEXTS; i++) {
		struct tlb_context *c = &mmu->context[i];
		if (c->valid && c->key == key)
			return c;
		if (!c->valid || (oldest->valid && c->used < oldest->used))
			oldest = c;
	}
	flush_half(mmu, &oldest->low);
	if (oldest->own_upper)
		flush_half(mmu, &oldest->upper);
	oldest->own_upper = false;
	oldest->valid = true;
	oldest->key = key;
	mmu->stats.contexts++;
	return oldest;
}

void mmu_set_context(struct vcpu *cpu, uint64_t key, unsigned data_index, unsigned fetch_index)
{
	struct mmu *mmu = cpu->mmu;
	if (!mmu->current || mmu->current->key != key) {
		if (!mmu->mode[key >> 60]) {
			struct tlb_mode *m = calloc(1, sizeof *m);
			if (!m)
				abort();	/* a guest mode without tables cannot go on, and 16 small ones are all there can be */
			new_code_id(mmu, &m->upper);
			mmu->mode[key >> 60] = m;
		}
		mmu->current = find_context(mmu, key);
		mmu->current->used = ++mmu->clock;
	}
	mmu->data_index = data_index;
	mmu->fetch_index = fetch_index;
	publish(cpu);
}

bool mmu_vcpu_init(struct vcpu *cpu, struct error *err)
{
	cpu->mmu = calloc(1, sizeof *cpu->mmu);
	if (!cpu->mmu)
		return error_set(err, ERROR_HOST, "soft MMU of vCPU %u: out of memory", cpu->index);
	mmu_set_context(cpu, 0, 0, 0);
	return true;
}

void mmu_vcpu_destroy(struct vcpu *cpu)
{
	struct mmu *mmu = cpu->mmu;
	if (!mmu)
		return;
	for (unsigned i = 0; i < TLB_CONTEXTS; i++) {
		free_half(&mmu->context[i].low);
		free_half(&mmu->context[i].upper);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(mmu->mode); i++) {
		if (mmu->mode[i])
			free_half(&mmu->mode[i]->upper);
		free(mmu->mode[i]);
	}
	free(mmu);
	cpu->mmu = NULL;
}

/* ---- code ids ---- */

static unsigned filter_bit(uint64_t va)
{
	return (unsigned)((va >> PAGE_BITS) * 0x9e3779b97f4a7c15u >> 55);
}

uint32_t mmu_code_id(const struct vcpu *cpu, unsigned half)
{
	struct mmu *mmu = cpu->mmu;
	return (half ? upper_half(mmu, mmu->current) : &mmu->current->low)->code_id;
}

void mmu_note_code(struct vcpu *cpu, uint64_t va, unsigned leaf_bits)
{
	struct tlb_half *h = half_of(cpu->mmu, va);
	unsigned bit = filter_bit(va);
	h->code_filter[bit / 64] |= (uint64_t)1 << bit % 64;
	if (leaf_bits > PAGE_BITS) {
		uint64_t first = va & ~(((uint64_t)1 << leaf_bits) - 1), last = va | (((uint64_t)1 << leaf_bits) - 1);
		if (first < h->large_code_first)
			h->large_code_first = first;
		if (last > h->large_code_last)
			h->large_code_last = last;
	}
}

/* ---- flush ---- */

static void flush_page(struct mmu *mmu, struct tlb_half *h, uint64_t va)
{
	for (unsigned i = 0; i < MMU_INDICES; i++)
		tlb_flush_page(&h->tlb[i], va);
	unsigned bit = filter_bit(va);
	if (h->code_filter[bit / 64] >> bit % 64 & 1 || (va >= h->large_code_first && va <= h->large_code_last))
		new_code_id(mmu, h);
}

static void flush_either(struct mmu *mmu, struct tlb_half *h, const struct mmu_flush *f)
{
	if (f->all_addresses)
		flush_half(mmu, h);
	else
		flush_page(mmu, h, f->va);
}

void mmu_flush(struct vcpu *cpu, const struct mmu_flush *f)
{
	struct mmu *mmu = cpu->mmu;
	if (f->all_addresses)
		mmu->stats.flushes++;
	else
		mmu->stats.page_flushes++;
	bool low = f->all_addresses || !(f->va >> 63), upper = f->all_addresses || f->va >> 63;
	for (unsigned i = 0; i < TLB_CONTEXTS; i++) {
		struct tlb_context *c = &mmu->context[i];
		if (!c->valid || !(f->all_contexts || f->match(c->key, f->arg)))
			continue;
		/* Global entries of a context's own tables go with the others: dropping too much is always right. */
		if (low)
			flush_either(mmu, &c->low, f);
		if (upper && c->own_upper)
			flush_either(mmu, &c->upper, f);
	}
	for (unsigned i = 0; upper && f->all_contexts && i < ARRAY_SIZE(mmu->mode); i++)
		if (mmu->mode[i])
			flush_either(mmu, &mmu->mode[i]->upper, f);
	publish(cpu);
}

/* ---- pages with code ---- */

struct protect {
	const struct phys_page *page;
	const uint8_t *host;
};

static void protect_half(struct tlb_half *h, const struct protect *p, uint64_t va)
{
	for (unsigned i = 0; i < MMU_INDICES; i++) {
		if (va == PAGE_MANY_VA)
			tlb_write_protect_host(&h->tlb[i], p->host);
		else
			tlb_write_protect_va(&h->tlb[i], va - 1);
	}
}

static void protect(struct vcpu *cpu, void *arg)
{
	const struct protect *p = arg;
	struct mmu *mmu = cpu->mmu;
	uint64_t va = atomic_load(&p->page->writer_va);
	for (unsigned i = 0; i < TLB_CONTEXTS; i++) {
		if (!mmu->context[i].valid)
			continue;
		protect_half(&mmu->context[i].low, p, va);
		if (mmu->context[i].own_upper)
			protect_half(&mmu->context[i].upper, p, va);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(mmu->mode); i++)
		if (mmu->mode[i])
			protect_half(&mmu->mode[i]->upper, p, va);
}

void mmu_protect_code(struct vcpu *cpu, struct phys_page *page, const uint8_t *host_page)
{
	struct machine *m = cpu->machine;
	struct protect p = { page, host_page };
	atomic_store(&page->code, 1);
	/* From here on nobody fills a write entry (note_writer looks at code after it has set its bit). */
	uint64_t writers = atomic_load(&page->writers);
	for (unsigned i = 0; writers && i < m->n_vcpus; i++)
		if (writers >> i % 64 & 1)
			vcpu_run_on(m->vcpu[i], protect, &p);
	if (writers) {
		atomic_store(&page->writers, 0);
		atomic_store(&page->writer_va, 0);
	}
}

/* Whether this vCPU's TLB may hold a write entry for the page at va. */
static bool note_writer(struct vcpu *cpu, struct phys_page *page, uint64_t va)
{
	uint64_t mine = (uint64_t)1 << cpu->index % 64, tag = (va & PAGE_MASK) + 1, none = 0;
	if (atomic_load_explicit(&page->code, memory_order_relaxed))
		return false;
	if (atomic_load_explicit(&page->writer_va, memory_order_relaxed) != tag &&
	    !atomic_compare_exchange_strong(&page->writer_va, &none, tag) && none != tag)
		atomic_store(&page->writer_va, PAGE_MANY_VA);
	if (!(atomic_load_explicit(&page->writers, memory_order_relaxed) & mine))
		atomic_fetch_or(&page->writers, mine);
	atomic_thread_fence(memory_order_seq_cst);
	return !atomic_load(&page->code);
}

/* ---- one access to one place ---- */

struct place {
	uint8_t *host;			/* RAM or ROM; NULL: MMIO */
	struct phys_page *page;
	const struct phys_range *range;
	uint64_t offset;		/* in range */
	uint8_t extent_bits;		/* the answer holds for this naturally aligned extent around va, at most a page */
	bool global;
};

static void fill(struct vcpu *cpu, unsigned index, uint64_t va, enum mmu_access access, const struct mmu_leaf *leaf, struct place *at)
{
	struct mmu *mmu = cpu->mmu;
	uint64_t page = va & PAGE_MASK;
	bool shared_upper = va >> 63 && !mmu->current->own_upper;
	if (shared_upper && !leaf->global) {
		struct tlb_context *c = mmu->current;
		c->own_upper = true;
		flush_half(mmu, &c->upper);
		publish(cpu);
		vcpu_trip(cpu);		/* the virtual-PC cache's key for this half is another now */
	}
	struct tlb *t = &half_of(mmu, va)->tlb[index];
	struct tlb_entry e = { .tag = { TLB_NO_TAG, TLB_NO_TAG, TLB_NO_TAG },
			       .addend = (uint64_t)(uintptr_t)at->host - va };
	if (leaf->prot & MMU_PROT_R)
		e.tag[MMU_READ] = page;
	if (leaf->prot & MMU_PROT_X)
		e.tag[MMU_FETCH] = page;
	/* Write entries only where a write was asked for: a page that is only read can become code without a handshake. */
	if (access == MMU_WRITE && leaf->prot & MMU_PROT_W && at->range->kind == PHYS_RAM && !at->range->watch &&
	    note_writer(cpu, at->page, va))
		e.tag[MMU_WRITE] = page;
	tlb_fill(t, &e, page, leaf->size_bits, va >> 63 ? MAX_UPPER_ENTRIES : MAX_LOW_ENTRIES, &mmu->stats);
	mmu->stats.fills++;
	if (index == mmu->data_index)
		publish(cpu);
}

static bool find_place(struct vcpu *cpu, unsigned index, uint64_t va, enum mmu_access access, struct place *at)
{
	struct mmu *mmu = cpu->mmu;
	struct phys *phys = &cpu->machine->phys;
	struct tlb_entry *e = tlb_find(&half_of(mmu, va)->tlb[index], va, access, &mmu->stats);
	if (e) {
		*at = (struct place){ .host = (uint8_t *)(uintptr_t)(va + e->addend), .extent_bits = PAGE_BITS };
		return true;
	}
	struct mmu_leaf leaf;
	if (!cpu->machine->arch->translate(cpu, va, access, index, false, &leaf))
		return false;
	const struct phys_range *r = phys_find(phys, GPA(leaf.pa));
	if (!r || (access == MMU_WRITE && r->kind == PHYS_ROM)) {
		cpu->machine->arch->raise_access_fault(cpu, va, access);
		return false;
	}
	*at = (struct place){ .range = r, .offset = leaf.pa - r->base.v, .global = leaf.global,
			      .extent_bits = leaf.size_bits < PAGE_BITS ? leaf.size_bits : PAGE_BITS };
	if (r->kind == PHYS_MMIO)
		return true;
	at->host = r->host + at->offset;
	at->page = phys_page(phys, r, GPA(leaf.pa));
	if (leaf.size_bits >= PAGE_BITS)
		fill(cpu, index, va, access, &leaf, at);
	return true;
}

/* ---- loads and stores ---- */

/*
 * Aligned accesses are single-copy atomic, as the guest's are. A misaligned one is one host access too, for which C has no atomic
 * type; guest programs may race on it, which is not for a sanitizer to report.
 */
__attribute__((no_sanitize("thread")))
static uint64_t misaligned_load(const uint8_t *p, unsigned size)
{
	const struct __attribute__((packed)) { uint64_t v; } *p8 = (const void *)p;
	const struct __attribute__((packed)) { uint32_t v; } *p4 = (const void *)p;
	const struct __attribute__((packed)) { uint16_t v; } *p2 = (const void *)p;
	return size == 8 ? p8->v : size == 4 ? p4->v : p2->v;
}

__attribute__((no_sanitize("thread")))
static void misaligned_store(uint8_t *p, unsigned size, uint64_t v)
{
	struct __attribute__((packed)) { uint64_t v; } *p8 = (void *)p;
	struct __attribute__((packed)) { uint32_t v; } *p4 = (void *)p;
	struct __attribute__((packed)) { uint16_t v; } *p2 = (void *)p;
	if (size == 8)
		p8->v = v;
	else if (size == 4)
		p4->v = (uint32_t)v;
	else
		p2->v = (uint16_t)v;
}

static uint64_t host_load(const uint8_t *p, unsigned size)
{
	if ((uintptr_t)p & (size - 1))
		return misaligned_load(p, size);
	switch (size) {
	case 1: return __atomic_load_n(p, __ATOMIC_RELAXED);
	case 2: return __atomic_load_n((const uint16_t *)p, __ATOMIC_RELAXED);
	case 4: return __atomic_load_n((const uint32_t *)p, __ATOMIC_RELAXED);
	default: return __atomic_load_n((const uint64_t *)p, __ATOMIC_RELAXED);
	}
}

static void host_store(uint8_t *p, unsigned size, uint64_t v)
{
	if ((uintptr_t)p & (size - 1)) {
		misaligned_store(p, size, v);
		return;
	}
	switch (size) {
	case 1: __atomic_store_n(p, (uint8_t)v, __ATOMIC_RELAXED); break;
	case 2: __atomic_store_n((uint16_t *)p, (uint16_t)v, __ATOMIC_RELAXED); break;
	case 4: __atomic_store_n((uint32_t *)p, (uint32_t)v, __ATOMIC_RELAXED); break;
	default: __atomic_store_n((uint64_t *)p, v, __ATOMIC_RELAXED);
	}
}

static bool load_at(struct vcpu *cpu, uint64_t va, unsigned size, const struct place *at, uint64_t *value)
{
	if (at->host) {
		*value = host_load(at->host, size);
		return true;
	}
	cpu->mmu->stats.mmio++;
	const struct phys_range *r = at->range;
	if (!(va & (size - 1)) && size <= r->size - at->offset && r->ops->read(r->opaque, at->offset, size, value))
		return true;
	cpu->machine->arch->raise_access_fault(cpu, va, MMU_READ);
	return false;
}

static bool store_at(struct vcpu *cpu, uint64_t va, unsigned size, const struct place *at, uint64_t value)
{
	const struct phys_range *r = at->range;
	if (!at->host) {
		cpu->mmu->stats.mmio++;
		if (!(va & (size - 1)) && size <= r->size - at->offset && r->ops->write(r->opaque, at->offset, size, value))
			return true;
		cpu->machine->arch->raise_access_fault(cpu, va, MMU_WRITE);
		return false;
	}
	host_store(at->host, size, value);
	if (!at->page)		/* came from a write entry: no code, no watch */
		return true;
	/* The bytes have landed before we look for code; a translator marks the page before it reads them. */
	atomic_thread_fence(memory_order_seq_cst);
	if (atomic_load(&at->page->code))
		cpu->machine->exec->invalidate(cpu->machine, at->page, page_granules(va & (PAGE_SIZE - 1), size));
	if (r->watch)
		r->watch->write(r->opaque, at->offset, size, value);
	return true;
}

/* Whether [va, va + size) lies in the extent that one answer of find_place holds for. */
static bool in_extent(uint64_t va, unsigned size, unsigned bits)
{
	return (va & ((1u << bits) - 1)) + size <= 1u << bits;
}

/*
 * An access that one answer does not cover: two pages, or pieces of a page with permissions of their own. A naturally aligned access
 * in such pieces faults (volume II, "Physical Memory Protection", matching: all bytes must match one entry); any other is
 * done byte by byte, each byte checked before the first is moved.
 */
static bool split(struct vcpu *cpu, unsigned index, uint64_t va, unsigned size, enum mmu_access access, uint64_t *value)
{
	struct place at[8];
	if (!(va & (size - 1))) {
		cpu->machine->arch->raise_access_fault(cpu, va, access);
		return false;
	}
	for (unsigned i = 0; i < size; i++)
		if (!find_place(cpu, index, va + i, access, &at[i]))
			return false;
	for (unsigned i = 0; i < size; i++)
		if (!at[i].host) {	/* a device cannot be asked for half an access */
			cpu->machine->arch->raise_access_fault(cpu, va, access);
			return false;
		}
	uint64_t result = 0;
	for (unsigned i = 0; i < size; i++) {
		uint64_t byte;
		if (access == MMU_WRITE) {
			if (!store_at(cpu, va + i, 1, &at[i], *value >> 8 * i & 0xff))
				return false;
		} else {
			if (!load_at(cpu, va + i, 1, &at[i], &byte))
				return false;
			result |= byte << 8 * i;
		}
	}
	if (access != MMU_WRITE)
		*value = result;
	return true;
}

bool mmu_load_as(struct vcpu *cpu, unsigned index, uint64_t va, unsigned size, uint64_t *value)
{
	struct place at;
	cpu->mmu->stats.slow++;
	if (!in_extent(va, size, PAGE_BITS))
		return split(cpu, index, va, size, MMU_READ, value);
	if (!find_place(cpu, index, va, MMU_READ, &at))
		return false;
	if (!in_extent(va, size, at.extent_bits))
		return split(cpu, index, va, size, MMU_READ, value);
	return load_at(cpu, va, size, &at, value);
}

bool mmu_store_as(struct vcpu *cpu, unsigned index, uint64_t va, unsigned size, uint64_t value)
{
	struct place at;
	cpu->mmu->stats.slow++;
	if (!in_extent(va, size, PAGE_BITS))
		return split(cpu, index, va, size, MMU_WRITE, &value);
	if (!find_place(cpu, index, va, MMU_WRITE, &at))
		return false;
	if (!in_extent(va, size, at.extent_bits))
		return split(cpu, index, va, size, MMU_WRITE, &value);
	return store_at(cpu, va, size, &at, value);
}

bool mmu_load(struct vcpu *cpu, uint64_t va, unsigned size, uint64_t *value)
{
	return mmu_load_as(cpu, cpu->mmu->data_index, va, size, value);
}

bool mmu_store(struct vcpu *cpu, uint64_t va, unsigned size, uint64_t value)
{
	return mmu_store_as(cpu, cpu->mmu->data_index, va, size, value);
}

void *mmu_host_range(struct vcpu *cpu, uint64_t va, unsigned size, enum mmu_access access)
{
	struct place at;
	if (!find_place(cpu, cpu->mmu->data_index, va, access, &at))
		return NULL;
	if (!at.host || !in_extent(va, size, at.extent_bits)) {
		cpu->machine->arch->raise_access_fault(cpu, va, access);
		return NULL;
	}
	/* The caller writes after we return, unseen: so no code may be left here, and as a writer we are waited for by whoever
	 * marks the page next. */
	while (access == MMU_WRITE && at.page && !note_writer(cpu, at.page, va))
		cpu->machine->exec->invalidate(cpu->machine, at.page, ~(uint64_t)0);
	return at.host;
}

void *mmu_host(struct vcpu *cpu, uint64_t va, unsigned size, enum mmu_access access)
{
	if (va & (size - 1)) {
		cpu->machine->arch->raise_misaligned(cpu, va, access);
		return NULL;
	}
	return mmu_host_range(cpu, va, size, access);
}

bool mmu_translate(struct vcpu *cpu, uint64_t va, enum mmu_access access, struct mmu_leaf *leaf)
{
	unsigned index = access == MMU_FETCH ? cpu->mmu->fetch_index : cpu->mmu->data_index;
	return cpu->machine->arch->translate(cpu, va, access, index, false, leaf);
}

bool mmu_debug_translate(struct vcpu *cpu, uint64_t va, uint64_t *pa)
{
	struct mmu_leaf leaf;
	if (!cpu->machine->arch->translate(cpu, va, MMU_READ, cpu->mmu->data_index, true, &leaf))
		return false;
	*pa = leaf.pa;
	return true;
}

bool mmu_fetch(struct vcpu *cpu, uint64_t va, struct mmu_code *code)
{
	struct phys *phys = &cpu->machine->phys;
	struct mmu_leaf leaf;
	/* Translations are found by the virtual-PC cache; who comes here walks. */
	if (!cpu->machine->arch->translate(cpu, va, MMU_FETCH, cpu->mmu->fetch_index, false, &leaf))
		return false;
	const struct phys_range *r = phys_find(phys, GPA(leaf.pa));
	if (!r || r->kind == PHYS_MMIO) {
		cpu->machine->arch->raise_access_fault(cpu, va, MMU_FETCH);
		return false;
	}
	*code = (struct mmu_code){
		.pa = leaf.pa,
		.host = r->host + (leaf.pa - r->base.v),
		.page = phys_page(phys, r, GPA(leaf.pa)),
		.global = leaf.global,
		.leaf_bits = leaf.size_bits,
	};
	if (va >> 63 && !leaf.global && !cpu->mmu->current->own_upper) {
		cpu->mmu->current->own_upper = true;
		flush_half(cpu->mmu, &cpu->mmu->current->upper);
		publish(cpu);
	}
	return true;
}

void mmu_get_stats(const struct vcpu *cpu, struct mmu_stats *stats)
{
	*stats = cpu->mmu->stats;
}

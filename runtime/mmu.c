// SPDX-License-Identifier: Apache-2.0
/* The soft MMU's accesses: what happens where executors find no TLB entry. */
#include <inttypes.h>
#include "runtime/debug.h"
#include "runtime/journal.h"
#include "runtime/log.h"
#include "runtime/tlb.h"

/* Tables of the lower half belong to one context each, of which there are many; the upper half's are shared. */
enum { MAX_LOW_ENTRIES = 2048, MAX_UPPER_ENTRIES = 8192 };

/* ---- one access to one place ---- */

struct place {
	uint8_t *host;			/* RAM or ROM; NULL: MMIO */
	struct phys_page *page;
	const struct phys_range *range;	/* NULL, as page: a TLB entry answered */
	uint64_t offset;		/* in range */
	uint8_t extent_bits;		/* the answer holds for this naturally aligned extent around va, at most a page */
	uint8_t leaf_bits;		/* of the guest's leaf, or the piece of it that PMP leaves whole */
};

/* Whether a debugger watches something in this page. */
static bool is_watched(const struct vcpu *cpu, uint64_t va)
{
	const struct debug *d = cpu->machine->debug;
	return unlikely(d) && debug_watches_block(d, va, PAGE_BITS);
}

static bool allows(struct vcpu *cpu, uint64_t va, unsigned size, unsigned access)
{
	return likely(!cpu->machine->debug) || debug_allows(cpu, va, size, access);
}

static void fill(struct vcpu *cpu, unsigned index, uint64_t va, enum mmu_access access, const struct mmu_leaf *leaf, struct place *at)
{
	struct mmu *mmu = cpu->mmu;
	uint64_t page = va & PAGE_MASK;
	if (va >> 63 && !leaf->global && !mmu->current->own_upper)
		mmu_own_upper(cpu);
	struct tlb_half *h = mmu_half(mmu, va);
	struct tlb_entry e = { .tag = { TLB_NO_TAG, TLB_NO_TAG, TLB_NO_TAG },
			       .addend = (uint64_t)(uintptr_t)at->host - va };
	bool watched = is_watched(cpu, va);
	if (leaf->prot & MMU_PROT_R && !watched)
		e.tag[MMU_READ] = page;
	if (leaf->prot & MMU_PROT_X)
		e.tag[MMU_FETCH] = page;
	/* Write entries only where a write was asked for: a page that is only read can become code without a handshake. */
	if (access == MMU_WRITE && leaf->prot & MMU_PROT_W && at->range->kind == PHYS_RAM && !at->range->watch && !watched &&
	    mmu_note_writer(cpu, at->page, va))
		e.tag[MMU_WRITE] = page;
	tlb_fill(&h->tlb[index], &e, page, leaf->size_bits, va >> 63 ? MAX_UPPER_ENTRIES : MAX_LOW_ENTRIES, &mmu->stats);
	h->live |= 1 << index;
	mmu->stats.fills[va >> 63]++;
	if (index == mmu->data_index)
		mmu_publish(cpu);
}

static bool find_place(struct vcpu *cpu, unsigned index, uint64_t va, enum mmu_access access, struct place *at)
{
	struct mmu *mmu = cpu->mmu;
	struct phys *phys = &cpu->machine->phys;
	struct tlb *t = &mmu_half(mmu, va)->tlb[index];
	bool grown = false;
	struct tlb_entry *e = tlb_find(t, va, access, &grown, &mmu->stats);
	if (grown && index == mmu->data_index)
		mmu_publish(cpu);
	if (e) {
		*at = (struct place){ .host = (uint8_t *)(uintptr_t)(va + e->addend), .extent_bits = PAGE_BITS,
				      .leaf_bits = tlb_leaf_bits(t, e) };
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
	*at = (struct place){ .range = r, .offset = leaf.pa - r->base.v, .leaf_bits = leaf.size_bits,
			      .extent_bits = leaf.size_bits < PAGE_BITS ? leaf.size_bits : PAGE_BITS };
	if (r->kind == PHYS_MMIO)
		return true;
	at->host = r->host + at->offset;
	at->page = phys_page(phys, r, GPA(leaf.pa));
	if (leaf.size_bits >= PAGE_BITS && (access == MMU_FETCH || !is_watched(cpu, va)))
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

static void log_access(const struct vcpu *cpu, const struct phys_range *r, uint64_t offset, unsigned size, const char *what, uint64_t value,
		       bool done)
{
	if (size < 8)
		value &= ((uint64_t)1 << 8 * size) - 1;
	if (!log_covers(cpu->machine, r->base.v + offset, size))
		return;
	if (done)
		log_line(cpu->machine, cpu, "%s+0x%" PRIx64 " %s %u: 0x%" PRIx64, r->name, offset, what, size, value);
	else
		log_line(cpu->machine, cpu, "%s+0x%" PRIx64 " %s %u: refused", r->name, offset, what, size);
}

static bool device_read(struct vcpu *cpu, const struct phys_range *r, uint64_t offset, unsigned size, uint64_t *value)
{
	enum vcpu_tier was = vcpu_doing(cpu, TIER_DEVICE);
	bool done = unlikely(cpu->machine->journal) ? journal_read(cpu, r, offset, size, value) : r->ops->read(r->opaque, offset, size, value);
	vcpu_doing(cpu, was);
	if (log_wants(cpu->machine, LOG_DEVICE))
		log_access(cpu, r, offset, size, "read", *value, done);
	return done;
}

/* `ops`: the range's own, or its watch */
static bool device_write(struct vcpu *cpu, const struct phys_range *r, const struct mmio_ops *ops, uint64_t offset, unsigned size,
			 uint64_t value)
{
	enum vcpu_tier was = vcpu_doing(cpu, TIER_DEVICE);
	bool done = unlikely(cpu->machine->journal) ? journal_write(cpu, r, ops, offset, size, value) : ops->write(r->opaque, offset, size, value);
	vcpu_doing(cpu, was);
	if (log_wants(cpu->machine, LOG_DEVICE))
		log_access(cpu, r, offset, size, "write", value, done);
	return done;
}

static bool load_at(struct vcpu *cpu, uint64_t va, unsigned size, const struct place *at, uint64_t *value)
{
	if (at->host) {
		*value = host_load(at->host, size);
		return true;
	}
	cpu->mmu->stats.mmio++;
	const struct phys_range *r = at->range;
	if (!(va & (size - 1)) && size <= r->size - at->offset && device_read(cpu, r, at->offset, size, value))
		return true;
	cpu->machine->arch->raise_access_fault(cpu, va, MMU_READ);
	return false;
}

static void note_store(struct machine *m, const uint8_t *host, unsigned size)
{
	const struct phys_range *r = phys_find_host(&m->phys, host);
	journal_memory(m, GPA(r->base.v + (uint64_t)(host - r->host)), host, size);
}

static bool store_at(struct vcpu *cpu, uint64_t va, unsigned size, const struct place *at, uint64_t value)
{
	const struct phys_range *r = at->range;
	if (!at->host) {
		cpu->mmu->stats.mmio++;
		if (!(va & (size - 1)) && size <= r->size - at->offset && device_write(cpu, r, r->ops, at->offset, size, value))
			return true;
		cpu->machine->arch->raise_access_fault(cpu, va, MMU_WRITE);
		return false;
	}
	host_store(at->host, size, value);
	if (unlikely(cpu->machine->journal))
		note_store(cpu->machine, at->host, size);
	if (!at->page)		/* came from a write entry: no code, no watch */
		return true;
	/* The bytes have landed before we look for code; a translator marks the page before it reads them. */
	atomic_thread_fence(memory_order_seq_cst);
	if (atomic_load(&at->page->code))
		cpu->machine->exec->invalidate(cpu->machine, at->page, page_granules(va & (PAGE_SIZE - 1), size));
	if (r->watch)
		(void)!device_write(cpu, r, r->watch, at->offset, size, value);
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
	return allows(cpu, va, size, WATCH_READ) && mmu_load_as(cpu, cpu->mmu->data_index, va, size, value);
}

bool mmu_store(struct vcpu *cpu, uint64_t va, unsigned size, uint64_t value)
{
	return allows(cpu, va, size, WATCH_WRITE) && mmu_store_as(cpu, cpu->mmu->data_index, va, size, value);
}

static void *host_range(struct vcpu *cpu, uint64_t va, unsigned size, enum mmu_access access)
{
	struct place at;
	const struct tlb_entry *e = TLB_ENTRY(&cpu->tlb[va >> 63], va);
	if (e->tag[access] == (va & PAGE_MASK) && in_extent(va, size, PAGE_BITS))
		return (void *)(uintptr_t)(va + e->addend);
	if (!find_place(cpu, cpu->mmu->data_index, va, access, &at))
		return NULL;
	if (!at.host || !in_extent(va, size, at.extent_bits)) {
		cpu->machine->arch->raise_access_fault(cpu, va, access);
		return NULL;
	}
	/* The caller writes after we return, unseen: so no code may be left here, and as a writer we are waited for by whoever
	 * marks the page next. */
	while (access == MMU_WRITE && at.page && !mmu_note_writer(cpu, at.page, va))
		cpu->machine->exec->invalidate(cpu->machine, at.page, ~(uint64_t)0);
	return at.host;
}

void *mmu_host_range(struct vcpu *cpu, uint64_t va, unsigned size, enum mmu_access access)
{
	return allows(cpu, va, size, access == MMU_WRITE ? WATCH_WRITE : WATCH_READ) ? host_range(cpu, va, size, access) : NULL;
}

void *mmu_host(struct vcpu *cpu, uint64_t va, unsigned size, enum mmu_access access)
{
	if (va & (size - 1)) {
		cpu->machine->arch->raise_misaligned(cpu, va, access);
		return NULL;
	}
	return allows(cpu, va, size, access == MMU_WRITE ? WATCH_READ | WATCH_WRITE : WATCH_READ) ? host_range(cpu, va, size, access) : NULL;
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
	struct place at;
	if (!find_place(cpu, cpu->mmu->fetch_index, va, MMU_FETCH, &at))
		return false;
	if (!at.host) {
		cpu->machine->arch->raise_access_fault(cpu, va, MMU_FETCH);
		return false;
	}
	if (!at.range)
		at.range = phys_find_host(phys, at.host);
	gpa_t pa = GPA(at.range->base.v + (uint64_t)(at.host - at.range->host));
	*code = (struct mmu_code){ .pa = pa.v, .host = at.host, .page = phys_page(phys, at.range, pa), .leaf_bits = at.leaf_bits };
	/* before the caller may wait for others, whose flushes must then not pass by what it will keep */
	if (at.leaf_bits >= PAGE_BITS)
		mmu_note_code(cpu, va, at.leaf_bits);
	return true;
}

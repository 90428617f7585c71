// SPDX-License-Identifier: Apache-2.0
/*
 * Pages with translated code. A page has `code`, or writers with TLB entries or writable mappings in windows, never both. Both sides change what is known of the page
 * under its lock, for a few instructions, or with all vCPUs parked.
 */
#include <sched.h>
#include "runtime/machine.h"
#include "runtime/tlb.h"

static void lock(struct phys_page *page)
{
	while (atomic_exchange_explicit(&page->lock, 1, memory_order_acquire))
		sched_yield();
}

static void unlock(struct phys_page *page)
{
	atomic_store_explicit(&page->lock, 0, memory_order_release);
}

bool mmu_note_writer(struct vcpu *cpu, struct phys_page *page, uint64_t va)
{
	uint64_t mine = (uint64_t)1 << cpu->index % 64, tag = (va & PAGE_MASK) + 1;
	lock(page);
	bool may = !atomic_load_explicit(&page->code, memory_order_relaxed);
	if (may) {
		page->writer_va = !page->writer_va || page->writer_va == tag ? tag : PAGE_MANY_VA;
		page->writers |= mine;
	}
	unlock(page);
	return may;
}

/* ---- taking write entries away ---- */

struct protect {
	struct phys_page *page;
	const uint8_t *host;
	uint64_t va;		/* as writer_va */
};

static void protect_half(struct tlb_half *h, const void *arg)
{
	const struct protect *p = arg;
	for (unsigned i = 0; i < MMU_INDICES; i++) {
		if (!(h->live >> i & 1))
			continue;
		if (p->va == PAGE_MANY_VA)
			tlb_write_protect_host(&h->tlb[i], p->host);
		else
			tlb_write_protect_va(&h->tlb[i], p->va - 1);
	}
}

/* With all vCPUs parked no store is in flight, no entry is filled, and no second translator takes the page for protected too early. */
static void protect_alone(struct machine *m, void *arg)
{
	struct protect *p = arg;
	p->va = p->page->writer_va;
	const struct phys_range *r = phys_find_host(&m->phys, p->host);
	uint64_t pa = r->base.v + (uint64_t)(p->host - r->host);
	for (unsigned i = 0; i < m->n_vcpus; i++) {
		if (!(p->page->writers >> i % 64 & 1))
			continue;
		mmu_each_half(m->vcpu[i]->mmu, protect_half, p);
		window_write_protect(m->vcpu[i], pa & PAGE_MASK, p->va);
	}
	p->page->writers = p->page->writer_va = 0;
	atomic_store(&p->page->code, 1);
}

void mmu_protect_code(struct vcpu *cpu, struct phys_page *page, const uint8_t *host_page)
{
	lock(page);
	bool written = page->writers;
	/* Before its bytes are read, so that a store that lands later finds it. */
	if (!written)
		atomic_store(&page->code, 1);
	unlock(page);
	if (written) {
		struct protect p = { .page = page, .host = host_page };
		machine_run_alone(cpu->machine, protect_alone, &p);
	}
}

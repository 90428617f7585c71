// SPDX-License-Identifier: Apache-2.0
/*
 * Pages with translated code. A page has `code`, or writers with TLB entries, never both. Both sides change what is known of the page
 * under its lock, for a few instructions; a vCPU is never waited for with the lock held.
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

bool mmu_note_writer(struct vcpu *cpu, struct phys_page *page, uint64_t va, bool entry)
{
	uint64_t mine = (uint64_t)1 << cpu->index % 64, tag = (va & PAGE_MASK) + 1;
	lock(page);
	bool may = !atomic_load_explicit(&page->code, memory_order_relaxed) && !(entry && page->closing);
	if (may) {
		page->writer_va = !page->writer_va || page->writer_va == tag ? tag : PAGE_MANY_VA;
		page->writers |= mine;
	}
	unlock(page);
	return may;
}

/* ---- taking write entries away ---- */

struct protect {
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

static void protect(struct vcpu *cpu, void *arg)
{
	mmu_each_half(cpu->mmu, protect_half, arg);
}

void mmu_protect_code(struct vcpu *cpu, struct phys_page *page, const uint8_t *host_page)
{
	struct machine *m = cpu->machine;
	lock(page);
	page->closing++;	/* from here on nobody fills a write entry */
	while (page->writers) {
		uint64_t writers = page->writers;
		struct protect p = { host_page, page->writer_va };
		page->writers = page->writer_va = 0;
		unlock(page);
		for (unsigned i = 0; i < m->n_vcpus; i++)
			if (writers >> i % 64 & 1)
				vcpu_run_on(m->vcpu[i], protect, &p);
		lock(page);
	}
	page->closing--;
	/* Others take `code` to mean that the page may be read: it is set last, before its bytes are read, so that a store that lands later
	 * finds it. */
	atomic_store(&page->code, 1);
	unlock(page);
}

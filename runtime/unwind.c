// SPDX-License-Identifier: Apache-2.0
#include "runtime/unwind.h"
#include "runtime/machine.h"

#define MOST_FRAME ((uint64_t)1 << 16)	/* bytes from one frame to the next */

/* The page that was read last: most of a stack is in one. */
struct page {
	uint64_t va;
	const uint8_t *host;	/* NULL: none yet */
};

/* Guest memory, or false; a walk that leaves no trace and no lock. */
static bool peek(struct vcpu *cpu, struct page *page, uint64_t va, uint64_t *value)
{
	uint64_t pa;
	if (va % sizeof *value)
		return false;
	if (!page->host || page->va != (va & PAGE_MASK)) {
		page->va = va & PAGE_MASK;
		page->host = mmu_debug_translate(cpu, page->va, &pa) ? phys_dma(&cpu->machine->phys, GPA(pa), PAGE_SIZE) : NULL;
	}
	if (page->host)
		*value = __atomic_load_n((const uint64_t *)(const void *)(page->host + (va - page->va)), __ATOMIC_RELAXED);
	return page->host;
}

static bool plausible(uint64_t fp, uint64_t below)
{
	return fp % 8 == 0 && fp > below && fp - below <= MOST_FRAME;
}

void unwind(struct vcpu *cpu, struct unwound *out)
{
	const struct frame_layout *layout = cpu->machine->arch->frames;
	out->n = 0;
	out->caller = 0;
	if (!layout)
		return;
	struct page page = { 0 };
	uint64_t fp = cpu->reg[layout->fp], below = cpu->reg[layout->sp], half = cpu->reg[SLOT_PAGE] >> 63;
	out->caller = cpu->reg[layout->ra];
	for (bool first = true; out->n < UNWIND_FRAMES && plausible(fp, below - 1); first = false) {
		uint64_t ra, next;
		if (!peek(cpu, &page, fp + (uint64_t)layout->saved_ra, &ra) || !peek(cpu, &page, fp + (uint64_t)layout->saved_fp, &next))
			return;
		if (first && layout->leaf_saves_fp_alone && plausible(ra, fp)) {
			below = fp;
			fp = ra;
			continue;
		}
		if (!ra || ra & 1 || ra >> 63 != half)
			return;
		out->frame[out->n++] = ra;
		below = fp + 1;
		fp = next;
	}
}

// SPDX-License-Identifier: Apache-2.0
#include "frontends/riscv/priv/ptbuild.h"
#include <inttypes.h>
#include <string.h>

static uint64_t new_table(struct ptbuild *b, struct error *err)
{
	uint64_t at = b->next;
	void *host = b->end - at >= PAGE_SIZE ? phys_dma(b->phys, GPA(at), PAGE_SIZE) : NULL;
	if (!host) {
		error_set(err, ERROR_USAGE, "page tables: the area that ends at %#" PRIx64 " is full or not RAM", b->end);
		return 0;
	}
	memset(host, 0, PAGE_SIZE);
	phys_dma_done(b->phys, GPA(at), PAGE_SIZE);
	b->next += PAGE_SIZE;
	return at;
}

bool ptbuild_init(struct ptbuild *b, struct phys *phys, unsigned levels, uint64_t area, uint64_t size, struct error *err)
{
	if (levels < 3 || levels > 5 || !area || (area | size) & ~PAGE_MASK || area + size < area)
		return error_set(err, ERROR_USAGE, "page tables: 3 to 5 levels, in whole pages of RAM");
	*b = (struct ptbuild){ .phys = phys, .levels = levels, .next = area, .end = area + size };
	b->root = new_table(b, err);
	return b->root != 0;
}

uint64_t ptbuild_entry(struct ptbuild *b, uint64_t va, unsigned level, struct error *err)
{
	uint64_t table = b->root;
	for (unsigned l = b->levels - 1;; l--) {
		uint64_t at = table + extract(va, PAGE_BITS + 9 * l, 9) * sizeof(uint64_t), pte;
		if (l == level)
			return at;
		if (!phys_read(b->phys, GPA(at), &pte, sizeof pte)) {
			error_set(err, ERROR_USAGE, "page tables: the table at %#" PRIx64 " is not RAM", table);
			return 0;
		}
		if (pte & PTE_V && !(pte & (PTE_R | PTE_W | PTE_X))) {
			table = (pte >> 10 & (((uint64_t)1 << 44) - 1)) << PAGE_BITS;
			continue;
		}
		table = new_table(b, err);
		pte = table >> PAGE_BITS << 10 | PTE_V;
		if (!table || !phys_write(b->phys, GPA(at), &pte, sizeof pte))
			return 0;
	}
}

bool ptbuild_map(struct ptbuild *b, uint64_t va, uint64_t pa, uint64_t size, uint64_t bits, unsigned max_level, struct error *err)
{
	if ((va | pa | size) & ~PAGE_MASK)
		return error_set(err, ERROR_USAGE, "page tables: %#" PRIx64 " to %#" PRIx64 ": whole pages only", va, pa);
	while (size) {
		unsigned level = max_level < b->levels ? max_level : b->levels - 1;
		uint64_t span;
		while (span = (uint64_t)1 << (PAGE_BITS + 9 * level), level && ((va | pa) & (span - 1) || size < span))
			level--;
		uint64_t at = ptbuild_entry(b, va, level, err), pte = pa >> PAGE_BITS << 10 | bits | PTE_V;
		if (!at || !phys_write(b->phys, GPA(at), &pte, sizeof pte))
			return false;
		va += span;
		pa += span;
		size -= span;
	}
	return true;
}

uint64_t ptbuild_satp(const struct ptbuild *b, unsigned asid)
{
	return (uint64_t)(b->levels + 5) << 60 | (uint64_t)(asid & 0xffff) << 44 | b->root >> PAGE_BITS;
}

// SPDX-License-Identifier: Apache-2.0
#include "frontends/riscv/priv/pmp.h"
#include <string.h>

#define PHYS_BITS 56
#define PMP_ADDR_MASK (((uint64_t)1 << (PHYS_BITS - 2)) - 1)
#define RWX (PMP_R | PMP_W | PMP_X)

static unsigned mode(const struct pmp *p, unsigned i)
{
	return p->cfg[i] >> PMP_A_SHIFT & 3;
}

static void work_out(struct pmp *p)
{
	p->used = 0;
	for (unsigned i = 0; i < p->entries; i++) {
		uint64_t addr = p->addr[i], ones;
		p->first[i] = 1;
		p->last[i] = 0;
		switch (mode(p, i)) {
		case PMP_TOR:
			/* of what lies below pmpaddr(i-1), whatever that entry's own mode is */
			if ((i ? p->addr[i - 1] : 0) < addr) {
				p->first[i] = (i ? p->addr[i - 1] : 0) << 2;
				p->last[i] = (addr << 2) - 1;
			}
			break;
		case PMP_NA4:
			p->first[i] = addr << 2;
			p->last[i] = p->first[i] + 3;
			break;
		case PMP_NAPOT:
			ones = addr ^ (addr + 1);	/* the trailing ones and the zero above them */
			p->first[i] = (addr & ~ones) << 2;
			p->last[i] = p->first[i] + (ones << 2 | 3);
			break;
		default:
			continue;
		}
		p->used = i + 1;
	}
	p->open = p->used && !p->first[0] && p->last[0] >= ((uint64_t)1 << PHYS_BITS) - 1 && (p->cfg[0] & RWX) == RWX;
}

void pmp_reset(struct pmp *p, unsigned entries)
{
	memset(p, 0, sizeof *p);
	p->entries = entries;
}

uint64_t pmp_read_cfg(const struct pmp *p, unsigned first_entry)
{
	uint64_t value = 0;
	for (unsigned i = 0; i < 8; i++)
		value |= (uint64_t)p->cfg[first_entry + i] << 8 * i;
	return value;
}

bool pmp_write_cfg(struct pmp *p, unsigned first_entry, uint64_t value, uint64_t mask)
{
	bool changed = false;
	for (unsigned i = 0; i < 8; i++) {
		unsigned n = first_entry + i;
		uint8_t m = (uint8_t)(mask >> 8 * i), old = n < p->entries ? p->cfg[n] : 0;
		if (n >= p->entries || old & PMP_L)
			continue;
		uint8_t cfg = ((old & ~m) | ((uint8_t)(value >> 8 * i) & m)) & (PMP_R | PMP_W | PMP_X | 3 << PMP_A_SHIFT | PMP_L);
		if (!(cfg & PMP_R))	/* writable but not readable is reserved */
			cfg &= ~PMP_W;
		changed |= cfg != old;
		p->cfg[n] = cfg;
	}
	if (changed)
		work_out(p);
	return changed;
}

bool pmp_write_addr(struct pmp *p, unsigned n, uint64_t value, uint64_t mask)
{
	if (n >= p->entries || p->cfg[n] & PMP_L)
		return false;
	/* the lower bound of a locked TOR entry is locked too */
	if (n + 1 < p->entries && p->cfg[n + 1] & PMP_L && mode(p, n + 1) == PMP_TOR)
		return false;
	uint64_t addr = ((p->addr[n] & ~mask) | (value & mask)) & PMP_ADDR_MASK;
	if (addr == p->addr[n])
		return false;
	p->addr[n] = addr;
	work_out(p);
	return true;
}

/* PMP_R, PMP_W, PMP_X and MMU_PROT_* are the same bits. */
_Static_assert(PMP_R == (int)MMU_PROT_R && PMP_W == (int)MMU_PROT_W && PMP_X == (int)MMU_PROT_X, "rights");

/* What the entry allows; M-mode is bound by locked entries only. */
static unsigned rights(const struct pmp *p, unsigned i, bool machine_mode)
{
	return machine_mode && !(p->cfg[i] & PMP_L) ? RWX : p->cfg[i] & RWX;
}

/* What no entry matches is open to M-mode, and to all where no entry is implemented. */
static unsigned rights_unmatched(const struct pmp *p, bool machine_mode)
{
	return machine_mode || !p->entries ? RWX : 0;
}

unsigned pmp_extent(const struct pmp *p, uint64_t pa, bool machine_mode, uint8_t *bits)
{
	if (p->open && pa >> PHYS_BITS == 0)
		return RWX;
	for (unsigned i = 0; i < p->used; i++) {
		if (p->first[i] > p->last[i])
			continue;
		for (;; --*bits) {	/* ends at four bytes at the latest: bounds are multiples of four */
			uint64_t span = ((uint64_t)1 << *bits) - 1, first = pa & ~span, last = pa | span;
			if (last < p->first[i] || first > p->last[i])
				break;
			if (first >= p->first[i] && last <= p->last[i])
				return rights(p, i, machine_mode);
		}
	}
	return rights_unmatched(p, machine_mode);
}

bool pmp_allows(const struct pmp *p, uint64_t pa, unsigned size, enum mmu_access access, bool machine_mode)
{
	if (p->open && (pa + size) >> PHYS_BITS == 0)
		return true;
	unsigned have = rights_unmatched(p, machine_mode);
	uint64_t last = pa + size - 1;
	for (unsigned i = 0; i < p->used; i++) {
		if (p->first[i] > p->last[i] || last < p->first[i] || pa > p->last[i])
			continue;
		if (pa < p->first[i] || last > p->last[i])
			return false;
		have = rights(p, i, machine_mode);
		break;
	}
	return have >> access & 1;
}

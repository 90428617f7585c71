/* SPDX-License-Identifier: Apache-2.0 */
/* Physical memory protection (section 3.7): up to 64 entries with four-byte granularity. */
#pragma once
#include "runtime/mmu.h"

#define PMP_MAX_ENTRIES 64

enum { PMP_R = 1, PMP_W = 2, PMP_X = 4, PMP_A_SHIFT = 3, PMP_L = 0x80 };
enum { PMP_OFF, PMP_TOR, PMP_NA4, PMP_NAPOT };

struct pmp {
	unsigned entries;		/* implemented; 0: no PMP at all */
	uint8_t cfg[PMP_MAX_ENTRIES];
	uint64_t addr[PMP_MAX_ENTRIES];	/* bits 55 to 2 of an address */
	/* What entry i matches, worked out when a register is written: bytes first to last, nothing if first > last */
	uint64_t first[PMP_MAX_ENTRIES], last[PMP_MAX_ENTRIES];
	unsigned used;			/* entries from here on are off */
	bool open;			/* entry 0 opens all memory to everybody, as firmware sets it up */
};

void pmp_reset(struct pmp *p, unsigned entries);
/* Register accesses with their WARL rules. A write returns whether anything changed. */
uint64_t pmp_read_cfg(const struct pmp *p, unsigned first_entry);	/* eight of them */
bool pmp_write_cfg(struct pmp *p, unsigned first_entry, uint64_t value, uint64_t mask);
bool pmp_write_addr(struct pmp *p, unsigned entry, uint64_t value, uint64_t mask);

/*
 * The rights (MMU_PROT_*) that hold in all of the largest naturally aligned extent, of at most 2^*bits bytes, around pa in which
 * the same entry decides; *bits becomes its size. An aligned access that does not fit into the extent touches bytes that
 * different entries decide, and fails (section 3.7.1.3).
 */
unsigned pmp_extent(const struct pmp *p, uint64_t pa, bool machine_mode, uint8_t *bits);
/* Whether an access of `size` bytes passes: the lowest-numbered entry that matches any of them must match all. */
bool pmp_allows(const struct pmp *p, uint64_t pa, unsigned size, enum mmu_access access, bool machine_mode);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Builds Sv39, Sv48 and Sv57 page tables in guest RAM, for tests and for whoever starts a guest with paging on: pages for
 * tables are taken one after the other from an area of RAM that the caller names.
 */
#pragma once
#include "runtime/phys.h"

/* Page-table entries (section 10.3.1) */
#define PTE_V	((uint64_t)1 << 0)
#define PTE_R	((uint64_t)1 << 1)
#define PTE_W	((uint64_t)1 << 2)
#define PTE_X	((uint64_t)1 << 3)
#define PTE_U	((uint64_t)1 << 4)
#define PTE_G	((uint64_t)1 << 5)
#define PTE_A	((uint64_t)1 << 6)
#define PTE_D	((uint64_t)1 << 7)
#define PTE_PBMT ((uint64_t)3 << 61)
#define PTE_N	((uint64_t)1 << 63)

struct ptbuild {
	struct phys *phys;
	unsigned levels;		/* 3: Sv39, 4: Sv48, 5: Sv57 */
	uint64_t root;			/* physical address of the root table */
	uint64_t next, end;		/* what is left of the area */
};

/* Takes the root table from [area, area + size), which must be page aligned RAM. */
MUST_CHECK bool ptbuild_init(struct ptbuild *b, struct phys *phys, unsigned levels, uint64_t area, uint64_t size,
			     struct error *err);
/*
 * Maps [va, va + size) to pa with these PTE bits (V is added), in the largest pages that alignment allows, up to `max_level`
 * (0: 4 KiB only, 1: up to 2 MiB, …). Tables on the way are made as needed; existing entries are replaced.
 */
MUST_CHECK bool ptbuild_map(struct ptbuild *b, uint64_t va, uint64_t pa, uint64_t size, uint64_t bits, unsigned max_level,
			    struct error *err);
/* The physical address of the entry for va at the level, tables above it made as needed; 0: err. */
uint64_t ptbuild_entry(struct ptbuild *b, uint64_t va, unsigned level, struct error *err);
/* The value of satp that turns these tables on. */
uint64_t ptbuild_satp(const struct ptbuild *b, unsigned asid);

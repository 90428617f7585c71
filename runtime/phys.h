/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guest physical memory: a sorted list of RAM, ROM and MMIO ranges, and the checked API through which devices, loaders and
 * helpers reach it. RAM lies in one memfd, mapped once (the linear mapping).
 *
 * Threads: ranges are added before the machine starts and never change while it runs; reading and writing RAM is safe from
 * any thread (each byte is a relaxed access, larger ones are single-copy atomic where aligned).
 */
#pragma once
#include <stdatomic.h>
#include "runtime/error.h"
#include "runtime/util.h"

struct machine;

/* A guest physical address; its own type where it crosses module borders. */
typedef struct { uint64_t v; } gpa_t;
#define GPA(x) ((gpa_t){ (uint64_t)(x) })

enum phys_kind { PHYS_RAM, PHYS_ROM, PHYS_MMIO };

/*
 * An access to an MMIO range: offset from its base, size 1, 2, 4 or 8 (naturally aligned). A read or write that the device
 * refuses returns false and the guest gets an access fault. Called on a vCPU's thread, without any lock of the caller's.
 */
struct mmio_ops {
	bool (*read)(void *opaque, uint64_t offset, unsigned size, uint64_t *value);
	bool (*write)(void *opaque, uint64_t offset, unsigned size, uint64_t value);
};

struct phys_range {
	gpa_t base;
	uint64_t size;		/* bytes; a multiple of the page size for RAM and ROM */
	enum phys_kind kind;
	const char *name;
	uint8_t *host;		/* RAM, ROM: where base lies in this process */
	uint64_t page0;		/* RAM, ROM: index of the first page in phys->page */
	const struct mmio_ops *ops;
	void *opaque;
	/* RAM: a range whose stores are seen (HTIF). No write entry for it enters a TLB; after each store the slow path calls
	 * watch->write(opaque, offset, size, value). Atomics (mmu_host) reach the RAM unseen. NULL: ordinary RAM. */
	const struct mmio_ops *watch;
};

/*
 * What is known of one RAM page. `code` is set while translated code exists for it: then no vCPU's TLB holds a write entry and
 * stores take the slow path; those that touch a granule with code invalidate it.
 */
struct phys_page {
	uint64_t writers;		/* bit (vcpu index % 64) of each vCPU whose TLB may hold a write entry */
	uint64_t writer_va;		/* page address + 1 of that entry; PAGE_MANY_VA: several; 0: none */
	_Atomic uint64_t granules;	/* bit n: translated code lies in bytes 64n to 64n + 63 */
	_Atomic uint32_t code;
	_Atomic uint32_t lock;		/* for writers, writer_va and setting `code`, unless all vCPUs are parked */
	void *blocks;			/* the code cache's list of what was translated from here, under its lock */
};
#define PAGE_MANY_VA (~(uint64_t)0)

/* The granules that the bytes [offset, offset + size) of a page touch. */
static inline uint64_t page_granules(unsigned offset, unsigned size)
{
	unsigned first = offset / 64, last = (offset + size - 1) / 64;
	return (~(uint64_t)0 >> (63 - (last - first))) << first;
}

struct phys {
	struct phys_range range[64];
	unsigned n_ranges;
	unsigned largest;	/* the range that most accesses go to: looked at first */
	int memfd;
	uint64_t ram_size, ram_used;
	uint8_t *ram;		/* the linear mapping of the memfd */
	struct phys_page *page;	/* one per RAM or ROM page, in order of allocation */
	struct machine *machine;
};

/* Reserves `bytes` (all RAM and ROM together, a multiple of the page size) in a memfd. */
MUST_CHECK bool phys_init(struct phys *p, struct machine *m, uint64_t bytes, struct error *err);
void phys_destroy(struct phys *p);

/* Add a range; refused if it overlaps one, wraps or is not page aligned (MMIO: any alignment to 8). The name is not copied. */
MUST_CHECK bool phys_add_ram(struct phys *p, gpa_t base, uint64_t size, const char *name, struct error *err);
MUST_CHECK bool phys_add_rom(struct phys *p, gpa_t base, uint64_t size, const char *name, struct error *err);
MUST_CHECK bool phys_add_mmio(struct phys *p, gpa_t base, uint64_t size, const char *name, const struct mmio_ops *ops,
			      void *opaque, struct error *err);

/* As phys_add_ram, with a watch on its stores. */
MUST_CHECK bool phys_add_watched_ram(struct phys *p, gpa_t base, uint64_t size, const char *name, const struct mmio_ops *watch,
				     void *opaque, struct error *err);

/* The range that holds the address, or NULL. */
const struct phys_range *phys_find(const struct phys *p, gpa_t at);
/* The RAM or ROM range that lies at this host address. */
const struct phys_range *phys_find_host(const struct phys *p, const uint8_t *host);
/* The page's record; at must lie in RAM or ROM. */
struct phys_page *phys_page(const struct phys *p, const struct phys_range *r, gpa_t at);

/*
 * The checked DMA API: the whole of [at, at + size) must lie in one RAM range (overflow safe), else false and nothing is done.
 * phys_write and phys_dma_done invalidate translated code: call phys_dma_done after data have landed through phys_dma and
 * before the guest is told.
 */
MUST_CHECK bool phys_read(struct phys *p, gpa_t at, void *to, uint64_t size);
MUST_CHECK bool phys_write(struct phys *p, gpa_t at, const void *from, uint64_t size);
/* A host pointer to RAM for zero-copy I/O, or NULL. Valid as long as the machine. */
MUST_CHECK void *phys_dma(struct phys *p, gpa_t at, uint64_t size);
void phys_dma_done(struct phys *p, gpa_t at, uint64_t size);
/* As phys_write, but into ROM too: for loaders, before the machine starts. */
MUST_CHECK bool phys_load(struct phys *p, gpa_t at, const void *from, uint64_t size);

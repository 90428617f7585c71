/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The soft MMU: one place that turns guest virtual addresses into host memory or device accesses. Page-table walkers belong
 * to the frontends (struct arch_ops); this module caches what they say in TLBs whose hits executors inline.
 *
 * All functions run on the vCPU's own thread, except where they say otherwise.
 */
#pragma once
#include "runtime/phys.h"

struct vcpu;

enum mmu_access { MMU_READ, MMU_WRITE, MMU_FETCH };
enum { MMU_PROT_R = 1 << MMU_READ, MMU_PROT_W = 1 << MMU_WRITE, MMU_PROT_X = 1 << MMU_FETCH };

/* What a walker answers for one address. */
struct mmu_leaf {
	uint64_t pa;		/* of the address asked for */
	uint8_t size_bits;	/* log2 of the naturally aligned extent for which this answer holds, virtually and physically;
				 * below PAGE_BITS (fine PMP): never cached */
	uint8_t prot;		/* accesses that need no further walk: W only if the leaf is dirty, each only if permitted */
	bool global;		/* holds in every address space */
};

/*
 * A TLB entry covers one 4 KiB page for one MMU index. A tag is the page's virtual address; an access of a power-of-two size
 * hits if (va & (PAGE_MASK | (size - 1))) == tag, so that a misaligned one always misses. Tags that never match are ~0.
 * host = va + addend.
 */
struct tlb_entry {
	uint64_t tag[3];	/* by enum mmu_access; TAG for write is ~0 for clean pages and pages with code */
	uint64_t addend;
};
#define TLB_NO_TAG (~(uint64_t)0)

/* A direct-mapped table; executors index it by (va >> (PAGE_BITS - 5)) & mask, in bytes. */
struct tlb_table {
	char *entries;
	uint64_t mask;		/* (number of entries - 1) * sizeof(struct tlb_entry) */
};
#define TLB_ENTRY(t, va) ((struct tlb_entry *)((t)->entries + (((va) >> (PAGE_BITS - 5)) & (t)->mask)))

/* MMU indices that a frontend may use: one per way of checking permissions (privilege, SUM, MXR, …). */
#define MMU_INDICES 8

/*
 * The slow paths behind an inline miss. They perform the whole access (misaligned and page-crossing RAM accesses, MMIO, walk,
 * fill) or leave the exception in vcpu->exception and return false, having changed no guest memory. size is 1, 2, 4 or 8.
 * Values are little endian, zero-extended. False without an exception: a debugger watches this address, and cpu->debug has what is to be done
 * (runtime/debug.h); so it is with mmu_host and mmu_host_range.
 */
MUST_CHECK bool mmu_load(struct vcpu *cpu, uint64_t va, unsigned size, uint64_t *value);
MUST_CHECK bool mmu_store(struct vcpu *cpu, uint64_t va, unsigned size, uint64_t value);
/* As the two above with another MMU index than the current one. */
MUST_CHECK bool mmu_load_as(struct vcpu *cpu, unsigned mmu_index, uint64_t va, unsigned size, uint64_t *value);
MUST_CHECK bool mmu_store_as(struct vcpu *cpu, unsigned mmu_index, uint64_t va, unsigned size, uint64_t value);
/*
 * Host memory for an atomic access: read and write permission for MMU_WRITE, natural alignment (else the frontend's misaligned
 * exception), RAM only (else its access fault). NULL: the exception is pending.
 */
MUST_CHECK void *mmu_host(struct vcpu *cpu, uint64_t va, unsigned size, enum mmu_access access);
/* The same without alignment rule, for helpers that work on `size` bytes within one page (cache-block zero). */
MUST_CHECK void *mmu_host_range(struct vcpu *cpu, uint64_t va, unsigned size, enum mmu_access access);
/* Translates and checks only. */
MUST_CHECK bool mmu_translate(struct vcpu *cpu, uint64_t va, enum mmu_access access, struct mmu_leaf *leaf);
/* For debuggers: no permission checks beyond the walk, no exception, no A/D update; false if not mapped. Vcpu stopped. */
MUST_CHECK bool mmu_debug_translate(struct vcpu *cpu, uint64_t va, uint64_t *pa);

/* The page that holds va, to read code from: RAM or ROM, else the exception is pending. */
struct mmu_code {
	uint64_t pa;			/* of va */
	const uint8_t *host;		/* of va; valid to the end of the page */
	struct phys_page *page;
	uint8_t leaf_bits;		/* log2 of the extent that this holds for; below PAGE_BITS: cache nothing */
};
MUST_CHECK bool mmu_fetch(struct vcpu *cpu, uint64_t va, struct mmu_code *code);

/*
 * Address spaces. The frontend names the current one by a 64-bit key (the full satp, or its like) and picks the MMU index for
 * loads and stores and the one for fetches. Contexts are kept, least recently used dropped, so that coming back costs nothing.
 * The key's top 4 bits name the translation mode: contexts of different modes share nothing, not even global entries.
 */
void mmu_set_context(struct vcpu *cpu, uint64_t key, unsigned data_index, unsigned fetch_index);
/* The current key. In signal handlers too. */
uint64_t mmu_context(const struct vcpu *cpu);

/* Which contexts a flush is about */
struct mmu_flush {
	bool all_addresses;	/* else only `va`'s page */
	uint64_t va;
	bool all_contexts;	/* global entries too; else those contexts for which match says so, global entries kept */
	bool (*match)(uint64_t key, uint64_t arg);
	uint64_t arg;
};
void mmu_flush(struct vcpu *cpu, const struct mmu_flush *f);

/*
 * Marks a page as holding translated code: when this returns, no TLB of any vCPU holds a write entry for it and no store that
 * passed an earlier check is in flight, so that its bytes may be read. On the vCPU's thread, outside generated code.
 */
void mmu_protect_code(struct vcpu *cpu, struct phys_page *page, const uint8_t *host_page);

/* A translation of code at va, in a leaf of that size, entered the virtual-PC cache. */
void mmu_note_code(struct vcpu *cpu, uint64_t va, unsigned leaf_bits);

bool mmu_vcpu_init(struct vcpu *cpu, struct error *err);
void mmu_vcpu_destroy(struct vcpu *cpu);

/* Counters for --stats */
struct mmu_stats {
	uint64_t fills[2];		/* by address half */
	uint64_t victim_hits, flushes, page_flushes, grows, mmio, slow;
	uint64_t switches, contexts;	/* to another context; to one that had no tables */
	/* Direct windows: pages or larger extents mapped, those of them that did not fault but were known to the TLB; faults that
	 * were none of theirs; extents that a flush left after a look at the
	 * guest's tables, or took away; fills that the host refused or that made room first */
	uint64_t window_fills, window_known, window_leaves, window_kept, window_dropped, window_refused, window_evictions;
	uint64_t windows, window_extents;	/* now */
};
/* A copy; exact while the vCPU is parked. */
void mmu_get_stats(const struct vcpu *cpu, struct mmu_stats *stats);

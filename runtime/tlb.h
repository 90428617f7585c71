/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A vCPU's TLBs: contexts by key, tables by MMU index and address half. Only runtime/mmu*.c include this.
 *
 * The upper half of the address space is shared by all contexts of a translation mode as long as it holds nothing but global
 * entries (Linux maps its kernel so): then a context switch refills no kernel page. The first upper-half entry that is not global
 * gives its context upper tables of its own.
 */
#pragma once
#include "runtime/vcpu.h"
#include "runtime/windows.h"

#define TLB_VICTIMS 8

/* A table with what only the slow path needs. */
struct tlb {
	struct tlb_table t;		/* entries NULL: not allocated yet */
	uint8_t *leaf_bits;		/* per entry: log2 of the guest leaf's size */
	uint64_t large_first, large_last;	/* addresses between which all leaves above 4 KiB lie that were put in */
	uint32_t evictions, conflicts;	/* since the table grew: entries that went to the victims for new ones, and for one of them */
	struct tlb_entry victim[TLB_VICTIMS];
	uint8_t victim_bits[TLB_VICTIMS];
	unsigned n_victims, next_victim;
};

/* Tables of one address half, and the identity of the code mappings in it. */
struct tlb_half {
	struct tlb tlb[MMU_INDICES];
	uint8_t live;			/* bit n: tlb[n] may hold entries */
	uint32_t code_id;
	uint64_t code_filter[8];	/* Bloom filter of the pages that mmu_note_code was told of … */
	uint64_t large_code_first, large_code_last;	/* … and the addresses between which its large leaves lie */
	struct window_set windows[MMU_INDICES];
};

struct tlb_context {
	uint64_t key, used;
	bool valid, own_upper;
	struct tlb_half low, upper;	/* upper only if own_upper */
	uint64_t *window_table[MMU_INDICES];	/* NULL: none yet */
};

#define TLB_CONTEXTS 32

struct tlb_mode {			/* the shared upper half of one translation mode */
	uint64_t mode;			/* key >> 60 */
	struct tlb_half upper;
};

struct mmu {
	struct tlb_context context[TLB_CONTEXTS];
	struct tlb_mode *mode[16];
	struct tlb_context *current;
	uint64_t clock;			/* for LRU */
	uint32_t next_code_id;
	unsigned data_index, fetch_index;
	struct window_stock windows;
	struct mmu_stats stats;
};

/* ---- mmu_context.c ---- */
/* The tables of the upper half that a context uses. */
struct tlb_half *mmu_upper_half(struct mmu *mmu, struct tlb_context *c);
/* The current tables for va. */
struct tlb_half *mmu_half(struct mmu *mmu, uint64_t va);
/* Shows the executors the tables of the current context and index. */
void mmu_publish(struct vcpu *cpu);
/* From now on the current context has upper tables of its own. */
void mmu_own_upper(struct vcpu *cpu);
void mmu_each_half(struct mmu *mmu, void (*fn)(struct tlb_half *h, const void *arg), const void *arg);

/* ---- mmu_code.c ---- */
/* Registers the vCPU as a writer of the page at va: whoever wants to put code there then waits for it. False: there is code. */
bool mmu_note_writer(struct vcpu *cpu, struct phys_page *page, uint64_t va);

/* ---- tlb.c ---- */
/*
 * Finds the entry for va's page, bringing it back from the victims; NULL if there is none for this access. Grows the table when pages that are used in
 * turn go on driving each other out of it; *grown is set then, which is left alone otherwise.
 */
struct tlb_entry *tlb_find(struct tlb *t, uint64_t va, enum mmu_access access, bool *grown, struct mmu_stats *stats);
static inline uint8_t tlb_leaf_bits(const struct tlb *t, const struct tlb_entry *e)
{
	return t->leaf_bits[e - (const struct tlb_entry *)t->t.entries];
}
/* Puts in or replaces the entry for the page; grows the table when it thrashes. */
void tlb_fill(struct tlb *t, const struct tlb_entry *e, uint64_t page, unsigned leaf_bits, unsigned max_entries, struct mmu_stats *stats);
void tlb_flush(struct tlb *t);
/* Drops every entry whose guest leaf contains va. */
void tlb_flush_page(struct tlb *t, uint64_t va);
/* Takes the write right from the entry for va, or from every entry that leads to the host page. */
void tlb_write_protect_va(struct tlb *t, uint64_t va);
void tlb_write_protect_host(struct tlb *t, const uint8_t *host_page);
void tlb_free(struct tlb *t);

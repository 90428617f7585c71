// SPDX-License-Identifier: Apache-2.0
/* Page-table walks: Sv39, Sv48, Sv57 with Svade/Svadu, Svnapot and Svpbmt (sections 10.3.2, 10.4 to 10.6, 12, 13). */
#include <inttypes.h>
#include <stdatomic.h>
#include "frontends/riscv/priv/cpu.h"
#include "frontends/riscv/priv/ptbuild.h"
#include "runtime/log.h"

#define PTE_PPN(pte)	((pte) >> 10 & (((uint64_t)1 << 44) - 1))
/* Bits 60 to 54 are reserved everywhere; A, D, U, PBMT and N are reserved in a pointer to the next level. */
#define PTE_RESERVED	((uint64_t)0x7f << 54)
#define PTE_POINTER_RESERVED (PTE_RESERVED | PTE_N | PTE_PBMT | PTE_A | PTE_D | PTE_U)
#define NAPOT_BITS	16	/* the one size that exists: 64 KiB */

/* Who asks, as the MMU index says */
struct view {
	bool paged, machine, user, sum, mxr;
};

static struct view view_of(const struct riscv_cpu *rv, unsigned index)
{
	return (struct view){
		.paged = index < INDEX_BARE && SATP_MODE(rv->satp) != SATP_BARE,
		.machine = index == INDEX_M,
		.user = index == INDEX_U || index == INDEX_U_MXR,
		.sum = index == INDEX_S_SUM || index == INDEX_S_SUM_MXR,
		.mxr = index == INDEX_U_MXR || index == INDEX_S_MXR || index == INDEX_S_SUM_MXR,
	};
}

/* ---- fences (sections 10.2.1 and 10.3.1) ---- */

static bool same_asid(uint64_t key, uint64_t asid)
{
	return SATP_MODE(key) != SATP_BARE && SATP_ASID(key) == asid;
}

void riscv_fence_vma(struct vcpu *cpu, const uint64_t *va, const uint64_t *asid)
{
	struct riscv_cpu *rv = riscv_cpu(cpu);
	/* An address stands for its whole leaf, of which the MMU knows the pieces only where PMP has cut it: then all must go. */
	struct mmu_flush f = { .all_addresses = !va || rv->cut_leaf, .va = va ? *va : 0, .all_contexts = !asid, .match = same_asid,
			       .arg = asid ? *asid & 0xffff : 0 };
	mmu_flush(cpu, &f);
	if (f.all_addresses && f.all_contexts)
		rv->cut_leaf = false;
}

/* ---- walks ---- */

enum walk_result { WALK_OK, WALK_PAGE_FAULT, WALK_ACCESS_FAULT };
/* A probe is a walk that does not update A and D, but fails; a debugger's neither checks nor updates anything. */
enum walk_kind { WALK_REAL, WALK_PROBE, WALK_DEBUG };

/* MMU_PROT_* that the leaf grants to this view (steps 6 and 7), whatever A and D say. */
static unsigned leaf_rights(uint64_t pte, const struct view *v)
{
	bool user_page = pte & PTE_U;
	unsigned rights = 0;
	if (v->user && !user_page)
		return 0;
	if (pte & PTE_R || (v->mxr && pte & PTE_X))
		rights |= MMU_PROT_R;
	if (pte & PTE_W)
		rights |= MMU_PROT_W;
	if (pte & PTE_X)
		rights |= MMU_PROT_X;
	if (!v->user && user_page)	/* SUM opens user pages for data, never for instructions */
		rights &= v->sum ? MMU_PROT_R | MMU_PROT_W : 0;
	return rights;
}

/* Whether bits and encodings of a leaf at this level are ones that exist (steps 3 and 5). */
static bool leaf_valid(const struct riscv_cpu *rv, uint64_t pte, unsigned level)
{
	uint64_t ppn = PTE_PPN(pte);
	if (pte & PTE_RESERVED)
		return false;
	if (pte & PTE_PBMT && (!(rv->menvcfg & ENVCFG_PBMTE) || (pte & PTE_PBMT) == PTE_PBMT))
		return false;
	if (pte & PTE_N && (!riscv_has(&rv->config, EXT_SVNAPOT) || level || (ppn & 15) != 8))
		return false;
	return !(ppn & (((uint64_t)1 << 9 * level) - 1));	/* misaligned superpage */
}

/* Sets A, and D for a write, in the PTE if nobody has changed it meanwhile. */
static bool update_pte(struct vcpu *cpu, _Atomic uint64_t *at, uint64_t pa, uint64_t old, uint64_t new)
{
	if (!atomic_compare_exchange_strong(at, &old, new))
		return false;
	phys_dma_done(&cpu->machine->phys, GPA(pa), sizeof(uint64_t));
	return true;
}

/* On success *leaf holds the page's rights and address before PMP. */
static enum walk_result walk(struct vcpu *cpu, uint64_t va, enum mmu_access access, const struct view *v, enum walk_kind kind,
			     struct mmu_leaf *leaf)
{
	bool debug = kind == WALK_DEBUG;
	const struct riscv_cpu *rv = riscv_cpu(cpu);
	unsigned levels = (unsigned)(SATP_MODE(rv->satp) - SATP_SV39) + 3;
	if ((uint64_t)sign_extend(va, PAGE_BITS + 9 * levels) != va)
		return WALK_PAGE_FAULT;
restart:;
	uint64_t table = SATP_PPN(rv->satp) << PAGE_BITS, global = 0;
	for (unsigned level = levels; level--;) {
		unsigned shift = PAGE_BITS + 9 * level;
		uint64_t pa = table + extract(va, shift, 9) * sizeof(uint64_t);
		/* implicit accesses are made with S-mode's rights and come from main memory only */
		_Atomic uint64_t *at = phys_dma(&cpu->machine->phys, GPA(pa), sizeof(uint64_t));
		if (!at || (!debug && !pmp_allows(&rv->pmp, pa, sizeof(uint64_t), MMU_READ, false)))
			return WALK_ACCESS_FAULT;
		uint64_t pte = atomic_load_explicit(at, memory_order_acquire);
		if (!(pte & PTE_V) || (pte & (PTE_R | PTE_W)) == PTE_W)
			return WALK_PAGE_FAULT;
		global |= pte & PTE_G;
		if (!(pte & (PTE_R | PTE_X))) {
			if (pte & PTE_POINTER_RESERVED)
				return WALK_PAGE_FAULT;
			table = PTE_PPN(pte) << PAGE_BITS;
			continue;
		}
		unsigned rights = leaf_rights(pte, v);
		if (!leaf_valid(rv, pte, level) || (!debug && !(rights >> access & 1)))
			return WALK_PAGE_FAULT;
		uint64_t want = pte | PTE_A | (access == MMU_WRITE ? PTE_D : 0);
		if (want != pte && !debug) {
			if (kind == WALK_PROBE || !(rv->menvcfg & ENVCFG_ADUE))
				return WALK_PAGE_FAULT;
			if (!pmp_allows(&rv->pmp, pa, sizeof(uint64_t), MMU_WRITE, false))
				return WALK_ACCESS_FAULT;
			if (!update_pte(cpu, at, pa, pte, want))
				goto restart;
			pte = want;
		}
		unsigned bits = pte & PTE_N ? NAPOT_BITS : shift;
		uint64_t offset = ((uint64_t)1 << bits) - 1;
		leaf->pa = (PTE_PPN(pte) << PAGE_BITS & ~offset) | (va & offset);
		leaf->size_bits = (uint8_t)bits;
		leaf->prot = (uint8_t)(pte & PTE_D ? rights : rights & ~MMU_PROT_W);
		leaf->global = global;
		return WALK_OK;
	}
	return WALK_PAGE_FAULT;
}

/* -d mmu: each walk, which is each TLB miss */
static void log_walk(const struct vcpu *cpu, uint64_t va, enum mmu_access access, unsigned index, const struct mmu_leaf *leaf)
{
	static const char *const kind[] = { "load", "store", "fetch" };
	static const char *const view[] = { "U", "U+MXR", "S", "S+SUM", "S+MXR", "S+SUM+MXR", "bare", "M" };
	const struct machine *m = cpu->machine;
	if (!log_wants(m, LOG_MMU) || !log_covers(m, va, 1))
		return;
	if (leaf)
		log_line(m, cpu, "%s 0x%" PRIx64 " as %s: 0x%" PRIx64 " %c%c%c%s, 2^%u bytes", kind[access], va, view[index], leaf->pa,
			 leaf->prot & MMU_PROT_R ? 'r' : '-', leaf->prot & MMU_PROT_W ? 'w' : '-', leaf->prot & MMU_PROT_X ? 'x' : '-',
			 leaf->global ? " global" : "", leaf->size_bits);
	else
		log_line(m, cpu, "%s 0x%" PRIx64 " as %s: %s", kind[access], va, view[index],
			 riscv_exception_name(cpu->exception.cause, false));
}

/* larger extents would hold too, but then a fence for one address would drop them all */
static const struct mmu_leaf identity = { .size_bits = PAGE_BITS, .prot = MMU_PROT_R | MMU_PROT_W | MMU_PROT_X, .global = true };

/* Cuts the leaf down to what PMP decides at once, and its rights to those that PMP grants there. */
static void apply_pmp(struct riscv_cpu *rv, const struct view *v, struct mmu_leaf *leaf)
{
	unsigned leaf_bits = leaf->size_bits;
	leaf->prot &= pmp_extent(&rv->pmp, leaf->pa, v->machine, &leaf->size_bits);
	rv->cut_leaf |= leaf_bits > PAGE_BITS && leaf->size_bits < leaf_bits;
}

bool riscv_probe(struct vcpu *cpu, uint64_t va, unsigned mmu_index, struct mmu_leaf *leaf)
{
	struct riscv_cpu *rv = riscv_cpu(cpu);
	struct view v = view_of(rv, mmu_index);
	*leaf = identity;
	leaf->pa = va;
	if (v.paged && walk(cpu, va, MMU_READ, &v, WALK_PROBE, leaf) != WALK_OK)
		return false;
	apply_pmp(rv, &v, leaf);
	return leaf->prot & MMU_PROT_R;
}

bool riscv_translate(struct vcpu *cpu, uint64_t va, enum mmu_access access, unsigned mmu_index, bool debug,
		     struct mmu_leaf *leaf)
{
	static const uint8_t page_fault[] = { EXC_LOAD_PAGE, EXC_STORE_PAGE, EXC_INSN_PAGE };
	struct riscv_cpu *rv = riscv_cpu(cpu);
	struct view v = view_of(rv, mmu_index);
	enum walk_result result = WALK_OK;
	*leaf = identity;
	leaf->pa = va;
	if (v.paged)
		result = walk(cpu, va, access, &v, debug ? WALK_DEBUG : WALK_REAL, leaf);
	if (debug)
		return result == WALK_OK;
	if (result == WALK_OK) {
		apply_pmp(rv, &v, leaf);
		if (leaf->prot >> access & 1) {
			log_walk(cpu, va, access, mmu_index, leaf);
			return true;
		}
		result = WALK_ACCESS_FAULT;	/* the page allows the access: PMP does not */
	}
	if (result == WALK_PAGE_FAULT)
		riscv_raise(cpu, page_fault[access], va);
	else
		riscv_raise_access_fault(cpu, va, access);
	log_walk(cpu, va, access, mmu_index, NULL);
	return false;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of runtime/window.h. Only runtime/window*.c, tlb.h and mmu*.c include this. */
#pragma once
#include "runtime/extents.h"
#include "runtime/window.h"

struct mmu;
struct tlb_context;
struct tlb_half;

/* What the vCPUs of a machine have in common. */
struct windows {
	int poison_fd;			/* a table in which every entry is poisoned, … */
	const uint64_t *poison;		/* … mapped; tables begin as private copies of it, which cost what is changed */
};

struct window {
	struct window *next;		/* of the same set, or free */
	uint64_t va;			/* the segment's first address */
	uint8_t *host;			/* where it lies */
	uint64_t used;			/* mmu->clock at the last fault */
	struct extents extents;
};

/* The windows of an address half and MMU index. */
struct window_set {
	struct window *first;
	bool stale;	/* to be checked against the guest's tables before it is used: the context was not current when a flush came */
	bool cut;	/* some extent is smaller than its guest leaf (the RAM ends within), so that addresses do not find it */
};

/* A vCPU's */
struct window_stock {
	struct window *free;		/* reserved, nothing mapped */
	unsigned reserved;		/* windows in all */
	unsigned extents;		/* in all windows */
};

/* ---- window.c ---- */
/* Brings the current sets up to date and shows generated code the current table. */
void window_publish(struct vcpu *cpu);
/* A context is about to be given to another key, its halves flushed … */
void window_forget(struct vcpu *cpu, struct tlb_context *c);
/* … and has it. */
void window_adopt(struct vcpu *cpu, struct tlb_context *c);
/* The context is about to have upper tables of its own. */
void window_leave_shared(struct vcpu *cpu, struct tlb_context *c);
/* A window that the host does not let us empty goes for good. */
void window_retire(struct vcpu *cpu, struct window *w);
void window_destroy(struct vcpu *cpu);

/* ---- window_map.c: what is mapped in a window ---- */
/*
 * Maps va's page, or the largest extent around it that the leaf, the RAM range and the window allow, which arch->translate has
 * granted for the access. `again`: what is there already has just faulted. False: it must not or cannot be mapped.
 */
MUST_CHECK bool window_map(struct vcpu *cpu, struct window_set *set, struct window *w, uint64_t va, const struct mmu_leaf *leaf,
			   const struct phys_range *r, bool write, bool again);
/* Whether window_map needs to take nothing away first. */
bool window_has_room(const struct vcpu *cpu);
/* Takes all away. False: the host refused, and the window must be retired. */
MUST_CHECK bool window_clear(struct vcpu *cpu, struct window *w);
/*
 * Takes away an extent with all inside it, or only the right to write. False: the host refused, so that all of the window has
 * been taken away, or the window itself.
 */
bool window_drop(struct vcpu *cpu, struct window *w, const struct extent *e);
bool window_demote(struct vcpu *cpu, struct window *w, struct extent *e);

/* ---- window_ahead.c ---- */
/* The RAM that a window may show at va for the leaf, which grants the access; NULL: none. */
const struct phys_range *window_range(struct vcpu *cpu, uint64_t va, const struct mmu_leaf *leaf, bool write);
/* Whether a half's windows are those of several contexts: only what is global may be mapped there. */
bool window_is_shared(const struct mmu *mmu, const struct tlb_half *h);
/*
 * An access to va has faulted, and its page has been mapped: maps others of the window w of the current context's half h and the current MMU index that
 * are likely to be accessed next. Takes nothing away to make room. False: the host refused, and windows may be gone, w among them.
 */
MUST_CHECK bool window_look_ahead(struct vcpu *cpu, struct tlb_half *h, unsigned index, struct window *w, uint64_t va, bool write);

/* ---- window_flush.c ---- */
/* Checks all that a set maps with the guest's tables; the half is one of the current context's. */
void window_revalidate(struct vcpu *cpu, struct tlb_half *h, unsigned index);
/* The half is flushed: of the address, or (NULL) all of it. */
void window_flush(struct vcpu *cpu, struct tlb_half *h, const uint64_t *va);
/*
 * Takes the right to write to the RAM page at pa from all windows; va: where the page is writable, + 1, or PAGE_MANY_VA. All
 * vCPUs are parked.
 */
void window_write_protect(struct vcpu *cpu, uint64_t pa, uint64_t va);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a guest address to a block, for one vCPU: fetches, lifts and binds what the code cache does not have yet, and keeps the vCPU's
 * virtual-PC cache. Everything here is called on the vCPU's thread, outside generated code, without the cache's lock.
 */
#pragma once
#include "backend/cache/codecache.h"

struct finder {
	struct codecache *cache;
	struct code_handlers handlers;
	struct vcpu *cpu;
	struct ir_block lifted;
	/* Room for one block of one instruction whose page has permissions finer than a page, and which is therefore not kept. */
	_Alignas(16) char once[8192];
	/* the page that the instruction being lifted continues in */
	uint64_t second_va, second_pa;
	struct phys_page *second_page;
	const uint8_t *second_host;
	uint64_t lookups;
	uint64_t translate_ns;	/* spent on lifting, passes, binding and machine code; with machine->measure */
};

/* Set in a block's mode while single-stepping, and in pages with breakpoints: such blocks hold one instruction. No frontend uses this bit. */
#define MODE_SINGLE_STEP ((uint32_t)1 << 31)

void finder_init(struct finder *x, struct vcpu *cpu, struct codecache *cache, const struct code_handlers *handlers);
/* Tells the vCPU's virtual-PC cache the current context and mode. */
void finder_set_keys(struct finder *x);
/* Where the translation of va begins, from the virtual-PC cache alone; NULL: it is not there. SLOT_PAGE is va's then. */
const void *finder_probe(struct vcpu *cpu, uint64_t va);
/* The block for va in the current mode and context; NULL: an exception is pending, or the vCPU stops here for a debugger. cpu->pc and SLOT_PAGE are va's then. */
struct code_block *finder_look_up(struct finder *x, uint64_t va);
/* Whether the block is one that nobody finds again: it must not be linked. */
static inline bool finder_is_once(const struct finder *x, const struct code_block *b) { return (const char *)b == x->once; }
/* Tells the observer of the block that the vCPU is about to execute (cpu->doing says by what), and trips its deadline, so that nothing follows it. */
void finder_observe(struct finder *x, const struct code_block *b);
/* Links a near exit to the block that finder_look_up found for it since the cache's epoch was `epoch`; false: that cannot be. */
bool finder_link(struct finder *x, struct code_exit *exit, struct code_block *to, uint64_t epoch);
/* The exact state at a fault of micro-op u of block b: the instruction's address, and the instructions of its block before it. */
void finder_locate_fault(struct vcpu *cpu, const struct code_block *b, const struct uop *u);
/* The block that u belongs to. */
const struct code_block *finder_owner(struct finder *x, const struct uop *u);

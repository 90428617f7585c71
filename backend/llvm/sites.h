/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The side table of a region's accesses through windows and of its polls, in an object section of its own: where each one's instruction is (of a poll:
 * what follows its call), which micro-op it belongs to, and where the guest registers are that struct vcpu does not hold at that moment.
 *
 * The code generator's assembler writes it, an entry for each:
 *
 *	.long	instruction - .
 *	.long	its copy - ., or 0: there is none
 *	.long	block << SITE_UOP_BITS | micro-op
 *	.short	bytes of the places that follow
 *	        each: .byte slot, form (enum slot_form); .asciz "%register" or "$constant"
 *	.balign	4
 */
#pragma once
#include "backend/llvm/region.h"
#include "runtime/process.h"
#include "runtime/vcpu.h"

#define SITE_SECTION	"calque"
#define SITE_UOP_BITS	12
#define SITE_ICOUNT	SLOT_ZERO	/* in the place of a slot: icount */
_Static_assert(BLOCK_MAX_UOPS <= 1 << SITE_UOP_BITS, "");

/*
 * What tells the bits of a slot: the slot alone, or its raw value (lower_fp.h) as well, so that they need not be made until they are asked for.
 * FORM_DOUBLE, FORM_SINGLE: a result, of which a NaN becomes the canonical one; FORM_LOADED: any single in its box.
 */
enum slot_form { FORM_BITS, FORM_DOUBLE, FORM_SINGLE, FORM_LOADED, FORM_UNKNOWN };
struct site {
	unsigned block, uop;
	const char *places;
	unsigned n_places;	/* bytes */
};

/* Whether the table is whole and names accesses and slots that there are: for one that comes from a file. */
bool sites_hold(const char *table, const char *end, const struct region *r);
/* The entry of the instruction at pc, which lies to_exec bytes from where the table's distances lead. False: there is none. */
bool site_find(const char *table, const char *end, const char *pc, ptrdiff_t to_exec, struct site *site);
/* Stores what the host's registers hold at the site into struct vcpu. */
void site_restore(const struct site *site, const struct host_registers *r, struct vcpu *cpu);

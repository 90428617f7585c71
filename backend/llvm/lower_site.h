/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inline assembly, and its entries in the side table (sites.h): what leaves the region from within it, by a host fault or a call that does not come back,
 * finds there the guest registers that struct vcpu does not hold. For lower_*.c.
 */
#pragma once
#include "backend/llvm/lower.h"

/* Its text, and the operands that this numbers, outputs first. All zero at first. */
struct site_asm {
	char text[4096], places[512];
	size_t text_used, places_used;
	value operand[5 + VCPU_SLOTS];
	LLVMTypeRef type[5 + VCPU_SLOTS];
	unsigned n, outputs;
	unsigned first;		/* of the operands that site_state adds */
};

__attribute__((format(printf, 2, 3))) void site_text(struct site_asm *x, const char *format, ...);
/* An operand in such a place, by LLVM's constraints: its number. */
unsigned site_output(struct site_asm *x, const char *place);
unsigned site_operand(struct site_asm *x, value v, const char *place);
/* icount, and what struct vcpu does not hold, as operands. */
void site_state(struct lowering *l, struct site_asm *x);
/* Where they are, for a micro-op of the running block: told by the address of label 1, or by that of its copy, label 6. */
void site_entry(struct lowering *l, struct site_asm *x, unsigned uop, bool copy);
/* The whole; `type`: of its outputs. */
value site_build(struct lowering *l, struct site_asm *x, LLVMTypeRef type, bool flags);

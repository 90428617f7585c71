/* SPDX-License-Identifier: Apache-2.0 */
/* Which stencil executes a micro-op, given where its operands are; and which slots a loop pins. */
#pragma once
#include "backend/stencil/emit.h"

/* Which slots the pins hold. */
struct pins {
	uint8_t slot[STENCIL_PINS];
	uint8_t of[VCPU_SLOTS];		/* 1 to STENCIL_PINS; 0: none */
};

/* What is known of the slots between two micro-ops. */
struct places {
	const struct pins *pins;
	uint8_t acc, facc;		/* slots that they repeat; 0: none */
	uint64_t boxed[VCPU_SLOTS / 64];	/* a bit each: holds a NaN-boxed single for certain */
};

/*
 * The number of a stencil for op with the operands where they are; 0: none, for operands that are pinned. d is where the result is wanted:
 * a pin, PLACE_ACC if it may be repeated there, or 0; the stencil says where it will be. near: all
 * accesses are expected in the near half of the address space (MODE_NEAR_HALF).
 */
unsigned choose_stencil(const struct places *p, const struct uop *u, enum uop_op op, bool near, unsigned d);
/* The one for operands in struct vcpu. */
unsigned choose_plain(enum uop_op op);
/* The micro-op's result goes to place d. */
void places_write(struct places *p, const struct uop *u, enum uop_op op, unsigned d);
/* Anything may have been written. */
void places_forget(struct places *p);

/* The pins for a block that leads back to itself: the slots worth most, those that are pinned in common in their own. False: that
 * changes nothing. */
bool choose_loop_pins(const struct stencil_arena *s, const struct code_block *b, const struct pins *common, struct pins *pins);

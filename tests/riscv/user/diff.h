/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Differential runs: one guest program runs thousands of cases, each a random instruction on a random state, and writes the
 * state after each. The same bytes run under Calque's interpreter and under QEMU's user mode; the outputs must be equal.
 */
#pragma once
#include "frontends/riscv/user/decode.h"
#include "tests/riscv/user/rng.h"

#define DIFF_CASES 8192		/* a program */
#define DIFF_STATES 512		/* initial states that its cases pick from */

/* Guest memory. Everything that the instructions under test touch lies in `scratch`, half in one page, half in the next. */
enum {
	DIFF_BASE = 0x40000000,
	DIFF_START = DIFF_BASE,			/* entry under QEMU: the loop over the cases */
	DIFF_BARE_START = DIFF_BASE + 0x800,	/* entry in M-mode: FP on, trap vector, then the same loop */
	DIFF_TRAP = DIFF_BASE + 0xc00,
	DIFF_VARS = DIFF_BASE + 0x2000,
	DIFF_SCRATCH = DIFF_BASE + 0x5000 - 32,
	DIFF_CLEAR = DIFF_BASE + 0x6000,	/* an SC there ends each case's reservation */
	DIFF_TABLE = DIFF_BASE + 0x10000,
	DIFF_POOL = DIFF_BASE + 0x80000,
	DIFF_SLOTS = DIFF_BASE + 0x100000,
	DIFF_TAIL = DIFF_BASE + 0x180000,
	DIFF_IMAGE_END = DIFF_BASE + 0x181000,
	DIFF_OUT = DIFF_BASE + 0x200000,
	DIFF_END = DIFF_BASE + 0x800000,
	DIFF_DEVICE = 0x100000,			/* M-mode: mcause written to +0 ends the run, mepc to +8 before */
};
#define SCRATCH_SIZE 64
#define SLOT_SIZE 64

/* Registers and memory before or after a case. x[0] holds fcsr afterwards; the program's own register is not kept. */
struct diff_state {
	uint64_t x[32], f[32], memory[SCRATCH_SIZE / 8];
};

struct diff_case {		/* as the program's table has it */
	uint64_t state, slot, fcsr;
};

struct diff_program {
	uint8_t *image;		/* DIFF_IMAGE_END - DIFF_BASE bytes */
	unsigned own;		/* the register that the frame keeps for itself */
	uint32_t insn[DIFF_CASES];	/* under test (the last one of several) */
};

/* Chooses an encoding, or 0 for another try; groups of instructions that a run is about are made this way. */
typedef uint32_t diff_pick_fn(struct rng *r);

/* `length` instructions a case, 1 to 4. NULL image: out of memory. Free it. */
void diff_generate(struct diff_program *p, uint64_t seed, diff_pick_fn *pick, unsigned length);
static inline void *diff_at(const struct diff_program *p, uint64_t address) { return p->image + (address - DIFF_BASE); }

/* Run it; out has DIFF_CASES states. False: text says what went wrong. */
bool diff_run_calque(const struct diff_program *p, struct diff_state *out, char *text, size_t size);
bool diff_run_qemu(const struct diff_program *p, struct diff_state *out, char *text, size_t size);

/* Edge-biased values, values.c */
void diff_random_state(struct rng *r, struct diff_state *s);

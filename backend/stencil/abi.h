/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the stencils (stencils.c, compiled by clang at build time) and the engine that copies them agree on.
 *
 * All stencils have one signature and reach each other by jumps: on x86-64, preserve_none keeps the arguments in r12 to r15, rdi,
 * rsi, rdx, rcx, r8 and r9, the first four of which survive calls of C functions. Four guest registers, chosen by the frontend, live
 * there (pins); all others are in struct vcpu. icount already counts the whole running block: its first stencil adds it. near_tlb and near_mask
 * repeat the table of the mode's near half (MODE_NEAR_HALF), which only C changes.
 *
 * acc repeats the slot that was last written to struct vcpu, so that what is computed from it need not wait for the store to be read back
 * (about seven cycles). facc (xmm0) does the same for what floating point has written. Which slots these are is known where stencils are
 * copied; at a block's beginning they are none.
 */
#pragma once
#include "frontends/frontend.h"
#include "runtime/process.h"

#define STENCIL_PINS FRONTEND_PINNED
/* Operand places: 0 in struct vcpu, 1 to STENCIL_PINS in a pin, PLACE_ACC in acc or facc (a result: in
 * struct vcpu too) */
#define PLACE_ACC (STENCIL_PINS + 1)
#define STENCIL_PLACES (STENCIL_PINS + 2)

#define STENCIL_ARGS struct vcpu *cpu, uint64_t icount, uint64_t pin1, uint64_t pin2, \
	uint64_t pin3, uint64_t pin4, uint64_t acc, uint64_t site, char *near_tlb, uint64_t near_mask, double facc

/* What stencils find behind cpu->exec: no address of the process is in their code. */
struct stencil_calls {
	/* Does what generated code cannot; returns where to go on. site names the place (struct stencil_site), 0: look up cpu->pc. */
	const void *(*service)(struct vcpu *cpu, uint64_t site);
	uint64_t (*softfp_run)(struct vcpu *cpu, int op, uint64_t a, uint64_t b, uint64_t c);
	const struct helper *helpers;
	uint64_t acc;		/* what acc and facc are to be when service has returned */
	double facc;
	/* For regions (backend/llvm) */
	uint64_t entry_sp;	/* the stack pointer with which regions leave */
	uint64_t in_region;	/* set when a region is left for the run loop */
	/* Machine code: keeps all registers but r11 and rax and calls `execute`, which is told a micro-op of the code cache, as is `fault`. */
	const void *slow;
	/* Machine code: goes on at cpu->pc. */
	const void *lookup;
	/* Executes a memory access in C; false: the state is that of its fault, and generated code is to be left. */
	bool (*execute)(struct vcpu *cpu, const struct uop *u);
	/* Makes the state that of the fault of a micro-op that has left cpu->exception pending. */
	void (*fault)(struct vcpu *cpu, const struct uop *u);
	/* Makes the state that of the poll whose call returns to `at`, and returns where to go on with entry_sp. */
	const void *(*tripped)(struct vcpu *cpu, const struct host_registers *r, const char *at);
};

/*
 * Holes. The first group are numbers, 32 bits and sign-extended; the second are jump targets.
 * HOLE(name, "what goes there")
 */
#define STENCIL_NUMBERS(HOLE) \
	HOLE(d, "offset of slot d in struct vcpu") \
	HOLE(a, "of slot a") \
	HOLE(b, "of slot b") \
	HOLE(c, "of slot c") \
	HOLE(imm, "the immediate") \
	HOLE(helper, "offset in the table of helpers") \
	HOLE(count, "instructions in the block") \
	HOLE(target, "of an exit, relative to SLOT_PAGE") \
	HOLE(site, "what service is told") \
	HOLE(pin1, "offset in struct vcpu of the slot that pin1 holds") \
	HOLE(pin2, "of pin2") \
	HOLE(pin3, "of pin3") \
	HOLE(pin4, "of pin4")
#define STENCIL_TARGETS(HOLE) \
	HOLE(next, "the following stencil") \
	HOLE(taken, "exit 0") \
	HOLE(not_taken, "exit 1") \
	HOLE(miss, "the inline TLB look-up failed: the micro-op is to be executed in C") \
	HOLE(fault, "cpu->exception is pending") \
	HOLE(service, "the routine that calls service") \
	HOLE(lookup, "the routine that looks up cpu->pc") \
	HOLE(leave, "the routine that leaves generated code")

enum stencil_hole {
#define HOLE(name, what) HOLE_##name,
	STENCIL_NUMBERS(HOLE)
	STENCIL_TARGETS(HOLE)
#undef HOLE
	HOLE_KINDS,
	/* other forms of hole_imm, which extract.c tells apart */
	HOLE_imm_byte = HOLE_KINDS,	/* its low eight bits */
	HOLE_imm_lea,			/* the displacement of a lea from one register to another: 0 makes that a move */
};

/*
 * How extract.c writes a stencil: this, the holes, those of numbers first, and the code, all in one place so that a copy misses the host's
 * caches once. A stencil's number is its offset in the table in units of STENCIL_UNIT bytes; 0 is none.
 */
struct hole { uint16_t offset; uint8_t kind; int8_t addend; };
struct stencil {
	uint16_t len;
	uint8_t n_numbers, n_targets;
	uint8_t d;		/* the place of its result */
	uint8_t starts;		/* bit n: it may begin at n modulo 8, so that no displacement of an exit crosses an aligned quadword */
	struct hole hole[];
};
#define STENCIL_UNIT 8
/* Each has this many holes for numbers: those that it has no use for lie behind its code. */
#define STENCIL_MIN_NUMBERS 2
/* Code is copied in pieces of this size, up to one of which follows what is written, and the table. */
#define STENCIL_PIECE 64

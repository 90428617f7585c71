/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random programs with everything that blocks alone do not show: loops in loops, branches, calls through registers, loads and stores that cross pages or
 * fault, atomics, floating point, code that changes, clocks, a device, and a timer whose interrupts fall anywhere. An M-mode handler skips what
 * faults, takes pages away and gives them back; the program itself runs in S- or U-mode under Sv39.
 */
#pragma once
#include "tests/riscv/user/rng.h"

enum {
	PROGRAM_BASE = 0x80000000u,		/* handler and entry (M-mode), then the program; mapped to themselves */
	PROGRAM_SIZE = 1 << 23,
	PROGRAM_TABLES = PROGRAM_BASE + 0x100000,
	PROGRAM_SAVED = PROGRAM_BASE + 0x110000,	/* what the handler keeps */
	PROGRAM_STACK = PROGRAM_BASE + 0x130000,	/* its end */
	PROGRAM_FRAMES = PROGRAM_BASE + 0x200000,	/* physical pages behind the data */
	PROGRAM_DATA = 0x40000000,		/* virtual, and once more at the top of the address space */
	PROGRAM_PAGES = 48,
	PROGRAM_DEVICE = 0x100000,		/* a store to +0 ends the run; loads give anything; stores to +8 are for tests */
};

#define PTE_LEAF 0xcfu		/* V R W X A D */
#define PTE_W 4u
#define PTE_X 8u
#define PTE_U 0x10u

struct program {
	uint8_t *image;		/* PROGRAM_SIZE bytes for PROGRAM_BASE; the caller's */
	uint32_t at;		/* offset of what comes next */
	struct rng rng;
	unsigned depth;		/* loops around the present place */
	uint32_t function[4];	/* where those stand that may be called */
	unsigned n_functions;
	bool reserves_d;	/* all LR and SC are of one size: whether a reservation serves the other is free */
	uint32_t text_alias;	/* how far above itself text is writable, in whole pages; 0: where it is executed */
	bool user;		/* U-mode, or else S-mode */
	/* Writes an item of a kind that only this machine has, in which clocks and the device fault; NULL: none. */
	void (*more)(struct program *p);
};

/* Writes a program that the seed names. */
#define PROGRAM_EACH 0	/* the seed of the one that is not random: every instruction on edge values, in S-mode */
void program_generate(struct program *p, uint64_t seed);

/* ---- of PROGRAM_EACH ---- */
/* Writes what is between its beginning and its end. */
void program_each(struct program *p);
/* Whether it has the instruction: those are left out that leave the mode (mret, which the handler has; sret; ecall, which is its end) or are reserved. */
struct insn_pattern;
bool program_each_has(const struct insn_pattern *i);

/* ---- for programs of tests' own ---- */
/* Handler, tables, and the way to the program at program_begin's end; S-mode unless user. */
void program_begin(struct program *p, bool user);
void program_put(struct program *p, uint32_t insn);
/* rd = a 32-bit constant, sign-extended. */
void program_li(struct program *p, unsigned rd, uint32_t value);
/* The end: tells the device. */
void program_end(struct program *p);

/* ---- for machines of tests' own, which define program_begin and program_end ---- */
/* Entries of the data's pages: their frames are permuted, no page is executable, and some lack a right or are not there. */
void program_map_data(struct program *p, uint64_t pte[PROGRAM_PAGES], uint64_t frames);

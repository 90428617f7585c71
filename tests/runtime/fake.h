/* SPDX-License-Identifier: Apache-2.0 */
/* A machine whose "architecture" is one table in the test: virtual page to leaf. */
#pragma once
#include "runtime/machine.h"

#define FAKE_RAM 0x80000000u
#define FAKE_RAM_SIZE (4u << 20)
#define FAKE_MMIO 0x10000000u
#define FAKE_WATCHED 0x90000000u	/* a page of RAM whose stores are counted */
#define FAKE_PAGES 512

/* Causes that the fake architecture raises */
enum { FAKE_PAGE_FAULT = 100, FAKE_ACCESS_FAULT = 200, FAKE_MISALIGNED = 300 };

struct fake_page { uint64_t va, pa; unsigned prot, size_bits; bool global, valid, clean; };	/* clean: a store has yet to set D */

struct fake {
	struct machine m;
	struct fake_page page[FAKE_PAGES];	/* of the current address space */
	unsigned n_pages, walks, probes;
	uint64_t mmio[16];
	unsigned watched;			/* stores to FAKE_WATCHED */
	unsigned invalidated;			/* calls of exec->invalidate */
	_Atomic uint64_t runs;
	_Atomic bool work;			/* what has_work answers */
	void (*helper)(struct vcpu *cpu);	/* called in the midst of each block; NULL: none */
};

void fake_init(struct fake *f, unsigned n_vcpus);
void fake_destroy(struct fake *f);
void fake_map(struct fake *f, uint64_t va, uint64_t pa, unsigned prot, unsigned size_bits, bool global);
struct fake_page *fake_find(struct fake *f, uint64_t va);

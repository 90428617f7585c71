/* SPDX-License-Identifier: Apache-2.0 */
/* A fake machine with direct windows, and accesses to them as optimised code makes them. */
#pragma once
#include "runtime/process.h"
#include "runtime/window.h"
#include "tests/runtime/fake.h"

enum { RW = MMU_PROT_R | MMU_PROT_W };
#define KERNEL 0xffffffff80000000u

extern struct fake f;
extern struct vcpu *cpu;		/* the machine's first */
extern unsigned faults, left;		/* of accesses; accesses that were not done */

/* The fixture of a test case: one vCPU, in context 1. */
void windowed_setup(void);
void windowed_teardown(void);
/* The same with several. */
void windowed_start(unsigned n_vcpus);

void flush_all(void);
void flush_at(uint64_t va);
uint8_t *ram(uint64_t offset);
struct phys_page *ram_page(uint64_t offset);
struct mmu_stats stats(void);

/* Where the window of its segment has the address. */
uint64_t host_of(uint64_t va);
/* The segment of the address has no window. */
bool poisoned(uint64_t va);
/* Whether the access was done: through the window alone, */
bool direct_load(uint64_t va, unsigned size, uint64_t *v);
bool direct_store(uint64_t va, unsigned size, uint64_t v);
/* with a first touch of the segment, whose address is known, */
bool load(uint64_t va, unsigned size, uint64_t *v);
bool store(uint64_t va, unsigned size, uint64_t v);
/* or the test has failed. */
uint64_t must_load(uint64_t va);
void must_store(uint64_t va, uint64_t v);
/* Whether the page is mapped, without filling it: what a fault tells. */
bool maps(uint64_t va, bool write);

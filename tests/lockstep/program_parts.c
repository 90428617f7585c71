// SPDX-License-Identifier: Apache-2.0
/* What every program is made with, whatever machine it is for. */
#include <string.h>
#include "tests/lockstep/program.h"
#include "tests/riscv/user/asm.h"

void program_put(struct program *p, uint32_t insn)
{
	memcpy(p->image + p->at, &insn, sizeof insn);
	p->at += 4;
}

void program_li(struct program *p, unsigned rd, uint32_t value)
{
	program_put(p, asm_lui(rd, value));
	program_put(p, asm_i(0x1b, 0, rd, rd, asm_lo(value)));	/* addiw */
}

/* V, W, A and D are what a page may lack. */
void program_map_data(struct program *p, uint64_t pte[PROGRAM_PAGES], uint64_t frames)
{
	unsigned rights = PTE_LEAF | (p->user ? PTE_U : 0);
	for (unsigned i = 0; i < PROGRAM_PAGES; i++) {
		uint64_t frame = frames + (uint64_t)(i * 29 % PROGRAM_PAGES) * PAGE_SIZE;
		unsigned taken = rng_below(&p->rng, 8) ? 0 : 1u << rng_below(&p->rng, 8) & (1 | 4 | 0x40 | 0x80);
		pte[i] = frame >> 2 | (rights & ~PTE_X & ~taken);
	}
}

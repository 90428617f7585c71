/* SPDX-License-Identifier: Apache-2.0 */
/* A random cycle through 8 MiB, a load a step: the cost of a data access that no cache and no small TLB holds */
#include "bench.h"

#define COUNT (1 << 20)

static uint32_t next[COUNT * 2];

static void setup(void)
{
	uint64_t seed = 17;
	uint32_t i;

	/* Sattolo: one cycle through all; a cell is 8 bytes */
	for (i = 0; i < COUNT; i++)
		next[2 * i] = i;
	for (i = COUNT - 1; i > 0; i--) {
		uint32_t j = bench_random(&seed) % i, t = next[2 * i];

		next[2 * i] = next[2 * j];
		next[2 * j] = t;
	}
}

static uint64_t bench(unsigned rounds)
{
	uint32_t i, at = 0;

	while (rounds--)
		for (i = 0; i < 65521; i++)
			at = next[2 * at];
	return at;
}

BENCH_SETUP("chase", 80, setup)

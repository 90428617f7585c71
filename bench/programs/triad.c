/* SPDX-License-Identifier: Apache-2.0 */
/* a = b + s c over 24 MiB of integers: streams of loads and stores */
#include "bench.h"

#define N (1 << 20)

/* apart by an odd number of pages, or a direct-mapped TLB would hold but one of the three */
static uint64_t a[N + 512 * 5], b[N + 512 * 5], c[N + 512 * 5];

static void setup(void)
{
	unsigned i;

	for (i = 0; i < N; i++) {
		b[i] = i & 1023;
		c[i] = 1024 - (i & 511);
		a[i] = 0;
	}
}

static uint64_t bench(unsigned rounds)
{
	uint64_t sum = 0;
	unsigned i;

	while (rounds--) {
		for (i = 0; i < N; i++)
			a[i] = b[i] + 5 * c[i];
		sum = bench_mix(sum, a[(rounds * 7919) % N]);
		b[rounds % N] += 1;
	}
	return sum;
}

BENCH_SETUP("triad", 150, setup)

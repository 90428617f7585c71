/* SPDX-License-Identifier: Apache-2.0 */
/* The sieve of Eratosthenes, a byte a number: short loops of stores */
#include "bench.h"

#define LIMIT 500000

static uint8_t composite[LIMIT];

static uint64_t bench(unsigned rounds)
{
	uint64_t sum = 0;
	unsigned i, j;

	while (rounds--) {
		unsigned primes = 0;

		memset(composite, 0, sizeof(composite));
		for (i = 2; i < LIMIT; i++) {
			if (composite[i])
				continue;
			primes++;
			for (j = i + i; j < LIMIT; j += i)
				composite[j] = 1;
		}
		sum = bench_mix(sum, primes);
	}
	return sum;
}

BENCH("sieve", 120)

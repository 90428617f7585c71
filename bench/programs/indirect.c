/* SPDX-License-Identifier: Apache-2.0 */
/* Calls through a table of functions in an order that no predictor knows */
#include "bench.h"

#define F(n, expression)                                                                                               \
	static __attribute__((noinline)) uint64_t f##n(uint64_t x)                                                     \
	{                                                                                                              \
		return expression;                                                                                     \
	}
F(0, x + 1)
F(1, x * 3)
F(2, x ^ 0x55)
F(3, x >> 1 | x << 63)
F(4, x - 7)
F(5, ~x)
F(6, x + (x << 4))
F(7, x ^ x >> 9)

static uint64_t (*const table[])(uint64_t) = { f0, f1, f2, f3, f4, f5, f6, f7 };

static uint64_t bench(unsigned rounds)
{
	uint64_t seed = 23, x = 0;
	unsigned i;

	while (rounds--) {
		uint64_t order = bench_random(&seed);

		for (i = 0; i < 21; i++, order >>= 3)
			x = table[order & 7](x);
	}
	return x;
}

BENCH("indirect", 2000000)

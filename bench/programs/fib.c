/* SPDX-License-Identifier: Apache-2.0 */
/* The Fibonacci numbers by recursion: calls and returns */
#include "bench.h"

static __attribute__((noinline, noclone, optimize("no-optimize-sibling-calls"))) uint64_t fib(unsigned n)
{
	return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

static uint64_t bench(unsigned rounds)
{
	uint64_t sum = 0;
	volatile unsigned n = 27;

	while (rounds--)
		sum = bench_mix(sum, fib(n));
	return sum;
}

BENCH("fib", 200)

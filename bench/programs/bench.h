/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The frame of a benchmark: a program defines bench(n), which does n rounds of its work and returns a checksum, and says
 * BENCH(name, rounds). It is run as `name [scale]`, times itself and prints "name seconds checksum". The checksum must
 * be the same on every machine: no addresses, no time, and of floating point only what IEEE 754 fixes.
 */
#ifndef BENCH_H
#define BENCH_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static uint64_t bench(unsigned rounds);

#define BENCH(name, rounds) BENCH_SETUP(name, rounds, NULL)

/* setup() runs once, outside the measured time */
#define BENCH_SETUP(name, rounds, setup)                                                                               \
	int main(int argc, char **argv)                                                                                \
	{                                                                                                              \
		return bench_main(name, rounds, setup, argc, argv);                                                    \
	}

static inline double bench_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

static inline int bench_main(const char *name, unsigned rounds, void (*setup)(void), int argc,
	char **argv)
{
	double scale = argc > 1 ? atof(argv[1]) : 1, n = rounds * scale, start;
	uint64_t sum;

	if (setup)
		setup();
	start = bench_now();
	sum = bench(n < 1 ? 1 : (unsigned)n);
	printf("%s %.6f %016" PRIx64 "\n", name, bench_now() - start, sum);
	return 0;
}

/* xorshift64*: the same numbers everywhere */
static inline uint64_t bench_random(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1d;
}

static inline uint64_t bench_mix(uint64_t sum, uint64_t value)
{
	sum = (sum ^ value) * 0x9e3779b97f4a7c15;
	return sum ^ sum >> 29;
}

static inline uint64_t bench_mix_double(uint64_t sum, double value)
{
	uint64_t bits;

	memcpy(&bits, &value, sizeof(bits));
	return bench_mix(sum, bits);
}

static inline void bench_fail(const char *what)
{
	perror(what);
	exit(1);
}

#endif

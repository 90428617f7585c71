/* SPDX-License-Identifier: Apache-2.0 */
/* Reproducible random numbers for tests (xorshift64*). CALQUE_TEST_SEED changes the seed, CALQUE_TEST_CASES the number of cases. */
#pragma once
#include <stdint.h>
#include <stdlib.h>

static uint64_t random_state = 0x9e3779b97f4a7c15;

static inline uint64_t random_next(void)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return random_state * 0x2545f4914f6cdd1d;
}

static inline unsigned random_below(unsigned n)
{
	return (unsigned)((random_next() >> 32) * n >> 32);
}

static inline void random_init(void)
{
	const char *seed = getenv("CALQUE_TEST_SEED");

	if (seed)
		random_state ^= strtoull(seed, NULL, 0) * 0x9e3779b97f4a7c15;
	if (!random_state)
		random_state = 1;
}

static inline unsigned long random_cases(unsigned long usual)
{
	const char *cases = getenv("CALQUE_TEST_CASES");

	return cases ? strtoul(cases, NULL, 0) : usual;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Two threads that compute, each for itself */
#include "bench.h"
#include <pthread.h>

static unsigned turns;

static void *work(void *arg)
{
	uint64_t *result = arg, sum = *result;
	unsigned i, k;

	for (i = 0; i < turns; i++)
		for (k = 0; k < 1000; k++)
			sum = bench_mix(sum, k + i);
	*result = sum;
	return NULL;
}

static uint64_t bench(unsigned rounds)
{
	uint64_t result[2][16] = { { 1 }, { 2 } };
	pthread_t thread;

	turns = rounds;
	if (pthread_create(&thread, NULL, work, result[1]))
		bench_fail("pthread_create");
	work(result[0]);
	pthread_join(thread, NULL);
	return bench_mix(result[0][0], result[1][0]);
}

BENCH("threads", 150000)

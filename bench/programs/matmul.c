/* SPDX-License-Identifier: Apache-2.0 */
/* A product of integer matrices */
#include "bench.h"

#define N 160

static int32_t a[N][N], b[N][N], c[N][N];

static void setup(void)
{
	uint64_t seed = 5;
	unsigned i, j;

	for (i = 0; i < N; i++)
		for (j = 0; j < N; j++) {
			a[i][j] = bench_random(&seed) % 1000;
			b[i][j] = bench_random(&seed) % 1000;
		}
}

static uint64_t bench(unsigned rounds)
{
	uint64_t sum = 0;
	unsigned i, j, k;

	while (rounds--) {
		for (i = 0; i < N; i++)
			for (j = 0; j < N; j++) {
				int32_t s = 0;

				for (k = 0; k < N; k++)
					s += a[i][k] * b[k][j];
				c[i][j] = s;
			}
		for (i = 0; i < N; i++)
			sum = bench_mix(sum, c[i][(i * 7) % N]);
		a[rounds % N][3] += 1;
	}
	return sum;
}

BENCH_SETUP("matmul", 160, setup)

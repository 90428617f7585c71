/* SPDX-License-Identifier: Apache-2.0 */
/* A linear system solved by elimination with pivoting: double precision over rows of memory */
#include "bench.h"
#include <math.h>

#define N 160

static double a[N][N + 1];

static uint64_t bench(unsigned rounds)
{
	uint64_t seed = 11, sum = 0;
	int i, j, k;

	while (rounds--) {
		for (i = 0; i < N; i++)
			for (j = 0; j <= N; j++)
				a[i][j] = (double)(bench_random(&seed) >> 40) / (1 << 24) - 0.5;
		for (k = 0; k < N; k++) {
			int best = k;

			for (i = k + 1; i < N; i++)
				if (fabs(a[i][k]) > fabs(a[best][k]))
					best = i;
			for (j = k; best != k && j <= N; j++) {
				double t = a[k][j];

				a[k][j] = a[best][j];
				a[best][j] = t;
			}
			for (i = k + 1; i < N; i++) {
				double f = a[i][k] / a[k][k];

				for (j = k; j <= N; j++)
					a[i][j] -= f * a[k][j];
			}
		}
		for (i = N - 1; i >= 0; i--) {
			for (j = i + 1; j < N; j++)
				a[i][N] -= a[i][j] * a[j][N];
			a[i][N] /= a[i][i];
			sum = bench_mix_double(sum, a[i][N]);
		}
	}
	return sum;
}

BENCH("linpack", 150)

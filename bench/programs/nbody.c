/* SPDX-License-Identifier: Apache-2.0 */
/* Five bodies under gravity: double precision with square roots and divisions */
#include "bench.h"
#include <math.h>

static double p[5][3] = { { 0, 0, 0 }, { 4.84, -1.16, -0.10 }, { 8.34, 4.12, -0.40 }, { 12.89, -15.11, -0.22 },
	{ 15.37, -25.9, 0.179 } };
static double v[5][3] = { { 0, 0, 0 }, { 0.606, 2.81, -0.02 }, { -1.01, 1.82, 0.008 }, { 1.08, 0.868, -0.01 },
	{ 0.979, 0.594, -0.034 } };
static const double m[5] = { 39.47, 0.0376, 0.0112, 0.00172, 0.00203 };

static uint64_t bench(unsigned rounds)
{
	const double dt = 0.001;
	uint64_t sum = 0;
	unsigned i, j, k;

	while (rounds--) {
		for (i = 0; i < 5; i++)
			for (j = i + 1; j < 5; j++) {
				double d[3], square = 0, f;

				for (k = 0; k < 3; k++) {
					d[k] = p[i][k] - p[j][k];
					square += d[k] * d[k];
				}
				f = dt / (square * sqrt(square));
				for (k = 0; k < 3; k++) {
					v[i][k] -= d[k] * m[j] * f;
					v[j][k] += d[k] * m[i] * f;
				}
			}
		for (i = 0; i < 5; i++)
			for (k = 0; k < 3; k++)
				p[i][k] += dt * v[i][k];
	}
	for (i = 0; i < 5; i++)
		sum = bench_mix_double(bench_mix_double(sum, p[i][0]), v[i][1]);
	return sum;
}

BENCH("nbody", 1600000)

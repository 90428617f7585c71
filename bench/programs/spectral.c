/* SPDX-License-Identifier: Apache-2.0 */
/* The spectral norm of a matrix given by a formula: divisions, conversions from integers */
#include "bench.h"
#include <math.h>

#define N 200

static double u[N], v[N], w[N];

static double element(unsigned i, unsigned j)
{
	return 1.0 / ((i + j) * (i + j + 1) / 2 + i + 1);
}

static void multiply(const double *in, double *out, int transposed)
{
	unsigned i, j;

	for (i = 0; i < N; i++) {
		double s = 0;

		for (j = 0; j < N; j++)
			s += (transposed ? element(j, i) : element(i, j)) * in[j];
		out[i] = s;
	}
}

static uint64_t bench(unsigned rounds)
{
	double uv = 0, vv = 0;
	unsigned i;

	for (i = 0; i < N; i++)
		u[i] = 1;
	while (rounds--) {
		/* before the numbers outgrow a double */
		for (i = 0; rounds % 16 == 0 && i < N; i++)
			u[i] = 1;
		multiply(u, w, 0);
		multiply(w, v, 1);
		multiply(v, w, 0);
		multiply(w, u, 1);
	}
	for (i = 0; i < N; i++) {
		uv += u[i] * v[i];
		vv += v[i] * v[i];
	}
	return bench_mix_double(0, sqrt(uv / vv));
}

BENCH("spectral", 500)

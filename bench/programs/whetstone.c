/* SPDX-License-Identifier: Apache-2.0 */
/* In the manner of Whetstone: mixed scalar arithmetic through calls, own sine and exponential (no libm) */
#include "bench.h"
#include <math.h>

static double sine(double x)
{
	double square = x * x, term = x, s = x;
	int i;

	for (i = 3; i < 15; i += 2) {
		term *= -square / (i * (i - 1));
		s += term;
	}
	return s;
}

static double exponential(double x)
{
	double term = 1, s = 1;
	int i;

	for (i = 1; i < 14; i++) {
		term *= x / i;
		s += term;
	}
	return s;
}

static __attribute__((noinline)) void rotate(double *e)
{
	const double t = 0.499975;

	e[0] = (e[0] + e[1] + e[2] - e[3]) * t;
	e[1] = (e[0] + e[1] - e[2] + e[3]) * t;
	e[2] = (e[0] - e[1] + e[2] + e[3]) * t;
	e[3] = (-e[0] + e[1] + e[2] + e[3]) / 2.0;
}

static uint64_t bench(unsigned rounds)
{
	double e[4] = { 1, -1, -1, -1 }, x = 0.5, y = 0.5;
	float f = 1;
	uint64_t sum = 0;
	int i, n = 4;

	while (rounds--) {
		for (i = 0; i < 10; i++)
			rotate(e);
		for (i = 0; i < 3; i++) {
			x = 0.5 * sine(x + y) + 0.25;
			y = 0.5 * sine(x - y) + 0.25;
		}
		x = sqrt(exponential(x) / 2.5);
		f = f * 0.75f + (float)x;
		n = (int)(f * 3) + (n & 7);
		e[n & 3] += n * 1e-3;
	}
	for (i = 0; i < 4; i++)
		sum = bench_mix_double(sum, e[i]);
	return bench_mix_double(bench_mix(sum, n), x + y + f);
}

BENCH("whetstone", 500000)

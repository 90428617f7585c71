/* SPDX-License-Identifier: Apache-2.0 */
/* The Mandelbrot set: double precision multiplications, additions and compares */
#include "bench.h"

static uint64_t bench(unsigned rounds)
{
	uint64_t sum = 0;
	int x, y, i;

	while (rounds--)
		for (y = 0; y < 128; y++)
			for (x = 0; x < 128; x++) {
				double cr = x * (3.0 / 128) - 2.25, ci = y * (2.5 / 128) - 1.25, r = 0, q = 0;

				for (i = 0; i < 200 && r * r + q * q < 4; i++) {
					double t = r * r - q * q + cr;

					q = 2 * r * q + ci;
					r = t;
				}
				sum = bench_mix(sum, i);
			}
	return sum;
}

BENCH("mandelbrot", 60)

/* SPDX-License-Identifier: Apache-2.0 */
/* A fast Fourier transform in single precision, there and back */
#include "bench.h"
#include <math.h>

#define BITS 12
#define N (1 << BITS)

static float re[N], im[N], cosine[N / 2], sine[N / 2];

static void transform(int sign)
{
	unsigned i, j, k, half;

	for (i = 1, j = 0; i < N; i++) {
		for (k = N >> 1; j & k; k >>= 1)
			j ^= k;
		j ^= k;
		if (i < j) {
			float t = re[i];

			re[i] = re[j], re[j] = t;
			t = im[i], im[i] = im[j], im[j] = t;
		}
	}
	for (half = 1; half < N; half *= 2)
		for (i = 0; i < N; i += 2 * half)
			for (k = 0; k < half; k++) {
				float c = cosine[k * (N / 2 / half)], s = sign * sine[k * (N / 2 / half)];
				float *ar = &re[i + k], *ai = &im[i + k], *br = ar + half, *bi = ai + half;
				float tr = *br * c - *bi * s, ti = *br * s + *bi * c;

				*br = *ar - tr;
				*bi = *ai - ti;
				*ar += tr;
				*ai += ti;
			}
}

static void setup(void)
{
	/* the twiddle factors by halving the angle, as libm's last bits are not the same everywhere */
	double c[BITS], s[BITS];
	uint64_t seed = 13;
	unsigned i, k;

	c[0] = -1, s[0] = 0;
	c[1] = 0, s[1] = 1;
	for (i = 2; i < BITS; i++) {
		c[i] = sqrt((1 + c[i - 1]) / 2);
		s[i] = s[i - 1] / (2 * c[i]);
	}
	for (i = 0; i < N / 2; i++) {
		double x = 1, y = 0;

		for (k = 0; k < BITS - 1; k++)
			if (i & 1u << k) {
				double t = x * c[BITS - 1 - k] - y * s[BITS - 1 - k];

				y = x * s[BITS - 1 - k] + y * c[BITS - 1 - k];
				x = t;
			}
		cosine[i] = x;
		sine[i] = -y;
	}
	for (i = 0; i < N; i++)
		re[i] = (float)(bench_random(&seed) >> 48) / 65536 - 0.5f;
}

static uint64_t bench(unsigned rounds)
{
	uint64_t sum = 0;
	unsigned i;

	while (rounds--) {
		transform(1);
		transform(-1);
		for (i = 0; i < N; i++) {
			re[i] /= N;
			im[i] /= N;
		}
	}
	for (i = 0; i < N; i += 31)
		sum = bench_mix_double(sum, re[i]);
	return sum;
}

BENCH_SETUP("fft", 1400, setup)

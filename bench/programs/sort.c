/* SPDX-License-Identifier: Apache-2.0 */
/* Quicksort of random words, insertion sort for the short pieces: branches that no predictor knows */
#include "bench.h"

#define COUNT 100000

static uint32_t data[COUNT];

static void sort(uint32_t *a, long n)
{
	long i, j;

	while (n > 16) {
		uint32_t x = a[0], y = a[n / 2], z = a[n - 1], t;
		uint32_t pivot = x < y ? (y < z ? y : x < z ? z : x) : (x < z ? x : y < z ? z : y);

		for (i = 0, j = n - 1;; i++, j--) {
			while (a[i] < pivot)
				i++;
			while (a[j] > pivot)
				j--;
			if (i >= j)
				break;
			t = a[i], a[i] = a[j], a[j] = t;
		}
		sort(a, j + 1);
		a += j + 1;
		n -= j + 1;
	}
	for (i = 1; i < n; i++) {
		uint32_t x = a[i];

		for (j = i; j > 0 && a[j - 1] > x; j--)
			a[j] = a[j - 1];
		a[j] = x;
	}
}

static uint64_t bench(unsigned rounds)
{
	uint64_t seed = 7, sum = 0;
	long i;

	while (rounds--) {
		for (i = 0; i < COUNT; i++)
			data[i] = bench_random(&seed);
		sort(data, COUNT);
		for (i = 0; i < COUNT; i += 97)
			sum = bench_mix(sum, data[i]);
	}
	return sum;
}

BENCH("sort", 40)

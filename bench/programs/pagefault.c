/* SPDX-License-Identifier: Apache-2.0 */
/* Fresh pages touched and given back: page faults, and the page table's upkeep */
#include "bench.h"
#include <sys/mman.h>

#define SIZE (8 << 20)

static uint64_t bench(unsigned rounds)
{
	uint64_t sum = 0;
	long i;

	while (rounds--) {
		volatile uint8_t *m = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (m == MAP_FAILED)
			bench_fail("mmap");
		/* small pages, whatever the host's policy: a huge one would be one fault */
		madvise((void *)m, SIZE, MADV_NOHUGEPAGE);
		for (i = 0; i < SIZE; i += 4096)
			m[i] = 1;
		for (i = 0; i < SIZE; i += 4096)
			sum += m[i];
		munmap((void *)m, SIZE);
	}
	return sum;
}

BENCH("pagefault", 80)

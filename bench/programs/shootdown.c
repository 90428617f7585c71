/* SPDX-License-Identifier: Apache-2.0 */
/* Rights changed and pages unmapped in one thread while another reads: each change must reach the other processor's TLB */
#include "bench.h"
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>

#define PAGES 16
#define SIZE (PAGES * 4096)

static atomic_uint done;
static volatile uint8_t *steady;

static void *reader(void *arg)
{
	uint64_t sum = 0;
	unsigned i;

	while (!atomic_load_explicit(&done, memory_order_relaxed))
		for (i = 0; i < SIZE; i += 4096)
			sum += steady[i];
	*(uint64_t *)arg = sum;
	return NULL;
}

static volatile uint8_t *map(void)
{
	volatile uint8_t *m = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (m == MAP_FAILED)
		bench_fail("mmap");
	return m;
}

static uint64_t bench(unsigned rounds)
{
	uint64_t sum = 0, ignored;
	pthread_t thread;
	unsigned i, k;

	steady = map();
	for (i = 0; i < SIZE; i += 4096)
		steady[i] = 1;
	if (pthread_create(&thread, NULL, reader, &ignored))
		bench_fail("pthread_create");
	for (k = 0; k < rounds; k++) {
		volatile uint8_t *m = map();

		for (i = 0; i < SIZE; i += 4096)
			m[i] = k;
		/* what the other thread reads loses and regains its right to be written */
		if (mprotect((void *)steady, SIZE, PROT_READ) || mprotect((void *)steady, SIZE, PROT_READ | PROT_WRITE))
			bench_fail("mprotect");
		for (i = 0; i < SIZE; i += 4096) {
			steady[i] = 1;
			sum += m[i];
		}
		munmap((void *)m, SIZE);
	}
	atomic_store(&done, 1);
	pthread_join(thread, NULL);
	return sum;
}

BENCH("shootdown", 2500)

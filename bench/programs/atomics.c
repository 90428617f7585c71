/* SPDX-License-Identifier: Apache-2.0 */
/* Two threads at one word: fetch-and-add, and a lock taken by compare-and-exchange */
#include "bench.h"
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

static unsigned turns;
static _Alignas(64) atomic_ulong counter;
static _Alignas(64) atomic_uint lock;
static _Alignas(64) uint64_t guarded;

static void *work(void *arg)
{
	unsigned i;

	for (i = 0; i < turns; i++) {
		unsigned free = 0, tries = 0;

		atomic_fetch_add(&counter, i);
		while (!atomic_compare_exchange_weak(&lock, &free, 1)) {
			free = 0;
			if (++tries % 64 == 0)
				sched_yield();
		}
		guarded += i & 3;
		atomic_store_explicit(&lock, 0, memory_order_release);
	}
	return NULL;
}

static uint64_t bench(unsigned rounds)
{
	pthread_t thread;

	turns = rounds;
	if (pthread_create(&thread, NULL, work, NULL))
		bench_fail("pthread_create");
	work(NULL);
	pthread_join(thread, NULL);
	return bench_mix(counter, guarded);
}

BENCH("atomics", 3000000)

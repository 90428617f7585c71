/* SPDX-License-Identifier: Apache-2.0 */
/* A hash table of strings: hashing, comparing, following chains */
#include "bench.h"

#define WORDS 20000
#define BUCKETS 16384

struct entry {
	struct entry *next;
	uint32_t hash, count;
	char name[24];
};

static struct entry pool[WORDS], *buckets[BUCKETS];
static unsigned used;

static struct entry *find(const char *name)
{
	uint32_t hash = 2166136261;
	const char *p;
	struct entry *e;

	for (p = name; *p; p++)
		hash = (hash ^ (uint8_t)*p) * 16777619;
	for (e = buckets[hash % BUCKETS]; e; e = e->next)
		if (e->hash == hash && !strcmp(e->name, name))
			return e;
	e = &pool[used++];
	e->hash = hash;
	e->count = 0;
	strcpy(e->name, name);
	e->next = buckets[hash % BUCKETS];
	return buckets[hash % BUCKETS] = e;
}

static uint64_t bench(unsigned rounds)
{
	uint64_t sum = 0;
	unsigned i, k;

	while (rounds--) {
		uint64_t seed = 99;

		used = 0;
		memset(buckets, 0, sizeof(buckets));
		for (i = 0; i < 4 * WORDS; i++) {
			uint64_t number = bench_random(&seed) % WORDS * 7919;
			char name[24];

			for (k = 0; number || !k; number /= 13)
				name[k++] = 'a' + number % 13;
			name[k] = 0;
			find(name)->count += i;
		}
		for (i = 0; i < used; i++)
			sum = bench_mix(sum, pool[i].count);
	}
	return sum;
}

BENCH("hash", 40)

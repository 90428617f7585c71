/* SPDX-License-Identifier: Apache-2.0 */
/* Compression by back references found through a hash, and its undoing */
#include "bench.h"

#define SIZE (1 << 18)
#define HASH 4096

static uint8_t text[SIZE], packed[SIZE * 2], back[SIZE];
static int32_t head[HASH];

static void setup(void)
{
	static const char *const words[] = { "the ", "guest ", "reads ", "a ", "page ", "that ", "no ", "host ", "wrote, ",
		"and ", "so ", "it ", "faults. " };
	uint64_t seed = 3;
	unsigned at = 0;

	while (at < SIZE) {
		const char *w = words[bench_random(&seed) % (sizeof(words) / sizeof(words[0]))];

		while (*w && at < SIZE)
			text[at++] = *w++;
	}
}

/* a zero and a byte stand for the byte; a length and a distance for a copy */
static unsigned compress(void)
{
	unsigned at = 0, out = 0;

	memset(head, 0xff, sizeof(head));
	while (at < SIZE) {
		unsigned length = 0, hash;
		int32_t from = -1;

		if (at + 3 < SIZE) {
			hash = (text[at] << 16 ^ text[at + 1] << 8 ^ text[at + 2]) * 2654435761u >> 20;
			from = head[hash];
			head[hash] = at;
			if (from >= 0 && at - from < 65536)
				while (length < 255 && at + length < SIZE && text[from + length] == text[at + length])
					length++;
		}
		if (length >= 4) {
			packed[out++] = length;
			packed[out++] = at - from;
			packed[out++] = (at - from) >> 8;
			at += length;
		} else {
			packed[out++] = 0;
			packed[out++] = text[at++];
		}
	}
	return out;
}

static void expand(unsigned size)
{
	unsigned in = 0, out = 0;

	while (in < size) {
		unsigned length = packed[in++], distance;

		if (!length) {
			back[out++] = packed[in++];
			continue;
		}
		distance = packed[in] | packed[in + 1] << 8;
		in += 2;
		for (; length; length--, out++)
			back[out] = back[out - distance];
	}
}

static uint64_t bench(unsigned rounds)
{
	uint64_t sum = 0;

	while (rounds--) {
		unsigned size = compress();

		expand(size);
		if (memcmp(text, back, SIZE))
			bench_fail("lz: what came back differs");
		sum = bench_mix(sum, size);
		text[rounds % SIZE] ^= 1;
	}
	return sum;
}

BENCH_SETUP("lz", 150, setup)

/* SPDX-License-Identifier: Apache-2.0 */
/* CRC-32 over a buffer, a table look-up a byte: a serial chain of loads, shifts and exclusive ors */
#include "bench.h"

static uint32_t table[256];
static uint8_t buffer[1 << 16];

static void setup(void)
{
	uint64_t seed = 1;
	unsigned i, k;

	for (i = 0; i < 256; i++) {
		uint32_t c = i;

		for (k = 0; k < 8; k++)
			c = c & 1 ? c >> 1 ^ 0xedb88320 : c >> 1;
		table[i] = c;
	}
	for (i = 0; i < sizeof(buffer); i++)
		buffer[i] = bench_random(&seed);
}

static uint64_t bench(unsigned rounds)
{
	uint32_t crc = ~0u;
	unsigned i;

	while (rounds--)
		for (i = 0; i < sizeof(buffer); i++)
			crc = crc >> 8 ^ table[(crc ^ buffer[i]) & 255];
	return crc;
}

BENCH_SETUP("crc32", 1500, setup)

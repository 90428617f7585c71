// SPDX-License-Identifier: Apache-2.0
#include "backend/cache/record.h"
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#define LEVEL 3	/* zstd's own default: higher ones take several times as long for a tenth less */

struct header {
	char magic[8];
	struct record_name name;
	uint32_t size;		/* of what the record holds */
	uint32_t check;		/* CRC-32 of the whole file with this field 0 */
};
static const char magic[8] = "CalqueR1";

static uint32_t checksum(const struct header *h, const void *packed, size_t packed_size)
{
	struct header copy = *h;
	copy.check = 0;
	uLong sum = crc32(0, (const Bytef *)&copy, sizeof copy);
	return (uint32_t)crc32(sum, packed, (uInt)packed_size);
}

void *record_pack(struct record_name name, const void *bytes, size_t size, size_t *file_size)
{
	size_t bound = ZSTD_compressBound(size);
	char *file = size <= RECORD_MAX ? malloc(sizeof(struct header) + bound) : NULL;
	if (!file)
		return NULL;
	size_t packed = ZSTD_compress(file + sizeof(struct header), bound, bytes, size, LEVEL);
	if (ZSTD_isError(packed)) {
		free(file);
		return NULL;
	}
	struct header h = { .name = name, .size = (uint32_t)size };
	memcpy(h.magic, magic, sizeof h.magic);
	h.check = checksum(&h, file + sizeof h, packed);
	memcpy(file, &h, sizeof h);
	*file_size = sizeof h + packed;
	return file;
}

void *record_unpack(struct record_name name, const void *file, size_t file_size, size_t *size)
{
	struct header h;
	if (file_size < sizeof h || file_size > RECORD_FILE_MAX)
		return NULL;
	memcpy(&h, file, sizeof h);
	const char *packed = (const char *)file + sizeof h;
	size_t packed_size = file_size - sizeof h;
	if (memcmp(h.magic, magic, sizeof magic) || h.name.key != name.key || h.name.id != name.id || h.size > RECORD_MAX ||
	    h.check != checksum(&h, packed, packed_size))
		return NULL;
	void *bytes = malloc(h.size + 1u);
	if (!bytes)
		return NULL;
	if (ZSTD_decompress(bytes, h.size, packed, packed_size) != h.size) {
		free(bytes);
		return NULL;
	}
	*size = h.size;
	return bytes;
}

/* Eight bytes at a time: a multiplication spreads each word upwards, a shift brings that down for the next. */
uint64_t record_hash(uint64_t hash, const void *bytes, size_t size)
{
	const char *at = bytes;
	uint64_t word = size;
	for (;;) {
		hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
		hash ^= hash >> 32;
		if (!size)
			return hash;
		size_t n = size < sizeof word ? size : sizeof word;
		word = 0;
		memcpy(&word, at, n);
		at += n;
		size -= n;
	}
}

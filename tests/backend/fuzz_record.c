// SPDX-License-Identifier: Apache-2.0
/* libFuzzer target: any bytes as a file of the cache on disk, and as the region that such a file holds. */
#include <stdlib.h>
#include <string.h>
#include "backend/cache/record.h"
#include "backend/llvm/stored.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t page[PAGE_SIZE];
	static struct region r = { .n_blocks = 2, .block = { { .n_uops = 3 }, { .n_uops = 5 } } };
	struct record_name name = { 0 };
	struct stored s;
	size_t got;
	if (size >= 8 + sizeof name)	/* names are compared: take the file's own */
		memcpy(&name, data + 8, sizeof name);
	free(record_unpack(name, data, size, &got));
	if (stored_parse(&s, "", data, size)) {
		stored_matches(&s, page);
		stored_image_holds(&s.image, &r);
	}
	void *file = record_pack(name, data, size, &got);
	void *back = file ? record_unpack(name, file, got, &got) : NULL;
	if (file && (!back || got != size || memcmp(back, data, size)))
		abort();
	free(back);
	free(file);
	return 0;
}

// SPDX-License-Identifier: Apache-2.0
/* libFuzzer target: a device tree of any contents given with --dtb. */
#include <libfdt.h>
#include <stdlib.h>
#include <string.h>
#include "src/loaders/loader.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct error err = { 0 };
	struct image im = { .option = "--dtb", .path = strdup("input"), .bytes = malloc(size + 1), .size = size };
	memcpy(im.bytes, bytes, size);
	const uint8_t seed[32] = { 0 };
	const struct dtb_fixup fix = { "console=ttyS0", 0xa0000000, 0xa0100000, seed, sizeof(seed) };
	void *blob;
	unsigned n;
	if (dtb_complete(&im, &fix, &blob, &n, &err)) {
		if (fdt_check_full(blob, n) || fdt_path_offset(blob, "/chosen") < 0)
			abort();
		free(blob);
	} else if (!err.code || !err.text[0]) {
		abort();
	}
	image_free(&im);
	return 0;
}

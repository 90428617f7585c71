// SPDX-License-Identifier: Apache-2.0
/* libFuzzer target: a kernel's memory, a damaged one's, and a System.map. The first byte chooses. */
#include <stdlib.h>
#include "src/profile/kallsyms.h"
#include "tests/profile/kernel_image.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* A good table with the input's bytes put over it: three for the place, one for the value. */
static void damaged(struct symbols *s, const uint8_t *bytes, size_t size)
{
	struct kernel_image im = kernel_image_make(300, size & 1, "tail");
	for (; size >= 4; bytes += 4, size -= 4)
		im.bytes[((size_t)bytes[0] << 16 | (size_t)bytes[1] << 8 | bytes[2]) % im.size] = bytes[3];
	(void)!kallsyms_read(s, im.bytes, im.size);
	free(im.bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct symbols *s = symbols_new();
	char text[64];
	if (size && bytes[0] % 3 == 0)
		(void)!kallsyms_read(s, bytes + 1, size - 1);
	else if (size && bytes[0] % 3 == 1)
		damaged(s, bytes + 1, size - 1);
	else if (size)
		symbols_read_map(s, (const char *)bytes + 1, size - 1);
	symbols_sort(s);
	(void)!symbols_at(s, KERNEL_BASE, text, sizeof text);
	symbols_free(s);
	return 0;
}

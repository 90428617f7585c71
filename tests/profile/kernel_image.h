/* SPDX-License-Identifier: Apache-2.0 */
/* A kallsyms table as scripts/kallsyms.c of Linux lays it out, of symbols "sym_0", "sym_1", … in a buffer of other things. */
#pragma once
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "runtime/util.h"

#define KERNEL_BASE 0xffffffff80000000u

#define KERNEL_IMAGE_BEHIND 12	/* bytes that follow the table */

struct kernel_image { uint8_t *bytes; size_t size; };

static void image_put(struct kernel_image *im, const void *bytes, size_t n)
{
	im->bytes = realloc(im->bytes, im->size + n + 8);
	memcpy(im->bytes + im->size, bytes, n);
	im->size += n;
}

static void image_align(struct kernel_image *im)
{
	static const uint8_t zero[8];
	image_put(im, zero, -im->size & 7);
}

/* Symbol i: at 16 * i, of type 't' if i is even, else 'D'. */
static void image_put_addresses(struct kernel_image *im, uint32_t n)
{
	uint64_t base = KERNEL_BASE;
	for (uint32_t i = 0; i < n; i++)
		image_put(im, &(uint32_t){ 16 * i }, 4);
	image_align(im);
	image_put(im, &base, 8);
}

/* Every byte is a token that stands for itself, but for 1, which stands for "sym_". Names longer than 127 tokens have `tail` added. */
static inline struct kernel_image kernel_image_make(uint32_t n, bool before_6_4, const char *tail)
{
	struct kernel_image im = { 0 };
	uint32_t *marker = calloc(n / 256 + 1, sizeof *marker), n_markers = 0;
	uint16_t index[256];
	static const char before[] = "0\0001\0002\0003 other things", behind[] = "what follows";
	image_put(&im, before, sizeof before);
	image_align(&im);
	if (before_6_4)
		image_put_addresses(&im, n);
	image_put(&im, &n, 4);
	image_align(&im);
	size_t names = im.size;
	for (uint32_t i = 0; i < n; i++) {
		char text[400];
		int length = snprintf(text, sizeof text, "%c\001%u%s", i % 2 ? 'D' : 't', i, i % 100 == 7 ? tail : "");
		uint8_t head[2] = { (uint8_t)(length & 0x7f) | (length > 127 ? 0x80 : 0), (uint8_t)(length >> 7) };
		if (i % 256 == 0)
			marker[n_markers++] = (uint32_t)(im.size - names);
		image_put(&im, head, length > 127 ? 2 : 1);
		image_put(&im, text, (size_t)length);
	}
	image_align(&im);
	image_put(&im, marker, n_markers * 4);
	image_align(&im);
	size_t tokens = im.size;
	for (unsigned i = 0; i < 256; i++) {
		char itself[2] = { (char)i, 0 };
		index[i] = (uint16_t)(im.size - tokens);
		if (i == 1)
			image_put(&im, "sym_", 5);
		else
			image_put(&im, itself, i ? 2 : 1);
	}
	image_align(&im);
	image_put(&im, index, sizeof index);
	image_align(&im);
	if (!before_6_4)
		image_put_addresses(&im, n);
	image_put(&im, behind, KERNEL_IMAGE_BEHIND);
	free(marker);
	return im;
}

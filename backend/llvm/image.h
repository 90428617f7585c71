/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The machine code of a region as it lies in memory, with its constants, side table and links: what refers to another part of it does so by distance, so
 * that it can be copied anywhere. The links (struct region_links) hold the only addresses and are filled in at each place.
 */
#pragma once
#include "backend/llvm/region.h"

/* To this alignment an image is copied; no part of it needs more. */
#define IMAGE_ALIGN 64

struct image {
	const uint8_t *bytes;
	/* entry, code, side table, links: offsets; of all and of the side table: sizes in bytes */
	uint32_t size, entry, begin, end, sites, sites_size, links;
};

/* Whether the linker makes an image of this object file, one that LLVM has made: all that it refers to is inside and is referred to by distance. */
bool image_object_suits(const void *object, size_t size);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A region as a record of the cache on disk: of which program version it is, its blocks with the guest's bytes, all that the compiler read to make it,
 * and its image. It may be run where the guest's bytes are the same, and so is, once blocks have been lifted from them, what the compiler would read:
 * names and hashes only help to find it.
 */
#pragma once
#include "backend/llvm/image.h"

struct stored {
	struct region_shape shape;
	uint16_t length[REGION_MAX_BLOCKS];	/* of each block's guest code, bytes */
	const uint8_t *guest;			/* the blocks' code, one after another */
	const void *input;
	size_t guest_size, input_size;
	struct image image;
};

/* What the compiler reads of a region, in one way to write it; the more of it than `room`, the less it is written. Returns its size. */
size_t stored_describe(const struct region *r, void *to, size_t room);
/* The record: malloc'd, *size bytes; the image's links are left out. NULL: out of memory. */
void *stored_print(const struct stored *s, const char *version, size_t *size);
/* Reads one, into which *s points then. False: it is none, or of another version. The image is still to be checked. */
MUST_CHECK bool stored_parse(struct stored *s, const char *version, const void *record, size_t size);
/* Whether every offset of the image lies within and its side table is one that this region can have. */
bool stored_image_holds(const struct image *image, const struct region *r);
/* Whether the head's page, as guest memory has it, holds the code of the blocks in it. What other pages hold is seen when the region is formed. */
bool stored_matches(const struct stored *s, const uint8_t *page);

/* SPDX-License-Identifier: Apache-2.0 */
/* Forms regions for a vCPU that has been seen in a block. All with the cache's lock. */
#pragma once
#include "backend/llvm/region.h"
#include "backend/llvm/regions.h"
#include "backend/llvm/requests.h"

/* What is known around the block that has been seen. */
struct region_far sighting_far(const struct sighting *seen);
/* The region that begins at head. False: there is none. */
MUST_CHECK bool forming_of(const struct regions_config *c, struct region *r, struct code_block *head, const struct sighting *seen);
/*
 * The region in which a block is hot; returns its head. It begins at the head of the block's loop, since a loop that is entered in its midst makes worse
 * code, and since many of its blocks may be found hot; if that has a region, which does without the block, at the block. *seen becomes the head's. NULL:
 * there is none.
 */
struct code_block *forming_around(const struct regions_config *c, struct region *r, struct code_block *b, struct sighting *seen);

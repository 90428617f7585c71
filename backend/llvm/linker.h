/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the code of regions lies: what has been compiled is linked from the arena's beginning on, what comes from disk is copied to its end. All of
 * it goes when everything is flushed. Any thread may call anything here.
 */
#pragma once
#include <llvm-c/Core.h>
#include "backend/cache/code_memory.h"
#include "backend/llvm/image.h"
#include "backend/llvm/line_table.h"

struct linker;
/* What a region has become. */
struct compiled {
	const void *entry;
	const char *begin, *end;	/* of its code */
	const char *sites, *sites_end;	/* the side table of accesses through windows (sites.h) */
	struct region_links *links;
	const uint8_t *image;		/* all of it, where it can be written; NULL: it cannot be copied elsewhere */
	uint32_t size;			/* of all of it, bytes */
	struct line_table lines;	/* if the region is to have them (region.lines) */
	char *ir;			/* the module after its passes, if the region is to have it (region.text) */
};
void compiled_free(struct compiled *compiled);	/* its lines and IR */

/* memory, where code goes, stays the caller's. */
struct linker *linker_create(const struct code_memory *memory, struct error *err);
void linker_destroy(struct linker *l);
/* Keeps room for one more region, and what becomes of it, until linker_done; false: there may be too little. */
MUST_CHECK bool linker_promise(struct linker *l);
void linker_done(struct linker *l);
/* Links and takes a region's object file, in which `name` is its function and no other region's; NULL: there is none, and nothing is done. False: it
 * cannot be linked. Sets everything in *compiled but its lines and IR. */
bool linker_link(struct linker *l, const struct region *r, LLVMMemoryBufferRef object, const char *name, struct compiled *compiled);
/* The image of what has been linked, in which the links are to be ignored. False: it cannot be copied. */
bool linker_get_image(const struct linker *l, const struct compiled *compiled, struct image *image);
/* Puts a region's image, which holds for it, where it can run. False: no room. */
MUST_CHECK bool linker_load(struct linker *l, const struct region *r, const struct image *image, struct compiled *compiled);
/* Drops everything; no vCPU runs it. What has been promised stays until it is done. */
void linker_reset(struct linker *l);

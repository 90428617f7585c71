/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compiles regions: IR, passes, machine code, and the place in memory where it runs. One object for each
 * thread that compiles.
 */
#pragma once
#include <stdio.h>
#include "backend/cache/code_memory.h"
#include "backend/llvm/image.h"
#include "backend/llvm/line_table.h"
#include "backend/stencil/abi.h"

#define REGION_LINE 1	/* the `first` (lower.h) of a region's lines */

struct compiler;
struct compiler_stats { uint64_t regions, blocks, insns, bytes, failed, ns; };

/* pins: the slots that stencils pin. memory, where code goes, stays the caller's. LLVM is started by the first region that is compiled. */
struct compiler *compiler_create(const uint8_t pins[STENCIL_PINS], const struct code_memory *memory, struct error *err);
void compiler_destroy(struct compiler *c);
/* What a region has become. */
struct compiled {
	const void *entry;
	const char *begin, *end;	/* of its code */
	const char *sites, *sites_end;	/* the side table of accesses through windows (sites.h) */
	struct region_links *links;
	const uint8_t *image;		/* all of it, where it can be written; NULL: it cannot be copied elsewhere */
	uint32_t image_size;
	struct line_table lines;	/* if the region is to have them (region.lines); the caller's to free */
};
/* False: it could not be compiled (counted). */
bool compiler_compile(struct compiler *c, const struct region *r, struct compiled *compiled);
/* Prints the IR that a region is lowered to, before any pass. */
void compiler_print(struct compiler *c, const struct region *r, FILE *f);
/* The image of what has been compiled, in which the links are to be ignored. False: it cannot be copied. */
bool compiler_get_image(const struct compiler *c, const struct compiled *compiled, struct image *image);
/* Puts a region's image, which holds for it, where it can run. False: no room. Any thread, with what guards compiler_begin; others may compile. */
MUST_CHECK bool compiler_load(struct compiler *c, const struct region *r, const struct image *image, struct compiled *compiled);
/* What code depends on besides the region and this program: LLVM's version and its target, as a line of text. */
void compiler_describe(char *text, size_t size);
/* Stands before each compiler_compile; false: there may be too little room for a region. */
MUST_CHECK bool compiler_begin(struct compiler *c);
/* Drop what has been loaded, with what guards compiler_load; and what has been compiled, on the compiling thread. No vCPU runs it. */
void compiler_drop_loaded(struct compiler *c);
void compiler_reset(struct compiler *c);
void compiler_get_stats(const struct compiler *c, struct compiler_stats *s);

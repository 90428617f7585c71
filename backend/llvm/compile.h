/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compiles regions: IR, passes, machine code, and the place in memory where it runs. One object for each
 * thread that compiles.
 */
#pragma once
#include <stdio.h>
#include "backend/cache/code_memory.h"
#include "backend/llvm/region.h"
#include "backend/stencil/abi.h"

struct compiler;
struct compiler_stats { uint64_t regions, blocks, insns, bytes, failed, ns; };

/* pins: the slots that stencils pin. memory, where code goes, stays the caller's. */
struct compiler *compiler_create(const uint8_t pins[STENCIL_PINS], const struct code_memory *memory, struct error *err);
void compiler_destroy(struct compiler *c);
/* What a region has become. */
struct compiled {
	const void *entry;
	const char *begin, *end;	/* of its code */
	const char *sites, *sites_end;	/* the side table of accesses through windows (sites.h) */
};
/* False: it could not be compiled (counted). The arena has room. */
bool compiler_compile(struct compiler *c, const struct region *r, struct compiled *compiled);
/* Prints the IR that a region is lowered to, before any pass. */
void compiler_print(struct compiler *c, const struct region *r, FILE *f);
/* Whether another region fits for certain. */
bool compiler_has_room(const struct compiler *c);
/* Drops all code. No vCPU runs any. */
void compiler_reset(struct compiler *c);
void compiler_get_stats(const struct compiler *c, struct compiler_stats *s);

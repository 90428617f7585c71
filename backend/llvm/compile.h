/* SPDX-License-Identifier: Apache-2.0 */
/* Compiles regions: IR, passes, machine code. One object for each thread that compiles; linker.h has what they share. */
#pragma once
#include <stdio.h>
#include "backend/llvm/linker.h"
#include "backend/stencil/abi.h"

#define REGION_LINE 1	/* the `first` (lower.h) of a region's lines */

struct compiler;
struct compiler_stats { uint64_t regions, blocks, insns, bytes, failed, ns; };

/* pins: the slots that stencils pin. LLVM is started by the first region that is compiled. */
struct compiler *compiler_create(const uint8_t pins[STENCIL_PINS], struct linker *linker, struct error *err);
void compiler_destroy(struct compiler *c);
/* The linker has promised room for it. False: it could not be compiled (counted). */
bool compiler_compile(struct compiler *c, const struct region *r, struct compiled *compiled);
/* Prints the IR that a region is lowered to, before any pass. */
void compiler_print(struct compiler *c, const struct region *r, FILE *f);
/* What code depends on besides the region and this program: LLVM's version and its target, as a line of text. False: there is no LLVM. */
MUST_CHECK bool compiler_describe(char *text, size_t size, struct error *err);
/* What it has done; and a sum. */
const struct compiler_stats *compiler_stats(const struct compiler *c);
void compiler_stats_add(struct compiler_stats *sum, const struct compiler_stats *s);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compiles regions: IR, passes, machine code, and the place in memory where it runs. One object for each
 * thread that compiles.
 */
#pragma once
#include "backend/cache/code_memory.h"
#include "backend/llvm/region.h"
#include "backend/stencil/abi.h"

struct compiler;
struct compiler_stats { uint64_t regions, blocks, insns, bytes, failed, ns; };

/* pins: the slots that stencils pin. memory, where code goes, stays the caller's. */
struct compiler *compiler_create(const uint8_t pins[STENCIL_PINS], const struct code_memory *memory, struct error *err);
void compiler_destroy(struct compiler *c);
/* Where the region's code begins. NULL: it could not be compiled (counted), or the arena is full. */
const void *compiler_compile(struct compiler *c, const struct region *r);
/* Drops all code. No vCPU runs any. */
void compiler_reset(struct compiler *c);
void compiler_get_stats(const struct compiler *c, struct compiler_stats *s);

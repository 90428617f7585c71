/* SPDX-License-Identifier: Apache-2.0 */
/* For executors of bound micro-ops behind mini_run: a block as the code cache would bind it, and a TLB that maps the two pages. */
#pragma once
#include "backend/cache/codecache.h"
#include "tests/ir/mini_exec.h"

#define MINI_BOUND_SIZE (sizeof(struct code_block) + BLOCK_MAX_UOPS * sizeof(struct uop) + 2 * sizeof(struct code_exit))

/* Binds b at `at`, MINI_BOUND_SIZE aligned bytes, all exits far; b must stay. */
struct code_block *mini_bind(void *at, const struct ir_block *b, const struct code_handlers *h);
/* Both halves of the vCPU's TLB become the two entries; the first page may be written. */
void mini_map(struct mini *m, struct tlb_entry tlb[2]);
/* How a block that left by its end did so. */
enum mini_end mini_end_of(const struct ir_block *b);

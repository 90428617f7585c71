/* SPDX-License-Identifier: Apache-2.0 */
/* A region that is put together by hand, and what is followed through it. */
#pragma once
#include "backend/llvm/lower_near.h"
#include "tests/check_main.h"

static struct region r;
static struct region_loops loops;
static struct near *n;

/* Adds a block with exits to two others; its last micro-op, a branch, is added. */
static void add_block(const struct uop *u, unsigned n_uops, unsigned to, unsigned or_to)
{
	struct region_block *b = &r.block[r.n_blocks];
	*b = (struct region_block){
		.uop = r.uops + r.n_uops, .n_uops = n_uops + 1, .position = 16 * (int)r.n_blocks, .reached = true,
		.exit = { { .way = WAY_INSIDE, .to = to }, { .way = WAY_INSIDE, .to = or_to } },
	};
	for (unsigned i = 0; i < n_uops; i++)
		b->uop[i] = u[i];
	b->uop[n_uops] = (struct uop){ .op = UOP_bne };
	r.n_uops += b->n_uops;
	r.n_blocks++;
}

static void find(void)
{
	region_find_loops(&r, &loops);
	n = near_find(&r, &loops);
}

static void teardown(void)
{
	free(n);
	n = NULL;
	r.n_blocks = r.n_uops = 0;
}

// SPDX-License-Identifier: Apache-2.0
#include "tests/lockstep/coverage.h"
#include <stdlib.h>
#include <string.h>
#include "ir/ir.h"

struct coverage_block {
	uint64_t va;
	unsigned bytes, n_insns;
	bool counted;
	bool op[UOP_COUNT];
	uint16_t offset[BLOCK_MAX_INSNS];
};

void coverage_translated(struct coverage *c, uint64_t va, const struct ir_block *block)
{
	if (!(c->n_blocks & (c->n_blocks - 1))) {	/* full: a power of two */
		struct coverage_block *more = realloc(c->block, (c->n_blocks ? 2 * c->n_blocks : 1) * sizeof *more);
		if (!more)
			abort();
		c->block = more;
	}
	struct coverage_block *b = &c->block[c->n_blocks++];
	*b = (struct coverage_block){ .va = va, .bytes = block->bytes, .n_insns = block->n_insns };
	for (unsigned i = 0; i < block->n_uops; i++)
		b->op[block->uop[i].op] = true;
	for (unsigned i = 0; i < block->n_insns; i++)
		b->offset[i] = block->insn[i].offset;
}

static void count_insn(struct coverage *c, const uint8_t *code)
{
	uint32_t bits = 0;
	memcpy(&bits, code, 2);
	bool compressed = insn_size((uint16_t)bits) == 2;
	const struct insn_pattern *pattern = compressed ? riscv_patterns16 : riscv_patterns32;
	unsigned n = compressed ? riscv_n_patterns16 : riscv_n_patterns32, i = 0;
	memcpy(&bits, code, compressed ? 2 : 4);
	while (i < n && (bits & pattern[i].mask) != pattern[i].value)
		i++;
	if (i < n)
		(compressed ? c->insn16 : c->insn32)[i] = true;
}

static void count_block(struct coverage *c, struct coverage_block *b)
{
	b->counted = true;
	for (unsigned i = 0; i < UOP_COUNT; i++)
		c->op[i] |= b->op[i];
	for (unsigned i = 0; i < b->n_insns; i++)
		count_insn(c, c->text + (b->va - c->base) + b->offset[i]);
}

void coverage_generated(struct coverage *c, const struct generated *g)
{
	if (g->tier != c->tier)
		return;
	for (size_t k = 0; k < c->n_blocks; k++)
		for (unsigned i = 0; i < g->n_lines && !c->block[k].counted; i++)
			if (g->line[i].va == c->block[k].va)
				count_block(c, &c->block[k]);
}

void coverage_finish(struct coverage *c)
{
	free(c->block);
	c->block = NULL;
	c->n_blocks = 0;
}

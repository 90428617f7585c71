// SPDX-License-Identifier: Apache-2.0
#include "backend/llvm/announce.h"
#include <stdlib.h>

static struct generated_line line_of(uint64_t at, const struct code_block *b, unsigned insn)
{
	unsigned offset = insn ? b->insn[insn - 1].offset : 0;
	return (struct generated_line){ (uint32_t)at, b->va + offset, b->pa + offset };
}

void installed_announce(const struct installed *region, const struct machine *m)
{
	const struct compiled *code = &region->code;
	struct generated_line *line = calloc(code->lines.n + 1, sizeof *line);	/* without memory for them there are none */
	struct generated g = {
		.tier = TIER_REGION, .va = region->head->va, .n_blocks = region->n_blocks, .begin = (const uint8_t *)code->begin,
		.end = (const uint8_t *)code->end, .line = line, .second_pa = CODE_NO_PAGE, .ir = code->ir,
	};
	for (unsigned i = 0; i < region->n_blocks; i++)
		g.n_insns += region->use[i].block->n_insns;
	for (size_t i = 0; line && i < code->lines.n; i++) {
		const struct code_block *b;
		unsigned insn;
		if (installed_line(region, code->lines.row[i].line, &b, &insn))
			line[g.n_lines++] = line_of(code->lines.row[i].address, b, insn);
	}
	machine_tell_generated(m, &g);
	free(line);
}

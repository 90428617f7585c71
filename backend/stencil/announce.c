// SPDX-License-Identifier: Apache-2.0
#include "backend/stencil/announce.h"

static const char *place(const void *of, const void *address)
{
	return stencil_place(of, address);
}

void stencil_announce(const struct stencil_arena *s, const struct machine *m, const struct code_block *b, const uint32_t *mark)
{
	struct generated_line line[BLOCK_MAX_INSNS];
	for (unsigned i = 0; i < b->n_insns; i++)	/* the first one's begins with the check of the deadline */
		line[i] = (struct generated_line){ i ? mark[b->insn[i].first_uop] : 0, b->va + b->insn[i].offset, b->pa + b->insn[i].offset };
	const struct generated g = {
		.tier = TIER_STENCIL, .va = b->va, .n_blocks = 1, .n_insns = b->n_insns, .begin = b->code,
		.end = (const uint8_t *)b->code + mark[b->n_uops], .line = line, .n_lines = b->n_insns, .second_pa = b->second_pa,
		.place = place, .place_of = s,
	};
	machine_tell_generated(m, &g);
}

// SPDX-License-Identifier: Apache-2.0
#include "backend/stencil/list.h"
#include <string.h>
#include "backend/llvm/disassemble.h"

struct lister {
	const struct stencil_arena *s;
	const struct code_block *b;
	struct listing *host;
	struct disassembler *disassembler;
};

static const char *place(void *opaque, uint64_t address)
{
	const struct lister *l = opaque;
	return stencil_place(l->s, (const uint8_t *)l->b->code + (int64_t)address);
}

/* Code from `at` to `end`, distances from the block's. */
static bool list(struct lister *l, uint32_t at, uint32_t end, unsigned row, bool beginning)
{
	char text[200];
	while (at < end) {
		const uint8_t *code = (const uint8_t *)l->b->code + at;
		unsigned n = disassemble_one(l->disassembler, code, end - at, at, text, sizeof text);
		struct listing_line *line = listing_add(l->host, row, true, text, strlen(text));
		if (!line)
			return false;
		line->size = (uint8_t)n;
		line->at = at;
		memcpy(line->code, code, n);
		at += n;
		if (beginning && *code == 0xe9)	/* into a loop, which is aligned: nothing has been written between */
			at = (at + 15) & ~15u;
	}
	return true;
}

bool stencil_list(struct stencil_arena *s, struct code_block *b, unsigned first, bool intel, struct listing *host, uint64_t *cold, struct error *err)
{
	uint32_t mark[BLOCK_MAX_UOPS + 1];
	struct stencil_stats before, after;
	stencil_arena_stats(s, &before);
	if (!stencil_translate_marked(s, b, mark))
		return error_set(err, ERROR_HOST, "no room for more machine code: lift less at once");
	stencil_arena_stats(s, &after);
	*cold = after.cold_bytes - before.cold_bytes;
	struct lister l = { s, b, host, NULL };
	l.disassembler = disassembler_create(intel, place, &l);
	bool good = l.disassembler && list(&l, 0, mark[0], first, true);
	for (unsigned i = 0, insn = 0; good && i < b->n_uops; i++) {
		while (insn < b->n_insns && b->insn[insn].first_uop <= i)
			insn++;
		good = list(&l, mark[i], mark[i + 1], first + insn, false);
	}
	disassembler_destroy(l.disassembler);
	return good || error_set(err, ERROR_HOST, "disassembler: out of memory");
}

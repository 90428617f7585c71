// SPDX-License-Identifier: Apache-2.0
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "backend/lockstep/internal.h"
#include "backend/lockstep/replay.h"
#include "ir/ir.h"

#define MAX_BLOCKS 16	/* of the stretch, the last ones: what went wrong is mostly near its end */

/* ---- blocks ---- */

static enum uop_op op_of(const struct code_handlers *h, const struct uop *bound)
{
	unsigned op = 0;
	while (h->op[op] != bound->handler)
		op++;
	return op;
}

/* The block as it was lifted. */
static void unbind(const struct code_handlers *h, const struct code_block *c, struct ir_block *b)
{
	const struct uop *last = &c->uop[c->n_uops - 1];
	*b = (struct ir_block){ .n_uops = c->n_uops, .n_insns = c->n_insns, .bytes = c->bytes, .crosses_page = c->second_pa != CODE_NO_PAGE };
	for (unsigned i = 0; i < b->n_uops; i++) {
		b->uop[i] = c->uop[i];
		b->uop[i].op = op_of(h, &c->uop[i]);
	}
	b->uop[b->n_uops - 1].d = 0;
	for (unsigned i = 0; i < c->n_exits; i++)
		b->target[i] = code_exits((struct uop *)last)[i].miss.imm;
	memcpy(b->insn, c->insn, b->n_insns * sizeof *b->insn);
}

static void print_insns(struct lockstep *l, const struct code_block *c, uint64_t va, FILE *f)
{
	const struct frontend *fe = l->m->frontend;
	for (unsigned i = 0; i < c->n_insns; i++) {
		uint8_t code[16];
		char text[120];
		unsigned size = c->insn[i].size;
		/* one that goes on in another page is not shown whole */
		if (size > sizeof code || !phys_read(&l->mirror.phys, GPA(c->pa + c->insn[i].offset), code, size))
			continue;
		fe->disassemble(fe->config(acting(l)), va + c->insn[i].offset, code, size, text, sizeof text);
		for (char *tab = text; (tab = strchr(tab, '\t'));)
			*tab = ' ';
		fprintf(f, "    %016" PRIx64 "  %s\n", va + c->insn[i].offset, text + strspn(text, " "));
	}
}

static void print_uops(struct lockstep *l, const struct code_block *c, FILE *f)
{
	const struct frontend *fe = l->m->frontend;
	struct replay *r = interpreted(l)->exec;
	struct ir_block *b = malloc(sizeof *b);
	if (!b)
		return;
	unbind(&r->finder.handlers, c, b);
	int n = ir_print(b, fe->slot_name, fe->helpers, NULL, 0);
	char *text = malloc((size_t)n + 1);
	if (text) {
		ir_print(b, fe->slot_name, fe->helpers, text, (size_t)n + 1);
		fputs(text, f);
	}
	free(text);
	free(b);
}

static void print_block(struct lockstep *l, const struct code_block *c, uint64_t page, unsigned times, FILE *f)
{
	uint64_t va = page + (c->pa & (PAGE_SIZE - 1));
	fprintf(f, "\nblock at 0x%" PRIx64 ", physical 0x%" PRIx64 ", executed %u times\n", va, c->pa, times);
	print_insns(l, c, va, f);
	print_uops(l, c, f);
	if (l->side->print)
		l->side->print(l->m, c->pa, c->mode, f);
}

static void print_blocks(struct lockstep *l, FILE *f)
{
	struct replay *r = interpreted(l)->exec;
	struct { const struct code_block *block; uint64_t page; unsigned times; } seen[MAX_BLOCKS];
	unsigned n = 0, left = r->n_blocks < REPLAY_BLOCKS ? (unsigned)r->n_blocks : REPLAY_BLOCKS;
	if (r->epoch != codecache_epoch(r->finder.cache)) {
		fprintf(f, "all translations have been dropped on the way: its blocks are not known\n");
		return;
	}
	for (uint64_t at = r->n_blocks; left--;) {
		const struct replay_block *e = &r->block[--at & (REPLAY_BLOCKS - 1)];
		const struct code_block *block = finder_owner(&r->finder, e->end);
		unsigned i = 0;
		while (i < n && seen[i].block != block)
			i++;
		if (i == n && n < MAX_BLOCKS) {
			seen[n].block = block;
			seen[n].page = e->page;
			seen[n++].times = 0;
		}
		if (i < n)
			seen[i].times++;
	}
	fprintf(f, "\nwhat the interpreter executed, the last first (%" PRIu64 " blocks in all):\n", r->n_blocks);
	for (unsigned i = 0; i < n; i++)
		print_block(l, seen[i].block, seen[i].page, seen[i].times, f);
}

/* ---- states ---- */

static void print_states(struct lockstep *l, FILE *f)
{
	const struct frontend *fe = l->m->frontend;
	fprintf(f, "\n%-14s %-18s %-18s\n", "", "compiled", "interpreter");
	for (unsigned i = 0; i < fe->n_regs; i++) {
		uint64_t a, b;
		const struct frontend_reg *reg = &fe->regs[i];
		if (fe->reg_read(acting(l), i, &a) && fe->reg_read(interpreted(l), i, &b) && (a | b))
			fprintf(f, "%-14s 0x%016" PRIx64 " 0x%016" PRIx64 "%s\n", reg->alias ? reg->alias : reg->name, a, b,
				a == b ? "" : " <");
	}
}

void lockstep_report(struct lockstep *l, FILE *f)
{
	print_blocks(l, f);
	print_states(l, f);
}

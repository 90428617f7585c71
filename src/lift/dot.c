// SPDX-License-Identifier: Apache-2.0
#include <inttypes.h>
#include <string.h>
#include "backend/llvm/region.h"
#include "ir/op_info.h"
#include "src/lift/lift.h"

static void put_escaped(const char *text, FILE *f)
{
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', f);
		fputc(*text, f);
	}
}

static void print_node(const struct lift *l, unsigned i, FILE *f)
{
	const struct lift_block *b = l->block[i];
	char name[150];
	fprintf(f, "\tb%u [label=\"", i);
	if (l->source->name(l->source, b->va, name, sizeof name)) {
		put_escaped(name, f);
		fputs("\\l", f);
	}
	for (unsigned n = 0; n < b->ir.n_insns; n++) {
		const struct lift_insn *insn = &l->insn[b->first_insn + n];
		fprintf(f, "0x%" PRIx64 "  ", insn->va);
		put_escaped(insn->text, f);
		fputs("\\l", f);
	}
	fprintf(f, "\"%s];\n", i ? "" : ", penwidth=2");
}

/* Where nothing of the region stands: a place outside, one for each edge */
static void print_outside(unsigned from, const char *kind, const char *label, FILE *f)
{
	fprintf(f, "\tx%u%s [label=\"%s\", shape=plaintext];\n\tb%u -> x%u%s [label=\"%s\", style=dashed];\n", from, kind, label, from, from, kind, kind);
}

static void print_edges(const struct lift *l, unsigned i, FILE *f)
{
	static const char *const kinds[] = { "taken", "next" };
	const struct lift_block *b = l->block[i];
	for (unsigned n = 0; n < b->n_exits; n++) {
		const char *kind = b->n_exits == 1 ? b->calls ? "call" : "jump" : kinds[n];
		char label[24];
		snprintf(label, sizeof label, "0x%" PRIx64, b->target[n]);
		if (b->inside[n] >= 0)
			fprintf(f, "\tb%u -> b%d [label=\"%s\"];\n", i, b->inside[n], kind);
		else
			print_outside(i, kind, label, f);
	}
	if (b->ir.uop[b->ir.n_uops - 1].op == UOP_jr) {
		for (unsigned to = 0; to < l->n_blocks && !b->calls; to++)
			if (b->returns ? l->block[to]->behind_call : l->block[to]->landing)
				fprintf(f, "\tb%u -> b%u [label=\"%s\", style=dotted];\n", i, to, b->returns ? "return" : "case");
		print_outside(i, b->calls ? "call" : "indirect", "?", f);
	}
}

void lift_print_dot(const struct lift *l, FILE *f)
{
	fprintf(f, "digraph \"%s\" {\n\tnode [shape=box, fontname=monospace];\n", l->region->name);
	for (unsigned i = 0; i < l->n_blocks; i++)
		print_node(l, i, f);
	for (unsigned i = 0; i < l->n_blocks; i++)
		print_edges(l, i, f);
	fprintf(f, "}\n");
}

// SPDX-License-Identifier: Apache-2.0
/* -d ir,host: machine code as it is made, with the guest's instructions that it comes from. */
#include <inttypes.h>
#include <string.h>
#include "backend/llvm/disassemble.h"
#include "runtime/log.h"
#include "src/generated.h"
#include "src/trace_internal.h"

static const char *place(void *opaque, uint64_t address)
{
	const struct generated *g = opaque;
	return g->place ? g->place(g->place_of, g->begin + (int64_t)address) : NULL;
}

/* Code at [at, end), distances from the beginning, which are what is shown: where it lies differs from run to run. */
static void print_host(const struct trace *t, const struct generated *g, struct disassembler *d, uint32_t at, uint32_t end)
{
	char text[200];
	while (at < end) {
		unsigned n = disassemble_one(d, g->begin + at, end - at, at, text, sizeof text);
		fprintf(t->f, "        host  %4x  ", at);
		for (unsigned i = 0; i < n; i++)
			fprintf(t->f, "%02x ", g->begin[at + i]);
		fprintf(t->f, "%*s %s\n", n < 12 ? (int)(12 - n) * 3 : 0, "", text);
		at += n;
	}
}

static void print_guest(const struct trace *t, const struct generated *g, const struct generated_line *line)
{
	char text[160];
	if (generated_disassemble(t->vm, g, line, text, sizeof text))
		fprintf(t->f, "    %s\n", text);
}

static void print_code(const struct trace *t, const struct generated *g)
{
	struct disassembler *d = disassembler_create(false, place, (void *)(uintptr_t)g);
	uint32_t size = (uint32_t)(g->end - g->begin);
	if (d && !g->n_lines)
		print_host(t, g, d, 0, size);
	for (unsigned i = 0; d && i < g->n_lines; i++) {
		if (!i || g->line[i].va != g->line[i - 1].va)
			print_guest(t, g, &g->line[i]);
		print_host(t, g, d, i ? g->line[i].at : 0, i + 1 < g->n_lines ? g->line[i + 1].at : size);
	}
	disassembler_destroy(d);
}

/* Whether one of its instructions is to be logged: a region's lie anywhere in its page. */
static bool covered(const struct machine *m, const struct generated *g)
{
	bool any = log_covers(m, g->va, 1);
	for (unsigned i = 0; i < g->n_lines && !any; i++)
		any = log_covers(m, g->line[i].va, 1);
	return any;
}

void trace_generated(void *opaque, const struct generated *g)
{
	const struct trace *t = opaque;
	const struct machine *m = &t->vm->machine;
	bool region = g->tier == TIER_REGION;
	if (!covered(m, g) || !(m->log & LOG_HOST || (region && g->ir)))
		return;
	trace_begin(t);
	fprintf(t->f, "%s at %016" PRIx64 ": %u block%s, %u instructions, %u bytes of machine code", region ? "region" : "stencils", g->va, g->n_blocks,
		g->n_blocks == 1 ? "" : "s", g->n_insns, (unsigned)(g->end - g->begin));
	trace_name(t, g->va);
	if (g->ir)
		fputs(g->ir, t->f);
	if (m->log & LOG_HOST)
		print_code(t, g);
	trace_end(t);
}

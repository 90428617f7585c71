// SPDX-License-Identifier: Apache-2.0
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "ir/ir.h"
#include "src/lift/lift.h"

static const char *const colours[N_STAGES] = { "\033[1m", "\033[36m", "\033[33m", "\033[35m", "\033[32m" };

/* Escape sequences, or nothing */
static const char *on(bool colour, enum lift_stage stage)
{
	return colour ? colours[stage] : "";
}

static const char *off(bool colour)
{
	return colour ? "\033[0m" : "";
}

/* " (memcpy+0x12)", or nothing */
static const char *name_of(const struct lift *l, uint64_t va, char text[160])
{
	char name[150];
	if (!l->source->name(l->source, va, name, sizeof name))
		return "";
	snprintf(text, 160, " (%s)", name);
	return text;
}

/* An instruction's bytes as the words that they are read as: two bytes, or four */
static void print_code(const struct lift_insn *insn, FILE *f)
{
	for (unsigned i = insn->size; i-- > 0;)
		fprintf(f, "%02x", insn->code[i]);
	fprintf(f, "%*s", insn->size < 4 ? (int)(4 - insn->size) * 2 : 0, "");
}

static void print_insn(const struct lift *l, const struct lift_insn *insn, bool colour, FILE *f)
{
	fprintf(f, "0x%" PRIx64 "  ", insn->va);
	print_code(insn, f);
	fprintf(f, "  %s%s%s%s\n", on(colour, STAGE_GUEST), insn->text, off(colour), insn->illegal ? "  # no instruction of this processor" : "");
}

/* An instruction of the host, or a line of IR, with the register that it names as a comment */
static void print_line(const struct lift *l, enum lift_stage stage, const struct listing_line *line, bool colour, FILE *f)
{
	const char *member = lift_member(l, line);
	if (line->size) {
		char code[3 * LISTING_CODE_MAX + 1] = "";
		for (unsigned i = 0; i < line->size; i++)
			snprintf(code + 3 * i, 4, "%02x ", line->code[i]);
		fprintf(f, "%4x  %-36s ", line->at, code);
	}
	fprintf(f, member ? "%s%-34s  %s %s%s\n" : "%s%s%s%s%s\n", line->insn ? on(colour, stage) : "", line->text,
		member ? line->size ? "#" : ";" : "", member ? member : "", line->insn ? off(colour) : "");
}

/* ---- one stage as it is ---- */

static void print_guest(const struct lift *l, bool colour, FILE *f)
{
	char name[160];
	for (unsigned i = 0; i < l->n_insns; i++) {
		if (i == l->block[l->insn[i].block]->first_insn)
			fprintf(f, "%sblock 0x%" PRIx64 "%s\n", i ? "\n" : "", l->insn[i].va, name_of(l, l->insn[i].va, name));
		fputs("  ", f);
		print_insn(l, &l->insn[i], colour, f);
	}
}

/* ir_print's text, with the guest's instructions as comments. */
static void print_uops(const struct lift *l, const struct lift_block *b, bool colour, FILE *f)
{
	const struct frontend *frontend = l->source->frontend;
	char name[160], *text;
	int size = ir_print(&b->ir, frontend->slot_name, frontend->helpers, NULL, 0) + 1;
	unsigned n = 0;
	fprintf(f, "# 0x%" PRIx64 "%s\n", b->va, name_of(l, b->va, name));
	text = malloc((size_t)size);
	if (!text)
		return;
	ir_print(&b->ir, frontend->slot_name, frontend->helpers, text, (size_t)size);
	for (char *line = text, *end; *line; line = end + 1) {
		end = strchr(line, '\n');
		*end = 0;
		if (!strncmp(line, "insn", 4)) {
			const struct lift_insn *insn = &l->insn[b->first_insn + n++];
			fprintf(f, "%s\t# 0x%" PRIx64 "  %s%s%s\n", line, insn->va, on(colour, STAGE_GUEST), insn->text, off(colour));
		} else {
			fprintf(f, "%s%s%s\n", on(colour, STAGE_UOP), line, off(colour));
		}
	}
	free(text);
}

/* "; 0x80001000  add a0, a0, a1" where lines of another row begin. */
static void print_row(const struct lift *l, unsigned number, const char *comment, bool colour, FILE *f)
{
	const struct lift_row *row = &l->row[number < l->n_rows ? number : 0];
	char name[160];
	fprintf(f, "%s%s ", on(colour, STAGE_GUEST), comment);
	if (row->kind == ROW_INSN)
		fprintf(f, "0x%" PRIx64 "  %s", l->insn[row->index].va, l->insn[row->index].text);
	else if (row->kind == ROW_BLOCK)
		fprintf(f, "block 0x%" PRIx64 "%s", l->block[row->index]->va, name_of(l, l->block[row->index]->va, name));
	else
		fprintf(f, "%s", row->kind == ROW_REGION ? "ways in and out" : "shared");
	fprintf(f, "%s\n", off(colour));
}

static void print_listing(const struct lift *l, enum lift_stage stage, bool colour, FILE *f)
{
	const struct listing *listing = lift_listing(l, stage);
	const char *comment = stage == STAGE_HOST ? "#" : ";";
	unsigned row = UINT32_MAX;
	for (const struct listing_line *line = listing->line; line < listing->line + listing->n; line++) {
		if (line->insn && line->row != row) {
			fputs("  ", f);
			print_row(l, line->row, comment, colour, f);
			row = line->row;
		}
		if (!line->insn && stage == STAGE_HOST && line != listing->line)
			fputc('\n', f);
		print_line(l, stage, line, colour, f);
	}
}

void lift_print_stage(const struct lift *l, enum lift_stage stage, bool colour, FILE *f)
{
	if (stage == STAGE_GUEST)
		print_guest(l, colour, f);
	for (unsigned i = 0; stage == STAGE_UOP && i < l->n_blocks; i++)
		print_uops(l, l->block[i], colour, f);
	if (stage >= STAGE_LLVM)
		print_listing(l, stage, colour, f);
}

/* ---- all stages, aligned ---- */

static void print_tag(enum lift_stage stage, bool colour, FILE *f)
{
	fprintf(f, "      %s%-8s%s  ", on(colour, stage), lift_stage_names[stage], off(colour));
}

/* What belongs to a row, from the IR on. */
static void print_stages(const struct lift *l, unsigned row, unsigned stages, bool colour, FILE *f)
{
	for (enum lift_stage stage = STAGE_LLVM; stage < N_STAGES; stage++) {
		if (!(stages >> stage & 1))
			continue;
		for (const struct listing_line *line = lift_first_line(l, stage, row); line; line = lift_next_line(l, stage, line)) {
			/* of row 0 the module's declarations too, which are nobody's code */
			if (!line->insn && !row)
				continue;
			print_tag(stage, colour, f);
			print_line(l, stage, line, colour, f);
		}
	}
}

static void print_aligned_insn(const struct lift *l, const struct lift_insn *insn, unsigned stages, bool colour, FILE *f)
{
	const struct frontend *frontend = l->source->frontend;
	const struct lift_block *b = l->block[insn->block];
	char text[200];
	fputs("  ", f);
	print_insn(l, insn, colour, f);
	for (unsigned i = 0; stages & 1 << STAGE_UOP && i < insn->n_uops; i++) {
		ir_print_uop(&b->ir.uop[insn->first_uop + i], &b->ir, frontend->slot_name, frontend->helpers, text, sizeof text);
		print_tag(STAGE_UOP, colour, f);
		fprintf(f, "%s%s%s\n", on(colour, STAGE_UOP), text, off(colour));
	}
	print_stages(l, insn->row, stages, colour, f);
}

/* What belongs to no instruction. */
static void print_around(const struct lift *l, unsigned row, const char *what, unsigned stages, bool colour, FILE *f)
{
	bool any = false;
	for (enum lift_stage stage = STAGE_LLVM; stage < N_STAGES; stage++)
		any |= stages >> stage & 1 && lift_first_line(l, stage, row);
	if (any)
		fprintf(f, "  (%s)\n", what);
	print_stages(l, row, stages, colour, f);
}

static void print_block(const struct lift *l, const struct lift_block *b, unsigned stages, bool colour, FILE *f)
{
	char name[160];
	fprintf(f, "block 0x%" PRIx64 "%s: %u instruction%s%s%s%s\n", b->va, name_of(l, b->va, name), b->ir.n_insns, b->ir.n_insns == 1 ? "" : "s",
		b->ir.crosses_page ? ", crosses its page" : "", b->ir.crosses_page && l->options.engine == LIFT_LLVM ? ": stencils run it" : "",
		b->calls ? ", ends in a call" : b->behind_call ? ", behind a call" : b->landing ? ", a case of a jump" : "");
	if (!l->options.region)
		print_around(l, l->region[b->region].row, "in and out", stages, colour, f);
	print_around(l, b->row, "beginning: deadline, count", stages, colour, f);
	for (unsigned i = 0; i < b->ir.n_insns; i++)
		print_aligned_insn(l, &l->insn[b->first_insn + i], stages, colour, f);
	fputc('\n', f);
}

/* "12.3 us" */
static const char *time_text(uint64_t ns, char text[24])
{
	if (ns < 1000000)
		snprintf(text, 24, "%.1f us", (double)ns / 1e3);
	else
		snprintf(text, 24, "%.1f ms", (double)ns / 1e6);
	return text;
}

static void print_cost(const struct lift *l, FILE *f)
{
	unsigned count[N_STAGES] = { 0 }, bytes = 0;
	double insns = l->n_insns;
	char text[24];
	for (unsigned i = 0; i < l->n_rows; i++) {
		for (unsigned stage = 0; stage < N_STAGES; stage++)
			count[stage] += l->row[i].count[stage];
		bytes += l->row[i].host_bytes;
	}
	fprintf(f, "cost  guest %u instruction%s, %" PRIu64 " bytes; micro-ops %u (%.1f each)", l->n_insns, l->n_insns == 1 ? "" : "s", l->bytes,
		count[STAGE_UOP], count[STAGE_UOP] / insns);
	if (l->options.engine == LIFT_LLVM)
		fprintf(f, "; IR %u, optimised %u (%.1f)", count[STAGE_LLVM], count[STAGE_OPTIMISED], count[STAGE_OPTIMISED] / insns);
	if (l->options.engine != LIFT_NONE)
		fprintf(f, "; host %u (%.1f), %u bytes (%.1f)", count[STAGE_HOST], count[STAGE_HOST] / insns, bytes, bytes / insns);
	if (l->options.engine == LIFT_STENCIL)
		fprintf(f, " and %" PRIu64 " out of line", l->cold_bytes);
	fprintf(f, "\ntime  lift %s", time_text(l->lift_ns, text));
	if (l->options.engine == LIFT_LLVM) {
		fprintf(f, ", lower %s", time_text(l->code.lower_ns, text));
		fprintf(f, ", optimise %s", time_text(l->code.optimise_ns, text));
		fprintf(f, ", codegen %s", time_text(l->code.codegen_ns, text));
	}
	fputc('\n', f);
}

void lift_print_aligned(const struct lift *l, unsigned stages, bool colour, FILE *f)
{
	char name[160];
	if (l->options.region) {
		fprintf(f, "region 0x%" PRIx64 "%s: %u block%s, %u instructions; %s\n", l->range.va, name_of(l, l->range.va, name), l->n_blocks,
			l->n_blocks == 1 ? "" : "s", l->n_insns, l->region->loops ? "it loops" : "without a loop: stencils run it, it is not worth compiling");
		print_around(l, l->region->row, "in and out", stages, colour, f);
		fputc('\n', f);
	}
	for (unsigned i = 0; i < l->n_blocks; i++)
		print_block(l, l->block[i], stages, colour, f);
	if (l->row[0].count[STAGE_OPTIMISED] + l->row[0].count[STAGE_HOST]) {
		fprintf(f, "shared by several\n");
		print_stages(l, 0, stages, colour, f);
		fputc('\n', f);
	}
	print_cost(l, f);
}

// SPDX-License-Identifier: Apache-2.0
#include "src/profile/columns.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "ir/ir.h"
#include "src/lift/lift.h"

#define MOST_WIDTH 72	/* of the column in the middle; longer lines are cut */

/* The way of running that a block was met in, as far as its lifting depends on it. */
static const struct frontend_mode *mode_of(const struct frontend *frontend, const struct row *block)
{
	const struct frontend_mode *mode = frontend->modes;
	while (mode->name && frontend->privilege(mode->mode) != block->privilege)
		mode++;
	return mode->name ? mode : &frontend->modes[block->start >> 63];
}

/* ---- columns ---- */

struct columns {
	const struct lift *l;
	enum lift_stage middle;
	int guest_width, width;	/* of the first two columns */
	FILE *f;
};

#define GUEST_FORMAT "%9" PRIu64 "  0x%016" PRIx64 "  %s"

/* The n-th line of a row in a column; NULL: there are no more. buffer is room for it. */
static const char *cell(const struct columns *c, enum lift_stage stage, const struct lift_insn *insn, unsigned row, unsigned n, char buffer[200])
{
	const struct frontend *frontend = c->l->source->frontend;
	if (stage == STAGE_UOP) {
		if (!insn || n >= insn->n_uops)
			return NULL;
		const struct ir_block *b = &c->l->block[insn->block]->ir;
		ir_print_uop(&b->uop[insn->first_uop + n], b, frontend->slot_name, frontend->helpers, buffer, 200);
		return buffer;
	}
	const struct listing_line *line = lift_has_stage(c->l->options.engine, stage) ? lift_first_line(c->l, stage, row) : NULL;
	while (line && n--)
		line = lift_next_line(c->l, stage, line);
	return line ? line->text + strspn(line->text, " ") : NULL;
}

static void find_widths(struct columns *c, const struct lift_block *b)
{
	char buffer[200];
	const char *text;
	size_t width = 8, guest_width = 40;
	for (unsigned i = 0; i <= b->ir.n_insns; i++) {
		const struct lift_insn *insn = i ? &c->l->insn[b->first_insn + i - 1] : NULL;
		size_t guest = insn ? (size_t)snprintf(NULL, 0, GUEST_FORMAT, (uint64_t)0, insn->va, insn->text) : 0;
		guest_width = guest > guest_width ? guest : guest_width;
		for (unsigned n = 0; (text = cell(c, c->middle, insn, insn ? insn->row : b->row, n, buffer)); n++)
			width = strlen(text) > width ? strlen(text) : width;
	}
	c->guest_width = (int)guest_width;
	c->width = width < MOST_WIDTH ? (int)width : MOST_WIDTH;
}

/* A row of the table: `guest` stands beside the first lines of the other columns. */
static void print_row(const struct columns *c, const char *guest, const struct lift_insn *insn, unsigned row)
{
	char buffer[200], line[512];
	for (unsigned n = 0;; n++) {
		const char *middle = cell(c, c->middle, insn, row, n, buffer), *host = cell(c, STAGE_HOST, insn, row, n, NULL);
		if (n && !middle && !host)
			return;
		snprintf(line, sizeof line, "%-*s  %-*.*s  %s", c->guest_width, n ? "" : guest, c->width, c->width, middle ? middle : "", host ? host : "");
		size_t length = strlen(line);
		while (length && line[length - 1] == ' ')
			length--;
		fprintf(c->f, "%.*s\n", (int)length, line);
	}
}

static void print_block(const struct columns *c, const struct lift_block *b, columns_count *count, const void *of)
{
	char guest[200];
	snprintf(guest, sizeof guest, "%9s  %-18s  guest", "count", "address");
	fprintf(c->f, "%-*s  %-*s  %s\n", c->guest_width, guest, c->width, lift_stage_names[c->middle], "host");
	if (lift_has_stage(c->l->options.engine, STAGE_HOST))
		print_row(c, "           (beginning)", NULL, b->row);
	for (unsigned i = 0; i < b->ir.n_insns; i++) {
		const struct lift_insn *insn = &c->l->insn[b->first_insn + i];
		snprintf(guest, sizeof guest, GUEST_FORMAT, count(of, insn->va), insn->va, insn->text);
		print_row(c, guest, insn, insn->row);
	}
}

/* ---- the whole ---- */

static void choose(const struct profile *p, const struct row *block, struct lift_options *o)
{
#ifdef HAVE_STENCILS
	enum vcpu_tier tier = row_tier(block);
	o->engine = tier == TIER_REGION ? LIFT_LLVM : tier == TIER_INTERP ? LIFT_NONE : LIFT_STENCIL;
#else
	o->engine = LIFT_NONE;
#endif
	o->region = o->engine == LIFT_LLVM;
	o->windows = p->vm->machine.windows;
	o->config = p->vm->cpu_config;
	o->mode = mode_of(p->vm->frontend, block);
	o->max_insns = BLOCK_MAX_INSNS;
}

bool profile_columns(const struct profile *p, const struct row *block, const struct lift_source *code, columns_count *count, const void *of, FILE *f,
		     struct error *err)
{
	struct lift_options o = { 0 };
	choose(p, block, &o);
	struct lift *l = lift_create(code, &(struct lift_range){ block->start, o.region ? 0 : block->bytes }, &o, err);
	if (!l && o.region) {	/* its first instruction crosses the page, and it is no region's */
		o.region = false;
		o.engine = LIFT_STENCIL;
		l = lift_create(code, &(struct lift_range){ block->start, block->bytes }, &o, err);
	}
	struct columns c = { .l = l, .middle = o.engine == LIFT_LLVM ? STAGE_OPTIMISED : STAGE_UOP, .f = f };
	for (unsigned i = 0; l && i < l->n_blocks; i++)
		if (l->block[i]->va == block->start) {
			find_widths(&c, l->block[i]);
			print_block(&c, l->block[i], count, of);
		}
	if (l)
		lift_destroy(l);
	return l;
}

// SPDX-License-Identifier: Apache-2.0
#include "src/lift/lift.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "src/lift/internal.h"

const char *const lift_stage_names[N_STAGES] = { "guest", "uop", "llvm", "llvm-opt", "host" };

bool lift_has_stage(enum lift_engine engine, enum lift_stage stage)
{
	return stage <= STAGE_UOP || engine == LIFT_LLVM || (engine == LIFT_STENCIL && stage == STAGE_HOST);
}

const struct listing *lift_listing(const struct lift *l, enum lift_stage stage)
{
	return stage == STAGE_LLVM ? &l->code.llvm : stage == STAGE_OPTIMISED ? &l->code.optimised : &l->code.host;
}

/* ---- growing tables ---- */

/* Room for one more at table[n], which is cleared; NULL: out of memory. Tables grow at powers of two. */
static void *one_more(void *table, unsigned n, size_t size)
{
	void **at = table;
	if (!(n & (n - 1))) {
		void *more = realloc(*at, (n ? 2 * (size_t)n : 1) * size);
		if (!more)
			return NULL;
		*at = more;
	}
	return memset((char *)*at + n * size, 0, size);
}

bool lift_no_memory(struct error *err)
{
	return error_set(err, ERROR_HOST, "out of memory");
}

static bool add_row(struct lift *l, int kind, unsigned index, struct error *err)
{
	struct lift_row *row = one_more(&l->row, l->n_rows, sizeof *row);
	if (!row)
		return lift_no_memory(err);
	row->kind = (unsigned)kind;
	row->index = index;
	l->n_rows++;
	return true;
}

/* ---- instructions ---- */

/* Behind "# 0x80001234" the name of what stands there: " <memcpy+0x12>" */
static void add_target_name(const struct lift *l, struct lift_insn *insn)
{
	const char *target = strstr(insn->text, "# 0x");
	size_t used = strlen(insn->text);
	char name[64];
	if (target && l->source->name(l->source, strtoull(target + 2, NULL, 16), name, sizeof name))
		snprintf(insn->text + used, sizeof insn->text - used, " <%s>", name);
}

static bool add_insn(struct lift *l, struct lift_block *b, unsigned n, struct error *err)
{
	const struct frontend *frontend = l->source->frontend;
	const struct insn_info *info = &b->ir.insn[n];
	struct lift_insn *insn = one_more(&l->insn, l->n_insns, sizeof *insn);
	if (!insn)
		return lift_no_memory(err);
	insn->va = b->va + info->offset;
	insn->size = info->size;
	for (unsigned i = 0, here; i < info->size; i++) {	/* byte by byte: it may lie in two pages */
		const uint8_t *byte = l->source->bytes(l->source, insn->va + i, &here);
		insn->code[i] = byte ? *byte : 0;
	}
	frontend->disassemble(l->options.config, insn->va, insn->code, insn->size, insn->text, sizeof insn->text);
	insn->illegal = insn->text[0] == '.';
	add_target_name(l, insn);
	insn->block = l->n_blocks - 1;
	insn->row = l->n_rows;
	insn->first_uop = info->first_uop;
	insn->n_uops = (n + 1 < b->ir.n_insns ? b->ir.insn[n + 1].first_uop : b->ir.n_uops) - info->first_uop;
	if (!add_row(l, ROW_INSN, l->n_insns, err))
		return false;
	l->row[insn->row].count[STAGE_GUEST] = 1;
	l->row[insn->row].count[STAGE_UOP] = insn->n_uops;
	l->n_insns++;
	return true;
}

bool lift_add_block(struct lift *l, struct lift_block *b, struct error *err)
{
	struct lift_block **at = one_more(&l->block, l->n_blocks, sizeof *at);
	if (!at) {
		free(b);
		return lift_no_memory(err);
	}
	*at = b;
	b->region = l->n_regions - 1;
	b->row = l->n_rows;
	b->first_insn = l->n_insns;
	if (!add_row(l, ROW_BLOCK, l->n_blocks++, err))
		return false;
	for (unsigned n = 0; n < b->ir.n_insns; n++)
		if (!add_insn(l, b, n, err))
			return false;
	l->region[b->region].n_blocks++;
	l->bytes += b->ir.bytes;
	l->lift_ns += b->lift_ns;
	return true;
}

bool lift_add_region(struct lift *l, uint64_t va, struct error *err)
{
	struct lift_region *region = one_more(&l->region, l->n_regions, sizeof *region);
	if (!region)
		return lift_no_memory(err);
	*region = (struct lift_region){ .first_block = l->n_blocks, .row = l->n_rows };
	snprintf(region->name, sizeof region->name, "%s_%llx", l->options.region ? "region" : "block", (unsigned long long)va);
	return add_row(l, ROW_REGION, l->n_regions++, err);
}

/* ---- the code from an address on, block by block, as it would be executed if nothing jumped ---- */

static bool lift_straight(struct lift *l, struct lift_blocks *x, struct error *err)
{
	uint64_t va = l->range.va, left = l->range.size;
	unsigned here;
	do {
		unsigned room = l->options.max_insns - l->n_insns;
		struct lift_block *b = blocks_lift(x, va, left, room < BLOCK_MAX_INSNS ? room : BLOCK_MAX_INSNS, err);
		if (!b)
			return false;
		uint64_t bytes = b->ir.bytes;
		if (!lift_add_region(l, va, err)) {
			free(b);
			return false;
		}
		if (!lift_add_block(l, b, err))
			return false;
		va += bytes;
		left -= bytes < left ? bytes : left;
	} while (left && l->n_insns < l->options.max_insns && l->source->bytes(l->source, va, &here));
	l->cut = left && l->range.size != LIFT_OPEN;
	return true;
}

/* ---- machine code ---- */

static bool make_code(struct lift *l, struct lift_blocks *x, struct error *err)
{
#ifdef HAVE_STENCILS
	if (l->options.engine == LIFT_LLVM)
		return lift_compile(l, x, err);
	if (l->options.engine == LIFT_STENCIL)
		return lift_copy(l, x, err);
#endif
	return true;
}

static bool lift_all(struct lift *l, struct lift_blocks *x, struct error *err)
{
#ifdef HAVE_STENCILS
	if (l->options.region)
		return lift_region(l, x, err);
#endif
	return lift_straight(l, x, err);
}

/* ---- rows ---- */

/* Counts the lines of each row, and strings them together. */
static bool index_lines(struct lift *l, enum lift_stage stage)
{
	const struct listing *listing = lift_listing(l, stage);
	unsigned *first = l->first_line[stage] = calloc(l->n_rows, sizeof *first);
	unsigned *next = l->next_line[stage] = calloc((size_t)listing->n + 1, sizeof *next);
	if (!first || !next || listing->failed)
		return false;
	for (unsigned i = listing->n; i-- > 0;) {
		const struct listing_line *line = &listing->line[i];
		unsigned at = line->row < l->n_rows ? line->row : 0;
		next[i] = first[at];
		first[at] = i + 1;
		l->row[at].count[stage] += line->insn;
		l->row[at].host_bytes += line->size;
	}
	return true;
}

const struct listing_line *lift_first_line(const struct lift *l, enum lift_stage stage, unsigned row)
{
	unsigned at = l->first_line[stage][row];
	return at ? &lift_listing(l, stage)->line[at - 1] : NULL;
}

const struct listing_line *lift_next_line(const struct lift *l, enum lift_stage stage, const struct listing_line *line)
{
	const struct listing_line *lines = lift_listing(l, stage)->line;
	unsigned at = l->next_line[stage][line - lines];
	return at ? &lines[at - 1] : NULL;
}

/* ---- life ---- */

struct lift *lift_create(const struct lift_source *s, const struct lift_range *range, const struct lift_options *o, struct error *err)
{
	struct lift *l = calloc(1, sizeof *l);
	if (!l) {
		lift_no_memory(err);
		return NULL;
	}
	l->source = s;
	l->options = *o;
	l->range = *range;
	struct lift_blocks *x = blocks_create(s, &l->options, err);
	bool good = x && add_row(l, ROW_SHARED, 0, err) && lift_all(l, x, err) && make_code(l, x, err);
	blocks_destroy(x);
	for (enum lift_stage stage = STAGE_LLVM; good && stage < N_STAGES; stage++)
		good = index_lines(l, stage) || lift_no_memory(err);
	if (good)
		return l;
	lift_destroy(l);
	return NULL;
}

void lift_destroy(struct lift *l)
{
	if (!l)
		return;
	for (unsigned i = 0; i < l->n_blocks; i++)
		free(l->block[i]);
	free(l->block);
	free(l->insn);
	free(l->row);
	free(l->region);
	for (unsigned stage = 0; stage < N_STAGES; stage++) {
		free(l->first_line[stage]);
		free(l->next_line[stage]);
	}
	listing_free(&l->code.llvm);
	listing_free(&l->code.optimised);
	listing_free(&l->code.host);
	free(l);
}

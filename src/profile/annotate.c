// SPDX-License-Identifier: Apache-2.0
/*
 * A function or a block, instruction by instruction: what each weighs beside what it is. Each column stands for itself, so that others (micro-ops,
 * the host's instructions) can join them.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "src/options.h"
#include "src/profile/code.h"
#include "src/profile/columns.h"

#define MOST_BYTES (64u << 10)	/* of a function */
#define CONTEXT 64		/* bytes shown around an address that is in no known function */

struct range { uint64_t start, end; struct function function; };

/* Weight at each two bytes of the range, where instructions may begin. */
struct weights { uint64_t *at; uint64_t sum, whole; };

/* The function of a name, of an address, or of "name+offset"; around an address without a name the block that has most samples. */
static bool find_range(const struct profile *p, const char *place, struct range *r, struct error *err)
{
	uint64_t address;
	struct error ignored;
	if (!names_value(p->names, place, &address) && !parse_number(place, UINT64_MAX, &address, &ignored))
		return error_set(err, ERROR_USAGE, "%.100s: neither an address (0x…) nor a symbol; --symbols FILE adds symbols", place);
	r->function = names_find(p->names, address, PRIVILEGE_KERNEL);
	if (r->function.known) {
		r->start = r->function.start;
		r->end = r->function.end - r->start > MOST_BYTES ? r->start + MOST_BYTES : r->function.end;
		return true;
	}
	r->start = address & ~(uint64_t)1;
	r->end = r->start + CONTEXT;
	struct rows blocks = profile_blocks(p);
	for (size_t i = 0; i < blocks.n; i++)
		if (address >= blocks.row[i].start && address < blocks.row[i].end) {
			r->start = blocks.row[i].start;
			r->end = blocks.row[i].end;
			break;
		}
	free(blocks.row);
	return true;
}

static bool weigh(const struct profile *p, const struct range *r, struct weights *w)
{
	size_t n;
	const struct entry *entry = tally_entries(p->tally, &n);
	*w = (struct weights){ .at = calloc((r->end - r->start) / 2 + 1, sizeof *w->at) };
	for (const struct entry *e = entry; w->at && e < entry + n; e++) {
		w->whole += profile_weight(p, e);
		if (e->pc < r->start || e->pc >= r->end)
			continue;
		uint64_t *at = &w->at[(e->pc - r->start) / 2];
		*at += e->count;
		w->sum += profile_weight(p, e);
	}
	return w->at;
}

/* Exact counts are of blocks: what follows a block's first instruction has been executed as often, until the next block begins. */
static void spread(const struct profile *p, const struct range *r, struct weights *w)
{
	size_t n;
	const struct entry *entry = tally_entries(p->tally, &n);
	memset(w->at, 0, ((r->end - r->start) / 2 + 1) * sizeof *w->at);
	for (const struct entry *e = entry; e < entry + n; e++)
		for (uint64_t at = e->block; at < e->block + e->bytes; at += 2)
			if (at >= r->start && at < r->end)
				w->at[(at - r->start) / 2] += e->count;
}

/* The bytes of the instruction at pc, and what follows them: how many there are. */
static unsigned read_code(const struct lift_source *code, uint64_t pc, uint8_t to[VM_MAX_CODE])
{
	unsigned have = 0, size;
	const uint8_t *at;
	while (have < VM_MAX_CODE && (at = code->bytes(code, pc + have, &size))) {
		size = size < VM_MAX_CODE - have ? size : VM_MAX_CODE - have;
		memcpy(to + have, at, size);
		have += size;
	}
	return have;
}

static void print_insns(const struct profile *p, const struct range *r, const struct weights *w, const struct lift_source *code, FILE *f)
{
	const struct frontend *fe = p->vm->frontend;
	for (uint64_t pc = r->start; pc < r->end;) {
		uint8_t insn[VM_MAX_CODE];
		char text[160], ignored[100];
		unsigned have = read_code(code, pc, insn);
		if (have < 2) {	/* the shortest instructions have two */
			fprintf(f, "%*s  %016" PRIx64 "  (not readable)\n", p->exact ? 14 : 18, "", pc);
			break;
		}
		vm_format_insn(p->vm, pc, insn, have, text, sizeof text);
		uint64_t weight = w->at[(pc - r->start) / 2];
		if (p->exact)
			fprintf(f, weight ? "%14" PRIu64 "  %s\n" : "%14.0" PRIu64 "  %s\n", weight, text);
		else if (weight)
			fprintf(f, "%6.2f%% %9" PRIu64 "  %s\n", 100.0 * (double)weight / (double)w->sum, weight, text);
		else
			fprintf(f, "%17s  %s\n", "", text);
		pc += fe->disassemble(p->vm->cpu_config, pc, insn, have, ignored, sizeof ignored);
	}
}

struct counted { const struct range *range; const struct weights *weights; };

static uint64_t count_at(const void *of, uint64_t pc)
{
	const struct counted *c = of;
	bool inside = pc >= c->range->start && pc < c->range->end;
	return inside ? c->weights->at[(pc - c->range->start) / 2] : 0;
}

/* The range's heaviest block in columns, unless nothing was met there. */
static bool print_hot_block(const struct profile *p, const struct range *r, const struct weights *w, const struct lift_source *code, FILE *f,
			    struct error *err)
{
	const struct counted counted = { r, w };
	struct rows blocks = profile_blocks(p);
	bool good = true;
	for (size_t i = 0; i < blocks.n; i++) {
		const struct row *b = &blocks.row[i];
		if (!b->bytes || b->start < r->start || b->start >= r->end)
			continue;
		fprintf(f, "\nthe hottest block, at 0x%" PRIx64 ", mostly run by: %s\n\n", b->start, tier_name(row_tier(b)));
		good = profile_columns(p, b, code, count_at, &counted, f, err);
		break;
	}
	free(blocks.row);
	return good;
}

bool profile_annotate(const struct profile *p, const char *place, FILE *f, struct error *err)
{
	struct range r = { 0 };
	struct weights w;
	if (!find_range(p, place, &r, err))
		return false;
	const char *file;
	struct lift_source *code = profile_code(p, r.start, &file, err);
	if (!code)
		return error_prefix(err, "%.100s", place);
	if (!weigh(p, &r, &w)) {
		code->close(code);
		return error_set(err, ERROR_HOST, "out of memory");
	}
	double share = w.whole ? 100.0 * (double)w.sum / (double)w.whole : 0;
	fprintf(f, "%s at 0x%" PRIx64 ", %" PRIu64 " bytes: %" PRIu64 " %s, %.2f %% of what was %s%s%s\n\n", r.function.name, r.start, r.end - r.start, w.sum,
		p->exact ? "instructions" : "samples", share, p->exact ? "executed" : "sampled", file ? "; the code is that of " : "", file ? file : "");
	if (p->exact)
		spread(p, &r, &w);
	fprintf(f, p->exact ? "    executions  address           code      instruction\n" :
			      "  share   samples  address           code      instruction\n");
	print_insns(p, &r, &w, code, f);
	bool good = print_hot_block(p, &r, &w, code, f, err);
	free(w.at);
	code->close(code);
	return good;
}

// SPDX-License-Identifier: Apache-2.0
/*
 * A function or a block, instruction by instruction: what each weighs beside what it is. Each column stands for itself, so that others (micro-ops,
 * the host's instructions) can join them.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "src/options.h"
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

/* The vCPU through whose page tables the code can be read, NULL: none. */
static struct vcpu *reader(const struct profile *p, uint64_t va)
{
	uint8_t byte;
	for (unsigned i = 0; i < p->vm->machine.n_vcpus; i++)
		if (vm_debug_read(p->vm->machine.vcpu[i], va, &byte, 1))
			return p->vm->machine.vcpu[i];
	return NULL;
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

static void print_insns(const struct profile *p, const struct range *r, const struct weights *w, struct vcpu *cpu, FILE *f)
{
	const struct frontend *fe = p->vm->frontend;
	for (uint64_t pc = r->start; pc < r->end;) {
		uint8_t code[16];
		char text[160];
		unsigned have = sizeof code, length;
		while (have && !vm_debug_read(cpu, pc, code, have))
			have -= 2;
		if (!have || !vm_disassemble(p->vm, cpu, pc, text, sizeof text)) {
			fprintf(f, "%*s  %016" PRIx64 "  (not readable)\n", p->exact ? 14 : 18, "", pc);
			break;
		}
		char ignored[100];
		length = fe->disassemble(p->vm->cpu_config, pc, code, have, ignored, sizeof ignored);
		uint64_t weight = w->at[(pc - r->start) / 2];
		if (p->exact)
			fprintf(f, weight ? "%14" PRIu64 "  %s\n" : "%14.0" PRIu64 "  %s\n", weight, text);
		else if (weight)
			fprintf(f, "%6.2f%% %9" PRIu64 "  %s\n", 100.0 * (double)weight / (double)w->sum, weight, text);
		else
			fprintf(f, "%17s  %s\n", "", text);
		pc += length;
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
static bool print_hot_block(const struct profile *p, const struct range *r, const struct weights *w, struct vcpu *cpu, FILE *f, struct error *err)
{
	const struct counted counted = { r, w };
	struct rows blocks = profile_blocks(p);
	bool good = true;
	for (size_t i = 0; i < blocks.n; i++) {
		const struct row *b = &blocks.row[i];
		if (!b->bytes || b->start < r->start || b->start >= r->end)
			continue;
		fprintf(f, "\nthe hottest block, at 0x%" PRIx64 ", mostly run by: %s\n\n", b->start, tier_name(row_tier(b)));
		good = profile_columns(p, b, cpu, count_at, &counted, f, err);
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
	struct vcpu *cpu = reader(p, r.start);
	if (!cpu)
		return error_set(err, ERROR_USAGE, "%.100s: the guest has nothing at 0x%" PRIx64 " any more", place, r.start);
	if (!weigh(p, &r, &w))
		return error_set(err, ERROR_HOST, "out of memory");
	double share = w.whole ? 100.0 * (double)w.sum / (double)w.whole : 0;
	fprintf(f, "%s at 0x%" PRIx64 ", %" PRIu64 " bytes: %" PRIu64 " %s, %.2f %% of what was %s\n\n", r.function.name, r.start, r.end - r.start, w.sum,
		p->exact ? "instructions" : "samples", share, p->exact ? "executed" : "sampled");
	if (p->exact)
		spread(p, &r, &w);
	fprintf(f, p->exact ? "    executions  address           code      instruction\n" :
			      "  share   samples  address           code      instruction\n");
	print_insns(p, &r, &w, cpu, f);
	bool good = print_hot_block(p, &r, &w, cpu, f, err);
	free(w.at);
	return good;
}

// SPDX-License-Identifier: Apache-2.0
/* docs/lift.md describes the schema. */
#include <string.h>
#include "ir/ir.h"
#include "src/json.h"
#include "src/lift/lift.h"

static void put_code(struct json *j, const uint8_t *code, unsigned size)
{
	char text[2 * LISTING_CODE_MAX + 1] = "";
	for (unsigned i = 0; i < size; i++)
		snprintf(text + 2 * i, 3, "%02x", code[i]);
	json_string(j, "code", text);
}

static const char *member(enum lift_stage stage)
{
	return stage == STAGE_OPTIMISED ? "llvm_opt" : lift_stage_names[stage];
}

/* The lines of a row as members llvm, llvm_opt and host. */
static void put_row(struct json *j, const struct lift *l, unsigned row, unsigned stages)
{
	for (enum lift_stage stage = STAGE_LLVM; stage < N_STAGES; stage++) {
		if (!(stages >> stage & 1))
			continue;
		json_open(j, member(stage), '[');
		for (const struct listing_line *line = lift_first_line(l, stage, row); line; line = lift_next_line(l, stage, line)) {
			if (!line->insn)
				continue;
			if (stage != STAGE_HOST) {
				json_string(j, NULL, line->text + strspn(line->text, " "));
				continue;
			}
			json_open(j, NULL, '{');
			json_number(j, "offset", line->at);
			put_code(j, line->code, line->size);
			json_string(j, "text", line->text);
			json_close(j, '}');
		}
		json_close(j, ']');
	}
}

static void put_insn(struct json *j, const struct lift *l, const struct lift_insn *insn, unsigned stages)
{
	const struct frontend *frontend = l->source->frontend;
	const struct lift_block *b = l->block[insn->block];
	char text[200];
	json_open(j, NULL, '{');
	json_hex(j, "address", insn->va);
	put_code(j, insn->code, insn->size);
	json_string(j, "text", insn->text);
	json_bool(j, "legal", !insn->illegal);
	if (stages & 1 << STAGE_UOP) {
		json_open(j, "uop", '[');
		for (unsigned i = 0; i < insn->n_uops; i++) {
			ir_print_uop(&b->ir.uop[insn->first_uop + i], &b->ir, frontend->slot_name, frontend->helpers, text, sizeof text);
			json_string(j, NULL, text);
		}
		json_close(j, ']');
	}
	put_row(j, l, insn->row, stages);
	json_close(j, '}');
}

static void put_block(struct json *j, const struct lift *l, const struct lift_block *b, unsigned stages)
{
	char name[150];
	json_open(j, NULL, '{');
	json_hex(j, "address", b->va);
	json_string(j, "symbol", l->source->name(l->source, b->va, name, sizeof name) ? name : NULL);
	json_number(j, "bytes", b->ir.bytes);
	json_bool(j, "crosses_page", b->ir.crosses_page);
	json_bool(j, "compiled", b->compiled);
	json_open(j, "exits", '[');
	for (unsigned n = 0; n < b->n_exits; n++) {
		json_open(j, NULL, '{');
		json_hex(j, "address", b->target[n]);
		json_bool(j, "inside", b->inside[n] >= 0);
		json_close(j, '}');
	}
	json_close(j, ']');
	json_open(j, "beginning", '{');
	put_row(j, l, b->row, stages);
	json_close(j, '}');
	json_open(j, "insns", '[');
	for (unsigned i = 0; i < b->ir.n_insns; i++)
		put_insn(j, l, &l->insn[b->first_insn + i], stages);
	json_close(j, ']');
	json_close(j, '}');
}

static void put_region(struct json *j, const struct lift *l, const struct lift_region *region, unsigned stages)
{
	json_open(j, NULL, '{');
	json_string(j, "name", region->name);
	json_bool(j, "loops", region->loops);
	json_open(j, "ways", '{');
	put_row(j, l, region->row, stages);
	json_close(j, '}');
	json_open(j, "blocks", '[');
	for (unsigned i = 0; i < region->n_blocks; i++)
		put_block(j, l, l->block[region->first_block + i], stages);
	json_close(j, ']');
	json_close(j, '}');
}

static void put_cost(struct json *j, const struct lift *l)
{
	unsigned count[N_STAGES] = { 0 }, bytes = 0;
	for (unsigned i = 0; i < l->n_rows; i++) {
		for (unsigned stage = 0; stage < N_STAGES; stage++)
			count[stage] += l->row[i].count[stage];
		bytes += l->row[i].host_bytes;
	}
	json_open(j, "cost", '{');
	json_number(j, "bytes", l->bytes);
	for (enum lift_stage stage = 0; stage < N_STAGES; stage++)
		if (lift_has_stage(l->options.engine, stage))
			json_number(j, member(stage), count[stage]);
	if (lift_has_stage(l->options.engine, STAGE_HOST))
		json_number(j, "host_bytes", bytes);
	if (l->options.engine == LIFT_STENCIL)
		json_number(j, "cold_bytes", l->cold_bytes);
	json_number(j, "lift_ns", l->lift_ns);
	if (l->options.engine == LIFT_LLVM) {
		json_number(j, "lower_ns", l->code.lower_ns);
		json_number(j, "optimise_ns", l->code.optimise_ns);
		json_number(j, "codegen_ns", l->code.codegen_ns);
	}
	json_close(j, '}');
}

void lift_print_json(const struct lift *l, unsigned stages, FILE *f)
{
	static const char *const engine_names[] = { "llvm", "stencil", NULL };
	char name[150];
	struct json j = { .f = f };
	json_open(&j, NULL, '{');
	json_string(&j, "arch", l->source->frontend->name);
	json_string(&j, "mode", l->options.mode->name);
	json_string(&j, "engine", engine_names[l->options.engine]);
	json_string(&j, "memory", l->options.windows ? "windows" : "tlb");
	json_hex(&j, "address", l->range.va);
	json_string(&j, "symbol", l->source->name(l->source, l->range.va, name, sizeof name) ? name : NULL);
	json_bool(&j, "region", l->options.region);
	json_bool(&j, "cut", l->cut);
	json_open(&j, "regions", '[');
	for (unsigned i = 0; i < l->n_regions; i++)
		put_region(&j, l, &l->region[i], stages);
	json_close(&j, ']');
	json_open(&j, "shared", '{');
	put_row(&j, l, 0, stages);
	json_close(&j, '}');
	put_cost(&j, l);
	json_close(&j, '}');
}

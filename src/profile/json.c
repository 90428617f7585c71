// SPDX-License-Identifier: Apache-2.0
/* A profile for programs; docs/profile.md has the schema. */
#include <stdlib.h>
#include "src/json.h"
#include "src/profile/profile.h"

static void put_row(struct json *j, const struct profile *p, const struct row *r, bool block)
{
	json_open(j, NULL, '{');
	json_string(j, "function", r->function.known ? r->function.name : NULL);
	json_string(j, "mode", privilege_name(r->privilege));
	json_hex(j, "start", r->start);
	if (r->function.known && block)
		json_number(j, "offset", r->start - r->function.start);
	if (r->space)
		json_hex(j, "space", r->space);
	json_number(j, "self", r->self);
	if (!block)
		json_number(j, "total", r->total);
	if (p->exact)
		json_number(j, "executions", r->executions);
	if (block) {
		json_number(j, "instructions", r->n_insns);
		json_number(j, "bytes", r->bytes);
		if (r->host_bytes)
			json_number(j, "host_bytes", r->host_bytes);
	}
	json_open(j, "tiers", '{');
	for (unsigned t = 0; t < N_TIERS; t++)
		if (r->tier[t])
			json_number(j, tier_name(t), r->tier[t]);
	json_close(j, '}');
	json_close(j, '}');
}

static void put_rows(struct json *j, const struct profile *p, const char *name, struct rows rows, unsigned top, bool block)
{
	json_open(j, name, '[');
	for (size_t i = 0; i < rows.n && (!top || i < top); i++)
		put_row(j, p, &rows.row[i], block);
	json_close(j, ']');
	free(rows.row);
}

static void put_instructions(struct json *j, const struct profile *p)
{
	size_t n;
	const struct entry *entry = tally_entries(p->tally, &n);
	json_open(j, "samples", '[');
	for (const struct entry *e = entry; e < entry + n; e++) {
		struct call call[NAMES_MOST_CALLS];
		unsigned depth = names_stack(p->names, e, call, NAMES_MOST_CALLS);
		json_open(j, NULL, '{');
		json_number(j, "count", e->count);
		json_string(j, "mode", privilege_name(e->privilege));
		json_string(j, "tier", tier_name(e->tier));
		if (e->space)
			json_hex(j, "space", e->space);
		json_open(j, "stack", '[');
		for (unsigned i = 0; i < depth; i++)
			json_hex(j, NULL, call[i].pc);
		json_close(j, ']');
		json_close(j, '}');
	}
	json_close(j, ']');
}

void profile_json(const struct profile *p, FILE *f, unsigned top)
{
	struct json j = { .f = f };
	json_open(&j, NULL, '{');
	json_number(&j, "version", 1);
	json_string(&j, "arch", p->arch);
	json_string(&j, "kind", p->exact ? "exact" : "sampled");
	json_string(&j, "unit", p->exact ? "instructions" : "samples");
	json_number(&j, "vcpus", p->vcpus);
	json_seconds(&j, "seconds", p->host_ns);
	json_number(&j, "instructions", p->insns);
	json_number(&j, "observed", p->samples);
	json_number(&j, "dropped", tally_dropped(p->tally));
	if (!p->exact) {
		json_number(&j, "rate", p->rate);
		json_number(&j, "idle", p->stats.idle);
		json_number(&j, "held", p->stats.stalled);
		json_number(&j, "lost", p->stats.lost);
		json_seconds(&j, "vcpu_seconds", p->vcpu_ns);
		json_seconds(&j, "other_seconds", p->other_ns);
	}
	put_rows(&j, p, "functions", profile_functions(p, false), top, false);
	put_rows(&j, p, "blocks", profile_blocks(p), top, true);
	if (!p->exact)
		put_instructions(&j, p);
	json_close(&j, '}');
}

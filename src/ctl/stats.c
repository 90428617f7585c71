// SPDX-License-Identifier: Apache-2.0
/* Counters. The engine prints its own as text, whose lines are handed on. */
#include <stdlib.h>
#include <string.h>
#include "src/ctl/internal.h"

struct stats {
	struct json *json;
	bool good;
};

static void put_vcpu(struct json *j, const struct vcpu *cpu)
{
	struct mmu_stats t;
	mmu_get_stats(cpu, &t);
	json_open(j, NULL, '{');
	json_number(j, "vcpu", cpu->index);
	json_number(j, "instructions", cpu->icount);
	json_number(j, "tlb_fills_lower", t.fills[0]);
	json_number(j, "tlb_fills_upper", t.fills[1]);
	json_number(j, "tlb_victim_hits", t.victim_hits);
	json_number(j, "tlb_flushes", t.flushes);
	json_number(j, "tlb_page_flushes", t.page_flushes);
	json_number(j, "context_switches", t.switches);
	json_number(j, "new_contexts", t.contexts);
	json_number(j, "device_accesses", t.mmio);
	json_number(j, "slow_accesses", t.slow);
	json_number(j, "window_fills", t.window_fills);
	json_number(j, "window_extents", t.window_extents);
	json_close(j, '}');
}

static bool put_engine(struct json *j, struct machine *m)
{
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);
	if (!f)
		return false;
	if (m->exec->print_stats)
		m->exec->print_stats(m, f);
	bool good = !fclose(f);
	json_open(j, "engine", '[');
	for (char *rest = text, *line; good && (line = strsep(&rest, "\n"));)
		if (*line)
			json_string(j, NULL, line);
	json_close(j, ']');
	free(text);
	return good;
}

static void collect(struct machine *m, void *opaque)
{
	struct stats *s = opaque;
	json_open(s->json, "vcpus", '[');
	for (unsigned i = 0; i < m->n_vcpus; i++)
		put_vcpu(s->json, m->vcpu[i]);
	json_close(s->json, ']');
	s->good = put_engine(s->json, m);
}

bool ctl_stats(struct ctl_call *call, struct error *err)
{
	struct stats s = { .json = call->json };
	machine_run_alone(&call->ctl->vm->machine, collect, &s);
	return s.good || error_set(err, ERROR_HOST, "out of memory");
}

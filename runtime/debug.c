// SPDX-License-Identifier: Apache-2.0
#include "runtime/debug.h"

/* ---- points ---- */

bool debug_breakpoint(struct debug *d, uint64_t va, unsigned kind, bool insert)
{
	unsigned i = 0;
	while (i < d->n_breakpoints && d->breakpoint[i].va != va)
		i++;
	struct breakpoint *b = &d->breakpoint[i];
	if (i == d->n_breakpoints) {
		if (!insert)
			return true;
		if (i == DEBUG_BREAKPOINTS)
			return false;
		*b = (struct breakpoint){ .va = va };
		d->n_breakpoints++;
	}
	b->kinds = insert ? b->kinds | kind : b->kinds & ~kind;
	if (!b->kinds)
		*b = d->breakpoint[--d->n_breakpoints];
	return true;
}

bool debug_watchpoint(struct debug *d, uint64_t va, uint64_t size, unsigned access, bool insert)
{
	struct watchpoint w = { va, va + size - 1, access };
	unsigned i = 0;
	if (!size || w.last < va)
		return false;
	while (i < d->n_watchpoints &&
	       (d->watchpoint[i].va != va || d->watchpoint[i].last != w.last || d->watchpoint[i].access != access))
		i++;
	bool there = i < d->n_watchpoints;
	if (insert && !there) {
		if (i == DEBUG_WATCHPOINTS)
			return false;
		d->watchpoint[d->n_watchpoints++] = w;
	} else if (!insert && there) {
		d->watchpoint[i] = d->watchpoint[--d->n_watchpoints];
	}
	return true;
}

unsigned debug_breaks_at(const struct debug *d, uint64_t va)
{
	for (unsigned i = 0; i < d->n_breakpoints; i++)
		if (d->breakpoint[i].va == va)
			return d->breakpoint[i].kinds;
	return 0;
}

/* ---- pages ---- */

bool debug_breaks_page(const struct debug *d, uint64_t va)
{
	for (unsigned i = 0; i < d->n_code_pages; i++)
		if (d->code_page[i] == (va & PAGE_MASK))
			return true;
	return false;
}

bool debug_watches_block(const struct debug *d, uint64_t va, unsigned bits)
{
	uint64_t mask = ((uint64_t)1 << bits) - 1, first = va & ~mask, last = va | mask;
	for (unsigned i = 0; i < d->n_data_pages; i++)
		if (first <= d->data_pages[i].last && last >= d->data_pages[i].first)
			return true;
	return false;
}

/* Whether the points need pages that are on the fast paths. */
static bool needs_pages(const struct debug *d)
{
	for (unsigned i = 0; i < d->n_breakpoints; i++)
		if (!debug_breaks_page(d, d->breakpoint[i].va))
			return true;
	for (unsigned i = 0; i < d->n_watchpoints; i++) {
		const struct watchpoint *w = &d->watchpoint[i];
		unsigned k = 0;
		while (k < d->n_data_pages && (w->va < d->data_pages[k].first || w->last > d->data_pages[k].last))
			k++;
		if (k == d->n_data_pages)
			return true;
	}
	return false;
}

static void choose_pages(struct debug *d)
{
	d->n_code_pages = 0;
	for (unsigned i = 0; i < d->n_breakpoints; i++)
		if (!debug_breaks_page(d, d->breakpoint[i].va))
			d->code_page[d->n_code_pages++] = d->breakpoint[i].va & PAGE_MASK;
	d->n_data_pages = d->n_watchpoints;
	for (unsigned i = 0; i < d->n_watchpoints; i++) {
		d->data_pages[i].first = d->watchpoint[i].va & PAGE_MASK;
		d->data_pages[i].last = d->watchpoint[i].last | ~PAGE_MASK;
	}
}

/* With the TLB goes what the virtual-PC cache has of these mappings. */
static void flush(struct vcpu *cpu, void *arg)
{
	(void)arg;
	mmu_flush(cpu, &(struct mmu_flush){ .all_addresses = true, .all_contexts = true });
}

void debug_arm(struct machine *m, struct debug *d, bool briefly)
{
	bool more = needs_pages(d);
	if (briefly && !more)
		return;
	choose_pages(d);
	m->debug = d->n_code_pages || d->n_data_pages ? d : NULL;
	for (unsigned i = 0; more && i < m->n_vcpus; i++)
		vcpu_run_on(m->vcpu[i], flush, NULL);
}

/* ---- on the vCPU's thread ---- */

bool debug_stops_at(struct vcpu *cpu, uint64_t va)
{
	/* a step leaves the breakpoint that it begins at */
	if (cpu->debug.step || cpu->debug.passing || !debug_breaks_at(cpu->machine->debug, va))
		return false;
	cpu->debug.stop = DEBUG_BREAKPOINT;
	return true;
}

bool debug_allows(struct vcpu *cpu, uint64_t va, unsigned size, unsigned access)
{
	const struct debug *d = cpu->machine->debug;
	uint64_t last = va + size - 1;
	for (unsigned i = 0; i < d->n_watchpoints && !cpu->debug.passing; i++) {
		const struct watchpoint *w = &d->watchpoint[i];
		if (!(w->access & access) || last < w->va || va > w->last)
			continue;
		cpu->debug.stop = DEBUG_WATCHPOINT;
		cpu->debug.access = w->access;
		cpu->debug.address = va > w->va ? va : w->va;
		return false;
	}
	return true;
}

void debug_pass_access(struct vcpu *cpu)
{
	uint64_t before = cpu->icount;
	cpu->single_step = cpu->debug.passing = true;
	cpu->machine->exec->run(cpu);
	cpu->debug.passing = false;
	if (cpu->icount == before)	/* it faulted: nothing was accessed */
		cpu->debug.stop = DEBUG_NOT;
}

bool debug_stops(struct vcpu *cpu)
{
	struct vcpu_debug *v = &cpu->debug;
	const struct debug *d = cpu->machine->debug;
	if (v->stop == DEBUG_NOT && v->step) {
		if (d && v->step_first < v->step_end && debug_breaks_at(d, cpu->pc))
			v->stop = DEBUG_BREAKPOINT;
		else if (cpu->pc < v->step_first || cpu->pc >= v->step_end)
			v->stop = DEBUG_STEPPED;
	}
	return v->stop != DEBUG_NOT;
}

// SPDX-License-Identifier: Apache-2.0
/* Running and stopping the machine for the debugger. */
#include <inttypes.h>
#include <sys/eventfd.h>
#include "src/gdb/internal.h"
#include "src/report.h"

static void wake(struct gdb *g)
{
	eventfd_write(g->wake_fd, 1);
}

/* ---- what the machine tells us: on the vCPUs' threads ---- */

static void on_debug(void *opaque, struct vcpu *cpu)
{
	struct gdb *g = opaque;
	g->hits |= (uint64_t)1 << cpu->index;
	wake(g);
}

static void on_end(void *opaque, const struct guest_exit *e)
{
	wake(opaque);
}

bool gdb_observe(struct gdb *g)
{
	return vm_observe(g->vm, &(struct observer){ .debug = on_debug, .exit = on_end, .opaque = g });
}

/* ---- running ---- */

static bool still_watched(const struct gdb *g, const struct vcpu_debug *v)
{
	for (unsigned i = 0; i < g->debug.n_watchpoints; i++) {
		const struct watchpoint *w = &g->debug.watchpoint[i];
		if (w->access == v->access && v->address >= w->va && v->address <= w->last)
			return true;
	}
	return false;
}

/*
 * What has come at the same moment as the stop that was reported. A vCPU before a breakpoint meets it again; an access
 * has been done.
 */
static bool has_unreported(struct gdb *g, uint64_t resumed)
{
	uint64_t accesses = 0;
	for (unsigned i = 0; i < g->vm->machine.n_vcpus; i++) {
		const struct vcpu_debug *v = &g->vm->machine.vcpu[i]->debug;
		if (g->hits >> i & 1 && v->stop == DEBUG_WATCHPOINT && still_watched(g, v))
			accesses |= (uint64_t)1 << i;
	}
	g->hits = accesses;
	return accesses & resumed;
}

/* A step ends at once where nothing runs, and wfi waits for nothing. */
static void prepare(struct gdb *g, const struct gdb_resume *r)
{
	struct machine *m = &g->vm->machine;
	for (unsigned i = 0; i < m->n_vcpus; i++) {
		struct vcpu *cpu = m->vcpu[i];
		struct vcpu_debug *v = &cpu->debug;
		v->step = r->step >> i & 1;
		v->holds_interrupts = v->step && !g->takes_interrupts;
		v->step_first = r->range[i].first;
		v->step_end = r->range[i].end;
		if ((r->step | r->go) >> i & 1)
			v->stop = DEBUG_NOT;
		if (v->step)
			cpu->waiting = false;
	}
}

static bool all_halted(const struct gdb *g, uint64_t mask)
{
	for (unsigned i = 0; i < g->vm->machine.n_vcpus; i++)
		if (mask >> i & 1 && !g->vm->machine.vcpu[i]->halted)
			return false;
	return true;
}

void gdb_resume(struct gdb *g, const struct gdb_resume *r)
{
	struct error err;
	bool steps = r->step && !r->go;
	g->running = true;
	if (has_unreported(g, r->step | r->go)) {
		wake(g);
		return;
	}
	prepare(g, r);
	debug_arm(&g->vm->machine, &g->debug, steps);
	if ((steps && all_halted(g, r->step)) || !vm_resume_some(g->vm, r->step | r->go, &err)) {
		/* reported as a stop: nothing ran */
		g->hits |= (uint64_t)1 << (r->step ? (unsigned)__builtin_ctzll(r->step) : g->last);
		wake(g);
	}
}

/* Why the vCPU stopped, as GDB wants it said. */
static void put_reason(struct gdb *g, const struct vcpu *cpu)
{
	static const char *const watch[] = {
		[WATCH_WRITE] = "watch", [WATCH_READ] = "rwatch", [WATCH_READ | WATCH_WRITE] = "awatch",
	};
	if (cpu->debug.stop == DEBUG_WATCHPOINT)
		gdb_put(&g->link, "%s:%" PRIx64 ";", watch[cpu->debug.access], cpu->debug.address);
	else if (cpu->debug.stop == DEBUG_BREAKPOINT)
		gdb_put(&g->link, "%s:;", debug_breaks_at(&g->debug, cpu->pc) & BREAK_HARD ? "hwbreak" : "swbreak");
}

bool gdb_report_stop(struct gdb *g, unsigned signal)
{
	struct machine *m = &g->vm->machine;
	unsigned cpu = g->last < m->n_vcpus ? g->last : 0;
	bool hit = g->hits;
	if (hit) {
		cpu = (unsigned)__builtin_ctzll(g->hits);
		g->hits &= ~((uint64_t)1 << cpu);
	}
	g->last = g->general = cpu;
	gdb_begin(&g->link);
	gdb_put(&g->link, "T%02xthread:%x;", signal, cpu + 1);
	if (hit)
		put_reason(g, m->vcpu[cpu]);
	return gdb_send(&g->link);
}

bool gdb_report_end(struct gdb *g)
{
	g->running = false;
	g->ended_sent = true;
	gdb_begin(&g->link);
	gdb_put(&g->link, "W%02x", (unsigned)report_status(&g->vm->machine.exit, 0));
	return gdb_send(&g->link);
}

/* machine.lock held. EXIT_NONE: the guest lives. EXIT_REBOOT is no end: the machine comes back, and goes on running. */
static enum exit_cause end_of(const struct gdb *g)
{
	return g->vm->ended ? g->vm->machine.exit.cause : EXIT_NONE;
}

static enum exit_cause look_for_end(struct gdb *g)
{
	struct machine *m = &g->vm->machine;
	pthread_mutex_lock(&m->lock);
	enum exit_cause cause = end_of(g);
	pthread_mutex_unlock(&m->lock);
	return cause;
}

enum exit_cause gdb_pause(struct gdb *g)
{
	struct machine *m = &g->vm->machine;
	vm_pause(g->vm);
	pthread_mutex_lock(&m->lock);
	bool rebooting = end_of(g) == EXIT_REBOOT;
	while (end_of(g) == EXIT_REBOOT && !g->quit)
		pthread_cond_wait(&m->changed, &m->lock);
	enum exit_cause cause = end_of(g);
	pthread_mutex_unlock(&m->lock);
	if (rebooting)
		vm_pause(g->vm);	/* returns when the new life is loaded */
	return cause;
}

bool gdb_stopped(struct gdb *g, unsigned signal)
{
	enum exit_cause end = look_for_end(g);
	if (end == EXIT_NONE || end == EXIT_REBOOT) {
		if (signal == SIGNAL_TRAP && !g->hits)
			return true;
		end = gdb_pause(g);
	}
	if (end == EXIT_REBOOT)
		return true;	/* it does not come back: the session ends */
	if (end != EXIT_NONE)
		return gdb_report_end(g);
	g->running = false;
	return gdb_report_stop(g, g->hits ? SIGNAL_TRAP : signal);
}

/* The debugger leaves: the guest goes on as if it had never been there. */
void gdb_detach(struct gdb *g)
{
	bool alive = (g->running ? gdb_pause(g) : look_for_end(g)) == EXIT_NONE;
	g->debug.n_breakpoints = g->debug.n_watchpoints = 0;
	g->hits = 0;
	g->physical = g->takes_interrupts = false;
	gdb_file_close(g);
	if (alive)
		gdb_resume(g, &(struct gdb_resume){ .go = UINT64_MAX });
}

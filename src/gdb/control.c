// SPDX-License-Identifier: Apache-2.0
/* Running and stopping the machine for the debugger. */
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include "src/gdb/internal.h"
#include "src/report.h"

static void wake(struct gdb *g)
{
	eventfd_write(g->wake_fd, 1);
}

/* ---- what the machine tells us: on the vCPUs' threads ---- */

static bool has_breakpoint(const struct gdb *g, uint64_t pc)
{
	if (!g->filter[pc >> 1 & 255])
		return false;
	for (unsigned i = 0; i < g->n_breakpoints; i++)
		if (g->breakpoint[i] == pc)
			return true;
	return false;
}

static bool on_step(void *opaque, struct vcpu *cpu)
{
	struct gdb *g = opaque;
	if (!(g->step_mask >> cpu->index & 1) && !has_breakpoint(g, cpu->pc))
		return false;
	g->hits |= (uint64_t)1 << cpu->index;
	wake(g);
	return true;
}

static void on_end(void *opaque, const struct guest_exit *e)
{
	wake(opaque);
}

/* ---- breakpoints: changed only while paused ---- */

bool gdb_breakpoint(struct gdb *g, uint64_t address, bool insert)
{
	unsigned i = 0;
	while (i < g->n_breakpoints && g->breakpoint[i] != address)
		i++;
	if (insert && i == g->n_breakpoints) {
		if (i == GDB_BREAKPOINTS)
			return false;
		g->breakpoint[g->n_breakpoints++] = address;
		g->filter[address >> 1 & 255]++;
	} else if (!insert && i < g->n_breakpoints) {
		g->breakpoint[i] = g->breakpoint[--g->n_breakpoints];
		g->filter[address >> 1 & 255]--;
	}
	return true;
}

/* ---- running ---- */

void gdb_resume(struct gdb *g, uint64_t step, uint64_t go)
{
	struct machine *m = &g->vm->machine;
	struct error err;
	struct observer o = { .exit = on_end, .opaque = g };
	g->running = true;
	/* Another vCPU came to a breakpoint at the same moment as the one that was reported: its turn. */
	if (!step)
		for (unsigned i = 0; i < m->n_vcpus; i++)
			if (g->hits >> i & 1 && has_breakpoint(g, m->vcpu[i]->pc)) {
				wake(g);
				return;
			}
	g->hits = 0;
	g->step_mask = step;
	if (step || g->n_breakpoints)
		o.step = on_step;
	vm_unobserve(g->vm, g);
	if (!vm_observe(g->vm, &o) || !vm_resume_some(g->vm, step | go, &err)) {
		g->hits = (uint64_t)1 << g->last;	/* reported as a stop: nothing ran */
		wake(g);
	}
}

bool gdb_report_stop(struct gdb *g, unsigned signal)
{
	struct machine *m = &g->vm->machine;
	unsigned cpu = g->last < m->n_vcpus ? g->last : 0;
	for (unsigned i = 0; i < m->n_vcpus; i++)
		if (g->hits >> i & 1) {
			cpu = i;
			g->hits &= ~((uint64_t)1 << i);
			break;
		}
	g->last = g->general = cpu;
	gdb_begin(&g->link);
	gdb_put(&g->link, "T%02xthread:%x;", signal, cpu + 1);
	if (signal == SIGNAL_TRAP && has_breakpoint(g, m->vcpu[cpu]->pc))
		gdb_put(&g->link, "swbreak:;");
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
	return gdb_report_stop(g, signal);
}

/* The debugger leaves: the guest goes on as if it had never been there. */
void gdb_detach(struct gdb *g)
{
	g->n_breakpoints = 0;
	memset(g->filter, 0, sizeof g->filter);
	g->hits = 0;
	if ((g->running ? gdb_pause(g) : look_for_end(g)) == EXIT_NONE)
		gdb_resume(g, 0, UINT64_MAX);
}

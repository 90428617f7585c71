// SPDX-License-Identifier: Apache-2.0
/* The packets that a debugger sends while the machine is paused. */
#include <string.h>
#include "src/gdb/internal.h"

/* ---- breakpoints and watchpoints ---- */

/* TYPE,ADDRESS,LENGTH: software and hardware breakpoint, watchpoint for writing, for reading, for both */
static void change_point(struct gdb *g, const char *p, bool insert)
{
	static const unsigned kinds[] = { BREAK_SOFT, BREAK_HARD, WATCH_WRITE, WATCH_READ, WATCH_READ | WATCH_WRITE };
	uint64_t type, address, size;
	if (*p > '4')
		return;		/* the empty reply: there are no others here */
	if (!gdb_number(&p, &type) || type >= ARRAY_SIZE(kinds) || !gdb_expect(&p, ',') || !gdb_number(&p, &address) ||
	    !gdb_expect(&p, ',') || !gdb_number(&p, &size))
		gdb_error(g);
	else if (type < 2 ? debug_breakpoint(&g->debug, address, kinds[type], insert)
			  : debug_watchpoint(&g->debug, address, size, kinds[type], insert))
		gdb_ok(g);
	else
		gdb_error(g);
}

/* ---- going on ---- */

static bool set_pc(struct gdb *g, const char *p)
{
	uint64_t pc;
	int reg = vm_find_reg(g->vm, "pc");
	return !*p ||
		(gdb_number(&p, &pc) && reg >= 0 &&
			g->vm->frontend->reg_write(g->vm->machine.vcpu[g->last], (unsigned)reg, pc));
}

/* One action of vCont: c, s, C and S with a signal (guests have none), r with addresses; then perhaps :THREAD. */
static bool action(struct gdb *g, const char **p, struct gdb_resume *r)
{
	uint64_t mask = UINT64_MAX, first = 0, end = 0, ignored;
	char what = *(*p)++;
	bool good = what == 'c' || what == 's' || ((what == 'C' || what == 'S') && gdb_number(p, &ignored)) ||
		(what == 'r' && gdb_number(p, &first) && gdb_expect(p, ',') && gdb_number(p, &end));
	if (!good || (gdb_expect(p, ':') && !gdb_threads(g, p, &mask)))
		return false;
	uint64_t free = mask & ~(r->step | r->go);
	if (what == 'c' || what == 'C')
		r->go |= free;
	else
		r->step |= free;
	for (unsigned i = 0; what == 'r' && i < g->vm->machine.n_vcpus; i++)
		if (free >> i & 1) {
			r->range[i].first = first;
			r->range[i].end = end;
		}
	return true;
}

/* vCont;s:1;c and the like: for each vCPU the first action that names it. False: malformed. */
static bool vcont(struct gdb *g, const char *p)
{
	struct gdb_resume r = { 0 };
	while (gdb_expect(&p, ';'))
		if (!*p || !action(g, &p, &r))
			return false;
	if (*p || !(r.step | r.go))
		return false;
	gdb_resume(g, &r);
	return true;
}

/* c, s, C, S: the forms without vCont */
static bool old_resume(struct gdb *g, const char *p)
{
	bool step = *p == 's' || *p == 'S';
	if (*p == 'C' || *p == 'S') {
		p = strchr(p, ';');
		p = p ? p : "c";
	}
	if (!set_pc(g, p + 1))
		return false;
	gdb_resume(g, &(struct gdb_resume){ .step = step ? (uint64_t)1 << g->last : 0, .go = step ? 0 : UINT64_MAX });
	return true;
}

/* ---- threads and registers ---- */

static void select_thread(struct gdb *g, const char *p)
{
	char what = *p++;
	uint64_t mask;
	if ((what != 'g' && what != 'c') || !gdb_threads(g, &p, &mask)) {
		gdb_error(g);
		return;
	}
	if (what == 'g')
		g->general = mask == UINT64_MAX ? g->last : (unsigned)__builtin_ctzll(mask);
	else if (mask != UINT64_MAX)
		g->last = (unsigned)__builtin_ctzll(mask);	/* for the next c or s */
	gdb_ok(g);
}

static void thread_alive(struct gdb *g, const char *p)
{
	uint64_t mask;
	if (gdb_threads(g, &p, &mask))
		gdb_ok(g);
	else
		gdb_error(g);
}

/* p and P: register number, and value */
static void one_register(struct gdb *g, const char *p, bool write)
{
	uint64_t n;
	if (!gdb_number(&p, &n) || n > UINT32_MAX || (write && !gdb_expect(&p, '=')))
		gdb_error(g);
	else if (write)
		gdb_write_register(g, (unsigned)n, p);
	else
		gdb_read_register(g, (unsigned)n);
}

/* ---- one packet ---- */

static bool kill_guest(struct gdb *g)
{
	machine_end(&g->vm->machine, EXIT_STOPPED, 0, "by the debugger");
	g->ended_sent = true;
	return false;
}

/* Sends what has been put together, the last thing of the session. */
static bool last_reply(struct gdb *g)
{
	gdb_ok(g);
	(void)!gdb_send(&g->link);
	return false;
}

/* False: the session is over; *running: the answer is the next stop. */
static bool long_command(struct gdb *g, const char *p, bool *running)
{
	if (!strcmp(p, "vCont?"))
		gdb_put(&g->link, "vCont;c;C;s;S;r");
	else if (!strncmp(p, "vCont;", 6) && vcont(g, p + 5))
		*running = true;
	else if (!strncmp(p, "vCont", 5))
		gdb_error(g);
	else if (!strncmp(p, "vFile:", 6))
		gdb_file(g, p + 6);
	else if (!strncmp(p, "vKill", 5))
		return last_reply(g) || kill_guest(g);
	return true;
}

static bool no_acks(struct gdb *g)
{
	gdb_ok(g);
	bool sent = gdb_send(&g->link);
	g->link.no_ack = true;
	return sent;
}

bool gdb_command(struct gdb *g)
{
	struct gdb_link *l = &g->link;
	const char *p = l->packet;
	bool running = false, goes_on = true;
	gdb_begin(l);	/* what stays empty means: not supported */
	switch (*p) {
	case '?':
		return gdb_report_stop(g, SIGNAL_TRAP);
	case 'g':
		gdb_read_registers(g);
		break;
	case 'G':
		gdb_write_registers(g, p + 1);
		break;
	case 'p':
	case 'P':
		one_register(g, p + 1, *p == 'P');
		break;
	case 'm':
	case 'x':
		gdb_read_memory(g, p + 1, *p == 'x');
		break;
	case 'M':
	case 'X':
		gdb_write_memory(g, p + 1, *p == 'X');
		break;
	case 'Z':
	case 'z':
		change_point(g, p + 1, *p == 'Z');
		break;
	case 'H':
		select_thread(g, p + 1);
		break;
	case 'T':
		thread_alive(g, p + 1);
		break;
	case 'q':
		goes_on = gdb_query(g, p);
		break;
	case 'Q':
		if (!strcmp(p, "QStartNoAckMode"))
			return no_acks(g);
		gdb_set(g, p);
		break;
	case 'c':
	case 's':
	case 'C':
	case 'S':
		running = old_resume(g, p);
		if (!running)
			gdb_error(g);
		break;
	case 'v':
		goes_on = long_command(g, p, &running);
		break;
	case 'D':
		return last_reply(g);
	case 'k':
		return kill_guest(g);
	}
	return goes_on && (running || gdb_send(l));
}

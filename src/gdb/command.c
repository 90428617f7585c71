// SPDX-License-Identifier: Apache-2.0
/* The packets that a debugger sends while the machine is paused. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "src/gdb/internal.h"

/* Hexadecimal number at *text; moves behind it. */
static bool number(const char **text, uint64_t *value)
{
	char *end;
	if (!strchr("0123456789abcdefABCDEF", **text) || !**text)
		return false;
	*value = strtoull(*text, &end, 16);
	*text = end;
	return true;
}

static bool expect(const char **text, char c)
{
	if (**text != c)
		return false;
	++*text;
	return true;
}

/* A thread: 0 and -1 mean any and all, here UINT64_MAX; else the vCPU's index + 1. */
static bool thread_mask(const struct gdb *g, const char **text, uint64_t *mask)
{
	uint64_t id;
	*mask = UINT64_MAX;
	if (!strncmp(*text, "-1", 2)) {
		*text += 2;
		return true;
	}
	if (!number(text, &id) || id > g->vm->machine.n_vcpus)
		return false;
	if (id)
		*mask = (uint64_t)1 << (id - 1);
	return true;
}

static void error_reply(struct gdb *g)
{
	gdb_begin(&g->link);
	gdb_put(&g->link, "E01");
}

static void ok(struct gdb *g)
{
	gdb_put(&g->link, "OK");
}

/* ---- memory ---- */

static void read_memory(struct gdb *g, const char *p)
{
	uint64_t address, n;
	uint8_t bytes[GDB_PACKET / 2];
	struct vcpu *cpu = g->vm->machine.vcpu[g->general];
	if (!number(&p, &address) || !expect(&p, ',') || !number(&p, &n) || *p) {
		error_reply(g);
		return;
	}
	if (n > sizeof bytes)
		n = sizeof bytes;
	/* up to where memory ends is better than nothing */
	uint64_t have = 0;
	while (have < n) {
		uint64_t part = PAGE_SIZE - ((address + have) & ~PAGE_MASK);
		if (part > n - have)
			part = n - have;
		if (!vm_debug_read(cpu, address + have, bytes + have, part))
			break;
		have += part;
	}
	if (have || !n)
		gdb_put_hex(&g->link, bytes, (unsigned)have);
	else
		error_reply(g);
}

static void write_memory(struct gdb *g, const char *p, bool binary)
{
	uint64_t address, n;
	uint8_t bytes[GDB_PACKET];
	if (!number(&p, &address) || !expect(&p, ',') || !number(&p, &n) || !expect(&p, ':') || n > sizeof bytes) {
		error_reply(g);
		return;
	}
	unsigned have = binary ? g->link.packet_n - (unsigned)(p - g->link.packet) : gdb_unhex(p, bytes, sizeof bytes);
	if (binary)
		memcpy(bytes, p, have);
	if (have == n && (!n || vm_debug_write(g->vm->machine.vcpu[g->general], address, bytes, n)))
		ok(g);
	else
		error_reply(g);
}

/* ---- breakpoints ---- */

static void change_breakpoint(struct gdb *g, const char *p, bool insert)
{
	uint64_t address;
	if (*p != '0' && *p != '1')
		return;		/* the empty reply: watchpoints are GDB's own business */
	p++;
	if (expect(&p, ',') && number(&p, &address) && gdb_breakpoint(g, address, insert))
		ok(g);
	else
		error_reply(g);
}

/* ---- going on ---- */

static bool set_pc(struct gdb *g, const char *p)
{
	uint64_t pc;
	int reg = vm_find_reg(g->vm, "pc");
	return !*p ||
		(number(&p, &pc) && reg >= 0 &&
			g->vm->frontend->reg_write(g->vm->machine.vcpu[g->last], (unsigned)reg, pc));
}

/* vCont;s:1;c and the like: for each vCPU the first action that names it. False: malformed. */
static bool vcont(struct gdb *g, const char *p)
{
	uint64_t step = 0, go = 0;
	while (expect(&p, ';')) {
		char action = *p++;
		uint64_t mask = UINT64_MAX, free;
		if (!strchr("csCS", action) || !action)
			return false;
		if (action == 'C' || action == 'S') {
			uint64_t signal;
			if (!number(&p, &signal))
				return false;
		}
		if (expect(&p, ':') && !thread_mask(g, &p, &mask))
			return false;
		free = mask & ~(step | go);
		if (action == 's' || action == 'S')
			step |= free;
		else
			go |= free;
	}
	if (*p || !(step | go))
		return false;
	gdb_resume(g, step, go);
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
	gdb_resume(g, step ? (uint64_t)1 << g->last : 0, step ? 0 : UINT64_MAX);
	return true;
}

/* ---- queries ---- */

static void select_thread(struct gdb *g, const char *p)
{
	char what = *p++;
	uint64_t mask;
	if ((what != 'g' && what != 'c') || !thread_mask(g, &p, &mask)) {
		error_reply(g);
		return;
	}
	if (what == 'g')
		g->general = mask == UINT64_MAX ? g->last : (unsigned)__builtin_ctzll(mask);
	ok(g);
}

static void thread_info(struct gdb *g, const char *p)
{
	uint64_t mask;
	char text[64];
	if (!thread_mask(g, &p, &mask) || mask == UINT64_MAX) {
		error_reply(g);
		return;
	}
	const struct vcpu *cpu = g->vm->machine.vcpu[__builtin_ctzll(mask)];
	int n = snprintf(text, sizeof text, "vCPU %u (%s)", cpu->index,
		cpu->halted            ? "halted"
			: cpu->waiting ? "waiting"
				       : "running");
	gdb_put_hex(&g->link, text, (unsigned)n);
}

/* qXfer:features:read:target.xml:OFFSET,LENGTH */
static void transfer(struct gdb *g, const char *p)
{
	uint64_t offset, n;
	if (strncmp(p, "target.xml:", 11)) {
		gdb_put(&g->link, "E00");
		return;
	}
	p += 11;
	if (!number(&p, &offset) || !expect(&p, ',') || !number(&p, &n) || offset > g->xml_n) {
		error_reply(g);
		return;
	}
	if (n > GDB_PACKET / 2)
		n = GDB_PACKET / 2;
	bool last = n >= g->xml_n - offset;
	gdb_put(&g->link, last ? "l" : "m");
	gdb_put_binary(&g->link, g->xml + offset, last ? g->xml_n - (unsigned)offset : (unsigned)n);
}

static void query(struct gdb *g, const char *p)
{
	struct gdb_link *l = &g->link;
	if (!strncmp(p, "qSupported", 10)) {
		gdb_put(l, "PacketSize=%x;qXfer:features:read+;vContSupported+;swbreak+;QStartNoAckMode+",
			GDB_PACKET - 16);
	} else if (!strncmp(p, "qXfer:features:read:", 20)) {
		transfer(g, p + 20);
	} else if (!strcmp(p, "qfThreadInfo")) {
		for (unsigned i = 0; i < g->vm->machine.n_vcpus; i++)
			gdb_put(l, "%c%x", i ? ',' : 'm', i + 1);
	} else if (!strcmp(p, "qsThreadInfo")) {
		gdb_put(l, "l");
	} else if (!strncmp(p, "qThreadExtraInfo,", 17)) {
		thread_info(g, p + 17);
	} else if (!strcmp(p, "qC")) {
		gdb_put(l, "QC%x", g->last + 1);
	} else if (!strncmp(p, "qAttached", 9)) {
		gdb_put(l, "1");
	} else if (!strcmp(p, "qOffsets")) {
		gdb_put(l, "Text=0;Data=0;Bss=0");
	}
}

static void thread_alive(struct gdb *g, const char *p)
{
	uint64_t mask;
	if (thread_mask(g, &p, &mask))
		ok(g);
	else
		error_reply(g);
}

/* ---- one packet ---- */

static bool kill_guest(struct gdb *g)
{
	machine_end(&g->vm->machine, EXIT_STOPPED, 0, "by the debugger");
	g->ended_sent = true;
	return false;
}

/* p and P: register number, and value */
static void one_register(struct gdb *g, const char *p, bool write)
{
	uint64_t n;
	if (!number(&p, &n) || (write && !expect(&p, '=')))
		error_reply(g);
	else if (write)
		gdb_write_register(g, (unsigned)n, p);
	else
		gdb_read_register(g, (unsigned)n);
}

bool gdb_command(struct gdb *g)
{
	struct gdb_link *l = &g->link;
	const char *p = l->packet;
	gdb_begin(l);	/* what stays empty means: not supported */
	switch (*p) {
	case '?':
		return gdb_report_stop(g, 5);
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
		read_memory(g, p + 1);
		break;
	case 'M':
	case 'X':
		write_memory(g, p + 1, *p == 'X');
		break;
	case 'Z':
	case 'z':
		change_breakpoint(g, p + 1, *p == 'Z');
		break;
	case 'H':
		select_thread(g, p + 1);
		break;
	case 'T':
		thread_alive(g, p + 1);
		break;
	case 'q':
		query(g, p);
		break;
	case 'Q':
		if (!strcmp(p, "QStartNoAckMode")) {
			ok(g);
			bool sent = gdb_send(l);
			l->no_ack = true;
			return sent;
		}
		break;
	case 'c':
	case 's':
	case 'C':
	case 'S':
		if (old_resume(g, p))
			return true;	/* the answer is the next stop */
		error_reply(g);
		break;
	case 'v':
		if (!strcmp(p, "vCont?"))
			gdb_put(l, "vCont;c;C;s;S");
		else if (!strncmp(p, "vCont", 5) && vcont(g, p + 5))
			return true;
		else if (!strncmp(p, "vCont", 5))
			error_reply(g);
		else if (!strncmp(p, "vKill", 5)) {
			ok(g);
			(void)!gdb_send(l);
			return kill_guest(g);
		}
		break;
	case 'D':
		ok(g);
		(void)!gdb_send(l);
		return false;
	case 'k':
		return kill_guest(g);
	}
	return gdb_send(l);
}

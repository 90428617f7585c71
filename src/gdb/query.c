// SPDX-License-Identifier: Apache-2.0
/* The packets that ask about the machine and the server, and set what the server does. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "src/gdb/internal.h"

static void thread_info(struct gdb *g, const char *p)
{
	uint64_t mask;
	char text[64];
	if (!gdb_threads(g, &p, &mask) || mask == UINT64_MAX) {
		gdb_error(g);
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
	if (!gdb_number(&p, &offset) || !gdb_expect(&p, ',') || !gdb_number(&p, &n) || offset > g->xml_n) {
		gdb_error(g);
		return;
	}
	if (n > GDB_PACKET / 2)
		n = GDB_PACKET / 2;
	bool last = n >= g->xml_n - offset;
	gdb_put(&g->link, last ? "l" : "m");
	gdb_put_binary(&g->link, g->xml + offset, last ? g->xml_n - (unsigned)offset : (unsigned)n);
}

/*
 * QEMU's packets, which people know: whether addresses are physical, and what a step does (1: it is one, 2: no interrupt
 * is taken meanwhile). Typed as `maintenance packet Qqemu.PhyMemMode:1`.
 */
static void qemu_query(struct gdb *g, const char *p)
{
	if (!strcmp(p, "Supported"))
		gdb_put(&g->link, "sstepbits;sstep;PhyMemMode");
	else if (!strcmp(p, "PhyMemMode"))
		gdb_put(&g->link, "%d", g->physical);
	else if (!strcmp(p, "sstepbits"))
		gdb_put(&g->link, "ENABLE=1,NOIRQ=2");
	else if (!strcmp(p, "sstep"))
		gdb_put(&g->link, "0x%x", g->takes_interrupts ? 1 : 3);
}

bool gdb_query(struct gdb *g, const char *p)
{
	struct gdb_link *l = &g->link;
	if (!strncmp(p, "qSupported", 10)) {
		gdb_put(l, "PacketSize=%x;qXfer:features:read+;vContSupported+;swbreak+;hwbreak+;", GDB_PACKET - 16);
		gdb_put(l, "QStartNoAckMode+;binary-upload+");
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
	} else if (!strncmp(p, "qqemu.", 6)) {
		qemu_query(g, p + 6);
	} else if (!strncmp(p, "qRcmd,", 6)) {
		return gdb_monitor(g, p + 6);
	}
	return true;
}

void gdb_set(struct gdb *g, const char *p)
{
	uint64_t value;
	bool physical = !strncmp(p, "Qqemu.PhyMemMode:", 17), steps = !strncmp(p, "Qqemu.sstep=", 12);
	if (!physical && !steps)
		return;
	p += physical ? 17 : 12;
	if (!strncmp(p, "0x", 2))
		p += 2;
	if (!gdb_number(&p, &value) || *p || value > (physical ? 1 : 3)) {
		gdb_error(g);
		return;
	}
	if (physical)
		g->physical = value;
	else
		g->takes_interrupts = !(value & 2);
	gdb_ok(g);
}

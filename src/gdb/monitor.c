// SPDX-License-Identifier: Apache-2.0
/* GDB's `monitor`: what its packets have no words for. Names are those of QEMU's monitor where that has the same. */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "src/gdb/internal.h"
#include "src/report.h"

/* A command's output; args is what stands behind its name. False: the session is over. */
typedef bool monitor_fn(struct gdb *g, const char *args, FILE *f);

/* ---- addresses ---- */

static bool address_of(const char *text, uint64_t *value, FILE *f)
{
	char *end;
	*value = strtoull(text, &end, 0);
	if (*text && end != text && !*end)
		return true;
	fprintf(f, "\"%s\" is no address; give a number, as 0x80200000\n", text);
	return false;
}

static bool gva2gpa(struct gdb *g, const char *args, FILE *f)
{
	uint64_t va, pa;
	struct vcpu *cpu = g->vm->machine.vcpu[g->general];
	if (!address_of(args, &va, f))
		return true;
	if (mmu_debug_translate(cpu, va, &pa))
		fprintf(f, "gpa: 0x%" PRIx64 "\n", pa);
	else
		fprintf(f, "0x%" PRIx64 " is not mapped in this vCPU's address space\n", va);
	return true;
}

/* [/COUNT[b|h|w|g]] ADDRESS */
static bool xp(struct gdb *g, const char *args, FILE *f)
{
	uint64_t pa, count = 1, most = GDB_PACKET / 8;
	unsigned size = 4;
	if (*args == '/') {
		char *end;
		count = strtoull(++args, &end, 0);
		const char *unit = *end ? strchr("bhwg", *end) : NULL;
		if (unit)
			size = 1u << (unit - "bhwg");
		args = end + strcspn(end, " ");
		args += strspn(args, " ");
	}
	if (!address_of(args, &pa, f))
		return true;
	for (uint64_t i = 0; i < count && i < most; i++) {
		uint64_t value = 0;
		if (!vm_phys_read(&g->vm->machine, pa + i * size, &value, size)) {
			fprintf(f, "%sno memory at 0x%" PRIx64 "\n", i % (16 / size) ? "\n" : "", pa + i * size);
			return true;
		}
		if (i % (16 / size) == 0)
			fprintf(f, "%s%016" PRIx64 ":", i ? "\n" : "", pa + i * size);
		fprintf(f, " 0x%0*" PRIx64, (int)(2 * size), value);
	}
	fputc('\n', f);
	return true;
}

/* ---- what there is ---- */

static bool info_cpus(struct gdb *g, FILE *f)
{
	struct machine *m = &g->vm->machine;
	for (unsigned i = 0; i < m->n_vcpus; i++) {
		struct vcpu *cpu = m->vcpu[i];
		const char *state = cpu->halted ? "halted" : cpu->waiting ? "waiting" : "running";
		fprintf(f, "%c vCPU %u: pc 0x%016" PRIx64 ", %s, %" PRIu64 " instructions\n",
			i == g->general ? '*' : ' ', i, cpu->pc, state, cpu->icount);
	}
	return true;
}

/* Control registers are many, and mostly 0. */
static bool info_registers(struct gdb *g, FILE *f)
{
	const struct frontend *fe = g->vm->frontend;
	unsigned column = 0;
	for (unsigned i = 0; i < fe->n_regs; i++) {
		uint64_t value;
		const struct frontend_reg *r = &fe->regs[i];
		if (!fe->reg_read(g->vm->machine.vcpu[g->general], i, &value) || (!value && !strcmp(r->group, "csr")))
			continue;
		fprintf(f, "%-14s%0*" PRIx64 "%s", r->alias ? r->alias : r->name, (int)r->bits / 4, value,
			++column % 3 ? "   " : "\n");
	}
	fprintf(f, "%sall other control registers are 0\n", column % 3 ? "\n" : "");
	return true;
}

static bool info_mtree(struct gdb *g, FILE *f)
{
	static const char *const kind[] = { [PHYS_RAM] = "ram", [PHYS_ROM] = "rom", [PHYS_MMIO] = "i/o" };
	const struct phys *p = &g->vm->machine.phys;
	for (unsigned i = 0; i < p->n_ranges; i++) {
		const struct phys_range *r = &p->range[i];
		fprintf(f, "%016" PRIx64 "-%016" PRIx64 "  %s  %s\n", r->base.v, r->base.v + r->size - 1,
			kind[r->kind], r->name);
	}
	return true;
}

static bool info_stats(struct gdb *g, FILE *f)
{
	report_stats(g->vm, f);
	return true;
}

static bool info(struct gdb *g, const char *args, FILE *f)
{
	static const struct { const char *name; bool (*fn)(struct gdb *g, FILE *f); } what[] = {
		{ "cpus", info_cpus },
		{ "registers", info_registers },
		{ "mtree", info_mtree },
		{ "stats", info_stats },
	};
	for (unsigned i = 0; i < ARRAY_SIZE(what); i++)
		if (!strcmp(args, what[i].name))
			return what[i].fn(g, f);
	fprintf(f, "info what? cpus, registers, mtree (memory map) or stats (the engine's counters)\n");
	return true;
}

/* ---- what is done to the guest ---- */

static bool system_reset(struct gdb *g, const char *args, FILE *f)
{
	struct error err;
	(void)args;
	g->hits = 0;
	if (vm_reset(g->vm, &err))
		fprintf(f, "reset; `maintenance flush register-cache` has GDB look at it anew\n");
	else
		fprintf(f, "cannot reset: %s\n", err.text);
	return true;
}

static bool system_powerdown(struct gdb *g, const char *args, FILE *f)
{
	const struct board_ops *board = g->vm->board;
	(void)args;
	if (board->request_poweroff && board->request_poweroff(&g->vm->machine))
		fprintf(f, "the power button is pressed; the guest sees it when it goes on\n");
	else
		fprintf(f, "this board has no power button; `monitor quit` ends the guest\n");
	return true;
}

static bool quit(struct gdb *g, const char *args, FILE *f)
{
	(void)args;
	(void)f;
	machine_end(&g->vm->machine, EXIT_STOPPED, 0, "by the debugger");
	g->ended_sent = true;
	return false;
}

/* ---- commands ---- */

static monitor_fn help;

static const struct {
	const char *name, *args, *help;
	monitor_fn *fn;
} commands[] = {
	{ "help", "", "this list", help },
	{ "info", "cpus|registers|mtree|stats", "vCPUs; registers of this one; memory map; the engine's counters", info },
	{ "gva2gpa", "ADDRESS", "the physical address of a virtual one, by this vCPU's page tables", gva2gpa },
	{ "xp", "[/COUNT[b|h|w|g]] ADDRESS", "physical memory, in units of 1, 2, 4 or 8 bytes", xp },
	{ "system_reset", "", "back to power-on", system_reset },
	{ "system_powerdown", "", "press the power button", system_powerdown },
	{ "quit", "", "end the guest", quit },
};

static bool help(struct gdb *g, const char *args, FILE *f)
{
	(void)g;
	(void)args;
	for (unsigned i = 0; i < ARRAY_SIZE(commands); i++)
		fprintf(f, "%-17s%-28s%s\n", commands[i].name, commands[i].args, commands[i].help);
	fprintf(f, "\nmaintenance packet Qqemu.PhyMemMode:1    GDB's addresses are physical ones (0: virtual)\n"
		   "maintenance packet Qqemu.sstep=1         steps take interrupts (3: they do not)\n"
		   "symbol-file target:vmlinux               symbols of a Linux kernel, from its own memory\n");
	return true;
}

static bool execute(struct gdb *g, char *line, FILE *f)
{
	line += strspn(line, " \t");
	for (size_t n = strlen(line); n && isspace((unsigned char)line[n - 1]); n--)
		line[n - 1] = 0;
	size_t length = strcspn(line, " \t/");
	for (unsigned i = 0; i < ARRAY_SIZE(commands); i++)
		if (strlen(commands[i].name) == length && !memcmp(commands[i].name, line, length))
			return commands[i].fn(g, line + length + strspn(line + length, " \t"), f);
	fprintf(f, "no command \"%.*s\"; try help\n", (int)length, line);
	return true;
}

/* Text goes out in packets of its own, before the reply. */
static bool send_text(struct gdb *g, const char *text, size_t n)
{
	while (n) {
		unsigned part = n < GDB_PACKET / 4 ? (unsigned)n : GDB_PACKET / 4;
		gdb_begin(&g->link);
		gdb_put(&g->link, "O");
		gdb_put_hex(&g->link, text, part);
		if (!gdb_send(&g->link))
			return false;
		text += part;
		n -= part;
	}
	return true;
}

bool gdb_monitor(struct gdb *g, const char *hex)
{
	char line[256], *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);
	if (!f) {
		gdb_error(g);
		return true;
	}
	line[gdb_unhex(hex, (uint8_t *)line, sizeof line - 1)] = 0;
	bool goes_on = execute(g, line, f);
	bool good = !fclose(f) && send_text(g, text, size);
	free(text);
	gdb_begin(&g->link);
	gdb_ok(g);
	if (good && !goes_on)
		(void)!gdb_send(&g->link);
	return good && goes_on;
}

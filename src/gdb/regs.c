// SPDX-License-Identifier: Apache-2.0
/* The target description, and registers as GDB numbers them: all from the frontend's table. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "src/gdb/internal.h"

static const struct frontend_reg *reg_at(const struct gdb *g, unsigned i)
{
	return &g->vm->frontend->regs[g->order[i]];
}

static void sort_registers(struct gdb *g)
{
	const struct frontend *fe = g->vm->frontend;
	g->n_regs = fe->n_regs < ARRAY_SIZE(g->order) ? fe->n_regs : ARRAY_SIZE(g->order);
	for (unsigned i = 0; i < g->n_regs; i++) {
		unsigned at = i;
		for (; at && fe->regs[g->order[at - 1]].gdb_number > fe->regs[i].gdb_number; at--)
			g->order[at] = g->order[at - 1];
		g->order[at] = i;
	}
	/* `g` carries the registers of the first feature; GDB asks for the others one by one as it needs them. */
	for (g->n_core = 0; g->n_core < g->n_regs && !strcmp(reg_at(g, g->n_core)->group, reg_at(g, 0)->group);)
		g->n_core++;
}

static const char *type_of(const struct frontend_reg *r)
{
	if (!strcmp(r->name, "pc"))
		return "code_ptr";
	if (!strcmp(r->group, "fpu") && r->bits == 64)
		return "ieee_double";
	return "int";
}

/* "riscv:rv64" has the features org.gnu.gdb.riscv.cpu and so on. */
static void write_xml(const struct gdb *g, FILE *f)
{
	const char *arch = g->vm->frontend->gdb_arch;
	const char *group = NULL;
	fprintf(f, "<?xml version=\"1.0\"?>\n<!DOCTYPE target SYSTEM \"gdb-target.dtd\">\n<target version=\"1.0\">\n"
		   "<architecture>%s</architecture>\n", arch);
	for (unsigned i = 0; i < g->n_regs; i++) {
		const struct frontend_reg *r = reg_at(g, i);
		if (!group || strcmp(group, r->group)) {
			fprintf(f, "%s<feature name=\"org.gnu.gdb.%.*s.%s\">\n", group ? "</feature>\n" : "",
				(int)strcspn(arch, ":"), arch, r->group);
			group = r->group;
		}
		fprintf(f, "<reg name=\"%s\" bitsize=\"%u\" regnum=\"%u\" type=\"%s\"/>\n", r->name, r->bits,
			r->gdb_number, type_of(r));
	}
	fprintf(f, "%s</target>\n", group ? "</feature>\n" : "");
}

bool gdb_describe(struct gdb *g)
{
	size_t size = 0;
	FILE *f = open_memstream(&g->xml, &size);
	if (!f)
		return false;
	sort_registers(g);
	write_xml(g, f);
	bool good = !fclose(f) && g->xml;
	g->xml_n = (unsigned)size;
	return good;
}

static void put_register(struct gdb *g, unsigned i)
{
	uint64_t value;
	const struct frontend_reg *r = reg_at(g, i);
	if (g->vm->frontend->reg_read(g->vm->machine.vcpu[g->general], g->order[i], &value))
		gdb_put_hex(&g->link, &value, r->bits / 8);
	else
		for (unsigned n = 0; n < r->bits / 8; n++)
			gdb_put(&g->link, "xx");	/* not available */
}

/* Value from hex digits, little endian; false if there are too few. */
static bool set_register(struct gdb *g, unsigned i, const char *hex)
{
	uint64_t value = 0;
	unsigned bytes = reg_at(g, i)->bits / 8;
	return gdb_unhex(hex, (uint8_t *)&value, bytes) == bytes &&
	       g->vm->frontend->reg_write(g->vm->machine.vcpu[g->general], g->order[i], value);
}

static int find_number(const struct gdb *g, unsigned number)
{
	for (unsigned i = 0; i < g->n_regs; i++)
		if (reg_at(g, i)->gdb_number == number)
			return (int)i;
	return -1;
}

void gdb_read_registers(struct gdb *g)
{
	for (unsigned i = 0; i < g->n_core; i++)
		put_register(g, i);
}

void gdb_write_registers(struct gdb *g, const char *hex)
{
	/* a register that cannot be written (a constant zero) is no reason to refuse the others */
	for (unsigned i = 0; i < g->n_core; i++) {
		unsigned digits = reg_at(g, i)->bits / 4;
		if (strnlen(hex, digits) < digits)
			break;
		(void)set_register(g, i, hex);
		hex += digits;
	}
	gdb_put(&g->link, "OK");
}

void gdb_read_register(struct gdb *g, unsigned number)
{
	int i = find_number(g, number);
	if (i < 0)
		gdb_put(&g->link, "E01");
	else
		put_register(g, (unsigned)i);
}

void gdb_write_register(struct gdb *g, unsigned number, const char *hex)
{
	int i = find_number(g, number);
	gdb_put(&g->link, i >= 0 && set_register(g, (unsigned)i, hex) ? "OK" : "E01");
}

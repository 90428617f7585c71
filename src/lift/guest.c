// SPDX-License-Identifier: Apache-2.0
/* Code of a running guest, read through its control socket with the page tables of one vCPU. The guest goes on meanwhile. */
#include <stdlib.h>
#include <string.h>
#include "src/ctl/link.h"
#include "src/lift/hex.h"
#include "src/lift/source.h"
#include "src/symbols.h"

struct page {
	uint64_t va;
	uint8_t *bytes;		/* NULL: not mapped */
	struct page *next;
};

struct guest_source {
	struct lift_source source;
	struct ctl_link *link;
	unsigned vcpu;
	uint64_t pc;
	struct frontend_mode mode;	/* as it stood when the source was opened */
	char *cpu;
	struct symbols *symbols;	/* of a file; may be NULL */
	struct page *pages;		/* that have been asked for */
};

/* What has been read stays, though the source is constant to those who read. */
static struct guest_source *guest_of(const struct lift_source *s)
{
	return (struct guest_source *)(uintptr_t)CONTAINER_OF(s, const struct guest_source, source);
}

/* ---- asking ---- */

static struct json_object *about_vcpu(const struct guest_source *g, const char *command)
{
	struct json_object *q = ctl_new_request(command);
	json_object_object_add(q, "vcpu", json_object_new_uint64(g->vcpu));
	return q;
}

static uint8_t *read_page(const struct guest_source *g, uint64_t va)
{
	struct json_object *q = about_vcpu(g, "mem");
	char address[24];
	struct error ignored;	/* there is no memory */
	uint8_t *got = NULL;
	uint64_t size = 0;
	snprintf(address, sizeof address, "0x%llx", (unsigned long long)va);
	json_object_object_add(q, "address", json_object_new_string(address));
	json_object_object_add(q, "size", json_object_new_uint64(PAGE_SIZE));
	struct json_object *reply = ctl_ask(g->link, q, &ignored);
	const char *data = ctl_text(reply, "data");
	if (data && (!parse_hex(data, &got, &size, &ignored) || size != PAGE_SIZE)) {
		free(got);
		got = NULL;
	}
	json_object_put(reply);
	return got;
}

static struct json_object *look_up(const struct guest_source *g, const char *at, struct error *err)
{
	struct json_object *q = ctl_new_request("symbol");
	json_object_object_add(q, "at", json_object_new_string(at));
	return ctl_ask(g->link, q, err);
}

/* ---- bytes and names ---- */

static const uint8_t *bytes(const struct lift_source *s, uint64_t va, unsigned *size)
{
	struct guest_source *g = guest_of(s);
	struct page *p = g->pages;
	while (p && p->va != (va & PAGE_MASK))
		p = p->next;
	if (!p && (p = calloc(1, sizeof *p))) {
		*p = (struct page){ va & PAGE_MASK, read_page(g, va & PAGE_MASK), g->pages };
		g->pages = p;
	}
	if (!p || !p->bytes)
		return NULL;
	*size = (unsigned)(PAGE_SIZE - (va & ~PAGE_MASK));
	return p->bytes + (va & ~PAGE_MASK);
}

static bool name(const struct lift_source *s, uint64_t va, char *text, size_t size)
{
	const struct guest_source *g = guest_of(s);
	char at[24];
	struct error ignored;
	if (symbols_at(g->symbols, va, text, size))
		return true;
	snprintf(at, sizeof at, "0x%llx", (unsigned long long)va);
	struct json_object *reply = look_up(g, at, &ignored);
	const char *symbol = ctl_text(reply, "symbol");
	uint64_t offset = va - ctl_hex(reply, "start");
	if (symbol && offset)
		snprintf(text, size, "%s+0x%llx", symbol, (unsigned long long)offset);
	else if (symbol)
		snprintf(text, size, "%s", symbol);
	json_object_put(reply);
	return symbol;
}

static const struct frontend_mode *mode(const struct lift_source *s, uint64_t va)
{
	const struct guest_source *g = guest_of(s);
	return va >> 63 == g->pc >> 63 ? &g->mode : NULL;
}

/* ---- what is meant ---- */

/* A function by its name is meant whole; from any other place on it is the block. */
static bool ask_place(const struct guest_source *g, const char *at, struct lift_range *range, struct error *err)
{
	struct json_object *reply = look_up(g, at, err);
	if (!reply)
		return error_prefix(err, "--at %.100s", at);
	const char *symbol = ctl_text(reply, "symbol");
	range->va = ctl_hex(reply, "address");
	range->size = symbol && !strcmp(symbol, at) ? ctl_integer(reply, "size") : 0;
	json_object_put(reply);
	return true;
}

static bool find(const struct lift_source *s, const char *at, struct lift_range *range, struct error *err)
{
	const struct guest_source *g = guest_of(s);
	unsigned here;
	*range = (struct lift_range){ g->pc, 0 };
	if (at && !symbols_extent(g->symbols, at, &range->va, &range->size) && !ask_place(g, at, range, err))
		return false;
	if (range->va % s->frontend->insn_align)
		return error_set(err, ERROR_USAGE, "--at %.100s: 0x%llx is no address of an instruction: they are multiples of %u", at ? at : "(pc)",
				 (unsigned long long)range->va, s->frontend->insn_align);
	return bytes(s, range->va, &here) ||
	       error_set(err, ERROR_USAGE, "%s%.100s: vCPU %u has no memory mapped at 0x%llx; --vcpu N takes another", at ? "--at " : "", at ? at : "pc",
			 g->vcpu, (unsigned long long)range->va);
}

/* ---- opening ---- */

static void close_guest(struct lift_source *s)
{
	struct guest_source *g = guest_of(s);
	for (struct page *p = g->pages, *next; p; p = next) {
		next = p->next;
		free(p->bytes);
		free(p);
	}
	ctl_disconnect(g->link);
	symbols_free(g->symbols);
	free(g->cpu);
	free(g);
}

static bool ask_machine(struct guest_source *g, struct error *err)
{
	struct json_object *reply = ctl_ask(g->link, ctl_new_request("status"), err);
	const char *arch = ctl_text(reply, "arch"), *cpu = ctl_text(reply, "cpu");
	g->source.frontend = arch ? frontend_find(arch) : NULL;
	g->source.cpu = g->cpu = cpu ? strdup(cpu) : NULL;
	if (reply && !g->source.frontend)
		error_set(err, ERROR_USAGE, "a guest for %.40s, which this calque does not know", arch ? arch : "nothing known");
	json_object_put(reply);
	return g->source.frontend;
}

/* It is called as the one that is usual for this privilege. */
static void take_mode(struct guest_source *g, uint32_t bits)
{
	const struct frontend *f = g->source.frontend;
	const struct frontend_mode *usual = f->modes;
	while (usual->name && f->privilege(usual->mode) != f->privilege(bits))
		usual++;
	g->mode = (struct frontend_mode){ usual->name, bits };
}

static bool ask_vcpu(struct guest_source *g, struct error *err)
{
	struct json_object *reply = ctl_ask(g->link, about_vcpu(g, "regs"), err);
	g->pc = ctl_hex(reply, "pc");
	if (reply)
		take_mode(g, (uint32_t)ctl_integer(reply, "mode_bits"));
	json_object_put(reply);
	return reply;
}

struct lift_source *source_attach(const struct lift_input *in, struct error *err)
{
	struct guest_source *g = calloc(1, sizeof *g);
	if (!g) {
		error_set(err, ERROR_HOST, "out of memory");
		return NULL;
	}
	g->source = (struct lift_source){ .bytes = bytes, .name = name, .find = find, .close = close_guest, .mode = mode };
	g->vcpu = in->vcpu;
	if (in->symbols && !(g->symbols = symbols_load(in->symbols)))
		error_set(err, ERROR_USAGE, "--symbols %.200s: no ELF file or System.map, or without symbols", in->symbols);
	else if (!(g->link = ctl_connect(in->vm, err)) || !ask_machine(g, err) || !ask_vcpu(g, err))
		error_prefix(err, "--vm");
	else
		return &g->source;
	close_guest(&g->source);
	return NULL;
}

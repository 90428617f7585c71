// SPDX-License-Identifier: Apache-2.0
#include "backend/llvm/object.h"
#include <libelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "backend/llvm/disassemble.h"
#include "backend/llvm/line_table.h"

struct object {
	Elf *elf;
	const Elf_Data *text, *symbols, *relocations;	/* relocations of .text; NULL: none */
	size_t text_index, names;				/* sections */
	struct line_table lines;
	size_t next;		/* relocation: they are in order */
	struct disassembler *disassembler;
};

static const char *no_place(void *opaque, uint64_t address)
{
	return NULL;
}

static const char *section_name(struct object *o, const Elf64_Shdr *h)
{
	size_t names;
	const char *name = elf_getshdrstrndx(o->elf, &names) ? NULL : elf_strptr(o->elf, names, h->sh_name);
	return name ? name : "";
}

static void find_sections(struct object *o)
{
	for (Elf_Scn *scn = NULL; (scn = elf_nextscn(o->elf, scn));) {
		const Elf64_Shdr *h = elf64_getshdr(scn);
		if (!h)
			continue;
		const char *name = section_name(o, h);
		if (!strcmp(name, ".text")) {
			o->text = elf_getdata(scn, NULL);
			o->text_index = elf_ndxscn(scn);
		} else if (h->sh_type == SHT_SYMTAB) {
			o->symbols = elf_getdata(scn, NULL);
			o->names = h->sh_link;
		} else if (!strcmp(name, ".rela.text")) {
			o->relocations = elf_getdata(scn, NULL);
		}
	}
}

static size_t n_symbols(const struct object *o)
{
	return o->symbols ? o->symbols->d_size / sizeof(Elf64_Sym) : 0;
}

static const Elf64_Sym *symbol(const struct object *o, size_t i)
{
	return i < n_symbols(o) ? &((const Elf64_Sym *)o->symbols->d_buf)[i] : NULL;
}

/* What a relocation refers to: a symbol, or a section whose symbol has no name. */
static const char *symbol_name(struct object *o, size_t i)
{
	const Elf64_Sym *sym = symbol(o, i);
	const char *name = sym ? elf_strptr(o->elf, o->names, sym->st_name) : NULL;
	if (sym && (!name || !*name) && sym->st_shndx < SHN_LORESERVE) {
		const Elf64_Shdr *h = elf64_getshdr(elf_getscn(o->elf, sym->st_shndx));
		name = h ? section_name(o, h) : NULL;
	}
	return name ? name : "?";
}

/* Appends what the relocations of the instruction at [at, end) refer to. */
static void add_references(struct object *o, uint64_t at, uint64_t end, char *text, size_t size)
{
	size_t n = o->relocations ? o->relocations->d_size / sizeof(Elf64_Rela) : 0;
	for (; o->next < n; o->next++) {
		const Elf64_Rela *r = &((const Elf64_Rela *)o->relocations->d_buf)[o->next];
		if (r->r_offset >= end)
			return;
		if (r->r_offset < at)
			continue;
		unsigned type = (unsigned)ELF64_R_TYPE(r->r_info);
		int64_t addend = r->r_addend;
		if (type == R_X86_64_PC32 || type == R_X86_64_PLT32)	/* the processor counts from the instruction's end */
			addend += (int64_t)(end - r->r_offset);
		size_t used = strlen(text);
		snprintf(text + used, size - used, "  # %s%+lld", symbol_name(o, ELF64_R_SYM(r->r_info)), (long long)addend);
	}
}

/* `beside`: code that lies behind all functions. */
static bool list_code(struct object *o, const Elf64_Sym *f, uint64_t at, uint64_t end, bool beside, struct listing *host)
{
	char text[400];
	while (at < end) {
		const uint8_t *code = (const uint8_t *)o->text->d_buf + at;
		unsigned n = disassemble_one(o->disassembler, code, end - at, at - f->st_value, text, sizeof text);
		add_references(o, at, at + n, text, sizeof text);
		const struct line_row *row = beside ? NULL : line_table_at(&o->lines, at);
		struct listing_line *line = listing_add(host, row ? row->line : 0, true, text, strlen(text));
		if (!line)
			return false;
		line->size = (uint8_t)n;
		line->at = (uint32_t)(at - f->st_value);
		memcpy(line->code, code, n < LISTING_CODE_MAX ? n : LISTING_CODE_MAX);
		at += n;
	}
	return true;
}

static bool list_function(struct object *o, const Elf64_Sym *f, const char *name, struct listing *host)
{
	char text[400];
	uint64_t end = f->st_value + f->st_size;
	if (end > o->text->d_size || end < f->st_value)
		return false;
	snprintf(text, sizeof text, "%s:", name);
	listing_add(host, 0, false, text, strlen(text));
	return list_code(o, f, f->st_value, end, false, host);
}

/* Functions in the order of their addresses, and with the last one what all of them have out of line (lower_site.h). */
static bool list_functions(struct object *o, struct listing *host)
{
	const Elf64_Sym *last = NULL;
	for (uint64_t from = 0;;) {
		size_t best = 0;
		for (size_t i = 1; i < n_symbols(o); i++) {
			const Elf64_Sym *sym = symbol(o, i);
			if (ELF64_ST_TYPE(sym->st_info) == STT_FUNC && sym->st_shndx == o->text_index && sym->st_size && sym->st_value >= from &&
			    (!best || sym->st_value < symbol(o, best)->st_value))
				best = i;
		}
		if (!best)
			return !last || list_code(o, last, last->st_value + last->st_size, o->text->d_size, true, host);
		last = symbol(o, best);
		if (!list_function(o, last, symbol_name(o, best), host))
			return false;
		from = last->st_value + 1;
	}
}

bool object_list(const void *object, size_t size, bool intel, struct listing *host, struct error *err)
{
	struct object o = { 0 };
	elf_version(EV_CURRENT);
	o.elf = elf_memory((char *)(uintptr_t)object, size);
	if (o.elf)
		find_sections(&o);
	bool good = o.text && line_table_read(&o.lines, object, size);
	o.disassembler = good ? disassembler_create(intel, no_place, NULL) : NULL;
	good = o.disassembler && list_functions(&o, host);
	disassembler_destroy(o.disassembler);
	line_table_free(&o.lines);
	elf_end(o.elf);
	return good || error_set(err, ERROR_HOST, "LLVM's object file cannot be read");
}

// SPDX-License-Identifier: Apache-2.0
/*
 * extract TABLE CHOICE OBJECT…: writes the stencils in the object files as C tables: code and holes, for emit.c to include, and which stencil
 * executes what, for choose.c.
 * Whatever is not a hole is refused: a constant in static data, a call, a table, a number that is not extended by sign.
 */
#include <fcntl.h>
#include <gelf.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "backend/stencil/abi.h"

static const char *const hole_name[] = {
#define HOLE(name, what) "hole_" #name,
	STENCIL_NUMBERS(HOLE)
	STENCIL_TARGETS(HOLE)
#undef HOLE
};

static const char *const op_name[] = {
#define OP(name, format, effects) #name,
#include "ir/ops.def"
};

struct relocation { uint64_t offset; int kind; unsigned type; int64_t addend; };
struct object {
	const char *name;
	const unsigned char *text;
	struct relocation *rel;
	size_t n_rel;
};

enum { MAX_STENCILS = 8192 };
static struct { char name[64]; size_t code; unsigned len, first_hole, n_holes; } stencil[MAX_STENCILS];
static size_t n_stencils, n_code, n_holes, longest;
static FILE *code_text, *hole_text;

static void die(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
static void die(const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	fputs("extract: ", stderr);
	vfprintf(stderr, fmt, args);
	fputc('\n', stderr);
	exit(1);
}

static int kind_of(const char *symbol)
{
	for (int k = 0; k < HOLE_KINDS; k++)
		if (!strcmp(symbol, hole_name[k]))
			return k;
	return -1;
}

static int by_offset(const void *a, const void *b)
{
	const struct relocation *x = a, *y = b;
	return x->offset < y->offset ? -1 : x->offset > y->offset;
}

static void write_hole(const char *function, const struct relocation *r, uint64_t start)
{
	bool number = r->kind < HOLE_next;
	if (number ? r->type != R_X86_64_32S : (r->type != R_X86_64_PLT32 && r->type != R_X86_64_PC32) || r->addend != -4)
		die("%s: %s with relocation type %u, addend %lld", function, hole_name[r->kind], r->type, (long long)r->addend);
	if (number && (r->addend < -128 || r->addend > 127))
		die("%s: addend %lld", function, (long long)r->addend);
	fprintf(hole_text, "{ %u, %d, %d },%s", (unsigned)(r->offset - start), r->kind, number ? (int)r->addend : 0, ++n_holes % 8 ? " " : "\n");
}

static void add(const struct object *o, const char *name, uint64_t start, uint64_t len)
{
	if (n_stencils == MAX_STENCILS || strlen(name) >= sizeof stencil->name)
		die("%s: too many stencils, or too long a name", name);
	size_t i = 0, id = n_stencils++;
	while (i < o->n_rel && o->rel[i].offset < start)
		i++;
	size_t end = i;
	while (end < o->n_rel && o->rel[end].offset < start + len)
		end++;
	/* a jump to the next stencil at the very end is left out */
	if (len >= 5 && end > i && o->rel[end - 1].offset + 4 == start + len && o->rel[end - 1].kind == HOLE_next &&
	    o->text[start + len - 5] == 0xe9)
		len -= 5, end--;
	snprintf(stencil[id].name, sizeof stencil->name, "%s", name);
	stencil[id].code = n_code;
	stencil[id].len = (unsigned)len;
	stencil[id].first_hole = (unsigned)n_holes;
	stencil[id].n_holes = (unsigned)(end - i);
	for (; i < end; i++) {
		if (o->rel[i].kind < 0)
			die("%s refers to something that is no hole", name);
		write_hole(name, &o->rel[i], start);
	}
	for (uint64_t k = 0; k < len; k++)
		fprintf(code_text, "%u,%s", o->text[start + k], ++n_code % 32 ? "" : "\n");
	if (len > longest)
		longest = len;
}

static void read_object(const char *path)
{
	int fd = open(path, O_RDONLY);
	Elf *elf = fd < 0 ? NULL : elf_begin(fd, ELF_C_READ, NULL);
	if (!elf)
		die("%s: cannot be read as ELF", path);
	struct object o = { .name = path };
	Elf_Data *symbols = NULL, *relocations = NULL;
	size_t text_index = 0, names = 0, n_symbols = 0;
	GElf_Shdr h;
	for (Elf_Scn *s = NULL; (s = elf_nextscn(elf, s)) && gelf_getshdr(s, &h);) {
		if (h.sh_type == SHT_PROGBITS && h.sh_flags & SHF_EXECINSTR && h.sh_size) {
			if (o.text)
				die("%s: more than one section of code", path);
			o.text = elf_getdata(s, NULL)->d_buf;
			text_index = elf_ndxscn(s);
		} else if (h.sh_type == SHT_SYMTAB) {
			symbols = elf_getdata(s, NULL);
			names = h.sh_link;
			n_symbols = h.sh_size / h.sh_entsize;
		}
	}
	for (Elf_Scn *s = NULL; (s = elf_nextscn(elf, s)) && gelf_getshdr(s, &h);)
		if (h.sh_type == SHT_RELA && h.sh_info == text_index) {
			relocations = elf_getdata(s, NULL);
			o.n_rel = h.sh_size / h.sh_entsize;
		}
	if (!o.text || !symbols || !relocations)
		die("%s: no code, symbols or relocations", path);
	o.rel = calloc(o.n_rel, sizeof *o.rel);
	for (size_t i = 0; i < o.n_rel; i++) {
		GElf_Rela r;
		GElf_Sym sym;
		gelf_getrela(relocations, (int)i, &r);
		gelf_getsym(symbols, (int)GELF_R_SYM(r.r_info), &sym);
		o.rel[i] = (struct relocation){ r.r_offset, kind_of(elf_strptr(elf, names, sym.st_name)), (unsigned)GELF_R_TYPE(r.r_info), r.r_addend };
	}
	qsort(o.rel, o.n_rel, sizeof *o.rel, by_offset);
	for (size_t i = 0; i < n_symbols; i++) {
		GElf_Sym sym;
		gelf_getsym(symbols, (int)i, &sym);
		const char *name = elf_strptr(elf, names, sym.st_name);
		if (sym.st_shndx == text_index && GELF_ST_TYPE(sym.st_info) == STT_FUNC)
			add(&o, name, sym.st_value, sym.st_size);
	}
	free(o.rel);
	elf_end(elf);
}

static void copy(FILE *from, FILE *to)
{
	char buffer[4096];
	size_t n;
	rewind(from);
	while ((n = fread(buffer, 1, sizeof buffer, from)))
		fwrite(buffer, 1, n, to);
}

/* The second form of an op: only the lower half in line, operands known to be boxed, a third operand in acc. What else stands behind a
 * name's places only tells stencils apart that are made in several passes. */
static bool is_second_form(const char *suffix)
{
	static const char *const second[] = { "low", "boxed", "widenedboxed", "acc" };
	for (size_t i = 0; i < sizeof second / sizeof *second; i++)
		if (!strcmp(suffix, second[i]))
			return true;
	return false;
}

/* op_add__123, op_ld_64__120low, op_fadd_s__505boxed: by op, by form, by places of d, a and b */
static void write_ops(FILE *f)
{
	bool found[UOP_COUNT] = { 0 };
	fprintf(f, "static const uint16_t stencil_of[UOP_COUNT][2][STENCIL_PLACES][STENCIL_PLACES][STENCIL_PLACES] = {\n");
	for (size_t i = 0; i < n_stencils; i++) {
		const char *name = stencil[i].name, *places = strstr(name, "__");
		if (strncmp(name, "op_", 3) || !places)
			continue;
		size_t op = 0, len = (size_t)(places - name - 3);
		while (op < UOP_COUNT && (strncmp(op_name[op], name + 3, len) || op_name[op][len]))
			op++;
		if (op == UOP_COUNT)
			die("%s: no such op", name);
		bool other = is_second_form(places + 5);
		found[op] |= !other && !strncmp(places, "__000", 5);
		fprintf(f, "[UOP_%s][%d][%c][%c][%c] = %zu,\n", op_name[op], other, places[2], places[3], places[4], i + 1);
	}
	fprintf(f, "};\n");
	for (size_t op = 0; op < UOP_COUNT; op++)
		if (!found[op])
			die("op %s has no stencil", op_name[op]);
}

int main(int argc, char **argv)
{
	elf_version(EV_CURRENT);
	code_text = tmpfile();
	hole_text = tmpfile();
	if (argc < 4)
		die("usage: extract TABLE CHOICE OBJECT…");
	FILE *table = fopen(argv[1], "w"), *choice = fopen(argv[2], "w");
	if (!code_text || !hole_text || !table || !choice)
		die("%s, %s or a temporary file cannot be written", argv[1], argv[2]);
	for (int i = 3; i < argc; i++)
		read_object(argv[i]);
	fprintf(table, "/* Made by backend/stencil/extract.c from stencils.c */\n#define STENCIL_LONGEST %zu\n", longest);
	fprintf(table, "static const uint8_t stencil_code[] = {\n");
	copy(code_text, table);
	fprintf(table, "};\nstatic const struct hole stencil_hole[] = {\n");
	copy(hole_text, table);
	fprintf(table, "};\nstatic const struct stencil stencil[] = {\n{ 0 },\n");
	for (size_t i = 0; i < n_stencils; i++)
		fprintf(table, "{ %zu, %u, %u, %u },\t/* %zu %s */\n", stencil[i].code, stencil[i].first_hole, stencil[i].len, stencil[i].n_holes, i + 1,
			stencil[i].name);
	fprintf(table, "};\nenum {\n");
	for (size_t i = 0; i < n_stencils; i++)
		if (!strncmp(stencil[i].name, "sx_", 3))
			fprintf(table, "STENCIL_%s = %zu,\n", stencil[i].name + 3, i + 1);
	fprintf(table, "};\n");
	write_ops(choice);
	if (fclose(table) || fclose(choice))
		die("%s or %s cannot be written", argv[1], argv[2]);
	return 0;
}

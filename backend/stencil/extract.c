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

enum { MAX_STENCILS = 8192, MAX_TABLE = (UINT16_MAX + 1) * STENCIL_UNIT };
static struct { char name[64]; size_t id; } stencil[MAX_STENCILS];
static size_t n_stencils, longest;
static uint8_t table[MAX_TABLE];
static size_t table_size = STENCIL_UNIT;

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

/* lea hole(%register), %register, of 64 bits */
static bool is_lea(const struct object *o, uint64_t at)
{
	const unsigned char *code = o->text + at;
	return at >= 3 && (code[-3] & 0xf8) == 0x48 && code[-2] == 0x8d && code[-1] >> 6 == 2 && (code[-1] & 7) != 4;
}

static struct hole hole_of(const struct object *o, const char *function, const struct relocation *r, uint64_t start)
{
	bool number = r->kind < HOLE_next;
	int kind = r->kind;
	if (kind < 0)
		die("%s refers to something that is no hole", function);
	if (kind == HOLE_imm && !r->addend)
		kind = r->type == R_X86_64_8 ? HOLE_imm_byte : r->type == R_X86_64_32S && is_lea(o, r->offset) ? HOLE_imm_lea : kind;
	if (kind == HOLE_imm_byte)
		;
	else if (number ? r->type != R_X86_64_32S : (r->type != R_X86_64_PLT32 && r->type != R_X86_64_PC32) || r->addend != -4)
		die("%s: %s with relocation type %u, addend %lld", function, hole_name[r->kind], r->type, (long long)r->addend);
	if (number && (r->addend < -128 || r->addend > 127))
		die("%s: addend %lld", function, (long long)r->addend);
	return (struct hole){ (uint16_t)(r->offset - start), (uint8_t)kind, number ? (int8_t)r->addend : 0 };
}

static uint8_t good_starts(const struct hole *hole, unsigned n)
{
	unsigned starts = 0;
	for (unsigned at = 0; at < 8; at++) {
		bool good = true;
		for (const struct hole *h = hole; h < hole + n; h++)
			good &= (h->kind != HOLE_taken && h->kind != HOLE_not_taken) || ((at + h->offset) & 7) <= 4;
		starts |= (unsigned)good << at;
	}
	return (uint8_t)starts;
}

static void append(const void *bytes, size_t n)
{
	if (n > MAX_TABLE - table_size)
		die("the table is full");
	memcpy(table + table_size, bytes, n);
	table_size += n;
}

static void add(const struct object *o, const char *name, uint64_t start, uint64_t len)
{
	if (n_stencils == MAX_STENCILS || strlen(name) >= sizeof stencil->name)
		die("%s: too many stencils, or too long a name", name);
	size_t i = 0;
	while (i < o->n_rel && o->rel[i].offset < start)
		i++;
	size_t end = i;
	while (end < o->n_rel && o->rel[end].offset < start + len)
		end++;
	/* a jump to the next stencil at the very end is left out */
	if (len >= 5 && end > i && o->rel[end - 1].offset + 4 == start + len && o->rel[end - 1].kind == HOLE_next &&
	    o->text[start + len - 5] == 0xe9)
		len -= 5, end--;
	struct hole number[UINT8_MAX], target[UINT8_MAX];
	const char *places = strstr(name, "__");
	struct stencil st = { .len = (uint16_t)len, .d = places && !strncmp(name, "op_", 3) ? (uint8_t)(places[2] - '0') : 0 };
	if (end - i >= UINT8_MAX - STENCIL_MIN_NUMBERS)
		die("%s: too many holes", name);
	for (; i < end; i++) {
		struct hole h = hole_of(o, name, &o->rel[i], start);
		if (h.kind < HOLE_next)
			number[st.n_numbers++] = h;
		else
			target[st.n_targets++] = h;
	}
	while (st.n_numbers < STENCIL_MIN_NUMBERS)
		number[st.n_numbers++] = (struct hole){ (uint16_t)len, 0, 0 };
	if (!strcmp(name, "sx_thunk") && (len > STENCIL_PIECE || st.n_targets != 1 || number[0].kind != HOLE_site || number[0].addend ||
					  number[1].offset < len || target[0].kind != HOLE_service))
		die("sx_thunk is not as put_thunk (emit.c) takes it");
	st.starts = good_starts(target, st.n_targets);
	if (!st.starts)
		die("%s: no place is good for its exits", name);
	snprintf(stencil[n_stencils].name, sizeof stencil->name, "%s", name);
	stencil[n_stencils++].id = table_size / STENCIL_UNIT;
	append(&st, sizeof st);
	append(number, st.n_numbers * sizeof *number);
	append(target, st.n_targets * sizeof *target);
	append(o->text + start, len);
	append((const char[STENCIL_UNIT]){ 0 }, (size_t)-table_size % STENCIL_UNIT);
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

/* The second form of an op: only the near half in line, operands known to be boxed, a third operand in acc. What else stands behind a
 * name's places only tells stencils apart that are made in several passes. */
static bool is_second_form(const char *suffix)
{
	static const char *const second[] = { "near", "boxed", "widenedboxed", "acc" };
	for (size_t i = 0; i < sizeof second / sizeof *second; i++)
		if (!strcmp(suffix, second[i]))
			return true;
	return false;
}

static uint16_t stencil_of[UOP_COUNT][2][STENCIL_PLACES][STENCIL_PLACES][STENCIL_PLACES];

/* op_add__123, op_ld_64__120low, op_fadd_s__505boxed: by op, by form, by places of d, a and b */
static void sort_ops(void)
{
	for (size_t i = 0; i < n_stencils; i++) {
		const char *name = stencil[i].name, *places = strstr(name, "__");
		if (strncmp(name, "op_", 3) || !places)
			continue;
		size_t op = 0, len = (size_t)(places - name - 3);
		while (op < UOP_COUNT && (strncmp(op_name[op], name + 3, len) || op_name[op][len]))
			op++;
		if (op == UOP_COUNT)
			die("%s: no such op", name);
		stencil_of[op][is_second_form(places + 5)][places[2] - '0'][places[3] - '0'][places[4] - '0'] = (uint16_t)stencil[i].id;
	}
	for (size_t op = 0; op < UOP_COUNT; op++)
		if (!stencil_of[op][0][0][0][0])
			die("op %s has no stencil", op_name[op]);
}

/* What is in acc is also in struct vcpu: that may do where no stencil for acc exists. And the first form does for operands of the second. */
static uint16_t best(size_t op, unsigned form, unsigned d, unsigned a, unsigned b)
{
	const unsigned a_places[2] = { a, a == PLACE_ACC ? 0 : a }, b_places[2] = { b, b == PLACE_ACC ? 0 : b },
		       d_places[2] = { d, d == PLACE_ACC ? 0 : d };
	for (unsigned i = 0; i < 8; i++) {
		uint16_t id = stencil_of[op][form][d_places[i >> 2]][a_places[i & 1]][b_places[i >> 1 & 1]];
		if (id)
			return id;
	}
	return form ? best(op, 0, d, a, b) : 0;
}

static void write_choice(FILE *f)
{
	fprintf(f, "static const uint16_t stencil_of[UOP_COUNT][2][STENCIL_PLACES][STENCIL_PLACES][STENCIL_PLACES] = {\n");
	for (size_t op = 0; op < UOP_COUNT; op++)
		for (unsigned i = 0; i < 2 * STENCIL_PLACES * STENCIL_PLACES * STENCIL_PLACES; i++) {
			unsigned b = i % STENCIL_PLACES, a = i / STENCIL_PLACES % STENCIL_PLACES,
				 d = i / STENCIL_PLACES / STENCIL_PLACES % STENCIL_PLACES,
				 form = i / STENCIL_PLACES / STENCIL_PLACES / STENCIL_PLACES;
			uint16_t id = best(op, form, d, a, b);
			if (id)
				fprintf(f, "[UOP_%s][%u][%u][%u][%u] = %u,\n", op_name[op], form, d, a, b, id);
		}
	fprintf(f, "};\n");
}

static void write_table(FILE *f)
{
	fprintf(f, "/* Made by backend/stencil/extract.c from stencils.c */\n#define STENCIL_LONGEST %zu\n", longest);
	fprintf(f, "static const _Alignas(STENCIL_PIECE) uint8_t stencil_table[%zu] = {\n", table_size + STENCIL_PIECE);
	for (size_t i = 0; i < table_size; i++)
		fprintf(f, "%u,%s", table[i], (i + 1) % 32 ? "" : "\n");
	fprintf(f, "};\nenum {\n");
	for (size_t i = 0; i < n_stencils; i++)
		if (!strncmp(stencil[i].name, "sx_", 3))
			fprintf(f, "STENCIL_%s = %zu,\n", stencil[i].name + 3, stencil[i].id);
	fprintf(f, "};\n");
}

int main(int argc, char **argv)
{
	elf_version(EV_CURRENT);
	if (argc < 4)
		die("usage: extract TABLE CHOICE OBJECT…");
	FILE *code = fopen(argv[1], "w"), *choice = fopen(argv[2], "w");
	if (!code || !choice)
		die("%s or %s cannot be written", argv[1], argv[2]);
	for (int i = 3; i < argc; i++)
		read_object(argv[i]);
	sort_ops();
	write_table(code);
	write_choice(choice);
	if (fclose(code) || fclose(choice))
		die("%s or %s cannot be written", argv[1], argv[2]);
	return 0;
}

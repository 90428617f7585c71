// SPDX-License-Identifier: Apache-2.0
/*
 * The symbols of the guest's Linux kernel, which distributions strip from its file but which it carries in its memory.
 * GDB gets them by `symbol-file target:vmlinux`: an ELF file with nothing but symbols, made when it is opened, read by
 * the protocol's vFile packets.
 */
#include <elf.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "src/gdb/internal.h"
#include "src/profile/kallsyms.h"

enum { SECTION_NONE, SECTION_TEXT, SECTION_DATA, SECTION_SYMBOLS, SECTION_STRINGS, SECTION_NAMES, N_SECTIONS };
enum { OUR_FD = 3, EIO_ENOENT = 2, EIO_EBADF = 9 };	/* the protocol's own error numbers */

struct gdb_symbols {
	uint8_t *bytes;
	size_t size;
};

/* ---- the file ---- */

/* At 1, 7, 13, 21 and 29 */
static const char section_names[] = "\0.text\0.data\0.symtab\0.strtab\0.shstrtab";

/* Where each part lies. */
struct layout {
	size_t n;		/* symbols */
	uint64_t text, text_end, end;	/* addresses: code; what is behind it */
	size_t symbols, strings, string_bytes, names, sections, size;
};

static size_t align8(size_t at)
{
	return (at + 7) & ~(size_t)7;
}

static bool lay_out(const struct symbols *s, struct layout *l)
{
	bool code, any = false;
	*l = (struct layout){ .n = symbols_count(s), .string_bytes = 1 };
	for (size_t i = 0; i < l->n; i++) {
		struct symbol_range r = symbols_get(s, i, &code);
		if (code && !any)
			l->text = r.start;
		if (code)
			l->text_end = r.end;
		any |= code;
		l->end = r.end;
		l->string_bytes += strlen(r.name) + 1;
	}
	l->symbols = sizeof(Elf64_Ehdr);
	l->strings = l->symbols + (l->n + 1) * sizeof(Elf64_Sym);
	l->names = l->strings + l->string_bytes;
	l->sections = align8(l->names + sizeof section_names);
	l->size = l->sections + N_SECTIONS * sizeof(Elf64_Shdr);
	return any && l->string_bytes <= UINT32_MAX;
}

static void write_symbols(const struct symbols *s, const struct layout *l, uint8_t *file)
{
	Elf64_Sym *sym = (Elf64_Sym *)(file + l->symbols);
	char *strings = (char *)file + l->strings;
	size_t at = 1;
	for (size_t i = 0; i < l->n; i++) {
		bool code;
		struct symbol_range r = symbols_get(s, i, &code);
		sym[i + 1] = (Elf64_Sym){
			.st_name = (uint32_t)at,
			.st_info = ELF64_ST_INFO(STB_GLOBAL, code ? STT_FUNC : STT_OBJECT),
			.st_shndx = code ? SECTION_TEXT : SECTION_DATA,
			.st_value = r.start,
			.st_size = code ? r.end - r.start : 0,
		};
		size_t n = strlen(r.name) + 1;
		memcpy(strings + at, r.name, n);
		at += n;
	}
}

static void write_headers(const struct layout *l, uint16_t machine, uint8_t *file)
{
	*(Elf64_Ehdr *)file = (Elf64_Ehdr){
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
		.e_type = ET_EXEC,
		.e_machine = machine,
		.e_version = EV_CURRENT,
		.e_shoff = l->sections,
		.e_ehsize = sizeof(Elf64_Ehdr),
		.e_shentsize = sizeof(Elf64_Shdr),
		.e_shnum = N_SECTIONS,
		.e_shstrndx = SECTION_NAMES,
	};
	Elf64_Shdr *s = (Elf64_Shdr *)(file + l->sections);
	s[SECTION_TEXT] = (Elf64_Shdr){ 1, SHT_NOBITS, SHF_ALLOC | SHF_EXECINSTR, .sh_addr = l->text,
					.sh_size = l->text_end - l->text, .sh_addralign = 2 };
	s[SECTION_DATA] = (Elf64_Shdr){ 7, SHT_NOBITS, SHF_ALLOC | SHF_WRITE, .sh_addr = l->text_end,
					.sh_size = l->end - l->text_end, .sh_addralign = 1 };
	s[SECTION_SYMBOLS] = (Elf64_Shdr){ 13, SHT_SYMTAB, .sh_offset = l->symbols,
					   .sh_size = (l->n + 1) * sizeof(Elf64_Sym), .sh_link = SECTION_STRINGS,
					   .sh_info = 1, .sh_addralign = 8, .sh_entsize = sizeof(Elf64_Sym) };
	s[SECTION_STRINGS] = (Elf64_Shdr){ 21, SHT_STRTAB, .sh_offset = l->strings, .sh_size = l->string_bytes,
					   .sh_addralign = 1 };
	s[SECTION_NAMES] = (Elf64_Shdr){ 29, SHT_STRTAB, .sh_offset = l->names, .sh_size = sizeof section_names,
					 .sh_addralign = 1 };
	memcpy(file + l->names, section_names, sizeof section_names);
}

/* NULL: the guest's memory holds no kernel's symbols. */
static struct gdb_symbols *make(const struct vm *vm)
{
	struct layout l;
	struct symbols *s = symbols_new();
	struct gdb_symbols *file = calloc(1, sizeof *file);
	bool good = s && file && vm->frontend->elf_class == ELFCLASS64 && kallsyms_find(s, &vm->machine.phys);
	if (good) {
		symbols_sort(s);
		good = lay_out(s, &l) && (file->bytes = calloc(1, l.size));
	}
	if (good) {
		file->size = l.size;
		write_symbols(s, &l, file->bytes);
		write_headers(&l, vm->frontend->elf_machine, file->bytes);
	} else {
		free(file);
		file = NULL;
	}
	symbols_free(s);
	return file;
}

void gdb_file_close(struct gdb *g)
{
	if (g->symbols)
		free(g->symbols->bytes);
	free(g->symbols);
	g->symbols = NULL;
}

/* ---- vFile packets ---- */

static void open_file(struct gdb *g, const char *hex)
{
	char path[64];
	path[gdb_unhex(hex, (uint8_t *)path, sizeof path - 1)] = 0;
	const char *slash = strrchr(path, '/');
	gdb_file_close(g);	/* one at a time: GDB reads them whole */
	if (!strcmp(slash ? slash + 1 : path, "vmlinux"))
		g->symbols = make(g->vm);
	if (g->symbols)
		gdb_put(&g->link, "F%x", OUR_FD);
	else
		gdb_put(&g->link, "F-1,%x", EIO_ENOENT);
}

static void put_big(uint8_t *to, uint64_t value, unsigned bytes)
{
	while (bytes--) {
		to[bytes] = (uint8_t)value;
		value >>= 8;
	}
}

/* struct stat of the protocol: big endian; all but mode and size is 0. */
static void stat_file(struct gdb *g)
{
	uint8_t st[64] = { 0 };
	put_big(st + 8, 0100444, 4);
	put_big(st + 28, g->symbols->size, 8);
	gdb_put(&g->link, "F%zx;", sizeof st);
	gdb_put_binary(&g->link, st, sizeof st);
}

/* COUNT,OFFSET */
static void read_file(struct gdb *g, const char *p)
{
	uint64_t n, offset;
	if (!gdb_expect(&p, ',') || !gdb_number(&p, &n) || !gdb_expect(&p, ',') || !gdb_number(&p, &offset)) {
		gdb_error(g);
		return;
	}
	uint64_t left = offset < g->symbols->size ? g->symbols->size - offset : 0;
	n = n < left ? n : left;
	if (n > GDB_PACKET / 2 - 16)	/* each byte may need two */
		n = GDB_PACKET / 2 - 16;
	gdb_put(&g->link, "F%" PRIx64 ";", n);
	gdb_put_binary(&g->link, g->symbols->bytes + (left ? offset : 0), (unsigned)n);
}

void gdb_file(struct gdb *g, const char *p)
{
	uint64_t fd;
	bool reads = !strncmp(p, "pread:", 6), closes = !strncmp(p, "close:", 6), stats = !strncmp(p, "fstat:", 6);
	if (!strncmp(p, "setfs:", 6)) {
		gdb_put(&g->link, "F0");
	} else if (!strncmp(p, "open:", 5)) {
		open_file(g, p + 5);
	} else if (reads || closes || stats) {
		p += 6;
		if (!gdb_number(&p, &fd) || fd != OUR_FD || !g->symbols) {
			gdb_put(&g->link, "F-1,%x", EIO_EBADF);
		} else if (reads) {
			read_file(g, p);
		} else if (stats) {
			stat_file(g);
		} else {
			gdb_file_close(g);
			gdb_put(&g->link, "F0");
		}
	}
}

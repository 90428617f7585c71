// SPDX-License-Identifier: Apache-2.0
/* The symbols of files. */
#include <fcntl.h>
#include <gelf.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "src/symbols.h"

/* Mapping symbols ($x, $d) name nothing; nor do the assembler's local labels. */
static bool is_name(const char *name, size_t length)
{
	return length && *name != '$' && (length == 1 || memcmp(name, ".L", 2));
}

/* ---- ELF ---- */

static bool is_code(Elf *elf, const GElf_Sym *sym)
{
	GElf_Shdr section;
	if (GELF_ST_TYPE(sym->st_info) == STT_FUNC)
		return true;
	if (GELF_ST_TYPE(sym->st_info) != STT_NOTYPE || sym->st_shndx >= SHN_LORESERVE)
		return false;
	Elf_Scn *scn = elf_getscn(elf, sym->st_shndx);
	return scn && gelf_getshdr(scn, &section) && section.sh_flags & SHF_EXECINSTR;
}

/* Adds one symbol table's names; on lack of memory those that were read stay. */
static void read_table(struct symbols *s, Elf *elf, Elf_Scn *scn, const GElf_Shdr *header)
{
	Elf_Data *data = elf_getdata(scn, NULL);
	size_t n = data && header->sh_entsize ? data->d_size / header->sh_entsize : 0;
	for (size_t i = 0; i < n && i < INT32_MAX; i++) {
		GElf_Sym sym;
		if (!gelf_getsym(data, (int)i, &sym) || sym.st_shndx == SHN_UNDEF)
			continue;
		unsigned type = GELF_ST_TYPE(sym.st_info);
		const char *name = elf_strptr(elf, header->sh_link, sym.st_name);
		if (!name || !is_name(name, strlen(name)) || type == STT_SECTION || type == STT_FILE)
			continue;
		if (!symbols_add(s, name, strlen(name), sym.st_value, sym.st_size, is_code(elf, &sym)))
			return;
	}
}

static void read_elf(struct symbols *s, Elf *elf)
{
	for (Elf_Scn *scn = NULL; (scn = elf_nextscn(elf, scn));) {
		GElf_Shdr header;
		if (gelf_getshdr(scn, &header) && header.sh_type == SHT_SYMTAB)
			read_table(s, elf, scn, &header);
	}
}

/* ---- System.map, /proc/kallsyms ---- */

/* "ffffffff80000000 T _start": sixteen digits, a letter, a name; modules' have "\t[module]" behind. */
static bool read_line(struct symbols *s, const char *at, const char *end)
{
	uint64_t value = 0;
	if (end - at < 20 || at[16] != ' ' || at[18] != ' ')
		return true;
	for (unsigned i = 0; i < 16; i++) {
		unsigned digit = at[i] >= '0' && at[i] <= '9' ? (unsigned)(at[i] - '0') : at[i] >= 'a' && at[i] <= 'f' ? (unsigned)(at[i] - 'a' + 10) : 16;
		if (digit == 16)
			return true;
		value = value << 4 | digit;
	}
	const char *name = at + 19, *stop = name;
	while (stop < end && *stop > ' ')
		stop++;
	/* who may not see the addresses is given 0 */
	if (!value || !is_name(name, (size_t)(stop - name)))
		return true;
	return symbols_add(s, name, (size_t)(stop - name), value, 0, symbols_is_code(at[17]));
}

void symbols_read_map(struct symbols *s, const char *text, size_t size)
{
	const char *end = text + size;
	while (text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text)), *stop = newline ? newline : end;
		if (!read_line(s, text, stop))
			return;
		text = newline ? newline + 1 : end;
	}
}

/* ---- either ---- */

static void read_file(struct symbols *s, char *bytes, size_t size)
{
	Elf *elf = elf_version(EV_CURRENT) == EV_NONE ? NULL : elf_memory(bytes, size);
	if (elf && elf_kind(elf) == ELF_K_ELF)
		read_elf(s, elf);
	else
		symbols_read_map(s, bytes, size);
	elf_end(elf);
}

struct symbols *symbols_load(const char *path)
{
	struct stat st;
	struct symbols *s = NULL;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	if (!fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_size > 0) {
		void *bytes = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
		s = bytes == MAP_FAILED ? NULL : symbols_new();
		if (s)
			read_file(s, bytes, (size_t)st.st_size);
		if (bytes != MAP_FAILED)
			munmap(bytes, (size_t)st.st_size);
	}
	close(fd);
	if (symbols_count(s)) {
		symbols_sort(s);
		return s;
	}
	symbols_free(s);
	return NULL;
}

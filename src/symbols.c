// SPDX-License-Identifier: Apache-2.0
#include "src/symbols.h"
#include <gelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "src/options.h"

struct symbol {
	uint64_t value, size;
	char *name;
	bool code;	/* a function, or a label in an executable section */
};

struct symbols {
	struct symbol *symbol;	/* sorted by value */
	size_t n;
};

static int by_value(const void *a, const void *b)
{
	const struct symbol *x = a, *y = b;
	if (x->value != y->value)
		return x->value < y->value ? -1 : 1;
	return strcmp(x->name, y->name);
}

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
	struct symbol *more = n ? realloc(s->symbol, (s->n + n) * sizeof *more) : NULL;
	if (!more)
		return;
	s->symbol = more;
	for (size_t i = 0; i < n && i < INT32_MAX; i++) {
		GElf_Sym sym;
		if (!gelf_getsym(data, (int)i, &sym) || sym.st_shndx == SHN_UNDEF)
			continue;
		unsigned type = GELF_ST_TYPE(sym.st_info);
		const char *name = elf_strptr(elf, header->sh_link, sym.st_name);
		/* section, file and mapping symbols ($x, $d) name nothing; nor do the assembler's local labels */
		if (!name || !*name || *name == '$' || !strncmp(name, ".L", 2) || type == STT_SECTION ||
			type == STT_FILE)
			continue;
		char *copy = strdup(name);
		if (!copy)
			return;
		s->symbol[s->n++] = (struct symbol){ sym.st_value, sym.st_size, copy, is_code(elf, &sym) };
	}
}

/* "ffffffff80000000 T _start": sixteen digits, a letter, a name; modules' have "\t[module]" behind. Lines that are none such are passed over, as a console's
 * around it are. */
static void read_map(struct symbols *s, FILE *f)
{
	char *line = NULL, type, name[512];
	size_t size = 0, room = 0;
	unsigned long long value;
	while (getline(&line, &size, f) > 0) {
		if (strspn(line, "0123456789abcdef") != 16 || sscanf(line, "%16llx %c %511s", &value, &type, name) != 3 || !value || *name == '$' ||
		    !strncmp(name, ".L", 2))
			continue;
		if (s->n == room) {
			room = room ? 2 * room : 4096;
			struct symbol *more = realloc(s->symbol, room * sizeof *more);
			if (!more)
				break;
			s->symbol = more;
		}
		char *copy = strdup(name);
		if (!copy)
			break;
		s->symbol[s->n++] = (struct symbol){ value, 0, copy, strchr("TtWw", type) };
	}
	free(line);
}

static void read_elf(struct symbols *s, Elf *elf)
{
	for (Elf_Scn *scn = NULL; (scn = elf_nextscn(elf, scn));) {
		GElf_Shdr header;
		if (gelf_getshdr(scn, &header) && header.sh_type == SHT_SYMTAB)
			read_table(s, elf, scn, &header);
	}
}

struct symbols *symbols_load(const char *path)
{
	struct symbols *s = NULL;
	Elf *elf = NULL;
	FILE *f = fopen(path, "re");
	if (!f || elf_version(EV_CURRENT) == EV_NONE)
		goto out;
	elf = elf_begin(fileno(f), ELF_C_READ, NULL);
	s = calloc(1, sizeof *s);
	if (!s)
		goto out;
	if (elf && elf_kind(elf) == ELF_K_ELF)
		read_elf(s, elf);
	else
		read_map(s, f);
	if (!s->n) {
		symbols_free(s);
		s = NULL;
	} else {
		qsort(s->symbol, s->n, sizeof *s->symbol, by_value);
	}
out:
	if (elf)
		elf_end(elf);
	if (f)
		fclose(f);
	return s;
}

void symbols_free(struct symbols *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n; i++)
		free(s->symbol[i].name);
	free(s->symbol);
	free(s);
}

bool symbols_at(const struct symbols *s, uint64_t address, char *text, size_t size)
{
	size_t lo = 0, hi = s ? s->n : 0;
	while (lo < hi) {	/* first symbol above the address */
		size_t mid = lo + (hi - lo) / 2;
		if (s->symbol[mid].value <= address)
			lo = mid + 1;
		else
			hi = mid;
	}
	while (lo > 0) {
		const struct symbol *y = &s->symbol[--lo];
		uint64_t offset = address - y->value;
		if (!y->code)
			continue;
		/* beyond its size it is in nothing known; labels without size reach to the next one */
		if ((y->size && offset >= y->size) || offset >= 1 << 20)
			return false;
		if (offset)
			snprintf(text, size, "%s+0x%llx", y->name, (unsigned long long)offset);
		else
			snprintf(text, size, "%s", y->name);
		return true;
	}
	return false;
}

bool symbols_value(const struct symbols *s, const char *name, uint64_t *value)
{
	for (size_t i = 0; s && i < s->n; i++)
		if (!strcmp(s->symbol[i].name, name)) {
			*value = s->symbol[i].value;
			return true;
		}
	return false;
}

bool symbols_extent(const struct symbols *s, const char *name, uint64_t *value, uint64_t *size)
{
	size_t at = 0, n = s ? s->n : 0;
	while (at < n && (!s->symbol[at].code || strcmp(s->symbol[at].name, name)))
		at++;
	if (at == n)
		return symbols_value(s, name, value) && !(*size = 0);
	*value = s->symbol[at].value;
	*size = s->symbol[at].size;
	for (size_t i = at + 1; i < n && !*size; i++)
		if (s->symbol[i].code)
			*size = s->symbol[i].value - *value;
	return true;
}

const char *symbols_nearest(const struct symbols *s, const char *name)
{
	const char **names = calloc(s ? s->n + 1 : 1, sizeof *names), *near;
	unsigned n = 0;
	for (size_t i = 0; names && s && i < s->n; i++)
		if (s->symbol[i].code)
			names[n++] = s->symbol[i].name;
	near = names ? nearest_name(name, names, n) : NULL;
	free(names);
	return near;
}

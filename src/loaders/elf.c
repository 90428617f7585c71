// SPDX-License-Identifier: Apache-2.0
#include <libelf.h>
#include <stdlib.h>
#include <string.h>
#include "src/loaders/loader.h"

bool elf_is(const struct image *im)
{
	return im->size >= SELFMAG && !memcmp(im->bytes, ELFMAG, SELFMAG);
}

/* Opens and checks the header. The caller ends it with elf_end. */
static Elf *open_elf(const struct image *im, unsigned machine, const Elf64_Ehdr **header, struct error *err)
{
	const Elf64_Ehdr *h = (const Elf64_Ehdr *)im->bytes;
	if (!elf_is(im) || im->size < sizeof(*h)) {
		image_error(im, err, "not an ELF file, or one that is cut short");
		return NULL;
	}
	if (h->e_ident[EI_CLASS] != ELFCLASS64 || h->e_ident[EI_DATA] != ELFDATA2LSB) {
		image_error(im, err, "an ELF file, but not a 64-bit little-endian one");
		return NULL;
	}
	if (h->e_machine != machine) {
		image_error(
			im, err, "an ELF file for another machine (e_machine %u, wanted %u)", h->e_machine, machine);
		return NULL;
	}
	if (h->e_type != ET_EXEC && h->e_type != ET_DYN) {
		image_error(im, err, "an ELF file that is not linked (type %u); give an executable", h->e_type);
		return NULL;
	}
	elf_version(EV_CURRENT);
	Elf *elf = elf_memory((char *)im->bytes, im->size);
	*header = elf ? elf64_getehdr(elf) : NULL;
	if (!*header) {
		image_error(im, err, "damaged ELF file (%s)", elf_errmsg(-1));
		elf_end(elf);
		return NULL;
	}
	return elf;
}

/* Files linked at address 0 to run anywhere (OpenSBI's firmware) are moved to base. */
static uint64_t bias_of(const Elf64_Ehdr *h, const Elf64_Phdr *p, size_t n, uint64_t base)
{
	uint64_t low = UINT64_MAX;
	for (size_t i = 0; i < n; i++)
		if (p[i].p_type == PT_LOAD && p[i].p_memsz && p[i].p_paddr < low)
			low = p[i].p_paddr;
	return h->e_type == ET_DYN && low < base ? base : 0;
}

/* A virtual address that the file names (entry, symbol) as the physical one at which its segment is loaded. */
static uint64_t to_physical(const Elf64_Phdr *p, size_t n, uint64_t bias, uint64_t va)
{
	for (size_t i = 0; i < n; i++)
		if (p[i].p_type == PT_LOAD && va >= p[i].p_vaddr && va - p[i].p_vaddr < p[i].p_memsz)
			return va - p[i].p_vaddr + p[i].p_paddr + bias;
	return va + bias;
}

static bool check_segment(
	const struct image *im, const Elf64_Phdr *p, uint64_t bias, struct elf_info *info, struct error *err)
{
	uint64_t at = p->p_paddr + bias;
	if (p->p_filesz > p->p_memsz || p->p_offset > im->size || p->p_filesz > im->size - p->p_offset)
		return image_error(im, err,
			"damaged ELF file: the segment for 0x%llx is not all in the file; is it cut short?",
			(unsigned long long)p->p_paddr);
	if (at < bias || at + p->p_memsz < at)
		return image_error(im, err, "damaged ELF file: the segment for 0x%llx wraps around the address space",
				   (unsigned long long)p->p_paddr);
	info->low = at < info->low ? at : info->low;
	info->high = at + p->p_memsz > info->high ? at + p->p_memsz : info->high;
	return true;
}

static bool load_segment(
	const struct image *im, const Elf64_Phdr *p, uint64_t bias, struct phys *phys, struct error *err)
{
	uint64_t at = p->p_paddr + bias;
	if (load_bytes(phys, at, im->bytes + p->p_offset, p->p_filesz) &&
	    load_zeros(phys, at + p->p_filesz, p->p_memsz - p->p_filesz))
		return true;
	return image_error(im, err,
		"its segment 0x%llx-0x%llx is not in guest memory; link it for the board's RAM, or give -m more",
		(unsigned long long)at, (unsigned long long)(at + p->p_memsz));
}

/* phys NULL: only checks */
static bool walk(const struct image *im, unsigned machine, uint64_t base, struct phys *phys, struct elf_info *info,
		 struct error *err)
{
	const Elf64_Ehdr *h;
	Elf *elf = open_elf(im, machine, &h, err);
	if (!elf)
		return false;
	bool ok = false;
	size_t n = 0;
	const Elf64_Phdr *p = elf64_getphdr(elf);
	if (!p || elf_getphdrnum(elf, &n) || !n || h->e_phentsize != sizeof(*p)) {
		image_error(im, err, "damaged ELF file: no program headers");
		goto out;
	}
	uint64_t bias = bias_of(h, p, n, base);
	uint64_t total = 0;
	*info = (struct elf_info){ .entry = to_physical(p, n, bias, h->e_entry), .low = UINT64_MAX };
	for (size_t i = 0; i < n; i++) {
		if (p[i].p_type != PT_LOAD || !p[i].p_memsz)
			continue;
		if (!check_segment(im, &p[i], bias, info, err))
			goto out;
		total += p[i].p_memsz;
		/* so that loading costs no more than its extent, however many headers there are */
		if (total > info->high - info->low) {
			image_error(im, err, "damaged ELF file: its segments overlap");
			goto out;
		}
	}
	if (info->low >= info->high) {
		image_error(im, err, "an ELF file without anything to load");
		goto out;
	}
	if (info->entry < info->low || info->entry >= info->high) {
		image_error(im, err, "damaged ELF file: its entry 0x%llx lies in no segment",
			(unsigned long long)info->entry);
		goto out;
	}
	for (size_t i = 0; phys && i < n; i++)
		if (p[i].p_type == PT_LOAD && p[i].p_memsz && !load_segment(im, &p[i], bias, phys, err))
			goto out;
	ok = true;
out:
	elf_end(elf);
	return ok;
}

bool elf_check(const struct image *im, unsigned machine, uint64_t base, struct elf_info *info, struct error *err)
{
	return walk(im, machine, base, NULL, info, err);
}

bool elf_load(const struct image *im, unsigned machine, uint64_t base, struct phys *p, struct elf_info *info,
	struct error *err)
{
	return walk(im, machine, base, p, info, err);
}

/* Looks through one symbol table. libelf checks offsets of sections, not what they say of each other. */
static bool find_in_table(Elf *elf, Elf_Scn *section, const char *name, struct elf_symbol *symbol)
{
	const Elf64_Shdr *h = elf64_getshdr(section);
	if (!h || h->sh_type != SHT_SYMTAB)
		return false;
	Elf_Data *data = elf_getdata(section, NULL);
	size_t n = data && data->d_buf ? data->d_size / sizeof(Elf64_Sym) : 0;
	for (size_t i = 0; i < n; i++) {
		Elf64_Sym s;
		memcpy(&s, (char *)data->d_buf + i * sizeof(s), sizeof(s));
		const char *found = s.st_shndx == SHN_UNDEF ? NULL : elf_strptr(elf, h->sh_link, s.st_name);
		if (!found || strcmp(found, name))
			continue;
		*symbol = (struct elf_symbol){ .address = s.st_value, .size = s.st_size };
		return true;
	}
	return false;
}

bool elf_symbol(const struct image *im, unsigned machine, uint64_t base, const char *name, struct elf_symbol *symbol)
{
	const Elf64_Ehdr *h;
	struct error ignored;
	Elf *elf = open_elf(im, machine, &h, &ignored);
	if (!elf)
		return false;
	size_t n = 0;
	const Elf64_Phdr *p = elf64_getphdr(elf);
	if (!p || elf_getphdrnum(elf, &n))
		n = 0;
	bool found = false;
	for (Elf_Scn *section = NULL; !found && (section = elf_nextscn(elf, section));)
		found = find_in_table(elf, section, name, symbol);
	if (found)
		symbol->address = to_physical(p, n, bias_of(h, p, n, base), symbol->address);
	elf_end(elf);
	return found;
}

// SPDX-License-Identifier: Apache-2.0
#include "src/lift/source.h"
#include <libelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "src/lift/hex.h"
#include "src/loaders/loader.h"
#include "src/options.h"
#include "src/symbols.h"

#define FILE_MAX ((uint64_t)4 << 30)

struct extent {
	uint64_t va, size;
	const uint8_t *bytes;
};

struct file_source {
	struct lift_source source;
	struct image image;
	Elf *elf;			/* NULL: flat */
	struct extent *extent;		/* not overlapping as far as code is concerned: the first one that holds an address has it */
	size_t n_extents;
	uint64_t start;			/* where it begins, if nothing is said */
	struct symbols *symbols;	/* may be NULL */
};

static const struct file_source *file_of(const struct lift_source *s)
{
	return CONTAINER_OF(s, const struct file_source, source);
}

/* ---- bytes and names ---- */

static const struct extent *extent_at(const struct file_source *f, uint64_t va)
{
	for (const struct extent *e = f->extent; e < f->extent + f->n_extents; e++)
		if (va - e->va < e->size)
			return e;
	return NULL;
}

static const uint8_t *bytes(const struct lift_source *s, uint64_t va, unsigned *size)
{
	const struct extent *e = extent_at(file_of(s), va);
	if (!e)
		return NULL;
	uint64_t here = e->size - (va - e->va), page = PAGE_SIZE - (va & (PAGE_SIZE - 1));
	*size = (unsigned)(here < page ? here : page);
	return e->bytes + (va - e->va);
}

static bool name(const struct lift_source *s, uint64_t va, char *text, size_t size)
{
	return symbols_at(file_of(s)->symbols, va, text, size);
}

/* ---- what is meant ---- */

/* A section of the ELF file that holds code. */
static bool find_section(const struct file_source *f, const char *at, struct lift_range *range)
{
	size_t names;
	if (!f->elf || elf_getshdrstrndx(f->elf, &names))
		return false;
	for (Elf_Scn *scn = NULL; (scn = elf_nextscn(f->elf, scn));) {
		const Elf64_Shdr *h = elf64_getshdr(scn);
		const char *section = h ? elf_strptr(f->elf, names, h->sh_name) : NULL;
		if (section && !strcmp(section, at) && h->sh_flags & SHF_EXECINSTR) {
			*range = (struct lift_range){ h->sh_addr, h->sh_size };
			return true;
		}
	}
	return false;
}

static bool unknown(const struct file_source *f, const char *at, struct error *err)
{
	if (!f->symbols)
		return error_set(err, ERROR_USAGE, "--at %.100s: no such section, and there are no symbols: give an address, or --symbols FILE", at);
	const char *near = symbols_nearest(f->symbols, at);
	if (near)
		return error_set(err, ERROR_USAGE, "--at %.100s: no such symbol: did you mean %.100s?", at, near);
	return error_set(err, ERROR_USAGE, "--at %.100s: no such symbol or section", at);
}

/* SYMBOL, SYMBOL+OFFSET, .SECTION or a number */
static bool parse_at(const struct file_source *f, const char *at, struct lift_range *range, struct error *err)
{
	char head[512];
	uint64_t offset = 0;
	if (*at >= '0' && *at <= '9') {
		*range = (struct lift_range){ 0 };
		return parse_number(at, UINT64_MAX, &range->va, err) || error_prefix(err, "--at %.100s", at);
	}
	const char *plus = strrchr(at, '+');
	if (symbols_extent(f->symbols, at, &range->va, &range->size) || find_section(f, at, range))
		return true;
	snprintf(head, sizeof head, "%.*s", plus ? (int)(plus - at) : 500, at);
	if (!symbols_extent(f->symbols, head, &range->va, &range->size) && !find_section(f, head, range))
		return unknown(f, head, err);
	if (!parse_number(plus + 1, UINT64_MAX, &offset, err))
		return error_prefix(err, "--at %.100s", at);
	range->va += offset;
	range->size = 0;
	return true;
}

static bool find(const struct lift_source *s, const char *at, struct lift_range *range, struct error *err)
{
	const struct file_source *f = file_of(s);
	if (at && !parse_at(f, at, range, err))
		return false;
	if (!at)
		*range = (struct lift_range){ f->start, f->elf || f->image.path ? 0 : f->extent->size };
	if (range->va % s->frontend->insn_align)
		return error_set(err, ERROR_USAGE, "--at %.100s: 0x%llx is no address of an instruction: they are multiples of %u", at ? at : "(entry)",
				 (unsigned long long)range->va, s->frontend->insn_align);
	if (extent_at(f, range->va))
		return true;
	const struct extent *first = f->extent;
	return error_set(err, ERROR_USAGE, "%s%.100s: 0x%llx is not in the %s, which %s 0x%llx-0x%llx", at ? "--at " : "", at ? at : "entry",
			 (unsigned long long)range->va, f->image.path ? "file" : "bytes",
			 f->n_extents > 1 ? "has several parts, the first at" : "has", (unsigned long long)first->va,
			 (unsigned long long)(first->va + first->size - 1));
}

/* ---- opening ---- */

static void close_file(struct lift_source *s)
{
	struct file_source *f = CONTAINER_OF(s, struct file_source, source);
	elf_end(f->elf);
	symbols_free(f->symbols);
	free(f->extent);
	image_free(&f->image);
	free(f);
}

static bool add_extent(struct file_source *f, uint64_t va, const uint8_t *from, uint64_t size, struct error *err)
{
	struct extent *more = realloc(f->extent, (f->n_extents + 1) * sizeof *more);
	if (!more)
		return error_set(err, ERROR_HOST, "out of memory");
	f->extent = more;
	f->extent[f->n_extents++] = (struct extent){ va, size, from };
	return true;
}

static const struct frontend *of_machine(const Elf64_Ehdr *h)
{
	for (unsigned i = 0; frontends[i]; i++)
		if (frontends[i]->elf_machine == h->e_machine)
			return frontends[i];
	return NULL;
}

static bool check_machine(struct file_source *f, const Elf64_Ehdr *h, const char *arch, struct error *err)
{
	const struct frontend *own = of_machine(h);
	if (!own)
		return image_error(&f->image, err, "an ELF file for another machine (e_machine %u); guests are %s", h->e_machine, frontends[0]->name);
	if (arch && f->source.frontend != own)
		return image_error(&f->image, err, "an ELF file for %s; leave --arch %s out", own->name, arch);
	f->source.frontend = own;
	return true;
}

static bool open_elf(struct file_source *f, const char *arch, struct error *err)
{
	const Elf64_Ehdr *h = (const Elf64_Ehdr *)f->image.bytes;
	if (f->image.size < sizeof *h || h->e_ident[EI_CLASS] != ELFCLASS64 || h->e_ident[EI_DATA] != ELFDATA2LSB)
		return image_error(&f->image, err, "not a 64-bit little-endian ELF file, or one that is cut short");
	if (!check_machine(f, h, arch, err))
		return false;
	if (h->e_type != ET_EXEC && h->e_type != ET_DYN)
		return image_error(&f->image, err, "an ELF file that is not linked (type %u); give an executable", h->e_type);
	elf_version(EV_CURRENT);
	f->elf = elf_memory((char *)f->image.bytes, f->image.size);
	size_t n = 0;
	const Elf64_Phdr *p = f->elf ? elf64_getphdr(f->elf) : NULL;
	if (!p || elf_getphdrnum(f->elf, &n))
		return image_error(&f->image, err, "damaged ELF file: no program headers");
	for (size_t i = 0; i < n; i++) {
		if (p[i].p_type != PT_LOAD || !p[i].p_filesz)
			continue;
		if (p[i].p_offset > f->image.size || p[i].p_filesz > f->image.size - p[i].p_offset || p[i].p_vaddr + p[i].p_filesz < p[i].p_vaddr)
			return image_error(&f->image, err, "damaged ELF file: the segment for 0x%llx is not all in the file; is it cut short?",
					   (unsigned long long)p[i].p_vaddr);
		if ((p[i].p_offset ^ p[i].p_vaddr) % f->source.frontend->insn_align)
			return image_error(&f->image, err, "damaged ELF file: the segment for 0x%llx is not aligned", (unsigned long long)p[i].p_vaddr);
		if (!add_extent(f, p[i].p_vaddr, f->image.bytes + p[i].p_offset, p[i].p_filesz, err))
			return false;
	}
	f->start = h->e_entry;
	return f->n_extents || image_error(&f->image, err, "an ELF file without anything to load");
}

static bool open_flat(struct file_source *f, const struct lift_input *in, struct error *err)
{
	if (!in->has_base)
		return image_error(&f->image, err, "no ELF file: say with --base ADDRESS where its first byte stands");
	unsigned align = f->source.frontend->insn_align;
	if (in->base % align || in->base + f->image.size < in->base)
		return error_set(err, ERROR_USAGE, "--base 0x%llx: must be a multiple of %u, with the whole code behind it", (unsigned long long)in->base,
				 align);
	f->start = in->base;
	return add_extent(f, in->base, f->image.bytes, f->image.size, err);
}

static bool open_file(struct file_source *f, const struct lift_input *in, struct error *err)
{
	if (!image_read(&f->image, "file", in->file, FILE_MAX, err) || !image_unpack(&f->image, FILE_MAX, err))
		return false;
	if (!elf_is(&f->image))
		return open_flat(f, in, err);
	if (in->has_base)
		return image_error(&f->image, err, "an ELF file says itself where it stands; leave --base out");
	return open_elf(f, in->arch, err);
}

static bool open_hex(struct file_source *f, const struct lift_input *in, struct error *err)
{
	if (!parse_hex(in->hex, &f->image.bytes, &f->image.size, err))
		return error_prefix(err, "--hex");
	return open_flat(f, &(struct lift_input){ .has_base = true, .base = in->base }, err);
}

static bool open_symbols(struct file_source *f, const struct lift_input *in, struct error *err)
{
	const char *path = in->symbols ? in->symbols : in->file;
	f->symbols = path ? symbols_load(path) : NULL;
	return f->symbols || !in->symbols || error_set(err, ERROR_USAGE, "--symbols %.200s: no ELF file or System.map, or without symbols", in->symbols);
}

struct lift_source *source_open(const struct lift_input *in, struct error *err)
{
	struct file_source *f = calloc(1, sizeof *f);
	if (!f) {
		error_set(err, ERROR_HOST, "out of memory");
		return NULL;
	}
	f->source = (struct lift_source){
		.frontend = in->arch ? frontend_find(in->arch) : frontends[0], .bytes = bytes, .name = name, .find = find, .close = close_file,
	};
	bool good = f->source.frontend || error_set(err, ERROR_USAGE, "--arch %.60s: there is %s", in->arch, frontends[0]->name);
	good = good && (in->hex ? open_hex(f, in, err) : open_file(f, in, err)) && open_symbols(f, in, err);
	if (good)
		return &f->source;
	close_file(&f->source);
	return NULL;
}

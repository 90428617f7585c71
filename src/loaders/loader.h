/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Boot images: reading and unpacking files, the formats, and putting them into guest memory. Every file may be
 * anything; errors name the option, the file and the mend.
 */
#pragma once
#include "runtime/phys.h"

/* A file's contents in memory. */
struct image {
	const char *option;	/* "--kernel"; not copied */
	char *path;
	uint8_t *bytes;
	uint64_t size;
};

/* Reads a whole file of at most `max` bytes; empty ones are refused. On failure there is nothing to free. */
MUST_CHECK bool image_read(struct image *im, const char *option, const char *path, uint64_t max, struct error *err);
void image_free(struct image *im);
/*
 * Unpacks gzip, zstd and EFI zboot wrappings, one in the other too, in place; what is none of these stays. max bounds
 * the result.
 */
MUST_CHECK bool image_unpack(struct image *im, uint64_t max, struct error *err);
/* err = "OPTION FILE: …", ERROR_USAGE. Returns false. */
bool image_error(const struct image *im, struct error *err, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Puts bytes into RAM or ROM, over the borders of ranges that lie side by side. False: not all of it is memory. */
MUST_CHECK bool load_bytes(struct phys *p, uint64_t at, const void *bytes, uint64_t size);
MUST_CHECK bool load_zeros(struct phys *p, uint64_t at, uint64_t size);

/* ---- Linux Image: the kernel's Documentation/arch/{riscv/boot-image-header,arm64/booting}.rst ---- */
struct linux_image {
	uint64_t text_offset;	/* from a 2 MiB boundary */
	uint64_t memory;	/* bytes from the load address that the kernel needs: image, bss */
};
/* The header's magic at offset 56, little endian */
#define LINUX_MAGIC_RISCV 0x05435352	/* "RSC\5" */
#define LINUX_MAGIC_ARM64 0x644d5241	/* "ARM\x64" */
bool linux_image_is(const struct image *im, uint32_t magic);
MUST_CHECK bool linux_image_parse(const struct image *im, uint32_t magic, struct linux_image *out, struct error *err);
/* A name for a file that is a known format but not one that can be loaded here ("an arm64 Linux Image"); NULL if it may
 * be code. */
const char *image_foreign(const struct image *im);

/* ---- ELF ---- */
struct elf_info {
	uint64_t entry;
	uint64_t low, high;	/* the bytes that its segments occupy: [low, high), physical addresses */
};
bool elf_is(const struct image *im);
/* Checks an ELF file of this machine (EM_…) and finds its extent. base: where files that are linked at address 0 and
 * position independent (ET_DYN) go; the answers are after that move. */
MUST_CHECK bool elf_check(
	const struct image *im, unsigned machine, uint64_t base, struct elf_info *info, struct error *err);
/* elf_check, and the segments put into memory. */
MUST_CHECK bool elf_load(const struct image *im, unsigned machine, uint64_t base, struct phys *p, struct elf_info *info,
			 struct error *err);

/* A symbol by name, moved as the segments are. False: the file has none such. */
struct elf_symbol { uint64_t address, size; };
MUST_CHECK bool elf_symbol(
	const struct image *im, unsigned machine, uint64_t base, const char *name, struct elf_symbol *symbol);

/* ---- device trees from a file ---- */
/* What a given tree is completed with: each member NULL or 0 leaves the tree's own. */
struct dtb_fixup {
	const char *bootargs;
	uint64_t initrd_start, initrd_end;
	const uint8_t *rng_seed;
	unsigned rng_seed_size;
};
/* Checks a flattened device tree and fills in /chosen. *blob is malloc'd and the caller's. */
MUST_CHECK bool dtb_complete(
	const struct image *im, const struct dtb_fixup *fix, void **blob, unsigned *size, struct error *err);

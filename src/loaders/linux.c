// SPDX-License-Identifier: Apache-2.0
#include <ctype.h>
#include <string.h>
#include "src/loaders/loader.h"

/* Offsets of the header's fields; all little endian */
enum { TEXT_OFFSET = 8, IMAGE_SIZE = 16, FLAGS = 24, MAGIC2 = 56, HEADER_SIZE = 64 };
#define FLAG_BIG_ENDIAN 1

static uint64_t le(const struct image *im, uint64_t at, unsigned bytes)
{
	uint64_t v = 0;
	if (at > im->size || bytes > im->size - at)
		return 0;
	for (unsigned i = bytes; i--;)
		v = v << 8 | im->bytes[at + i];
	return v;
}

bool linux_image_is(const struct image *im, uint32_t magic)
{
	return im->size >= HEADER_SIZE && le(im, MAGIC2, 4) == magic;
}

/*
 * Images with an EFI stub are PE files too: their section table tells how long the file must be, so that a download
 * that broke off is found here and not as a crash in the guest. (PE format, "COFF file header" and "section table")
 */
static uint64_t pe_file_size(const struct image *im)
{
	uint64_t pe = le(im, 0x3c, 4), sections, table, size = 0;
	if (le(im, 0, 2) != 0x5a4d || le(im, pe, 4) != 0x4550)
		return 0;
	sections = le(im, pe + 6, 2);
	table = pe + 24 + le(im, pe + 20, 2);
	for (uint64_t i = 0; i < sections; i++) {
		uint64_t end = le(im, table + i * 40 + 20, 4) + le(im, table + i * 40 + 16, 4);
		size = end > size ? end : size;
	}
	return size;
}

bool linux_image_parse(const struct image *im, uint32_t magic, struct linux_image *out, struct error *err)
{
	if (!linux_image_is(im, magic))
		return image_error(im, err, "not a Linux Image for this machine");
	if (le(im, FLAGS, 8) & FLAG_BIG_ENDIAN)
		return image_error(im, err, "a big-endian kernel; give a little-endian one");
	out->text_offset = le(im, TEXT_OFFSET, 8);
	out->memory = le(im, IMAGE_SIZE, 8);
	if (out->text_offset >= 1 << 30)
		return image_error(im, err, "damaged header (text offset 0x%llx); fetch the file again",
				   (unsigned long long)out->text_offset);
	uint64_t whole = pe_file_size(im);
	if (im->size < whole)
		return image_error(im, err,
			"%llu bytes long, but its header says %llu; the file is cut short, fetch it again",
			(unsigned long long)im->size, (unsigned long long)whole);
	if (out->memory < im->size)
		out->memory = im->size;
	return true;
}

static bool all_text(const struct image *im)
{
	for (uint64_t i = 0; i < 64 && i < im->size; i++)
		if (!isprint(im->bytes[i]) && !isspace(im->bytes[i]))
			return false;
	return true;
}

const char *image_foreign(const struct image *im)
{
	static const struct { uint16_t at; uint8_t n; const char *bytes, *name; } known[] = {
		{ 56, 4, "RSC\x05", "a RISC-V Linux Image" },
		{ 56, 4, "ARMd", "an arm64 Linux Image" },
		{ 0x202, 4, "HdrS", "an x86 Linux kernel (bzImage)" },
		{ 0, 4, "\x7f" "ELF", "an ELF file" },
		{ 0, 2, "MZ", "an EFI program" },
		{ 0, 4, "\xd0\x0d\xfe\xed", "a flattened device tree" },
		{ 0, 4, "\x27\x05\x19\x56", "a U-Boot uImage" },
		{ 0, 6, "070701", "a cpio archive (an initrd?)" },
		{ 0, 6, "\xfd" "7zXZ", "packed with xz" },
		{ 0, 3, "BZh", "packed with bzip2" },
		{ 0, 4, "\x04\x22\x4d\x18", "packed with lz4" },
		{ 0, 4, "\x02\x21\x4c\x18", "packed with lz4" },
		{ 0, 4, "QFI\xfb", "a qcow2 disk image" },
		{ 510, 2, "\x55\xaa", "a disk with a boot sector" },
	};
	for (unsigned i = 0; i < ARRAY_SIZE(known); i++)
		if (im->size >= (uint64_t)known[i].at + known[i].n &&
			!memcmp(im->bytes + known[i].at, known[i].bytes, known[i].n))
			return known[i].name;
	if (all_text(im))
		return "text";
	return NULL;
}

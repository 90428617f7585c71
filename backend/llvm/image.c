// SPDX-License-Identifier: Apache-2.0
#include "backend/llvm/image.h"
#include <elf.h>
#include <string.h>

static bool suits(const Elf64_Rela *rela, size_t n)
{
	for (; n; rela++, n--)
		switch (ELF64_R_TYPE(rela->r_info)) {
		case R_X86_64_PC32:
		case R_X86_64_PC64:
		case R_X86_64_PLT32:	/* the linker resolves symbols of the object itself without a table */
			break;
		default:
			return false;
		}
	return true;
}

/* A symbol that is defined elsewhere is none of these objects': the linker would not find it. */
bool image_object_suits(const void *object, size_t size)
{
	const char *base = object;
	const Elf64_Ehdr *header = object;
	if (size < sizeof *header || memcmp(header->e_ident, ELFMAG, SELFMAG))
		return false;
	const Elf64_Shdr *section = (const Elf64_Shdr *)(const void *)(base + header->e_shoff);
	for (unsigned i = 0; i < header->e_shnum; i++) {
		if (section[i].sh_flags & SHF_ALLOC && section[i].sh_addralign > IMAGE_ALIGN)
			return false;
		if (section[i].sh_type == SHT_RELA && section[section[i].sh_info].sh_flags & SHF_ALLOC &&
		    !suits((const Elf64_Rela *)(const void *)(base + section[i].sh_offset), section[i].sh_size / sizeof(Elf64_Rela)))
			return false;
	}
	return true;
}

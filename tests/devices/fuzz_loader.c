// SPDX-License-Identifier: Apache-2.0
/* libFuzzer target: a kernel, firmware or program file of any contents, up to its place in guest memory. */
#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include "runtime/machine.h"
#include "src/loaders/loader.h"

#define RAM	 0x80000000u
#define RAM_SIZE (4u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static struct machine m;
	static bool ready;
	struct error err = { 0 };
	if (!ready && (!machine_init(&m, RAM_SIZE, &err) || !phys_add_ram(&m.phys, GPA(RAM), RAM_SIZE, "ram", &err)))
		abort();
	ready = true;
	struct image im = { .option = "--kernel", .path = strdup("input"), .bytes = malloc(size + 1), .size = size };
	memcpy(im.bytes, bytes, size);
	struct linux_image header;
	struct elf_info info;
	struct elf_symbol symbol;
	bool ok = size && image_unpack(&im, RAM_SIZE, &err);
	if (ok && elf_is(&im)) {
		ok = elf_load(&im, EM_RISCV, RAM, &m.phys, &info, &err);
		if (ok &&
			(info.low < RAM || info.high > RAM + RAM_SIZE || info.entry < info.low ||
				info.entry >= info.high))
			abort();
		(void)!elf_symbol(&im, EM_RISCV, RAM, "tohost", &symbol);
	} else if (ok && linux_image_is(&im, LINUX_MAGIC_RISCV)) {
		ok = linux_image_parse(&im, LINUX_MAGIC_RISCV, &header, &err);
		if (ok && header.memory < im.size)
			abort();
	} else if (ok) {
		(void)image_foreign(&im);
	}
	if (size && !ok && (!err.code || !err.text[0] || strchr(err.text, '\n')))
		abort();	/* a refusal without its line */
	image_free(&im);
	return 0;
}

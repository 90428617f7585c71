/* SPDX-License-Identifier: Apache-2.0 */
/* A board: puts devices, firmware interface and boot images of one machine type together. boards/table.c lists them. */
#pragma once
#include "devices/device.h"
#include "frontends/frontend.h"
#include "src/config.h"

/* A row of the memory map, for `calque machine`. */
struct board_region { uint64_t base, size; const char *name; int irq; };

struct board;
struct board_ops {
	const char *name;		/* "virt" */
	const char *arch;		/* "riscv64" */
	const char *summary;
	const struct board_region *map;
	unsigned n_regions;
	uint64_t ram_base, ram_default, ram_min, ram_max;
	unsigned max_vcpus;
	/* Bytes of memfd that RAM and ROM need together. */
	uint64_t (*memory_size)(const struct vm_config *c);
	/* Adds memory, devices and firmware hooks to m (vCPUs exist already). Sets m->board. */
	bool (*create)(struct machine *m, const struct vm_config *c, const struct cpu_config *cpu, struct error *err);
	/* Puts images and device tree into memory and vCPUs at their entry. Called at start and after each reset, machine paused. */
	bool (*load)(struct machine *m, const struct vm_config *c, struct error *err);
	/* Asks the guest to power off (SIGTERM): false where the board has no means. */
	bool (*request_poweroff)(struct machine *m);
	/* Writes the device tree that the guest would get. */
	bool (*dump_dtb)(struct machine *m, const struct vm_config *c, void **blob, unsigned *size, struct error *err);
	struct bus *(*bus)(struct machine *m);
	/* Input n of the interrupt controller, for devices of the embedding program; set is NULL if there is no such input. */
	struct irq_line (*irq_input)(struct machine *m, unsigned n);
	void (*destroy)(struct machine *m);
};

/* All boards, NULL at the end; the first of an architecture is its default. */
extern const struct board_ops *const boards[];
const struct board_ops *board_find(const char *arch, const char *name);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The RISC-V board "virt", with the memory map of QEMU's machine of that name, in parts: riscv_virt.c (map, devices),
 * riscv_tree.c (device tree), riscv_boot.c (images), riscv_semihost.c.
 */
#pragma once
#include "devices/chardev.h"
#include "frontends/riscv/riscv.h"
#include "src/boards/board.h"

/* X(id, name, base, size, irq or -1) */
#define RISCV_VIRT_MAP(X) \
	X(MROM, "boot rom", 0x1000, 0xf000, -1) \
	X(TEST, "test device", 0x100000, 0x1000, -1) \
	X(RTC, "goldfish rtc", 0x101000, 0x1000, 11) \
	X(CLINT, "clint", 0x2000000, 0x10000, -1) \
	X(PLIC, "plic", 0xc000000, 0x600000, -1) \
	X(UART, "uart 16550", 0x10000000, 0x100, 10) \
	X(VIRTIO0, "virtio-mmio 0", 0x10001000, 0x1000, 1) \
	X(VIRTIO1, "virtio-mmio 1", 0x10002000, 0x1000, 2) \
	X(VIRTIO2, "virtio-mmio 2", 0x10003000, 0x1000, 3) \
	X(VIRTIO3, "virtio-mmio 3", 0x10004000, 0x1000, 4) \
	X(VIRTIO4, "virtio-mmio 4", 0x10005000, 0x1000, 5) \
	X(VIRTIO5, "virtio-mmio 5", 0x10006000, 0x1000, 6) \
	X(VIRTIO6, "virtio-mmio 6", 0x10007000, 0x1000, 7) \
	X(VIRTIO7, "virtio-mmio 7", 0x10008000, 0x1000, 8) \
	X(RAM, "ram", 0x80000000, 0, -1)	/* size: as -m says */

enum riscv_virt_region {
#define X(id, name, base, size, irq) VIRT_##id,
	RISCV_VIRT_MAP(X)
#undef X
	VIRT_REGIONS
};
extern const struct board_region riscv_virt_map[VIRT_REGIONS];
#define VIRT_RAM_BASE	 0x80000000
#define VIRT_UART_CLOCK	 3686400
#define VIRT_VIRTIO_SLOTS 8

struct riscv_virt {
	struct bus bus;
	const struct cpu_config *cpu;
	struct device *plic, *uart;
	struct device consoles;		/* on the bus for its resume: starts the backends */
	struct chardev *console[2];	/* UART (or HTIF), virtio console; may be NULL */
	bool consoles_started;
	struct virtio_device *button;	/* on the bus; NULL: no place was left */
	bool sbi;			/* the built-in one is there */
};
static inline struct riscv_virt *riscv_virt(const struct machine *m) { return m->board; }

/* riscv_virt.c: lets console input flow, once */
MUST_CHECK bool riscv_start_consoles(struct machine *m, struct error *err);

/* riscv_tree.c: the tree that a guest gets; initrd_end 0: none. *blob is malloc'd and the caller's. */
MUST_CHECK bool riscv_build_tree(struct machine *m, const struct vm_config *c, uint64_t initrd_start,
	uint64_t initrd_end, void **blob, unsigned *size, struct error *err);
#define RNG_SEED_SIZE 32
void riscv_rng_seed(const struct vm_config *c, uint8_t seed[RNG_SEED_SIZE]);

/* riscv_boot.c */
MUST_CHECK bool riscv_load(struct machine *m, const struct vm_config *c, struct error *err);
MUST_CHECK bool riscv_dump_dtb(
	struct machine *m, const struct vm_config *c, void **blob, unsigned *size, struct error *err);
/* For bare programs: where the ELF file's tohost and fromhost are. False with err empty: it has none. */
struct riscv_htif_place { uint64_t tohost, tohost_size, fromhost; };
MUST_CHECK bool riscv_find_htif(const struct vm_config *c, struct riscv_htif_place *place, struct error *err);

/* riscv_semihost.c: machine->breakpoint_call */
bool riscv_semihost(struct vcpu *cpu);

extern const struct board_ops riscv_virt_board;

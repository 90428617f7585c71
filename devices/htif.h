/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host-target interface of Berkeley's RISC-V tools: two 64-bit words in RAM, at the ELF symbols tohost and
 * fromhost. A store to tohost is a request: an exit code, a console character, or the address of a system call's eight
 * words. (The front ends that speak it are Spike's fesvr and riscv-pk; riscv-tests is its main user.)
 */
#pragma once
#include "devices/chardev.h"
#include "devices/device.h"

struct htif_config {
	uint64_t tohost, fromhost;	/* physical addresses; fromhost 0: none */
	uint64_t tohost_size;		/* the symbol's size: 4 means that a store of four bytes is a whole request */
	struct chardev *console;	/* may be NULL; as for uart16550_new */
	bool input;			/* be the console's front: the guest reads from it */
};

/* A device without registers: attach it with size 0. NULL without memory. */
struct device *htif_new(struct machine *m, const struct htif_config *c);
/* For phys_add_watched_ram over the pages that hold tohost, with opaque = the device; base tells where they begin. */
extern const struct mmio_ops htif_watch;
void htif_set_watched(struct device *htif, gpa_t base);

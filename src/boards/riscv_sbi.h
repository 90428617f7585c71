/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The built-in SBI (RISC-V Supervisor Binary Interface Specification 2.0), with which a kernel boots without firmware: Base, TIME,
 * IPI, RFENCE, HSM, SRST, DBCN and the legacy calls.
 */
#pragma once
#include "runtime/machine.h"

/* Where DBCN and the legacy console go; any vCPU's thread, no lock held. Either may be NULL. */
struct riscv_sbi_console {
	void (*write)(void *opaque, const uint8_t *bytes, unsigned n);
	/* Takes up to `max` bytes of input and returns their number; never waits. */
	unsigned (*read)(void *opaque, uint8_t *bytes, unsigned max);
	void *opaque;
};

/* Answers environment calls from S-mode from now on (machine->firmware_call). vCPUs exist; nothing runs yet. */
MUST_CHECK bool riscv_sbi_init(struct machine *m, const struct riscv_sbi_console *console, struct error *err);
/* Power-on, after each reset: hart 0 enters the kernel at pc in S-mode with a0 = 0 and a1 = the device tree's address; the
 * others wait for hart_start. Machine paused. */
void riscv_sbi_boot(struct machine *m, uint64_t pc, uint64_t dtb);
void riscv_sbi_destroy(struct machine *m);

/* SPDX-License-Identifier: Apache-2.0 */
/* A platform-level interrupt controller to the RISC-V PLIC specification 1.0.0, level-sensitive gateways. */
#pragma once
#include "devices/device.h"

#define PLIC_SIZE    0x600000
#define PLIC_SOURCES 96		/* with source 0, which does not exist */

/* Two contexts for each of m's vCPUs, which drive their interrupt lines machine_line and supervisor_line. NULL without
 * memory. */
struct device *plic_new(struct machine *m, unsigned machine_line, unsigned supervisor_line);
/* The input of source n (1 to PLIC_SOURCES - 1). */
struct irq_line plic_input(struct device *plic, unsigned n);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SiFive's core-local interruptor: a software interrupt and a timer compare register for each hart, and the time
 * counter. Register map: SiFive FU540-C000 manual, chapter 9.
 */
#pragma once
#include "devices/device.h"

#define CLINT_SIZE 0x10000

struct clint_config {
	unsigned soft_line, timer_line;	/* vcpu_set_irq numbers; the same as in the tree's interrupts-extended */
	uint64_t hz;			/* of mtime; divides 10^9 */
};

/* For all of m's vCPUs, which exist already. NULL without memory. The vCPUs' "cpuN-intc" phandles name their
 * controllers. */
struct device *clint_new(struct machine *m, const struct clint_config *c);

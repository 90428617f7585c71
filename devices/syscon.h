/* SPDX-License-Identifier: Apache-2.0 */
/* SiFive's test finisher, which kernels use as a syscon: power-off, reset and exit codes. */
#pragma once
#include "devices/device.h"

#define SYSCON_SIZE 0x1000

struct device *syscon_new(struct machine *m);
/* The poweroff and reboot nodes that refer to it; they belong in the root node. */
struct fdt;
void syscon_describe_power(struct fdt *tree);

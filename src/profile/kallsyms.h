/* SPDX-License-Identifier: Apache-2.0 */
/* The symbols that a Linux kernel carries in its own memory. */
#pragma once
#include "src/symbols.h"

/*
 * Looks for a kernel's kallsyms table in memory, which may be anything, and adds its symbols with the addresses that the kernel has relocated them
 * to. Both orders of its parts are known: that of Linux 6.4 and later, and the one before (from 4.6 on, with relative addresses). False: there is
 * none of more than 256 symbols, or not a whole one; s is as it was.
 */
bool kallsyms_read(struct symbols *s, const uint8_t *memory, size_t size);

struct phys;
/* The same in a guest's RAM, of which what has never been written is passed over: to look at it would fill it. The machine is paused. */
bool kallsyms_find(struct symbols *s, const struct phys *p);

/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the line number program of an object's .debug_line (DWARF 5, section 6.2): which lines its code comes from. */
#pragma once
#include "runtime/util.h"

/* Code from `address`, counted from the section's beginning, up to the next row's comes from `line`; 0: from none. The last row ends the code. */
struct line_row { uint64_t address; unsigned line; };
struct line_table { struct line_row *row; unsigned n; };

/*
 * Reads the table of an object with one compilation unit and one section of code, at address 0: relocations have not been applied. False: it is none
 * such, or there is no memory. Freed by line_table_free in any case.
 */
MUST_CHECK bool line_table_read(struct line_table *t, const uint8_t *section, size_t size);
/* The line at an address. Addresses must be asked for in rising order: *at, 0 at first, remembers. */
unsigned line_table_at(const struct line_table *t, uint64_t address, unsigned *at);
void line_table_free(struct line_table *t);

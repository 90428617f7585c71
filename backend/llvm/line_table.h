/* SPDX-License-Identifier: Apache-2.0 */
/* Which lines an object file's code comes from: its .debug_line (DWARF 5, section 6.2). */
#pragma once
#include "runtime/util.h"

/* Code from `address`, counted from the section's beginning, up to the next row's comes from `line`; 0: from none. The last row ends the code. */
struct line_row { uint64_t address; unsigned line; };
struct line_table { struct line_row *row; size_t n; };	/* by rising address */

/*
 * Reads the table of an ELF object with one compilation unit and one section of code, at address 0: relocations have not been applied. False: it is
 * none such, or there is no memory. Freed by line_table_free in any case.
 */
MUST_CHECK bool line_table_read(struct line_table *t, const void *object, size_t size);
/* The row that an address belongs to; NULL: it stands before the first one. */
const struct line_row *line_table_at(const struct line_table *t, uint64_t address);
void line_table_free(struct line_table *t);

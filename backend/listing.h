/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Texts that are shown beside each other, line by line: each line belongs to a row, whose number is the caller's. Row 0 is what belongs to several,
 * or to none.
 */
#pragma once
#include "runtime/util.h"

#define LISTING_CODE_MAX 15	/* bytes of a host instruction */

struct listing_line {
	char *text;		/* without an end of line */
	unsigned row;
	bool insn;		/* an instruction; else a label, a declaration, a blank line */
	uint8_t size;		/* of its machine code; 0: it has none */
	uint8_t code[LISTING_CODE_MAX];
	uint32_t at;		/* offset of the code in its function */
};

struct listing {
	struct listing_line *line;
	unsigned n, room;
	bool failed;		/* out of memory: lines are missing */
};

/* Appends a line, whose text is copied: its first `length` characters. The line stays where it is until the next one is added; NULL: failed. */
struct listing_line *listing_add(struct listing *l, unsigned row, bool insn, const char *text, size_t length);
void listing_free(struct listing *l);

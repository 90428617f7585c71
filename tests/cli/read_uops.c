// SPDX-License-Identifier: Apache-2.0
/* Reads the micro-ops that `calque lift --stage uop` prints, one block after the other, as whoever edits them would. Prints how many blocks there were. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "frontends/frontend.h"
#include "ir/ir.h"

static bool read_block(const char *text, const struct frontend *f)
{
	static struct ir_block b;
	struct error err;
	if (ir_parse(&b, text, f->slot_name, f->helpers, f->n_helpers, &err) && ir_verify(&b, f->helpers, f->n_helpers, &err))
		return true;
	printf("%s in\n%s\n", err.text, text);
	return false;
}

int main(void)
{
	static char text[1 << 24];
	unsigned n = 0;
	text[fread(text, 1, sizeof text - 1, stdin)] = 0;
	for (char *at = strstr(text, "block "); at; n++) {
		char *next = strstr(at + 1, "\nblock ");
		if (next)
			*next = 0;
		if (!read_block(at, frontends[0]))
			return 1;
		at = next ? next + 1 : NULL;
	}
	printf("%u blocks\n", n);
	return 0;
}

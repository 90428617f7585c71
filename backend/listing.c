// SPDX-License-Identifier: Apache-2.0
#include "backend/listing.h"
#include <stdlib.h>
#include <string.h>

struct listing_line *listing_add(struct listing *l, unsigned row, bool insn, const char *text, size_t length)
{
	if (l->n == l->room) {
		unsigned room = l->room ? 2 * l->room : 256;
		struct listing_line *more = realloc(l->line, room * sizeof *more);
		l->failed |= !more;
		if (!more)
			return NULL;
		l->line = more;
		l->room = room;
	}
	char *copy = strndup(text, length);
	l->failed |= !copy;
	if (!copy)
		return NULL;
	struct listing_line *line = &l->line[l->n++];
	*line = (struct listing_line){ .text = copy, .row = row, .insn = insn };
	return line;
}

void listing_free(struct listing *l)
{
	for (unsigned i = 0; i < l->n; i++)
		free(l->line[i].text);
	free(l->line);
	*l = (struct listing){ 0 };
}

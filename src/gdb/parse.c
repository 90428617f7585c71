// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <string.h>
#include "src/gdb/internal.h"

bool gdb_number(const char **text, uint64_t *value)
{
	char *end;
	if (!**text || !strchr("0123456789abcdefABCDEF", **text))
		return false;
	*value = strtoull(*text, &end, 16);
	*text = end;
	return true;
}

bool gdb_expect(const char **text, char c)
{
	if (**text != c)
		return false;
	++*text;
	return true;
}

bool gdb_threads(const struct gdb *g, const char **text, uint64_t *mask)
{
	uint64_t id;
	*mask = UINT64_MAX;
	if (!strncmp(*text, "-1", 2)) {
		*text += 2;
		return true;
	}
	if (!gdb_number(text, &id) || id > g->vm->machine.n_vcpus)
		return false;
	if (id)
		*mask = (uint64_t)1 << (id - 1);
	return true;
}

void gdb_error(struct gdb *g)
{
	gdb_begin(&g->link);
	gdb_put(&g->link, "E01");
}

void gdb_ok(struct gdb *g)
{
	gdb_put(&g->link, "OK");
}

// SPDX-License-Identifier: Apache-2.0
#include "src/symbols.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "src/options.h"

struct symbol {
	uint64_t value, size;
	char *name;
	bool code;	/* a function, or a label in an executable section */
};

struct symbols {
	struct symbol *symbol;	/* sorted by value */
	size_t n, room;
};

static int by_value(const void *a, const void *b)
{
	const struct symbol *x = a, *y = b;
	if (x->value != y->value)
		return x->value < y->value ? -1 : 1;
	return strcmp(x->name, y->name);
}

struct symbols *symbols_new(void)
{
	return calloc(1, sizeof(struct symbols));
}

bool symbols_add(struct symbols *s, const char *name, size_t length, uint64_t value, uint64_t size, bool code)
{
	if (s->n == s->room) {
		size_t room = s->room ? 2 * s->room : 1024;
		struct symbol *more = realloc(s->symbol, room * sizeof *more);
		if (!more)
			return false;
		s->symbol = more;
		s->room = room;
	}
	char *copy = strndup(name, length);
	if (copy)
		s->symbol[s->n++] = (struct symbol){ value, size, copy, code };
	return copy;
}

void symbols_sort(struct symbols *s)
{
	if (s->n)
		qsort(s->symbol, s->n, sizeof *s->symbol, by_value);
}

void symbols_free(struct symbols *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n; i++)
		free(s->symbol[i].name);
	free(s->symbol);
	free(s);
}

bool symbols_find(const struct symbols *s, uint64_t address, struct symbol_range *range)
{
	size_t lo = 0, hi = s ? s->n : 0;
	while (lo < hi) {	/* first symbol above the address */
		size_t mid = lo + (hi - lo) / 2;
		if (s->symbol[mid].value <= address)
			lo = mid + 1;
		else
			hi = mid;
	}
	uint64_t next = lo < (s ? s->n : 0) ? s->symbol[lo].value : UINT64_MAX;
	while (lo > 0) {
		const struct symbol *y = &s->symbol[--lo];
		uint64_t offset = address - y->value;
		if (!y->code)
			continue;
		/* beyond its size it is in nothing known; labels without size reach to the next one */
		if ((y->size && offset >= y->size) || offset >= 1 << 20)
			return false;
		*range = (struct symbol_range){ y->name, y->value, y->size ? y->value + y->size : next };
		return true;
	}
	return false;
}

bool symbols_at(const struct symbols *s, uint64_t address, char *text, size_t size)
{
	struct symbol_range r;
	if (!symbols_find(s, address, &r))
		return false;
	if (address != r.start)
		snprintf(text, size, "%s+0x%llx", r.name, (unsigned long long)(address - r.start));
	else
		snprintf(text, size, "%s", r.name);
	return true;
}

bool symbols_last(const struct symbols *s, struct symbol_range *range)
{
	if (!s->n)
		return false;
	const struct symbol *y = &s->symbol[s->n - 1];
	*range = (struct symbol_range){ y->name, y->value, y->value + y->size };
	return true;
}

size_t symbols_count(const struct symbols *s)
{
	return s ? s->n : 0;
}

struct symbol_range symbols_get(const struct symbols *s, size_t number, bool *code)
{
	const struct symbol *y = &s->symbol[number];
	uint64_t end = y->size ? y->value + y->size : number + 1 < s->n ? y[1].value : y->value;
	*code = y->code;
	return (struct symbol_range){ y->name, y->value, end };
}

bool symbols_value(const struct symbols *s, const char *name, uint64_t *value)
{
	for (size_t i = 0; s && i < s->n; i++)
		if (!strcmp(s->symbol[i].name, name)) {
			*value = s->symbol[i].value;
			return true;
		}
	return false;
}

bool symbols_extent(const struct symbols *s, const char *name, uint64_t *value, uint64_t *size)
{
	size_t at = 0, n = s ? s->n : 0;
	while (at < n && (!s->symbol[at].code || strcmp(s->symbol[at].name, name)))
		at++;
	if (at == n)
		return symbols_value(s, name, value) && !(*size = 0);
	*value = s->symbol[at].value;
	*size = s->symbol[at].size;
	for (size_t i = at + 1; i < n && !*size; i++)
		if (s->symbol[i].code)
			*size = s->symbol[i].value - *value;
	return true;
}

const char *symbols_nearest(const struct symbols *s, const char *name)
{
	const char **names = calloc(s ? s->n + 1 : 1, sizeof *names), *near;
	unsigned n = 0;
	for (size_t i = 0; names && s && i < s->n; i++)
		if (s->symbol[i].code)
			names[n++] = s->symbol[i].name;
	near = names ? nearest_name(name, names, n) : NULL;
	free(names);
	return near;
}

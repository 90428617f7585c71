// SPDX-License-Identifier: Apache-2.0
#include "src/log_filter.h"
#include <stdlib.h>
#include <string.h>
#include "src/options.h"

/* An address, or a symbol with its extent. */
static bool parse_place(const char *text, const struct names *names, struct log_range *place, struct error *err)
{
	struct error ignored;
	uint64_t at;
	if (parse_number(text, UINT64_MAX, &at, &ignored)) {
		*place = (struct log_range){ at, at };
		return true;
	}
	if (!names_value(names, text, &at))
		return error_set(err, ERROR_USAGE, "\"%.100s\" is neither an address (0x...) nor a symbol; --symbols FILE adds symbols", text);
	struct function f = names_find(names, at, PRIVILEGE_KERNEL);
	*place = (struct log_range){ at, f.known && f.end > at ? f.end - 1 : at };
	return true;
}

static bool parse_range(char *text, const struct names *names, struct log_range *range, struct error *err)
{
	char *dots = strstr(text, ".."), *plus = dots ? NULL : strrchr(text, '+');
	struct log_range last;
	uint64_t bytes;
	if (dots || plus)
		*(dots ? dots : plus) = 0;
	if (!parse_place(text, names, range, err))
		return false;
	if (plus) {
		if (!parse_number(plus + 1, UINT64_MAX, &bytes, err))
			return error_prefix(err, "bytes behind \"%.60s+\"", text);
		range->last = range->first + bytes - 1;
		if (!bytes || range->last < range->first)
			return error_set(err, ERROR_USAGE, "\"%.60s+%.40s\" is empty or too long", text, plus + 1);
	}
	if (dots) {
		if (!parse_place(dots + 2, names, &last, err))
			return false;
		range->last = last.last;
		if (range->last < range->first)
			return error_set(err, ERROR_USAGE, "\"%.60s..%.60s\" ends before it begins", text, dots + 2);
	}
	return true;
}

bool log_filter_parse(const char *text, const struct names *names, struct log_range **range, unsigned *n, struct error *err)
{
	unsigned parts = 1;
	for (const char *at = text; *at; at++)
		parts += *at == ',';
	char *copy = strdup(text), *rest = copy;
	*n = 0;
	*range = calloc(parts, sizeof **range);
	bool good = copy && *range ? true : error_set(err, ERROR_HOST, "out of memory");
	while (good && rest)
		good = parse_range(strsep(&rest, ","), names, &(*range)[(*n)++], err);
	free(copy);
	return good;
}

// SPDX-License-Identifier: Apache-2.0
#include "src/lift/hex.h"
#include <stdlib.h>
#include <string.h>

static int digit(char c)
{
	const char *digits = "0123456789abcdef", *at = c ? strchr(digits, c >= 'A' && c <= 'F' ? c + 32 : c) : NULL;
	return at ? (int)(at - digits) : -1;
}

bool parse_hex(const char *text, uint8_t **bytes, uint64_t *size, struct error *err)
{
	*size = 0;
	*bytes = malloc(strlen(text) / 2 + 1);
	if (!*bytes)
		return error_set(err, ERROR_HOST, "out of memory");
	const char *at = text;
	while (*(at += strspn(at, " \t\n,:"))) {
		if (at[0] == '0' && (at[1] | 32) == 'x')
			at += 2;
		for (bool first = true; first || digit(*at) >= 0; first = false, at += 2) {
			int high = digit(at[0]), low = high < 0 ? -1 : digit(at[1]);
			const char *odd = high < 0 ? at : at + 1;
			if (low < 0 && (!*odd || strchr(" \t\n,:", *odd)))
				error_set(err, ERROR_USAGE, "half a byte at character %ld: each is two digits, as 05", (long)(odd - text));
			else if (low < 0)
				error_set(err, ERROR_USAGE, "\"%.1s\" (character %ld) is no hex digit", odd, (long)(odd - text) + 1);
			if (low < 0)
				goto fail;
			(*bytes)[(*size)++] = (uint8_t)(high << 4 | low);
		}
	}
	if (*size)
		return true;
	error_set(err, ERROR_USAGE, "no bytes: write them in the order of their addresses, as '13 05 15 00'");
fail:
	free(*bytes);
	*bytes = NULL;
	return false;
}

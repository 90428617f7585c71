// SPDX-License-Identifier: Apache-2.0
#include "src/json.h"
#include <inttypes.h>
#include <string.h>

/* Length of the UTF-8 sequence at s, 0 if it is none (overlong forms and surrogates included). */
static unsigned utf8_length(const unsigned char *s)
{
	unsigned n = s[0] < 0x80              ? 1
		: s[0] >= 0xc2 && s[0] < 0xe0 ? 2
		: (s[0] & 0xf0) == 0xe0       ? 3
		: s[0] >= 0xf0 && s[0] < 0xf5 ? 4
					      : 0;
	for (unsigned i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] >= 0xa0) || (s[0] == 0xf0 && s[1] < 0x90) ||
		(s[0] == 0xf4 && s[1] >= 0x90))
		return 0;
	return n;
}

static void quote(FILE *f, const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	fputc('"', f);
	while (*s) {
		unsigned n = utf8_length(s);
		if (*s == '"' || *s == '\\')
			fprintf(f, "\\%c", *s);
		else if (*s == '\n')
			fputs("\\n", f);
		else if (*s == '\t')
			fputs("\\t", f);
		else if (*s < 32 || *s == 127)
			fprintf(f, "\\u%04x", *s);
		else if (!n)
			fputs("\\ufffd", f);
		else
			fwrite(s, 1, n, f);
		s += n ? n : 1;
	}
	fputc('"', f);
}

static void begin(struct json *j, const char *name)
{
	if (j->started >> j->depth & 1)
		fputc(',', j->f);
	if (j->depth && j->started >> j->depth & 1)
		fputc(' ', j->f);
	j->started |= (uint64_t)1 << j->depth;
	if (name) {
		quote(j->f, name);
		fputs(": ", j->f);
	}
}

void json_open(struct json *j, const char *name, char bracket)
{
	begin(j, name);
	fputc(bracket, j->f);
	j->depth++;
	j->started &= ~((uint64_t)1 << j->depth);
}

void json_close(struct json *j, char bracket)
{
	j->depth--;
	fputc(bracket, j->f);
	if (!j->depth)
		fputc('\n', j->f);
}

void json_string(struct json *j, const char *name, const char *value)
{
	begin(j, name);
	if (value)
		quote(j->f, value);
	else
		fputs("null", j->f);
}

void json_number(struct json *j, const char *name, uint64_t value)
{
	begin(j, name);
	fprintf(j->f, "%" PRIu64, value);
}

void json_seconds(struct json *j, const char *name, uint64_t ns)
{
	begin(j, name);
	fprintf(j->f, "%" PRIu64 ".%03u", ns / 1000000000, (unsigned)(ns / 1000000 % 1000));
}

void json_bool(struct json *j, const char *name, bool value)
{
	begin(j, name);
	fputs(value ? "true" : "false", j->f);
}

void json_hex(struct json *j, const char *name, uint64_t value)
{
	begin(j, name);
	fprintf(j->f, "\"0x%" PRIx64 "\"", value);
}

void json_literal(struct json *j, const char *name, const char *json)
{
	begin(j, name);
	fputs(json, j->f);
}

void json_bytes(struct json *j, const char *name, const void *bytes, size_t size)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *at = bytes;
	begin(j, name);
	fputc('"', j->f);
	for (size_t i = 0; i < size; i++) {
		fputc(digits[at[i] >> 4], j->f);
		fputc(digits[at[i] & 15], j->f);
	}
	fputc('"', j->f);
}

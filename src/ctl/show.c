// SPDX-License-Identifier: Apache-2.0
#include "src/ctl/show.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "src/lift/hex.h"

#define COLUMNS 24	/* of a table */

/* As people read it: strings without quotes, whatever is in them on one line. */
static void put_value(struct json_object *o, int width, FILE *f)
{
	const char *text = json_object_get_string(o);
	int n = 0;
	for (; text && *text; text++, n++)
		fputc((unsigned char)*text < 32 || *text == 127 ? '?' : *text, f);
	if (!text && width)
		n += fprintf(f, "-");
	fprintf(f, "%*s", n < width ? width - n : 0, "");
}

static int width_of(struct json_object *o)
{
	const char *text = json_object_get_string(o);
	return text ? (int)strlen(text) : 1;
}

static size_t length_of(struct json_object *o)
{
	return json_object_is_type(o, json_type_array) ? json_object_array_length(o) : 0;
}

/* Objects with the same members, one a row. */
static void show_table(struct json_object *rows, bool colour, FILE *f)
{
	size_t n = json_object_array_length(rows);
	const char *name[COLUMNS];
	int width[COLUMNS];
	unsigned columns = 0;
	json_object_object_foreach(json_object_array_get_idx(rows, 0), key, ignored) {
		(void)ignored;
		if (columns < COLUMNS)
			name[columns++] = key;
	}
	fputs(colour ? "\033[1m" : "", f);
	for (unsigned c = 0; c < columns; c++) {
		width[c] = (int)strlen(name[c]);
		for (size_t i = 0; i < n; i++) {
			int w = width_of(json_object_object_get(json_object_array_get_idx(rows, i), name[c]));
			width[c] = w > width[c] ? w : width[c];
		}
		fprintf(f, "%s%-*s", c ? "  " : "", c + 1 < columns ? width[c] : 0, name[c]);
	}
	fputs(colour ? "\033[0m\n" : "\n", f);
	for (size_t i = 0; i < n; i++)
		for (unsigned c = 0; c < columns; c++) {
			fputs(c ? "  " : "", f);
			put_value(json_object_object_get(json_object_array_get_idx(rows, i), name[c]), c + 1 < columns ? width[c] : 0, f);
			fputs(c + 1 < columns ? "" : "\n", f);
		}
}

/* The members of objects in columns, one object each. */
static void show_columns(struct json_object *objects, bool colour, FILE *f)
{
	size_t n = json_object_array_length(objects);
	bool first = true;
	json_object_object_foreach(json_object_array_get_idx(objects, 0), key, ignored) {
		(void)ignored;
		fprintf(f, "%s%-18s", first && colour ? "\033[1m" : "", key);
		for (size_t i = 0; i < n; i++) {
			fputs("  ", f);
			put_value(json_object_object_get(json_object_array_get_idx(objects, i), key), i + 1 < n ? 16 : 0, f);
		}
		fputs(first && colour ? "\033[0m\n" : "\n", f);
		first = false;
	}
}

static void show_member(const char *name, struct json_object *o, bool colour, FILE *f)
{
	size_t n = length_of(o);
	if (!json_object_is_type(o, json_type_array)) {
		fprintf(f, "%-14s", name);
		put_value(o, 1, f);
		fputc('\n', f);
	} else if (n && json_object_is_type(json_object_array_get_idx(o, 0), json_type_object)) {
		bool wide = json_object_object_length(json_object_array_get_idx(o, 0)) > 8;
		fputc('\n', f);
		(wide ? show_columns : show_table)(o, colour, f);
	} else if (n) {
		fputc('\n', f);
		for (size_t i = 0; i < n; i++) {
			put_value(json_object_array_get_idx(o, i), 0, f);
			fputc('\n', f);
		}
	}
}

static void show_members(struct json_object *reply, bool colour, FILE *f)
{
	json_object_object_foreach(reply, name, member) {
		show_member(name, member, colour, f);
	}
}

/* ---- with forms of their own ---- */

static void show_registers(struct json_object *reply, bool colour, FILE *f)
{
	struct json_object *groups;
	fprintf(f, "vCPU %" PRIu64 ", %s, pc %s\n", ctl_integer(reply, "vcpu"), ctl_text(reply, "mode"), ctl_text(reply, "pc"));
	if (!json_object_object_get_ex(reply, "registers", &groups))
		return;
	json_object_object_foreach(groups, group, registers) {
		int width = 0, column = 0;
		json_object_object_foreach(registers, name, ignored) {
			(void)ignored;
			width = (int)strlen(name) > width ? (int)strlen(name) : width;
		}
		fprintf(f, "\n%s%s%s", colour ? "\033[1m" : "", group, colour ? "\033[0m" : "");
		json_object_object_foreach(registers, reg, value) {
			const char *text = json_object_get_string(value);
			fprintf(f, "%s%*s %016llx", column++ % 4 ? "  " : "\n", width, reg, text ? strtoull(text, NULL, 16) : 0);
		}
		fputc('\n', f);
	}
}

static void show_memory(struct json_object *reply, FILE *f)
{
	uint8_t *bytes;
	uint64_t n, at = ctl_hex(reply, "address");
	struct error ignored;
	const char *data = ctl_text(reply, "data");
	if (!data || !parse_hex(data, &bytes, &n, &ignored))
		return;
	for (uint64_t i = 0; i < n; i += 16) {
		fprintf(f, "%016" PRIx64, at + i);
		for (uint64_t k = i; k < i + 16; k++) {
			fputs(k % 8 ? " " : "  ", f);
			if (k < n)
				fprintf(f, "%02x", bytes[k]);
			else
				fputs("  ", f);
		}
		fprintf(f, "  |");
		for (uint64_t k = i; k < i + 16 && k < n; k++)
			fputc(bytes[k] >= 32 && bytes[k] < 127 ? bytes[k] : '.', f);
		fprintf(f, "|\n");
	}
	free(bytes);
}

static void show_commands(struct json_object *reply, FILE *f)
{
	struct json_object *commands, *args;
	json_object_object_get_ex(reply, "commands", &commands);
	for (size_t i = 0; i < length_of(commands); i++) {
		struct json_object *c = json_object_array_get_idx(commands, i);
		fprintf(f, "%-12s %s\n", ctl_text(c, "name"), ctl_text(c, "help"));
		json_object_object_get_ex(c, "arguments", &args);
		for (size_t k = 0; k < length_of(args); k++) {
			struct json_object *a = json_object_array_get_idx(args, k);
			fprintf(f, "    %-12s %-8s  %s\n", ctl_text(a, "name"), ctl_text(a, "type"), ctl_text(a, "help"));
		}
	}
}

void ctl_show_reply(const struct ctl_command *command, struct json_object *reply, bool colour, FILE *f)
{
	const char *text = ctl_text(reply, "text");
	if (!strcmp(command->name, "help"))
		show_commands(reply, f);
	else if (!strcmp(command->name, "regs"))
		show_registers(reply, colour, f);
	else if (!strcmp(command->name, "mem"))
		show_memory(reply, f);
	else if (text)
		fputs(text, f);
	else
		show_members(reply, colour, f);
}

void ctl_show_event(const char *line, FILE *f)
{
	struct json_object *event = json_tokener_parse(line);
	bool first = true;
	if (!json_object_is_type(event, json_type_object)) {
		json_object_put(event);
		return;
	}
	json_object_object_foreach(event, name, value) {
		fprintf(f, first ? "%.0s" : "  %s ", name);
		put_value(value, 0, f);
		first = false;
	}
	fputc('\n', f);
	json_object_put(event);
}

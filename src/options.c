// SPDX-License-Identifier: Apache-2.0
#include "src/options.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- values ---- */

bool replace_string(char **to, const char *text, struct error *err)
{
	char *copy = strdup(text);
	if (!copy)
		return error_set(err, ERROR_HOST, "out of memory");
	free(*to);
	*to = copy;
	return true;
}

bool parse_number(const char *text, uint64_t max, uint64_t *value, struct error *err)
{
	char *end;
	errno = 0;
	/* strtoull takes signs and blanks, which no count has */
	uint64_t v =
		text[0] >= '0' && text[0] <= '9' ? strtoull(text, &end, text[1] == 'x' ? 16 : 10) : (end = NULL, 0);
	if (!end || *end || end == text)
		return error_set(err, ERROR_USAGE, "not a number");
	if (errno == ERANGE || v > max)
		return error_set(err, ERROR_USAGE, "too large: at most %llu", (unsigned long long)max);
	*value = v;
	return true;
}

bool parse_size(const char *text, uint64_t *value, struct error *err)
{
	char *end = NULL;
	errno = 0;
	uint64_t v = 0;
	if (text[0] >= '0' && text[0] <= '9')
		v = strtoull(text, &end, text[0] == '0' && text[1] == 'x' ? 16 : 10);
	unsigned shift = 0;
	bool good = end != NULL;
	if (good && *end) {
		const char *suffix = strchr("KkMmGgTt", *end);
		good = suffix && !end[1];
		shift = good ? 10 * ((unsigned)(suffix - strchr("KkMmGgTt", 'K')) / 2 + 1) : 0;
	}
	if (!good)
		return error_set(err, ERROR_USAGE, "not a size: write a number with K, M, G or T, as 512M");
	if (errno == ERANGE || v > UINT64_MAX >> shift)
		return error_set(err, ERROR_USAGE, "size too large");
	*value = v << shift;
	return true;
}

bool option_string(const struct option *o, void *target, const char *value, struct error *err)
{
	if (!*value)
		return error_set(err, ERROR_USAGE, "an empty value: write %s", o->arg);
	return replace_string((char **)((char *)target + o->offset), value, err);
}

bool option_unsigned(const struct option *o, void *target, const char *value, struct error *err)
{
	uint64_t v;
	if (!parse_number(value, UINT32_MAX, &v, err))
		return false;
	*(unsigned *)((char *)target + o->offset) = (unsigned)v;
	return true;
}

bool option_flag(const struct option *o, void *target, const char *value, struct error *err)
{
	bool on = !value || !strcmp(value, "on");
	if (value && !on && strcmp(value, "off"))
		return error_set(err, ERROR_USAGE, "not on or off");
	*(bool *)((char *)target + o->offset) = on;
	return true;
}

bool option_value(const struct option *o, unsigned i, struct option_value *v)
{
	*v = (struct option_value){ 0 };
	return o->value && o->value(i, v);
}

/* ---- suggestions ---- */

/* Edits (insert, delete, change, swap of neighbours) between two short words; beyond 31 letters just "far". */
static unsigned distance(const char *a, const char *b)
{
	unsigned la = (unsigned)strnlen(a, 32), lb = (unsigned)strnlen(b, 32), d[32][32];
	if (la > 31 || lb > 31)
		return 99;
	for (unsigned i = 0; i <= la; i++)
		for (unsigned j = 0; j <= lb; j++) {
			if (!i || !j) {
				d[i][j] = i + j;
				continue;
			}
			unsigned best = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
			if (best > d[i - 1][j] + 1)
				best = d[i - 1][j] + 1;
			if (best > d[i][j - 1] + 1)
				best = d[i][j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
				best > d[i - 2][j - 2] + 1)
				best = d[i - 2][j - 2] + 1;
			d[i][j] = best;
		}
	return d[la][lb];
}

const char *nearest_name(const char *text, const char *const *names, unsigned n)
{
	const char *best = NULL;
	unsigned best_distance =
		strlen(text) > 5 ? 3 : 2; /* no more than this many edits, exclusive of 3-letter nonsense */
	if (strlen(text) < 2)
		return NULL;
	for (unsigned i = 0; i < n; i++) {
		unsigned d = distance(text, names[i]);
		/* an unfinished word is nearer than any other */
		if (strlen(text) > 2 && !strncmp(text, names[i], strlen(text)))
			d = 1;
		if (d <= best_distance && (!best || d < best_distance)) {
			best = names[i];
			best_distance = d;
		}
	}
	return best;
}

/* ---- parsing ---- */

static const struct option *find(
	const struct command_syntax *s, const char *name, size_t len, char letter, void **target)
{
	for (unsigned g = 0; g < s->n_groups; g++)
		for (unsigned i = 0; i < s->groups[g].n; i++) {
			const struct option *o = &s->groups[g].options[i];
			if (letter ? o->letter == letter : strlen(o->name) == len && !strncmp(o->name, name, len)) {
				*target = s->groups[g].target;
				return o;
			}
		}
	return NULL;
}

static bool unknown(const struct command_syntax *s, const char *arg, struct error *err)
{
	const char *names[128], *word = arg + strspn(arg, "-");
	char name[40];
	unsigned n = 0;
	snprintf(name, sizeof name, "%.*s", (int)strcspn(word, "="), word);
	for (unsigned g = 0; g < s->n_groups; g++)
		for (unsigned i = 0; i < s->groups[g].n && n < ARRAY_SIZE(names) - 1; i++)
			names[n++] = s->groups[g].options[i].name;
	names[n++] = "help";
	const char *near = nearest_name(name, names, n);
	if (near)
		return error_set(err, ERROR_USAGE, "unknown option %.80s: did you mean --%s?", arg, near);
	return error_set(
		err, ERROR_USAGE, "unknown option %.80s: \"calque %s --help\" lists the options", arg, s->name);
}

static bool apply(const struct option *o, void *target, const char *given, const char *value, struct error *err)
{
	if (o->set(o, target, value, err))
		return true;
	if (value)
		return error_prefix(err, "%s %s", given, value);
	return error_prefix(err, "%s", given);
}

static bool is_optional(const struct option *o)
{
	return o->arg && o->arg[0] == '[';
}

/* One option at argv[*i]; takes the next argument as its value where it needs one. */
static bool parse_one(const struct command_syntax *s, int argc, char **argv, int *i, struct error *err)
{
	const char *arg = argv[*i], *value = NULL;
	char given[40];
	void *target = NULL;
	const struct option *o;
	if (arg[1] == '-') {
		size_t len = strcspn(arg + 2, "=");
		o = find(s, arg + 2, len, 0, &target);
		value = arg[2 + len] ? arg + 2 + len + 1 : NULL;
	} else {
		/* -kernel is another program's way; it must not be taken for a letter with its value */
		o = find(s, arg + 1, strlen(arg + 1), 0, &target) ? NULL : find(s, NULL, 0, arg[1], &target);
		value = o && arg[2] ? arg + 2 + (arg[2] == '=') : NULL;
	}
	if (!o)
		return unknown(s, arg, err);
	if (arg[1] == '-')
		snprintf(given, sizeof given, "--%s", o->name);
	else
		snprintf(given, sizeof given, "-%c", o->letter);
	if (!o->arg && value)
		return error_set(err, ERROR_USAGE, "%s takes no value, got \"%.100s\"", given, value);
	if (o->arg && !is_optional(o) && !value) {
		if (*i + 1 >= argc)
			return error_set(err, ERROR_USAGE, "%s needs a value: %s %s", given, given, o->arg);
		value = argv[++*i];
	}
	return apply(o, target, given, value, err);
}

static enum options_result help_form(const char *arg, struct error *err)
{
	if (!strcmp(arg, "--help=man"))
		return OPTIONS_MAN;
	if (!strcmp(arg, "--help=bash"))	/* what "calque --help=bash" puts together */
		return OPTIONS_BASH;
	error_set(err, ERROR_USAGE, "%.80s: there are --help and --help=man", arg);
	return OPTIONS_ERROR;
}

enum options_result options_parse(const struct command_syntax *s, int argc, char **argv, struct error *err)
{
	bool only_operands = false;
	for (int i = 1; i < argc; i++) {
		const char *arg = argv[i];
		if (!only_operands && !strcmp(arg, "--")) {
			only_operands = true;
		} else if (only_operands || arg[0] != '-' || !arg[1]) {
			if (!s->operand) {
				error_set(err, ERROR_USAGE,
					"unexpected argument \"%.100s\": \"calque %s --help\" lists the options", arg,
					s->name);
				return OPTIONS_ERROR;
			}
			if (!s->operand(s->opaque, arg, err))
				return OPTIONS_ERROR;
		} else if (!strcmp(arg, "--help") || !strcmp(arg, "-h")) {
			return OPTIONS_HELP;
		} else if (!strncmp(arg, "--help=", 7)) {
			return help_form(arg, err);
		} else if (!parse_one(s, argc, argv, &i, err)) {
			return OPTIONS_ERROR;
		}
	}
	return OPTIONS_OK;
}

bool options_set(
	const struct option *options, unsigned n, void *target, const char *name, const char *value, struct error *err)
{
	const char *names[128];
	for (unsigned i = 0; i < n; i++) {
		if (!strcmp(options[i].name, name)) {
			if (options[i].arg && !value)
				return error_set(err, ERROR_USAGE, "%s needs a value: %s", name, options[i].arg);
			if (options[i].set(&options[i], target, value, err))
				return true;
			return error_prefix(err, "%s=%s", name, value ? value : "");
		}
		if (i < ARRAY_SIZE(names))
			names[i] = options[i].name;
	}
	const char *near = nearest_name(name, names, n < ARRAY_SIZE(names) ? n : ARRAY_SIZE(names));
	if (near)
		return error_set(err, ERROR_USAGE, "unknown key %.80s: did you mean %s?", name, near);
	return error_set(err, ERROR_USAGE, "unknown key %.80s", name);
}

/* ---- help ---- */

enum { HELP_COLUMN = 30, HELP_WIDTH = 100 };

/* Words of `text` from column `at` on, wrapped, later lines indented to HELP_COLUMN. */
static void print_wrapped(FILE *f, const char *text, unsigned at)
{
	bool first = true;
	while (*text) {
		unsigned len = (unsigned)strcspn(text, " ");
		if (!first && at + 1 + len > HELP_WIDTH) {
			fprintf(f, "\n%*s", HELP_COLUMN, "");
			at = HELP_COLUMN;
		} else if (!first) {
			fputc(' ', f);
			at++;
		}
		fprintf(f, "%.*s", (int)len, text);
		at += len;
		first = false;
		text += len;
		text += strspn(text, " ");
	}
	fputc('\n', f);
}

static void print_option(FILE *f, const struct option *o)
{
	char head[64];
	int n = snprintf(head, sizeof head, "  %c%c%c --%s%s%s", o->letter ? '-' : ' ', o->letter ? o->letter : ' ',
		o->letter ? ',' : ' ', o->name, o->arg && !is_optional(o) ? " " : "", o->arg ? o->arg : "");
	fprintf(f, "%s", head);
	if (n > HELP_COLUMN - 2)
		fprintf(f, "\n%*s", HELP_COLUMN, "");
	else
		fprintf(f, "%*s", HELP_COLUMN - n, "");
	print_wrapped(f, o->help, HELP_COLUMN);
}

void options_print_help(const struct command_syntax *s, FILE *f)
{
	fprintf(f, "usage: calque %s [OPTION]...%s%s\n%s\n", s->name, s->operands ? " " : "",
		s->operands ? s->operands : "", s->summary);
	for (unsigned g = 0; g < s->n_groups; g++) {
		fprintf(f, "\n%s:\n", s->groups[g].title);
		for (unsigned i = 0; i < s->groups[g].n; i++)
			print_option(f, &s->groups[g].options[i]);
	}
	fprintf(f, "\n  -h, --help[=man]%*sThis text, or the manual page.\n", HELP_COLUMN - 18, "");
	if (s->notes)
		fprintf(f, "\n%s", s->notes);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Command lines: one table per subcommand, from which both the parser and the help are made. The same tables carry the
 * configuration keys of the public API, so that "--ram 1G" and calque_config_set(c, "ram", "1G") are one piece of code.
 */
#pragma once
#include <stdio.h>
#include "runtime/error.h"
#include "runtime/util.h"

struct option;
/* Stores value in target. Errors say what is wrong with the value and how to mend it; the caller puts the option's name
 * in front. */
typedef bool option_fn(const struct option *o, void *target, const char *value, struct error *err);

struct option {
	const char *name;	/* without dashes */
	char letter;		/* of the short form, or 0 */
	const char *arg; /* NULL: a flag (value is NULL); "FILE"; "[=FILE]": may be left out (value is NULL then) */
	option_fn *set;
	size_t offset;		/* where the ready-made setters below store */
	const char *help;	/* sentences; wrapped when printed */
};

/* Options of one kind, which store into one target. */
struct option_group {
	const char *title;
	const struct option *options;
	unsigned n;
	void *target;
};

struct command_syntax {
	const char *name;	/* "run" */
	const char *operands;	/* "FILE…", or NULL: none allowed */
	const char *summary;
	struct option_group groups[6];
	unsigned n_groups;
	/* Takes an operand; NULL where none is allowed. */
	bool (*operand)(void *opaque, const char *text, struct error *err);
	void *opaque;
	const char *notes;	/* printed after the options, or NULL */
};

/* Ready-made setters: offset is that of a char * (malloc'd), unsigned or bool. */
option_fn option_string, option_unsigned, option_flag;

enum options_result { OPTIONS_OK, OPTIONS_HELP, OPTIONS_ERROR };
/* argv[0] is skipped. --help and -h win over errors that come after them. */
enum options_result options_parse(const struct command_syntax *s, int argc, char **argv, struct error *err);
void options_print_help(const struct command_syntax *s, FILE *f);
/* Looks an option up by name and sets it; for the public API. */
MUST_CHECK bool options_set(const struct option *options, unsigned n, void *target, const char *name, const char *value,
			    struct error *err);

/* "512M", "0x1000", "2G": bytes. */
MUST_CHECK bool parse_size(const char *text, uint64_t *value, struct error *err);
/* A plain number, decimal or 0x. */
MUST_CHECK bool parse_number(const char *text, uint64_t max, uint64_t *value, struct error *err);
/* The name among names[0 … n) that `text` was probably meant to be, or NULL. */
const char *nearest_name(const char *text, const char *const *names, unsigned n);
/* Replaces *to by a copy of text. */
MUST_CHECK bool replace_string(char **to, const char *text, struct error *err);

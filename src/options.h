/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Command lines: one table per subcommand, from which the parser, the help, the manual page and shell completion are made.
 * The same tables carry the configuration keys of the public API, so that "--ram 1G" and calque_config_set(c, "ram", "1G")
 * are one piece of code.
 */
#pragma once
#include <stdio.h>
#include "runtime/error.h"
#include "runtime/util.h"

struct option;
/* Stores value in target. Errors say what is wrong with the value and how to mend it; the caller puts the option's name
 * in front. */
typedef bool option_fn(const struct option *o, void *target, const char *value, struct error *err);

/* A word that an option takes as its value, or as the beginning of it. */
struct option_value {
	char word[32];		/* "exec"; "heat=" where more must follow */
	char range[64];		/* what follows, "2 (1 to 60000)", or empty */
	const char *help;	/* what it means; NULL where the word says it all */
};
/* Fills in the i-th of these words, from 0 on, in *v, which is all 0; false behind the last. */
typedef bool option_value_fn(unsigned i, struct option_value *v);

struct option {
	const char *name;	/* without dashes */
	char letter;		/* of the short form, or 0 */
	/*
	 * NULL: a flag (value is NULL); "FILE"; "[=FILE]": may be left out (value is NULL then). Shells complete it by what
	 * it says: FILE and DIR are names of such, words in small letters between bars ("tlb|windows") stand for themselves.
	 */
	const char *arg;
	option_fn *set;
	size_t offset;		/* where the ready-made setters below store */
	const char *help;	/* sentences; wrapped when printed */
	option_value_fn *value;	/* the words that come from a table elsewhere; NULL: arg says all */
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
	const char *summary;	/* sentences; the first is all that a list of manual pages shows */
	struct option_group groups[6];
	unsigned n_groups;
	/* Takes an operand; NULL where none is allowed. */
	bool (*operand)(void *opaque, const char *text, struct error *err);
	void *opaque;
	/*
	 * Printed after the options as it stands, or NULL. "Title: text" at a line's beginning begins a section of the manual
	 * page; lines that begin with a blank are not joined there.
	 */
	const char *notes;
	const char *manual;	/* sections in the same form for the manual page alone, or NULL */
};

/* Ready-made setters: offset is that of a char * (malloc'd), unsigned or bool. */
option_fn option_string, option_unsigned, option_flag;

enum options_result { OPTIONS_OK, OPTIONS_HELP, OPTIONS_MAN, OPTIONS_BASH, OPTIONS_ERROR };
/* argv[0] is skipped. --help, -h and --help=man win over errors that come after them. */
enum options_result options_parse(const struct command_syntax *s, int argc, char **argv, struct error *err);
void options_print_help(const struct command_syntax *s, FILE *f);
/* The i-th word of an option's table; false: it has none, or not so many. */
bool option_value(const struct option *o, unsigned i, struct option_value *v);
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

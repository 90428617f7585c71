// SPDX-License-Identifier: Apache-2.0
#include "src/command.h"
#include <errno.h>
#include <string.h>
#include "src/completion.h"
#include "src/manual.h"

/* Names of files and options come from anywhere: whatever is in them, an error stays one line and moves no cursor. */
static void print_one_line(FILE *f, const char *text)
{
	for (; *text; text++)
		fputc((unsigned char)*text < 32 || *text == 127 ? '?' : *text, f);
	fputc('\n', f);
}

int command_fail(const char *name, const struct error *err)
{
	fflush(stdout);
	fprintf(stderr, "calque%s%s: ", name ? " " : "", name ? name : "");
	print_one_line(stderr, err->text);
	return err->code == ERROR_USAGE ? STATUS_USAGE : STATUS_HOST;
}

FILE *command_output(const char *option, const char *path, struct error *err)
{
	FILE *f = fopen(path, "we");
	if (!f)
		error_set(err, ERROR_USAGE, "--%s %.200s: %s", option, path, strerror(errno));
	return f;
}

int command_finish(const char *name, int status)
{
	if (!fflush(stdout) && !ferror(stdout))
		return status;
	struct error err;
	error_set(&err, ERROR_HOST, "cannot write to standard output: %s", strerror(errno));
	int failed = command_fail(name, &err);
	return status ? status : failed;
}

bool command_parse(const struct command_syntax *s, int argc, char **argv, int *status)
{
	struct error err = { 0 };
	switch (options_parse(s, argc, argv, &err)) {
	case OPTIONS_OK:
		return true;
	case OPTIONS_HELP:
		options_print_help(s, stdout);
		break;
	case OPTIONS_MAN:
		manual_print(s, stdout);
		break;
	case OPTIONS_BASH:
		completion_print(s, stdout);
		break;
	case OPTIONS_ERROR:
		*status = command_fail(s->name, &err);
		return false;
	}
	*status = command_finish(s->name, STATUS_OK);
	return false;
}

// SPDX-License-Identifier: Apache-2.0
#include "src/completion.h"
#include <ctype.h>
#include <string.h>

/* "auto|tlb", "FILE[,readonly]", "DIR|off": what can be told from it, a blank behind each word. */
static void print_arg(FILE *f, const char *arg)
{
	arg += strspn(arg, "[=");
	for (bool more = true; more; arg++) {
		size_t n = strcspn(arg, "|[@].,");
		if (n == 4 && !strncmp(arg, "FILE", n))
			fputs("<file> ", f);
		else if ((n == 3 && !strncmp(arg, "DIR", n)) || (n == 9 && !strncmp(arg, "DIRECTORY", n)))
			fputs("<dir> ", f);
		else if (islower((unsigned char)*arg))	/* of "unix:PATH" or "user[,...]" as much as is always the same */
			fprintf(f, "%.*s ", (int)strcspn(arg, "|[@].,ABCDEFGHIJKLMNOPQRSTUVWXYZ"), arg);
		arg += n;
		more = *arg == '|';
	}
}

static void print_takes(FILE *f, const struct command_syntax *s, const struct option *o, const char *dashes, const char *name)
{
	struct option_value v;
	const char *more = strstr(o->arg, "[,");
	fprintf(f, "_calque_takes[%s %s%s%s]='", s->name, dashes, name, o->arg[0] == '[' ? "=" : "");
	if (more && !strncmp(more + 2, o->arg, (size_t)(more - o->arg)))	/* "LOG[,LOG]..." */
		fputs(", ", f);
	print_arg(f, o->arg);
	for (unsigned i = 0; option_value(o, i, &v); i++)
		fprintf(f, "%s ", v.word);
	fputs("'\n", f);
}

void completion_print(const struct command_syntax *s, FILE *f)
{
	fprintf(f, "_calque_options[%s]='", s->name);
	for (unsigned g = 0; g < s->n_groups; g++)
		for (unsigned i = 0; i < s->groups[g].n; i++)
			fprintf(f, "--%s ", s->groups[g].options[i].name);
	fputs("--help'\n", f);
	for (unsigned g = 0; g < s->n_groups; g++)
		for (unsigned i = 0; i < s->groups[g].n; i++) {
			const struct option *o = &s->groups[g].options[i];
			if (o->arg)
				print_takes(f, s, o, "--", o->name);
			if (o->arg && o->letter)
				print_takes(f, s, o, "-", (char[]){ o->letter, 0 });
		}
	if (!s->operands)
		return;
	fprintf(f, "_calque_takes[%s]='", s->name);
	print_arg(f, s->operands);
	fputs("'\n", f);
	if (strstr(s->operands, "-- RUN-OPTION"))
		fprintf(f, "_calque_takes[%s --]=run\n", s->name);
}

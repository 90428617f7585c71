// SPDX-License-Identifier: Apache-2.0
#include "src/manual.h"
#include <ctype.h>
#include <string.h>
#include "src/version.h"

enum { LINE_WIDTH = 68 };	/* of the text; escapes make it longer */

/* ---- text ---- */

/* What the formatter would take for its own, or turn into typography that no shell understands. */
static void print_char(FILE *f, char c, bool literal)
{
	switch (c) {
	case '\\':
		fputs("\\e", f);
		break;
	case '\'':
		fputs("\\(aq", f);
		break;
	case '`':
		fputs("\\(ga", f);
		break;
	case '^':
		fputs("\\(ha", f);
		break;
	case '~':
		fputs("\\(ti", f);
		break;
	case '-':
		fputs(literal ? "\\-" : "-", f);
		break;
	default:
		fputc(c, f);
	}
}

/* A word of prose; an option in it ("--net", "(-d") is bold. */
static void print_word(FILE *f, const char *word, size_t length)
{
	size_t from = 0, to;
	if (word[0] == '.')
		fputs("\\&", f);
	for (; from < length && strchr("(\"", word[from]); from++)
		print_char(f, word[from], false);
	for (to = from; to < length && (isalnum((unsigned char)word[to]) || word[to] == '-'); to++)
		;
	bool option = to > from + 1 && word[from] == '-';
	if (option)
		fputs("\\fB", f);
	for (size_t i = from; i < to; i++)
		print_char(f, word[i], option);
	if (option)
		fputs("\\fR", f);
	for (size_t i = to; i < length; i++)
		print_char(f, word[i], option);
}

/* Words of text[0 … length), filled into lines: man takes them as one paragraph. */
static void print_paragraph(FILE *f, const char *text, size_t length)
{
	unsigned column = 0;
	for (const char *at = text, *end = text + length; at < end;) {
		size_t n = strcspn(at, " \n");
		if (n > (size_t)(end - at))
			n = (size_t)(end - at);
		if (column)
			fputc(column + 1 + n > LINE_WIDTH ? '\n' : ' ', f);
		column = column + 1 + n > LINE_WIDTH ? 0 : column + !!column;
		print_word(f, at, n);
		column += (unsigned)n;
		at += n;
		at += strspn(at, " \n");
	}
	if (column)
		fputc('\n', f);
}

/* "FILE[,readonly]": placeholders, which are in capitals, in italics; what is typed as it stands bold. */
static void print_usage(FILE *f, const char *text)
{
	while (*text) {
		size_t n = 1;
		if (isupper((unsigned char)*text)) {
			n = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-");
			fputs("\\fI", f);
		} else if (islower((unsigned char)*text)) {
			n = strspn(text, "abcdefghijklmnopqrstuvwxyz-");
			fputs("\\fB", f);
		} else {
			fputs("\\fR", f);
		}
		for (; n; n--)
			print_char(f, *text++, true);
	}
	fputs("\\fR", f);
}

/* The length of a section's title at the beginning of a line, of one or two words: "Exit status: …" is one. 0: none. */
static size_t title_length(const char *line)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	size_t n = strspn(line, letters);
	if (n && line[n] == ' ')
		n += 1 + strspn(line + n + 1, letters);
	return isupper((unsigned char)line[0]) && line[n] == ':' && (line[n + 1] == ' ' || line[n + 1] == '\n') ? n : 0;
}

static void print_bold(FILE *f, const char *text)
{
	fputs("\\fB", f);
	for (; *text; text++)
		print_char(f, *text, true);
	fputs("\\fR", f);
}

static void section(FILE *f, const char *title, size_t length)
{
	fputs(".SH ", f);
	for (size_t i = 0; i < length; i++)
		fputc(title[i] == ' ' ? ' ' : toupper((unsigned char)title[i]), f);
	fputc('\n', f);
}

void manual_section(FILE *f, const char *title)
{
	section(f, title, strlen(title));
}

static bool is_text(const char *line)
{
	return *line && *line != '\n' && *line != ' ';
}

void manual_prose(FILE *f, const char *text)
{
	bool fresh = false;	/* behind a section's head no paragraph needs to be begun */
	while (*text) {
		size_t title = title_length(text);
		if (title) {
			section(f, text, title);
			text += title + 1;
			text += strspn(text, " ");
			fresh = true;
		}
		if (*text == '\n') {
			text++;
			continue;
		}
		if (!fresh)
			fputs(".PP\n", f);
		fresh = false;
		if (*text == ' ') {
			fputs(".nf\n", f);
			for (; *text == ' '; text += strcspn(text, "\n"), text += *text == '\n') {
				for (const char *at = text; *at && *at != '\n'; at++)
					print_char(f, *at, true);
				fputc('\n', f);
			}
			fputs(".fi\n", f);
			continue;
		}
		const char *end = text;
		do {
			end += strcspn(end, "\n");
			end += *end == '\n';
		} while (is_text(end) && !title_length(end));
		print_paragraph(f, text, (size_t)(end - text) - (end[-1] == '\n'));
		text = end;
	}
}

void manual_entry(FILE *f, const char *word, const char *rest, const char *about)
{
	fputs(".TP\n", f);
	print_bold(f, word);
	print_usage(f, rest);
	fputc('\n', f);
	print_paragraph(f, about, strlen(about));
}

void manual_begin(FILE *f, const char *page, const char *about)
{
	fprintf(f, ".\\\" Made from the program's option tables.\n.TH ");
	for (const char *at = page; *at; at++)
		fputc(toupper((unsigned char)*at), f);
	fprintf(f, " 1 %s \"Calque %s\" \"Calque manual\"\n.nh\n.ad l\n.SH NAME\n", CALQUE_VERSION_DATE, CALQUE_VERSION_TEXT);
	for (const char *at = page; *at; at++)
		print_char(f, *at, true);
	fputs(" \\- ", f);
	for (const char *at = about; *at; at++)
		print_char(f, *at, false);
	fputc('\n', f);
}

/* ---- options ---- */

/* The words that an option takes: a list where they are explained, else one sentence. */
static void print_values(FILE *f, const struct option *o)
{
	struct option_value v;
	if (!option_value(o, 0, &v))
		return;
	if (v.help) {
		fputs(".RS\n", f);
		for (unsigned i = 0; option_value(o, i, &v); i++)
			manual_entry(f, v.word, v.range, v.help);
		fputs(".RE\n", f);
		return;
	}
	fputs("Values:", f);
	for (unsigned i = 0; option_value(o, i, &v); i++) {
		fputs(i ? ",\n" : "\n", f);
		print_bold(f, v.word);
	}
	fputs(".\n", f);
}

static void print_option(FILE *f, const struct option *o)
{
	char name[64];
	fputs(".TP\n", f);
	if (o->letter) {
		print_bold(f, (char[]){ '-', o->letter, 0 });
		fputs(", ", f);
	}
	snprintf(name, sizeof name, "--%s", o->name);
	print_bold(f, name);
	if (o->arg) {
		fputs(o->arg[0] == '[' ? "" : " ", f);
		print_usage(f, o->arg);
	}
	fputc('\n', f);
	print_paragraph(f, o->help, strlen(o->help));
	print_values(f, o);
}

void manual_print(const struct command_syntax *s, FILE *f)
{
	char page[64], about[200];
	size_t sentence = strcspn(s->summary, ".:\n");
	snprintf(page, sizeof page, "calque-%s", s->name);
	snprintf(about, sizeof about, "%c%.*s", tolower((unsigned char)s->summary[0]), (int)sentence - 1, s->summary + 1);
	manual_begin(f, page, about);
	manual_section(f, "Synopsis");
	fprintf(f, "\\fBcalque %s\\fR [\\fIOPTION\\fR]...", s->name);
	if (s->operands) {
		fputc(' ', f);
		print_usage(f, s->operands);
	}
	fputc('\n', f);
	manual_section(f, "Description");
	print_paragraph(f, s->summary, strlen(s->summary));
	/* prose without a title goes on here, what has one follows the options */
	bool titled = s->notes && title_length(s->notes);
	if (s->notes && !titled)
		manual_prose(f, s->notes);
	manual_section(f, "Options");
	for (unsigned g = 0; g < s->n_groups; g++) {
		fprintf(f, ".SS %s\n", s->groups[g].title);
		for (unsigned i = 0; i < s->groups[g].n; i++)
			print_option(f, &s->groups[g].options[i]);
	}
	fputs(".SS Help\n", f);
	manual_entry(f, "-h", ", --help[=man]", "The options in short, or this page.");
	if (titled)
		manual_prose(f, s->notes);
	if (s->manual)
		manual_prose(f, s->manual);
	manual_section(f, "See also");
	fputs(".BR calque (1)\n", f);
}

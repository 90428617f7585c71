// SPDX-License-Identifier: Apache-2.0
/* The forms in which `calque conform` tells its results. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "src/conform.h"
#include "src/json.h"

static const char *const verdicts[] = { "pass", "fail", "timeout", "error" };

/* "check 5 failed (test_5 at 0x80000190), pc 0x8000019c <test_5+0xc>" */
static void print_reason(const struct conform_result *r, FILE *f)
{
	fprintf(f, "%s", r->text);
	if (r->where[0])
		fprintf(f, " (%s)", r->where);
	if (r->verdict != CONFORM_ERROR) {
		fprintf(f, ", pc 0x%" PRIx64, r->pc);
		if (r->symbol[0])
			fprintf(f, " <%s>", r->symbol);
	}
}

/* Each line of text with a prefix; control characters other than the line's end become dots. */
static void print_lines(const char *text, const char *prefix, FILE *f)
{
	bool fresh = true;
	for (; text && *text; text++) {
		if (fresh)
			fputs(prefix, f);
		fresh = *text == '\n';
		fputc(fresh || *text == '\t' || ((unsigned char)*text >= 32 && *text != 127) ? *text : '.', f);
	}
	if (!fresh)
		fputc('\n', f);
}

/* ---- human ---- */

static void human_test(const struct conform_options *o, const struct conform_result *r, unsigned index, FILE *f)
{
	static const char *const colours[] = { "\033[32m", "\033[31m", "\033[31m", "\033[35m" };
	bool colour = isatty(fileno(f)) && !getenv("NO_COLOR");
	fprintf(f, "%s%-7s%s %s", colour ? colours[r->verdict] : "",
		r->verdict == CONFORM_PASS              ? "pass"
			: r->verdict == CONFORM_FAIL    ? "FAIL"
			: r->verdict == CONFORM_TIMEOUT ? "TIMEOUT"
							: "ERROR",
		colour ? "\033[0m" : "", r->path);
	if (r->verdict == CONFORM_PASS) {
		fprintf(f, " (%" PRIu64 " instructions)\n", r->insns);
	} else {
		fputs(": ", f);
		print_reason(r, f);
		fputc('\n', f);
		print_lines(r->last, "        ", f);
	}
	if (r->verdict != CONFORM_PASS || o->all_output)
		print_lines(r->console, "        | ", f);
}

static void human_end(const struct conform_options *o, const struct conform_result *r, unsigned n,
	const struct conform_totals *t, FILE *f)
{
	fprintf(f, "%u test%s: %u passed, %u failed", n, n == 1 ? "" : "s", t->pass, n - t->pass);
	if (t->timeout || t->error)
		fprintf(f, " (%u timed out, %u could not run)", t->timeout, t->error);
	fprintf(f, ", %" PRIu64 " instructions, %.2f s\n", t->insns, (double)t->host_ns / 1e9);
}

/* ---- TAP 13 ---- */

static void tap_begin(const struct conform_options *o, unsigned n, FILE *f)
{
	fprintf(f, "TAP version 13\n1..%u\n", n);
}

static void tap_test(const struct conform_options *o, const struct conform_result *r, unsigned index, FILE *f)
{
	fprintf(f, "%sok %u - ", r->verdict == CONFORM_PASS ? "" : "not ", index + 1);
	for (const char *s = r->path; *s; s++)	/* '#' begins a directive */
		fprintf(f, "%s%c", *s == '#' ? "\\" : "", *s < ' ' && *s >= 0 ? '?' : *s);
	fputc('\n', f);
	if (r->verdict == CONFORM_PASS)
		return;
	fprintf(f, "  ---\n  verdict: %s\n  message: |\n    ", verdicts[r->verdict]);
	print_reason(r, f);
	fputc('\n', f);
	if (r->last) {
		fprintf(f, "  last_instructions: |\n");
		print_lines(r->last, "    ", f);
	}
	if (r->console) {
		fprintf(f, "  console: |\n");
		print_lines(r->console, "    ", f);
	}
	fprintf(f, "  ...\n");
}

/* ---- JUnit ---- */

static void xml_text(const char *text, FILE *f)
{
	for (; text && *text; text++)
		switch (*text) {
		case '<':
			fputs("&lt;", f);
			break;
		case '>':
			fputs("&gt;", f);
			break;
		case '&':
			fputs("&amp;", f);
			break;
		case '"':
			fputs("&quot;", f);
			break;
		default:	/* XML 1.0 has no control characters; other bytes need not be UTF-8 */
			fputc(*text == '\n' || *text == '\t' || (*text >= 32 && *text < 127) ? *text : '?', f);
		}
}

static void junit_end(const struct conform_options *o, const struct conform_result *r, unsigned n,
	const struct conform_totals *t, FILE *f)
{
	fprintf(f,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n<testsuite name=\"calque conform %s %s\" "
	        "tests=\"%u\" failures=\"%u\" "
		"errors=\"%u\" time=\"%.3f\">\n",
		o->config.arch, o->config.engine, n, t->fail + t->timeout, t->error, (double)t->host_ns / 1e9);
	for (unsigned i = 0; i < n; i++) {
		fprintf(f, "<testcase classname=\"%s\" name=\"", o->config.arch);
		xml_text(r[i].path, f);
		fprintf(f, "\" time=\"%.3f\"%s", (double)r[i].host_ns / 1e9,
			r[i].verdict == CONFORM_PASS ? "/>\n" : ">\n");
		if (r[i].verdict == CONFORM_PASS)
			continue;
		const char *kind = r[i].verdict == CONFORM_ERROR ? "error" : "failure";
		char *reason = NULL;
		size_t size;
		FILE *text = open_memstream(&reason, &size);
		if (text) {
			print_reason(&r[i], text);
			fclose(text);
		}
		fprintf(f, "<%s type=\"%s\" message=\"", kind, verdicts[r[i].verdict]);
		xml_text(reason, f);
		fprintf(f, "\">");
		xml_text(r[i].last, f);
		fprintf(f, "</%s>\n", kind);
		if (r[i].console) {
			fprintf(f, "<system-out>");
			xml_text(r[i].console, f);
			fprintf(f, "</system-out>\n");
		}
		fprintf(f, "</testcase>\n");
		free(reason);
	}
	fprintf(f, "</testsuite>\n</testsuites>\n");
}

/* ---- JSON ---- */

static void json_test(struct json *j, const struct conform_result *r)
{
	json_open(j, NULL, '{');
	json_string(j, "name", r->path);
	json_string(j, "verdict", verdicts[r->verdict]);
	json_number(j, "instructions", r->insns);
	json_seconds(j, "seconds", r->host_ns);
	if (r->verdict != CONFORM_PASS) {
		json_string(j, "message", r->text);
		if (r->number)
			json_number(j, "check", r->number);
		if (r->verdict != CONFORM_ERROR)
			json_hex(j, "pc", r->pc);
		if (r->symbol[0])
			json_string(j, "symbol", r->symbol);
		if (r->where[0])
			json_string(j, "where", r->where);
		if (r->last)
			json_string(j, "last_instructions", r->last);
	}
	if (r->console)
		json_string(j, "console", r->console);
	json_close(j, '}');
}

static void json_end(const struct conform_options *o, const struct conform_result *r, unsigned n,
	const struct conform_totals *t, FILE *f)
{
	struct json j = { .f = f };
	json_open(&j, NULL, '{');
	json_string(&j, "arch", o->config.arch);
	json_string(&j, "engine", o->config.engine);
	json_string(&j, "cpu", o->config.cpu);
	json_number(&j, "passed", t->pass);
	json_number(&j, "failed", t->fail);
	json_number(&j, "timeouts", t->timeout);
	json_number(&j, "errors", t->error);
	json_seconds(&j, "seconds", t->host_ns);
	json_open(&j, "tests", '[');
	for (unsigned i = 0; i < n; i++)
		json_test(&j, &r[i]);
	json_close(&j, ']');
	json_close(&j, '}');
}

const struct conform_format conform_formats[] = {
	{ "human", NULL, human_test, human_end },
	{ "tap", tap_begin, tap_test, NULL },
	{ "junit", NULL, NULL, junit_end },
	{ "json", NULL, NULL, json_end },
};
const unsigned n_conform_formats = ARRAY_SIZE(conform_formats);

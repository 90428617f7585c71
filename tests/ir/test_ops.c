// SPDX-License-Identifier: Apache-2.0
/*
 * Every micro-op on edge values, as text. Vectors (int_vectors.py, fp_vectors.py) hold single ops with the results that Python's
 * unbounded arithmetic gives; cases.txt, written by hand, what needs memory, state or several ops. Arguments: the three files.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include "runtime/fp.h"
#include "tests/check_main.h"
#include "tests/ir/mini_exec.h"

static const char *file_name[3];
static struct mini mini;
static struct ir_block block;
static bool seen[UOP_COUNT];

/* ---- helpers that cases call ---- */

static bool helper_add(struct vcpu *cpu, uint64_t a, uint64_t b, int32_t imm, uint64_t *result)
{
	*result = a + b + (uint64_t)(int64_t)imm;
	return true;
}

static bool helper_fail(struct vcpu *cpu, uint64_t a, uint64_t b, int32_t imm, uint64_t *result)
{
	*result = 99;
	cpu->exception = (struct exception){ (uint64_t)imm, 0, true };
	return false;
}

static const struct helper helpers[] = { { "add", helper_add, 0 }, { "fail", helper_fail, HELPER_MAY_FAULT } };

/* ---- common ---- */

static FILE *open_file(unsigned i)
{
	FILE *f = fopen(file_name[i], "r");

	ck_assert_msg(f != NULL, "%s: %s", file_name[i], strerror(errno));
	return f;
}

static uint32_t host_flags(unsigned riscv)
{
	return (riscv & 16 ? FP_NV : 0) | (riscv & 8 ? FP_DZ : 0) | (riscv & 4 ? FP_OF : 0) | (riscv & 2 ? FP_UF : 0) | (riscv & 1 ? FP_NX : 0);
}

static void parse(const char *text)
{
	struct error err;

	if (!ir_parse(&block, text, NULL, helpers, ARRAY_SIZE(helpers), &err))
		ck_abort_msg("%s in:\n%s", err.text, text);
	for (unsigned i = 0; i < block.n_uops; i++)
		seen[block.uop[i].op] = true;
}

/* ---- vectors: TEXT ; r1 r2 r3 ; result ; rm flags ---- */

static unsigned run_vectors(unsigned file, unsigned *bad)
{
	FILE *f = open_file(file);
	char line[300];
	unsigned n = 0;

	mini.helpers = helpers;
	for (; fgets(line, sizeof(line), f); n++) {
		uint64_t a, b, c, expected;
		unsigned rm, flags;
		char *rest = strstr(line, " ; ");
		ck_assert_msg(rest != NULL, "no fields: %s", line);
		*rest = 0;
		ck_assert_msg(sscanf(rest + 3, "%" SCNx64 " %" SCNx64 " %" SCNx64 " ; %" SCNx64 " ; %u %u", &a, &b, &c, &expected, &rm, &flags) == 6,
			      "fields of: %s", line);
		parse(line);
		bool branch = op_info[block.uop[0].op].effects & EFFECT_END;
		if (!branch)
			uop_jmp(&block, 0);
		mini_reset(&mini);
		mini.cpu.reg[1] = a;
		mini.cpu.reg[2] = b;
		mini.cpu.reg[3] = c;
		mini.cpu.fp_control = fp_control_for(rm);
		mini_run(&mini, &block);
		uint64_t got = branch ? mini.pc : mini.cpu.reg[10];
		if (mini.end != MINI_TARGET || got != expected || mini.cpu.fp_flags != host_flags(flags)) {
			if ((*bad)++ < 20)
				fprintf(stderr, "%s with %#" PRIx64 " %#" PRIx64 " %#" PRIx64 " rm %u: %#" PRIx64 " flags %#x, expected %#"
					PRIx64 " flags %#x\n", line, a, b, c, rm, got, mini.cpu.fp_flags, expected, host_flags(flags));
		}
	}
	fclose(f);
	return n;
}

START_TEST(integer_vectors)
{
	unsigned bad = 0, n = run_vectors(0, &bad);

	ck_assert_uint_gt(n, 50000);
	ck_assert_msg(!bad, "%u of %u", bad, n);
}
END_TEST

START_TEST(fp_vectors)
{
	unsigned bad = 0, n = run_vectors(1, &bad);

	ck_assert_uint_gt(n, 50000);
	ck_assert_msg(!bad, "%u of %u", bad, n);
}
END_TEST

/* ---- cases ---- */

struct test_case {
	char name[120];
	char text[4000];	/* its micro-ops */
	char expect[4000];	/* its expectations, run after the block */
	bool filled;
};

static unsigned long long number(const char **at)
{
	char *end;
	bool negative = *(*at += strspn(*at, " \t")) == '-';
	unsigned long long v = strtoull(*at + negative, &end, 0);

	ck_assert_msg(end != *at, "number: %s", *at);
	*at = end;
	return negative ? -v : v;
}

static unsigned slot(const char **at)
{
	*at += strspn(*at, " \t");
	ck_assert_msg(**at == 'r', "slot: %s", *at);
	(*at)++;
	return (unsigned)number(at) & 255;
}

static bool skip(const char **at, const char *word)
{
	size_t n = strlen(word);

	*at += strspn(*at, " \t");
	if (strncmp(*at, word, n) || !strchr(" \t\n", (*at)[n]))
		return false;
	*at += n;
	return true;
}

/* The bytes of a mem line: sets them, or compares. */
static void memory_bytes(const char *at, bool compare)
{
	uint64_t va = number(&at);

	for (int n, byte; sscanf(at, " %2x%n", (unsigned *)&byte, &n) == 1; at += n, va++) {
		ck_assert_uint_lt(va - MINI_BASE, MINI_SIZE);
		uint8_t *p = &mini.memory[va - MINI_BASE];
		if (compare)
			ck_assert_msg(*p == byte, "memory at %#" PRIx64 ": %#x, expected %#x", va, *p, byte);
		else
			*p = (uint8_t)byte;
	}
}

static void set_up(const char *line)
{
	if (skip(&line, "set")) {
		unsigned s = slot(&line);
		mini.cpu.reg[s] = number(&line);
	} else if (skip(&line, "mem")) {
		memory_bytes(line, false);
	} else if (skip(&line, "control")) {
		mini.cpu.fp_control = fp_control_for((unsigned)number(&line));
	}
}

static void check_one(const char *at)
{
	static const struct { const char *word; enum mini_end end; } ends[] = {
		{ "target", MINI_TARGET }, { "indirect", MINI_INDIRECT }, { "leave", MINI_LEAVE },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(ends); i++) {
		if (!skip(&at, ends[i].word))
			continue;
		ck_assert_int_eq(mini.end, ends[i].end);
		ck_assert_uint_eq(mini.pc, number(&at));
		return;
	}
	if (skip(&at, "fault")) {
		ck_assert_int_eq(mini.end, MINI_FAULT);
		ck_assert(mini.cpu.exception.pending);
		ck_assert_uint_eq(mini.cpu.exception.cause, number(&at));
		ck_assert_uint_eq(mini.cpu.exception.value, number(&at));
	} else if (skip(&at, "offset")) {
		ck_assert_uint_eq(mini.pc, number(&at));
	} else if (skip(&at, "mem")) {
		memory_bytes(at, true);
	} else if (skip(&at, "reserved")) {
		ck_assert_uint_eq(mini.cpu.reservation.size, number(&at));
	} else if (skip(&at, "flags")) {
		ck_assert_uint_eq(mini.cpu.fp_flags, host_flags((unsigned)number(&at)));
	} else {
		unsigned s = slot(&at);
		uint64_t expected = number(&at);
		ck_assert_msg(mini.cpu.reg[s] == expected, "r%u = %#" PRIx64 ", expected %#" PRIx64, s, mini.cpu.reg[s], expected);
	}
}

static void finish(struct test_case *t)
{
	struct error err;

	if (!t->filled)
		return;
	ck_assert_msg(*t->text && *t->expect, "case %s tests nothing", t->name);
	parse(t->text);
	/* a test may write x0's slot or break other rules on purpose, but these do not */
	if (!ir_verify(&block, helpers, ARRAY_SIZE(helpers), &err) && !strstr(err.text, "before the instruction's last"))
		ck_abort_msg("%s: %s", t->name, err.text);
	mini_run(&mini, &block);
	ck_assert_msg(mini.end == MINI_FAULT || strstr(t->expect, "fault") == NULL, "%s: no fault", t->name);
	ck_assert_msg(mini.end != MINI_FAULT || strstr(t->expect, "fault") != NULL, "%s: fault", t->name);
	for (char *at = t->expect, *end; (end = strchr(at, '\n')); at = end + 1)
		check_one(at);
	memset(t, 0, sizeof(*t));
}

static void run_cases(FILE *f)
{
	static struct test_case t;
	char line[400];
	unsigned n = 0;

	while (fgets(line, sizeof(line), f)) {
		const char *at = line;
		if (line[0] == '#' || line[0] == '\n')
			continue;
		if (skip(&at, "case")) {
			finish(&t);
			mini_reset(&mini);
			t.filled = true;
			snprintf(t.name, sizeof(t.name), "%.*s", (int)strcspn(at + 1, "\n"), at + 1);
			n++;
		} else if (skip(&at, "expect")) {
			strncat(t.expect, at, sizeof(t.expect) - strlen(t.expect) - 1);
		} else if (line[0] == '\t' || !strncmp(line, "insn", 4)) {
			strncat(t.text, line, sizeof(t.text) - strlen(t.text) - 1);
		} else {
			set_up(line);
		}
	}
	finish(&t);
	ck_assert_uint_gt(n, 30);
}

START_TEST(cases)
{
	FILE *f = open_file(2);

	mini.helpers = helpers;
	for (unsigned round = 0; round < 20; round++) {	/* stencils have other places each time */
		rewind(f);
		run_cases(f);
	}
	fclose(f);
}
END_TEST

/* Runs last, in the same process: no op of the table may have gone without a test. */
START_TEST(all_ops_covered)
{
	for (unsigned i = 0; i < UOP_COUNT; i++)
		ck_assert_msg(seen[i], "no test runs %s", op_info[i].name);
}
END_TEST

int main(int argc, char **argv)
{
	if (argc != 4) {
		fprintf(stderr, "usage: test_ops INT_VECTORS FP_VECTORS CASES\n");
		return 2;
	}
	for (unsigned i = 0; i < 3; i++)
		file_name[i] = argv[i + 1];
	setenv("CK_FORK", "no", 1);
	Suite *s = suite_create("micro-ops");
	TCase *c = tcase_create("ops");
	tcase_set_timeout(c, 0);
	tcase_add_test(c, integer_vectors);
	tcase_add_test(c, fp_vectors);
	tcase_add_test(c, cases);
	tcase_add_test(c, all_ops_covered);
	suite_add_tcase(s, c);
	char name[40];
	snprintf(name, sizeof(name), "ir/ops-%s", mini_name);
	return run_suites(name, 1, (Suite *[]){ s });
}

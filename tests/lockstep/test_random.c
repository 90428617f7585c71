// SPDX-License-Identifier: Apache-2.0
/*
 * Random programs under lockstep: the interpreter against stencils, and against regions with either way to memory. The first program is the one with
 * every instruction, of which machine code must be made. CALQUE_CASES sets the number of programs each (default 12; against stencils twenty times as
 * many), CALQUE_SEED the first one's seed.
 */
#include <inttypes.h>
#include "ir/op_info.h"
#include "tests/check_main.h"
#include "tests/lockstep/lockstep_run.h"

static const struct side {
	const char *name;
	enum lockstep_side against;
	enum memory_mode memory;
	unsigned times;
} sides[] = {
	{ "stencil", AGAINST_STENCIL, MEMORY_TLB, 20 },
	{ "llvm, tlb", AGAINST_LLVM, MEMORY_TLB, 1 },
	{ "llvm, windows", AGAINST_LLVM, MEMORY_WINDOWS, 1 },
};

static unsigned missing(const struct side *side, const struct insn_pattern *pattern, unsigned n, const bool *covered)
{
	unsigned found = 0;
	for (unsigned i = 0; i < n; i++)
		if (!covered[i] && program_each_has(&pattern[i]) && ++found)
			fprintf(stderr, "%s: no code of instruction %s\n", side->name, pattern[i].name);
	return found;
}

/* Every micro-op, and every instruction. */
static void check_coverage(const struct side *side, const struct coverage *c)
{
	unsigned found = missing(side, riscv_patterns32, riscv_n_patterns32, c->insn32) + missing(side, riscv_patterns16, riscv_n_patterns16, c->insn16);
	for (unsigned i = 0; i < UOP_COUNT; i++)
		if (!c->op[i] && ++found)
			fprintf(stderr, "%s: no code of micro-op %s\n", side->name, op_info[i].name);
	ck_assert_msg(!found, "%s: %u are not compared", side->name, found);
}

START_TEST(interpreter_agrees)
{
	const char *cases = getenv("CALQUE_CASES"), *first = getenv("CALQUE_SEED");
	const struct side *side = &sides[_i];
	uint64_t n = (cases ? strtoull(cases, NULL, 0) : 12) * side->times, seed = first ? strtoull(first, NULL, 0) : PROGRAM_EACH, insns = 0;
	struct program p = { .image = malloc(PROGRAM_SIZE) };
	struct error err;

	ck_assert(p.image != NULL);
	for (uint64_t k = seed; k < seed + n; k++) {
		struct rng rng = { k };
		struct coverage coverage = { .tier = side->against == AGAINST_LLVM ? TIER_REGION : TIER_STENCIL, .text = p.image, .base = PROGRAM_BASE };
		/* interrupts, and where the two are compared, fall at every point of blocks and regions */
		struct lockstep_run r = { .against = side->against, .memory = side->memory, .stretch = 1 + rng_below(&rng, 2000),
					  .sweep = 50000, .limit = 150000, .random = rng_next(&rng), .log = stderr };
		if (k == PROGRAM_EACH) {
			r.limit = 1 << 24;
			r.coverage = &coverage;
		}
		program_generate(&p, k);
		ck_assert_msg(lockstep_run(&r, &p, &err), "%s", err.text);
		if (r.exit.cause != EXIT_NONE && r.exit.cause != EXIT_POWEROFF)
			ck_abort_msg("%s, CALQUE_SEED=%" PRIu64 " CALQUE_CASES=1: %s", side->name, k, r.exit.text);
		if (r.coverage) {
			ck_assert_msg(r.exit.cause == EXIT_POWEROFF, "%s: the program of every instruction does not end", side->name);
			check_coverage(side, &coverage);
		}
		coverage_finish(&coverage);
		insns += r.insns;
	}
	ck_assert_msg(insns > n * 1000, "programs are too short");
	printf("%s: %" PRIu64 " programs, %" PRIu64 " instructions\n", side->name, n, insns);
	free(p.image);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("lockstep");
	TCase *t = tcase_create("random");
	tcase_set_timeout(t, 0);
	tcase_add_loop_test(t, interpreter_agrees, 0, ARRAY_SIZE(sides));
	suite_add_tcase(s, t);
	return run_suites("lockstep random programs", 1, (Suite *[]){ s });
}

// SPDX-License-Identifier: Apache-2.0
/*
 * Every user-level instruction on random operands and states, floating-point flags and rounding modes included, against
 * QEMU 10's user mode. CALQUE_CASES sets the number of cases (default about 400,000), CALQUE_SEED where they start,
 * CALQUE_ENGINE what executes them.
 */
#include <pthread.h>
#include "tests/check_main.h"
#include "tests/riscv/user/diff.h"

/* What a group of cases picks from: lines of the 32-bit table that need just these extensions, or the 16-bit table. */
static struct group {
	const char *name;
	uint64_t ext;
	unsigned weight;
	unsigned length;	/* instructions a case; 0: one */
} groups[] = {
	{ "i", 0, 5 },
	{ "c", 1ull << EXT_C, 5 },
	{ "m", 1ull << EXT_M, 3 },
	{ "a", 1ull << EXT_A, 4 },
	{ "zb", 1ull << EXT_ZBA | 1ull << EXT_ZBB | 1ull << EXT_ZBC | 1ull << EXT_ZBS | 1ull << EXT_ZICOND, 6 },
	{ "zicsr", 1ull << EXT_ZICSR | 1ull << EXT_ZIFENCEI | 1ull << EXT_ZICBOZ, 2 },
	{ "f", 1ull << EXT_F, 11 },
	{ "d", 1ull << EXT_D, 11 },
	{ "zfhmin", 1ull << EXT_ZFHMIN, 3 },
	{ "mix", ~0ull, 6, 4 },
};
enum { WEIGHTS = 56 };

static const struct group *current;
static unsigned runs[INSN_COUNT];	/* how often each instruction was run in this group */

/*
 * Where QEMU is known to be wrong; the case is not compared. None is known of version 10 for these instructions.
 */
static bool oracle_errs(const struct insn *i)
{
	return false;
}

static bool in_group(const struct insn_pattern *p)
{
	return current->ext == ~0ull || (current->ext ? p->ext & current->ext : !p->ext);
}

static uint32_t pick(struct rng *r)
{
	const struct insn_pattern *p;
	uint32_t bits = (uint32_t)rng_next(r);

	if (current->ext == 1ull << EXT_C || (current->ext == ~0ull && !rng_below(r, 4))) {
		p = &riscv_patterns16[rng_below(r, riscv_n_patterns16)];
		return (p->value | (bits & ~p->mask)) & 0xffff;
	}
	do
		p = &riscv_patterns32[rng_below(r, riscv_n_patterns32)];
	while (!in_group(p));
	/* fflags, frm and fcsr out of 4096 */
	if (current->ext != ~0ull && current->ext & 1ull << EXT_ZICSR && rng_below(r, 2))
		bits = (bits & 0xfffff) | (1 + rng_below(r, 3)) << 20;
	return p->value | (bits & ~p->mask);
}

static void report(const struct diff_program *p, unsigned n, const struct diff_state *ours, const struct diff_state *theirs,
		   char *text, size_t size)
{
	const struct diff_case *c = (struct diff_case *)diff_at(p, DIFF_TABLE) + n;
	const struct diff_state *s = diff_at(p, c->state);
	struct insn i = riscv_decode(p->insn[n], ~(uint64_t)0);
	struct cpu_config all = { .ext = ~(uint64_t)0 };
	const uint64_t *a = (const uint64_t *)ours, *b = (const uint64_t *)theirs;
	char line[100];
	size_t len;

	len = (size_t)snprintf(text, size, "case %u, fcsr %02llx\n", n, (unsigned long long)c->fcsr);
	for (uint64_t at = c->slot; at < c->slot + SLOT_SIZE && memcmp(diff_at(p, at), "\0", 2);) {
		at += riscv_disassemble(&all, at, diff_at(p, at), 4, line, sizeof(line));
		len += (size_t)snprintf(text + len, size - len, "  %s\n", line);
	}
	len += (size_t)snprintf(text + len, size - len, "  x%u %016llx x%u %016llx  f%u %016llx f%u %016llx f%u %016llx\n",
		i.rs1, (unsigned long long)s->x[i.rs1], i.rs2, (unsigned long long)s->x[i.rs2],
		i.rs1, (unsigned long long)s->f[i.rs1], i.rs2, (unsigned long long)s->f[i.rs2], i.rs3, (unsigned long long)s->f[i.rs3]);
	for (unsigned k = 0; k < sizeof(*s) / 8 && len < size; k++)
		if (a[k] != b[k])
			len += (size_t)snprintf(text + len, size - len, "  %s%u: %016llx, QEMU has %016llx\n",
				!k ? "fcsr " : k < 32 ? "x" : k < 64 ? "f" : "memory ", k % 32,
				(unsigned long long)a[k], (unsigned long long)b[k]);
}

static void run_program(uint64_t seed)
{
	struct diff_state *ours = calloc(DIFF_CASES, sizeof(*ours)), *theirs = calloc(DIFF_CASES, sizeof(*theirs));
	struct diff_program *p = malloc(sizeof(*p));
	char text[4000], first[4000] = "";
	unsigned wrong = 0;

	ck_assert(ours && theirs && p);
	diff_generate(p, seed, pick, current->length ? current->length : 1);
	ck_assert(p->image != NULL);
	if (!diff_run_calque(p, ours, text, sizeof(text)))
		ck_abort_msg("seed %llu: %s", (unsigned long long)seed, text);
	if (!diff_run_qemu(p, theirs, text, sizeof(text)))
		ck_abort_msg("seed %llu: %s", (unsigned long long)seed, text);
	for (unsigned n = 0; n < DIFF_CASES; n++) {
		struct insn i = riscv_decode(p->insn[n], ~(uint64_t)0);

		runs[i.kind]++;
		if (!memcmp(&ours[n], &theirs[n], sizeof(*ours)) || oracle_errs(&i))
			continue;
		if (wrong++ < 3) {
			report(p, n, &ours[n], &theirs[n], text, sizeof(text));
			strncat(first, text, sizeof(first) - strlen(first) - 1);
		}
	}
	if (wrong)
		ck_abort_msg("seed %llu: %u of %u cases differ\n%s", (unsigned long long)seed, wrong, DIFF_CASES, first);
	free(p->image);
	free(p);
	free(ours);
	free(theirs);
}

/* Every line of the group's table must have been run, or be one that programs here cannot run. */
static void check_coverage(void)
{
	static const enum insn_kind elsewhere[] = {	/* tests/riscv/priv has them */
		INSN_ECALL, INSN_EBREAK, INSN_SRET, INSN_MRET, INSN_WFI, INSN_SFENCE_VMA,
	};

	for (unsigned n = 0; n < riscv_n_patterns32; n++) {
		const struct insn_pattern *p = &riscv_patterns32[n];
		unsigned kind = riscv_decode(p->value, ~(uint64_t)0).kind;
		bool other = false;

		for (unsigned i = 0; i < ARRAY_SIZE(elsewhere); i++)
			other |= kind == elsewhere[i];
		if (in_group(p) && !current->length && current->ext != 1ull << EXT_C && !other && runs[kind] < 30)
			ck_abort_msg("%s: %u cases of %s are too few", current->name, runs[kind], p->name);
	}
}

START_TEST(against_qemu)
{
	const char *cases = getenv("CALQUE_CASES"), *seed = getenv("CALQUE_SEED");
	unsigned long programs = (cases ? strtoul(cases, NULL, 0) : 400000) / DIFF_CASES + 1, n;
	uint64_t base = seed ? strtoull(seed, NULL, 0) : 1;

	current = &groups[_i];
	n = (programs * current->weight + WEIGHTS - 1) / WEIGHTS;
	for (unsigned long k = 0; k < n; k++)
		run_program(base + ((uint64_t)_i << 32) + k);
	check_coverage();
	printf("%s: %lu cases\n", current->name, n * DIFF_CASES);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("diff");
	TCase *t = tcase_create("diff");

	tcase_set_timeout(t, 0);
	tcase_add_loop_test(t, against_qemu, 0, ARRAY_SIZE(groups));
	suite_add_tcase(s, t);
	return run_suites("riscv user instructions", 1, (Suite *[]){ s });
}

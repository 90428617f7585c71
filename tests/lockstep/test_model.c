// SPDX-License-Identifier: Apache-2.0
/*
 * Random programs against QEMU 10: the interpreter, stencils, and regions with either way to memory. The first program is the one with every instruction.
 * CALQUE_CASES sets the number of programs for regions (default 16; the others have ten times as many), CALQUE_SEED the first one's seed.
 */
#include <inttypes.h>
#include <string.h>
#include "backend/engine.h"
#include "backend/tiers.h"
#include "tests/check_main.h"
#include "tests/lockstep/model.h"
#include "tests/lockstep/program.h"

enum { TIMES = 10, PART = 400 /* programs in an image */, SHOWN = 8 /* words of memory */ };

static const struct side {
	const char *name, *engine;
	enum memory_mode memory;
	bool regions;
} sides[] = {
	{ "interpreter", "interp", MEMORY_TLB, false },
	{ "stencils", "stencil", MEMORY_TLB, false },
	{ "regions, tlb", NULL, MEMORY_TLB, true },
	{ "regions, windows", NULL, MEMORY_WINDOWS, true },
};

static struct totals {
	uint64_t programs, insns, traps, regions;
} totals[ARRAY_SIZE(sides)];

static void run_side(const struct model_image *image, const struct side *side, struct model_output *out)
{
	struct error err;
	const struct exec_ops *engine = side->engine ? engine_find(side->engine) : &hot_engine;
	ck_assert(engine != NULL);
	ck_assert_msg(model_run_calque(image, engine, side->memory, out, &err), "%s: %s", side->name, err.text);
}

static void run_qemu(const struct model_image *image, struct model_output *out)
{
	struct error err;
	ck_assert_msg(model_run_qemu(image, out, &err), "%s", err.text);
}

static void name_of(unsigned word, char *name, size_t size)
{
	static const char *const head[] = { "cause", "epc", "tval", "mstatus", "fcsr" };
	if (word <= RECORD_X)
		snprintf(name, size, "%s", head[word]);
	else
		snprintf(name, size, "%c%u", word < RECORD_F ? 'x' : 'f', word < RECORD_F ? word - RECORD_X : word - RECORD_F);
}

static void print_record(const struct model_record *ours, const struct model_record *theirs)
{
	for (unsigned i = 0; i < RECORD_WORDS; i++) {
		char name[16];
		name_of(i, name, sizeof name);
		bool same = ours->word[i] == theirs->word[i];
		fprintf(stderr, "  %-8s %#18" PRIx64 "%c", name, ours->word[i], same && i % 3 != 2 ? ' ' : '\n');
		if (!same)
			fprintf(stderr, "  %-8s %#18" PRIx64 " in QEMU <\n", "", theirs->word[i]);
	}
	fprintf(stderr, "\n");
}

static void print_traps(const struct model_record *ours, uint64_t n_ours, const struct model_record *theirs, uint64_t n_theirs)
{
	uint64_t n = n_ours < n_theirs ? n_ours : n_theirs, k = 0;
	while (k < n && !memcmp(&ours[k], &theirs[k], sizeof *ours))
		k++;
	if (k) {
		fprintf(stderr, "trap %" PRIu64 ", the last one that is the same:\n", k - 1);
		print_record(&ours[k - 1], &theirs[k - 1]);
	}
	if (k < n) {
		fprintf(stderr, "trap %" PRIu64 ", the first one that differs:\n", k);
		print_record(&ours[k], &theirs[k]);
	}
}

static void print_memory(const struct model_piece *piece, const uint8_t *ours, const uint8_t *theirs)
{
	unsigned shown = 0;
	for (uint64_t i = 0; i < piece->size && shown < SHOWN; i += 8) {
		uint64_t a, b;
		memcpy(&a, ours + i, 8);
		memcpy(&b, theirs + i, 8);
		if (a != b && shown++ < SHOWN)
			fprintf(stderr, "memory at physical %#" PRIx64 ": %#" PRIx64 ", in QEMU %#" PRIx64 "\n", piece->address + i, a, b);
	}
}

/* The same once more with all that the run leaves: where do the two part? */
static void explain(struct model_image *image, const struct side *side, uint64_t seed, unsigned run)
{
	struct model_output ours, theirs;
	struct model_piece piece[MODEL_PIECES];
	model_image_select(image, run + 1, run);
	model_image_memory(image, run, piece);
	run_qemu(image, &theirs);
	run_side(image, side, &ours);
	size_t at = run * sizeof(struct model_result), wanted = at + sizeof(struct model_result);
	for (unsigned i = 0; i < MODEL_PIECES; i++)
		wanted += piece[i].size;
	model_image_print(image, seed + run / 2, stderr);
	fprintf(stderr, "%s, program %" PRIu64 ", run %u\n", side->name, seed + run / 2, run % 2);
	const struct model_result *a = (const void *)(ours.bytes + at), *b = (const void *)(theirs.bytes + at);
	if (ours.size < wanted || ours.size != wanted + a->bytes || theirs.size < wanted || theirs.size != wanted + b->bytes) {
		fprintf(stderr, "a second time it does not come to this point\n");
	} else {
		print_traps((const void *)(a + 1), a->bytes / RECORD_SIZE, (const void *)(b + 1), b->bytes / RECORD_SIZE);
		const uint8_t *x = (const uint8_t *)(a + 1) + a->bytes, *y = (const uint8_t *)(b + 1) + b->bytes;
		for (unsigned i = 0; i < MODEL_PIECES; x += piece[i].size, y += piece[i].size, i++)
			print_memory(&piece[i], x, y);
	}
	free(ours.bytes);
	free(theirs.bytes);
}

static void compare(struct model_image *image, unsigned n, const struct side *side, uint64_t seed, const struct model_output *theirs)
{
	struct model_output ours;
	model_image_select(image, 2 * n, -1u);
	run_side(image, side, &ours);
	const struct model_result *a = (const void *)ours.bytes, *b = (const void *)theirs->bytes;
	struct totals *t = &totals[side - sides];
	unsigned sent = (unsigned)(ours.size / sizeof *a), k = 0;
	for (; k < sent && !memcmp(&a[k], &b[k], sizeof *a); k++)
		t->traps += a[k].bytes / RECORD_SIZE;
	if (k < sent)
		explain(image, side, seed, k);
	else if (k < 2 * n)
		model_image_print(image, seed + k / 2, stderr);
	if (k < 2 * n)
		ck_abort_msg("%s, CALQUE_SEED=%" PRIu64 " CALQUE_CASES=1: %s", side->name, seed + k / 2,
			     k < sent ? "differs from QEMU" : ours.exit.cause == EXIT_NONE ? "does not end" : ours.exit.text);
	t->programs += n;
	t->insns += ours.insns;
	t->regions += ours.regions;
	free(ours.bytes);
}

START_TEST(model_agrees)
{
	const char *cases = getenv("CALQUE_CASES"), *first = getenv("CALQUE_SEED");
	uint64_t regions = cases ? strtoull(cases, NULL, 0) : 16, n = regions * TIMES, seed = first ? strtoull(first, NULL, 0) : PROGRAM_EACH;
	for (uint64_t done = 0; done < n; done += PART) {
		struct error err;
		struct model_image image;
		struct model_output theirs;
		unsigned part = n - done < PART ? (unsigned)(n - done) : PART;
		ck_assert_msg(model_image_make(&image, getenv("CALQUE_RUNNER"), seed + done, part, &err), "%s", err.text);
		ck_assert_msg(image.programs == part, "%u of %u programs fit", image.programs, part);
		run_qemu(&image, &theirs);
		ck_assert_msg(theirs.size == 2 * part * sizeof(struct model_result), "QEMU sent %zu bytes", theirs.size);
		for (unsigned i = 0; i < ARRAY_SIZE(sides); i++)
			compare(&image, sides[i].regions ? (part + TIMES - 1) / TIMES : part, &sides[i], seed + done, &theirs);
		free(theirs.bytes);
		model_image_free(&image);
		if (n > PART) {
			printf("%" PRIu64 " of %" PRIu64 " programs\n", done + part, n);
			fflush(stdout);
		}
	}
	for (unsigned i = 0; i < ARRAY_SIZE(sides); i++) {
		const struct totals *t = &totals[i];
		printf("%s: %" PRIu64 " programs, twice each, %" PRIu64 " instructions, %" PRIu64 " traps, %" PRIu64 " regions\n",
		       sides[i].name, t->programs, t->insns, t->traps, t->regions);
		ck_assert_msg(t->insns > t->programs * 1000, "%s: programs are too short", sides[i].name);
		ck_assert_msg(!sides[i].regions || t->regions > t->programs, "%s: few regions", sides[i].name);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("model");
	TCase *t = tcase_create("random");
	tcase_set_timeout(t, 0);
	tcase_add_test(t, model_agrees);
	suite_add_tcase(s, t);
	return run_suites("random programs against QEMU", 1, (Suite *[]){ s });
}

// SPDX-License-Identifier: Apache-2.0
/* What lift shows is what runs: the same region, compiled by the tier's compiler and for inspection, is the same code byte for byte. */
#include "tests/check_main.h"
#include <string.h>
#include "backend/llvm/compile.h"
#include "src/lift/internal.h"

static char *path;

/* The listing is that of one function. What the linker fills in is not compared. */
static void check_same(const struct listing *host, const char *code, size_t size, const char *at)
{
	unsigned n = 0;
	for (unsigned i = 0; i < host->n; i++) {
		const struct listing_line *line = &host->line[i];
		ck_assert(!line->insn || (line->at == n && n + line->size <= size));
		ck_assert_msg(strstr(line->text, "  # ") || !memcmp(line->code, code + n, line->size), "%s: what is shown is not what runs: %s", at,
			      line->text);
		n += line->size;
	}
	ck_assert_uint_eq(n, size);
}

static void check_place(const struct lift_source *s, const struct cpu_config *config, const char *at, bool windows)
{
	static struct region r;
	struct lift_options o = { .mode = &s->frontend->modes[0], .config = config, .engine = LIFT_LLVM, .windows = windows, .region = true,
				  .max_insns = 64 };
	struct lift_range range;
	struct inspection seen;
	struct compiled compiled;
	struct error err = { 0 };
	struct code_memory memory;
	ck_assert_msg(s->find(s, at, &range, &err), "%s", err.text);
	struct lift *l = lift_create(s, &range, &o, &err);
	ck_assert_msg(l != NULL, "%s", err.text);
	/* the same region once more, for the tier's compiler */
	struct lift_blocks *x = blocks_create(s, &o, &err);
	ck_assert(x != NULL);
	struct lift_block *b[REGION_MAX_BLOCKS];
	for (unsigned i = 0; i < l->n_blocks; i++) {
		b[i] = blocks_lift(x, l->block[i]->va, 0, BLOCK_MAX_INSNS, &err);
		ck_assert(b[i] && blocks_translate(x, b[i], NULL, NULL, &err));
	}
	ck_assert(blocks_form(x, b[0], false, &r));
	ck_assert_uint_eq(r.n_blocks, l->n_blocks);
	struct inspect *inspect = inspect_begin(s->frontend->pinned_slots, &err);
	inspect_add(inspect, &r, "region0", 1);
	ck_assert_msg(inspect_finish(inspect, NULL, false, &seen, &err), "%s", err.text);
	ck_assert(code_memory_map(&memory, CODE_CACHE_MIN));
	struct linker *linker = linker_create(&memory, &err);
	struct compiler *c = compiler_create(s->frontend->pinned_slots, linker, &err);
	ck_assert(linker && c && linker_promise(linker) && compiler_compile(c, &r, &compiled));
	check_same(&seen.host, compiled.begin, (size_t)(compiled.end - compiled.begin), at);
	compiler_destroy(c);
	linker_destroy(linker);
	code_memory_unmap(&memory);
	inspection_free(&seen);
	inspect_destroy(inspect);
	for (unsigned i = 0; i < l->n_blocks; i++)
		free(b[i]);
	blocks_destroy(x);
	lift_destroy(l);
}

START_TEST(same_code)
{
	static const char *const places[] = { "add_up", "caller", "caller+0x4", "mixed", "_start" };
	struct lift_input in = { .file = path };
	struct error err = { 0 };
	struct lift_source *s = source_open(&in, &err);
	ck_assert_msg(s != NULL, "%s", err.text);
	struct cpu_config *config = s->frontend->config_parse(s->frontend->default_cpu, &err);
	for (unsigned i = 0; i < ARRAY_SIZE(places); i++) {
		check_place(s, config, places[i], false);
		check_place(s, config, places[i], true);
	}
	s->frontend->config_free(config);
	s->close(s);
}
END_TEST

int main(void)
{
	char file[4096];
	snprintf(file, sizeof file, "%s/lift", getenv("GUESTS") ? getenv("GUESTS") : ".");
	path = file;
	Suite *suite = suite_create("lift-code");
	TCase *tc = tcase_create("lift-code");
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, same_code);
	suite_add_tcase(suite, tc);
	return run_suites("lift-code", 1, &suite);
}

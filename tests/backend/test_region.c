// SPDX-License-Identifier: Apache-2.0
/* Regions by themselves: which blocks one has, formed from what has been executed and again from its shape. */
#include "backend/llvm/region.h"
#include "backend/llvm/stored.h"
#include "frontends/frontend.h"
#include "tests/check_main.h"
#include "tests/runtime/fake.h"

#define ARENA (256u << 10)
#define MODE 3

static struct fake f;
static struct codecache *cc;
static const char ops[UOP_COUNT], near, far;
static const void *table[UOP_COUNT];
static const struct code_handlers handlers = { table, &near, &far };
static const struct frontend frontend = { .return_slot = 1 };
static struct region r;

static void setup(void)
{
	struct error err;
	for (unsigned i = 0; i < UOP_COUNT; i++)
		table[i] = &ops[i];
	fake_init(&f, 1);
	cc = codecache_create(&f.m, &handlers, NULL, ARENA, &err);
	ck_assert_ptr_nonnull(cc);
}

static void teardown(void)
{
	codecache_destroy(cc);
	fake_destroy(&f);
}

/* ---- a switch: the head jumps by register to cases, which jump back, but the first one to case JOINED ---- */

#define JOINED 5
#define CASE(n) (16 * ((n) + 1))	/* offset in the page */
#define OUTSIDE 0xc00	/* too far from the switch to be taken for one of its cases */

/* As lifted: without code. */
static struct code_block *lift(unsigned offset, enum uop_op end, int64_t target)
{
	struct phys_page *page = phys_page(&f.m.phys, phys_find(&f.m.phys, GPA(FAKE_RAM)), GPA(FAKE_RAM));
	struct ir_block b = { .n_uops = 1, .n_insns = 1, .bytes = 4, .target = { target } };
	b.uop[0] = (struct uop){ .op = end, .a = end == UOP_jr ? 5 : 0 };
	atomic_store(&page->code, 1);
	return codecache_add(cc, &b, FAKE_RAM + offset, CODE_NO_PAGE, MODE, (struct phys_page *[2]){ page, NULL });
}

static struct code_block *lift_case(unsigned n)
{
	return lift(CASE(n), UOP_jmp, n ? 0 : CASE(JOINED));
}

static struct code_block *execute(struct code_block *b)
{
	ck_assert(codecache_prepare(cc, b));
	return b;
}

/* The case, and a block outside the region with a link to it. */
static void execute_linked_case(unsigned n)
{
	struct code_block *outside = execute(lift(OUTSIDE + CASE(n), UOP_jmp, CASE(n)));
	codecache_link(cc, code_exits(outside->uop), execute(lift_case(n)));
}

static enum uop_op op_of(const void *opaque, const struct uop *bound)
{
	return (enum uop_op)((const char *)bound->handler - ops);
}

static struct code_block *make_case(void *opaque, const struct code_block *head, unsigned offset)
{
	return lift_case(offset / 16 - 1);
}

static bool form(struct code_block *head, const struct region_shape *shape)
{
	const struct region_former former = {
		.cache = cc, .tuning = &tuning_default, .frontend = &frontend, .op_of = op_of, .shape = shape, .make_block = make_case,
	};
	return region_form(&r, &former, head);
}

START_TEST(a_shape_brings_its_landings)
{
	char formed[4096], again[4096];
	struct region_shape shape;
	codecache_lock(cc);
	struct code_block *head = execute(lift(0, UOP_jr, 0)), *first = execute(lift_case(0));
	for (unsigned n = 1; n < 4; n++)
		execute(lift_case(n));
	execute_linked_case(4);
	codecache_link(cc, code_exits(first->uop), execute(lift_case(JOINED)));
	ck_assert(form(head, NULL));
	ck_assert_uint_eq(r.n_blocks, 6);
	for (unsigned i = 0; i < 6; i++)
		ck_assert(r.block[i].landing == (i >= 1 && i <= 4) && r.block[i].offset == (i < 5 ? 16 * i : CASE(JOINED)));
	region_get_shape(&r, &shape);
	size_t size = stored_describe(&r, formed, sizeof formed);
	codecache_unlock(cc);
	codecache_flush(cc);

	/* another run: some cases have not been executed, a link leads to one, none to those that had one, and there is one more */
	codecache_lock(cc);
	head = execute(lift(0, UOP_jr, 0));
	execute_linked_case(2);
	for (unsigned n = 4; n < 7; n++)
		execute(lift_case(n));
	ck_assert(form(head, &shape));
	ck_assert_uint_eq(stored_describe(&r, again, sizeof again), size);
	ck_assert_mem_eq(again, formed, size);
	codecache_unlock(cc);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("region");
	TCase *c = tcase_create("shapes");
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, a_shape_brings_its_landings);
	suite_add_tcase(s, c);
	return run_suites("backend/region", 1, &s);
}

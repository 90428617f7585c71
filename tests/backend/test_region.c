// SPDX-License-Identifier: Apache-2.0
/* Regions by themselves: which blocks one has, formed from what has been executed and again from its shape. */
#include "backend/llvm/region.h"
#include "backend/llvm/stored.h"
#include "frontends/frontend.h"
#include "tests/backend/cache_fixture.h"

#define MODE 3

static const struct frontend frontend = { .return_slot = 1 };
static struct region r;

static enum uop_op op_of(const void *opaque, const struct uop *bound)
{
	return (enum uop_op)((const char *)bound->handler - ops);
}

/* As lifted: without code. */
static struct code_block *lift_branch(unsigned offset, enum uop_op end, int64_t taken, int64_t otherwise)
{
	struct ir_block b = { .n_uops = 1, .n_insns = 1, .bytes = 4, .target = { taken, otherwise } };
	b.uop[0] = (struct uop){ .op = end, .a = end == UOP_jr ? 5 : 0 };
	atomic_store(&page(FAKE_RAM)->code, 1);
	return codecache_add(cc, &b, FAKE_RAM + offset, CODE_NO_PAGE, MODE, (struct phys_page *[2]){ page(FAKE_RAM), NULL });
}

static struct code_block *execute(struct code_block *b)
{
	ck_assert(codecache_prepare(cc, b));
	return b;
}

/* ---- a switch: the head jumps by register to cases, which jump back, but the first one to case JOINED ---- */

#define JOINED 5
#define CASE(n) (16 * ((n) + 1))	/* offset in the page */
#define OUTSIDE 0xc00	/* too far from the switch to be taken for one of its cases */

static struct code_block *lift(unsigned offset, enum uop_op end, int64_t target)
{
	return lift_branch(offset, end, target, 0);
}

static struct code_block *lift_case(unsigned n)
{
	return lift(CASE(n), UOP_jmp, n ? 0 : CASE(JOINED));
}

/* The case, and a block outside the region with a link to it. */
static void execute_linked_case(unsigned n)
{
	struct code_block *outside = execute(lift(OUTSIDE + CASE(n), UOP_jmp, CASE(n)));
	codecache_link(cc, code_exits(outside->uop), execute(lift_case(n)));
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

/* ---- loops: 0 leads into one from OUTER to OUTER_END, which has one from INNER to INNER_END ---- */

enum { OUTER = 16, INNER = 32, INNER_END = 48, OUTER_END = 64, BEHIND = 80 };

/* The head of the loop around a block, as offsets in the page, of a region that is formed from it */
static unsigned head_around(unsigned offset)
{
	struct region_loops loops;
	ck_assert(form(codecache_find(cc, FAKE_RAM + offset, MODE), NULL));
	ck_assert_uint_eq(r.block[0].offset, offset);
	region_find_loops(&r, &loops);
	return r.block[region_innermost_head(&r, &loops, 0)].offset;
}

START_TEST(a_block_is_in_the_innermost_loop)
{
	codecache_lock(cc);
	execute(lift(0, UOP_jmp, OUTER));
	execute(lift(OUTER, UOP_jmp, INNER));
	execute(lift(INNER, UOP_jmp, INNER_END));
	execute(lift_branch(INNER_END, UOP_bne, INNER, OUTER_END));
	execute(lift_branch(OUTER_END, UOP_bne, OUTER, BEHIND));
	execute(lift(BEHIND, UOP_jmp, BEHIND + 16));
	ck_assert_uint_eq(head_around(INNER_END), INNER);
	ck_assert_uint_eq(head_around(INNER), INNER);
	ck_assert_uint_eq(head_around(OUTER_END), OUTER);
	ck_assert_uint_eq(head_around(OUTER), OUTER);
	ck_assert_uint_eq(head_around(BEHIND), BEHIND);
	ck_assert_uint_eq(head_around(0), 0);
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
	c = tcase_create("loops");
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, a_block_is_in_the_innermost_loop);
	suite_add_tcase(s, c);
	return run_suites("backend/region", 1, &s);
}

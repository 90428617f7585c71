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
static struct code_block *lift_uops(unsigned offset, const struct ir_block *b)
{
	struct phys_page *in = page(FAKE_RAM + offset);
	atomic_store(&in->code, 1);
	return codecache_add(cc, b, FAKE_RAM + offset, FAKE_RAM + offset, CODE_NO_PAGE, MODE, (struct phys_page *[2]){ in, NULL });
}

static struct code_block *lift_branch(unsigned offset, enum uop_op end, int64_t taken, int64_t otherwise)
{
	const struct ir_block b = {
		.n_uops = 1, .n_insns = 1, .bytes = 4, .target = { taken, otherwise }, .uop = { { .op = end, .a = end == UOP_jr ? 5 : 0 } },
	};
	return lift_uops(offset, &b);
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

/* What a vCPU has executed in the page behind the head's: a block that is anywhere. */
static struct { int64_t position; struct code_block *block; } known;

static struct code_block *find_far(const void *opaque, int64_t position)
{
	return position == known.position ? known.block : NULL;
}

static bool form(struct code_block *head, const struct region_shape *shape)
{
	const struct region_former former = {
		.far = { find_far, NULL },
		.cache = cc, .tuning = &tuning_default, .frontend = &frontend, .op_of = op_of, .shape = shape, .make_block = shape ? make_case : NULL,
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
		ck_assert(r.block[i].landing == (i >= 1 && i <= 4) && r.block[i].position == (int)(i < 5 ? 16 * i : CASE(JOINED)));
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
	ck_assert_uint_eq(r.block[0].position, offset);
	region_find_loops(&r, &loops);
	return r.block[region_innermost_head(&r, &loops, 0)].position;
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

/* What does not lead back to the head of a loop is left to its own code, and the same region is formed of its shape. */
START_TEST(a_loop_goes_without_what_follows)
{
	struct region_shape shape;
	codecache_lock(cc);
	struct code_block *head = execute(lift(OUTER, UOP_jmp, INNER));
	execute(lift(INNER, UOP_jmp, OUTER_END));
	struct code_block *behind = execute(lift(BEHIND, UOP_jmp, BEHIND + 16));
	execute(lift_branch(OUTER_END, UOP_bne, OUTER, BEHIND));
	execute(lift(BEHIND + 16, UOP_jmp, BEHIND + 32));
	for (unsigned k = 0; k < 2; k++) {
		ck_assert(form(head, k ? &shape : NULL));
		ck_assert(r.n_blocks == 3 && r.n_insns == 3 && r.loops);
		ck_assert(r.block[2].exit[0].way == WAY_INSIDE && r.block[2].exit[1].way == WAY_CODE && r.block[2].exit[1].code == behind->code);
		region_get_shape(&r, &shape);
	}
	/* one that begins before the loop has all of it */
	ck_assert(form(execute(lift(0, UOP_jmp, OUTER)), NULL));
	ck_assert_uint_eq(r.n_blocks, 6);
	codecache_unlock(cc);
}
END_TEST

/* ---- other pages ---- */

enum { PAGE_B = 0x5000, CALLED = PAGE_SIZE + 0x20, REST = PAGE_SIZE + 0x40 };	/* PAGE_B: where the next page's code really is */

/* Two micro-ops that are relative to the block's page, and the end */
static struct code_block *lift_relative(unsigned offset, struct uop third, int64_t target)
{
	const struct ir_block b = {
		.n_uops = 4, .n_insns = 1, .bytes = 4, .target = { target }, .uop = {
			{ .op = UOP_add_i, .d = 7, .a = SLOT_PAGE, .imm = 0x123 }, { .op = UOP_ld_64, .d = 8, .a = SLOT_PAGE, .imm = -8 },
			third, { .op = UOP_jmp },
		},
	};
	return lift_uops(offset, &b);
}

START_TEST(a_region_goes_on_in_another_page)
{
	codecache_lock(cc);
	struct code_block *head = execute(lift(0, UOP_jmp, CALLED));
	known.position = CALLED;
	known.block = execute(lift_relative(PAGE_B + 0x20, (struct uop){ .op = UOP_mov, .d = 9, .a = 10 }, 0x40));
	execute(lift(PAGE_B + 0x40, UOP_jmp, -(int64_t)PAGE_SIZE));	/* to the head */
	ck_assert(form(head, NULL));
	ck_assert_uint_eq(r.n_blocks, 3);
	ck_assert(r.block[0].position == 0 && r.block[1].position == CALLED && r.block[2].position == REST);
	ck_assert_ptr_eq(r.block[1].block, known.block);
	ck_assert(r.loops && r.block[2].exit[0].way == WAY_INSIDE && r.block[2].exit[0].to == 0);
	ck_assert_int_eq(r.block[1].uop[0].imm, PAGE_SIZE + 0x123);
	ck_assert_int_eq(r.block[1].uop[1].imm, PAGE_SIZE - 8);
	codecache_unlock(cc);
}
END_TEST

/* What uses the page's address otherwise, and a page that is not known, stay outside. */
START_TEST(what_cannot_be_moved_stays_outside)
{
	codecache_lock(cc);
	struct code_block *head = execute(lift(0, UOP_jmp, CALLED));
	known.position = CALLED;
	known.block = execute(lift_relative(PAGE_B + 0x20, (struct uop){ .op = UOP_st_64, .a = 9, .b = SLOT_PAGE }, 0x40));
	ck_assert(form(head, NULL));
	ck_assert(r.n_blocks == 1 && r.block[0].exit[0].way == WAY_LOOKUP && r.block[0].exit[0].target == CALLED);
	known.position = REST;
	ck_assert(form(head, NULL));
	ck_assert_uint_eq(r.n_blocks, 1);
	codecache_unlock(cc);
}
END_TEST

/* The same block at two places, since its page stands beside itself, is two blocks of the region. */
START_TEST(a_page_may_stand_beside_itself)
{
	codecache_lock(cc);
	struct code_block *head = execute(lift(0x20, UOP_jmp, CALLED));
	known.position = CALLED;
	known.block = head;
	ck_assert(form(head, NULL));
	ck_assert(r.n_blocks == 2 && r.block[1].block == head && r.block[1].position == CALLED && r.block[1].exit[0].way == WAY_LOOKUP);
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
	tcase_add_test(c, a_loop_goes_without_what_follows);
	suite_add_tcase(s, c);
	c = tcase_create("pages");
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, a_region_goes_on_in_another_page);
	tcase_add_test(c, what_cannot_be_moved_stays_outside);
	tcase_add_test(c, a_page_may_stand_beside_itself);
	suite_add_tcase(s, c);
	return run_suites("backend/region", 1, &s);
}

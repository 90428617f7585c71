// SPDX-License-Identifier: Apache-2.0
/* What is followed of slots through a region: which bases share an entry, which have theirs looked up, and how large slots may be. */
#include "runtime/window.h"
#include "tests/backend/near_fixture.h"

#define WORD ((uint64_t)1 << 32)

enum { INDEX = 1, P, Q, V, SP };

#define OP(name, ...) { .op = UOP_##name, __VA_ARGS__ }
#define BLOCK(...) (const struct uop[]){ __VA_ARGS__ }, sizeof((const struct uop[]){ __VA_ARGS__ }) / sizeof(struct uop)
#define NOTHING NULL, 0

/* What a micro-op of a block makes; what is known behind it; and what it shares an entry with. */
static enum near_made made_by(unsigned block, unsigned number, struct near_state *behind, unsigned *other)
{
	const struct uop *u = r.block[block].uop;
	*behind = n->at[block];
	for (unsigned i = 0; i < number; i++)
		near_step(n, behind, block, &u[i]);
	enum near_made made = near_made(n, behind, block, &u[number], other);
	near_step(n, behind, block, &u[number]);
	return made;
}

static void expect(unsigned block, unsigned number, enum near_made made, uint64_t distance)
{
	struct near_state s;
	unsigned other;
	ck_assert_int_eq(made_by(block, number, &s, &other), made);
	ck_assert_uint_eq(s.distance[r.block[block].uop[number].d], distance);
}

static void expect_shared(unsigned block, unsigned number, unsigned with, uint64_t distance)
{
	struct near_state s;
	unsigned other;
	expect(block, number, NEAR_SHARES, distance);
	made_by(block, number, &s, &other);
	ck_assert_uint_eq(other, with);
}

/* Block 0, and behind it block 1, which is a loop. */
static void find_in(const struct uop *before, unsigned n_before, const struct uop *loop, unsigned n_loop)
{
	add_block(before, n_before, 1, 1);
	add_block(loop, n_loop, 1, 1);
	find();
}

START_TEST(an_index_grows_without_bound)
{
	find_in(BLOCK(OP(li, .d = INDEX)),
		BLOCK(OP(add_i, .d = INDEX, .a = INDEX, .imm = 1), OP(add, .d = P, .a = Q, .b = INDEX), OP(ld_u8, .d = V, .a = P),
		      OP(sh3add, .d = SP, .a = INDEX, .b = Q), OP(ld_u8, .d = V, .a = SP)));
	ck_assert_uint_eq(n->at[1].size[INDEX], FAR);
	ck_assert(!near_looks_up_first(n, Q) && !near_looks_up_first(n, P));
	expect(1, 1, NEAR_UNKNOWN, FAR);
	expect(1, 3, NEAR_UNKNOWN, FAR);
}
END_TEST

START_TEST(an_index_of_a_word_is_bounded)
{
	find_in(BLOCK(OP(li, .d = INDEX)),
		BLOCK(OP(addw_i, .d = INDEX, .a = INDEX, .imm = 1), OP(add, .d = P, .a = INDEX, .b = Q), OP(ld_u8, .d = V, .a = P)));
	ck_assert_uint_eq(n->at[1].size[INDEX], WORD);
	ck_assert(near_looks_up_first(n, Q));
	expect_shared(1, 1, Q, WORD);
}
END_TEST

START_TEST(an_index_that_is_loaded_is_bounded)
{
	find_in(NOTHING, BLOCK(OP(ld_u8, .d = INDEX, .a = SP, .imm = -16), OP(add, .d = P, .a = Q, .b = INDEX), OP(sh3add, .d = V, .a = INDEX, .b = P),
			       OP(ld_u8, .d = V, .a = V)));
	ck_assert(near_looks_up_first(n, Q) && near_looks_up_first(n, SP));
	ck_assert_uint_eq(n->at[1].distance[SP], 16);
	expect_shared(1, 1, Q, 255);
	expect_shared(1, 2, P, 9 * 255);
}
END_TEST

START_TEST(a_base_is_looked_up_outside_of_its_loop)
{
	find_in(BLOCK(OP(ld_64, .d = P, .a = SP)), BLOCK(OP(ld_u8, .d = V, .a = P, .imm = 3), OP(mov, .d = Q, .a = P), OP(ld_u8, .d = V, .a = Q)));
	expect(0, 0, NEAR_LOOKS_UP, 0);
	expect_shared(1, 1, P, 3);
	ck_assert_uint_eq(n->at[1].distance[P], 3);
	ck_assert(!near_looks_up_first(n, SP));
}
END_TEST

START_TEST(a_base_of_each_turn_is_not_looked_up)
{
	find_in(NOTHING, BLOCK(OP(ld_64, .d = P, .a = P, .imm = 8)));
	expect(1, 0, NEAR_UNKNOWN, FAR);
	ck_assert(!near_looks_up_first(n, P));
	ck_assert_uint_eq(n->at[1].distance[P], FAR);
}
END_TEST

START_TEST(a_distance_between_bases_is_not_small)
{
	find_in(NOTHING, BLOCK(OP(ld_u8, .d = V, .a = Q), OP(ld_u8, .d = V, .a = SP), OP(sub, .d = P, .a = Q, .b = SP), OP(ld_u8, .d = V, .a = P)));
	ck_assert(near_looks_up_first(n, Q) && near_looks_up_first(n, SP));
	expect(1, 2, NEAR_UNKNOWN, FAR);
}
END_TEST

/* The guard is left to displacements by half. */
START_TEST(sums_go_as_far_as_the_guard)
{
	find_in(NOTHING, BLOCK(OP(sh3add_uw, .d = P, .a = V, .b = Q), OP(add_i, .d = SP, .a = P, .imm = 1), OP(ld_u8, .d = V, .a = P),
			       OP(ld_u8, .d = V, .a = SP)));
	expect_shared(1, 0, Q, WINDOW_GUARD / 2);
	expect(1, 1, NEAR_UNKNOWN, FAR);
}
END_TEST

/* What micro-ops make of P, which may be anything, and Q, a byte */
static const struct { struct uop uop; uint64_t size; } sizes[] = {
	{ OP(sltu, .a = P, .b = P), 1 }, { OP(ctz, .a = P), 64 }, { OP(sext8, .a = P), 255 }, { OP(zext16, .a = P), 65535 }, { OP(zext32, .a = P), WORD },
	{ OP(remuw, .a = P, .b = P), WORD }, { OP(mov, .a = P), FAR }, { OP(mov, .a = Q), 255 }, { OP(li, .imm = INT32_MIN), WORD / 2 },
	{ OP(add_i, .a = Q, .imm = -5), 260 }, { OP(sub, .a = Q, .b = Q), 510 }, { OP(and_i, .a = P, .imm = 12), 12 }, { OP(and_i, .a = Q, .imm = -4), 256 },
	{ OP(and_i, .a = P, .imm = -4), FAR }, { OP(xor, .a = Q, .b = Q), 256 }, { OP(or_i, .a = Q, .imm = 1000), 1024 }, { OP(shl_i, .a = Q, .imm = 4), 4080 },
	{ OP(shl_i, .a = Q, .imm = 28), FAR }, { OP(shl_uw_i, .a = P, .imm = 3), 8 * WORD }, { OP(shr_i, .a = P, .imm = 40), (1 << 24) - 1 },
	{ OP(shr_i, .a = P), FAR }, { OP(shr_i, .a = Q), 255 }, { OP(sar_i, .a = P, .imm = 40), 1 << 23 }, { OP(sar_i, .a = Q, .imm = 1), 255 },
	{ OP(mul, .a = Q, .b = Q), 255 * 255 }, { OP(mul, .a = Q, .b = P), FAR }, { OP(max, .a = Q, .b = Q), 255 }, { OP(max, .a = Q, .b = P), FAR },
	{ OP(ld_64, .a = Q), FAR },
};

START_TEST(sizes_are_as_small_as_they_may_be)
{
	struct uop u = sizes[_i].uop;
	struct near_state s;
	unsigned other;
	u.d = V;
	find_in(NOTHING, BLOCK(OP(ld_u8, .d = Q, .a = P), u));
	made_by(1, 1, &s, &other);
	ck_assert_uint_eq(s.size[V], sizes[_i].size);
}
END_TEST

START_TEST(an_access_follows_its_base)
{
	find_in(NOTHING, BLOCK(OP(st_64, .a = P, .imm = 40), OP(add_i, .d = P, .a = P, .imm = 8)));
	ck_assert(near_looks_up_first(n, P));
	ck_assert_uint_eq(n->at[1].distance[P], 48);
	expect_shared(1, 1, P, 48);
}
END_TEST

/* What is not accessed in each turn may have gone any distance. */
START_TEST(a_base_runs_away)
{
	add_block(NOTHING, 1, 1);
	add_block(BLOCK(OP(add_i, .d = P, .a = P, .imm = 8)), 1, 2);
	add_block(BLOCK(OP(ld_u8, .d = V, .a = P)), 1, 1);
	find();
	ck_assert(near_looks_up_first(n, P));
	expect(1, 0, NEAR_UNKNOWN, FAR);
	ck_assert_uint_eq(n->at[2].distance[P], FAR);
}
END_TEST

START_TEST(a_helper_forgets_all)
{
	struct near_state s;
	unsigned other;
	find_in(BLOCK(OP(li, .d = INDEX, .imm = 5)), BLOCK(OP(ld_u8, .d = V, .a = P), OP(helper, .d = Q), OP(ld_u8, .d = V, .a = P)));
	ck_assert_uint_eq(n->at[1].distance[P], FAR);
	made_by(1, 0, &s, &other);
	ck_assert_uint_eq(s.size[V], UINT8_MAX);
	made_by(1, 1, &s, &other);
	for (unsigned slot = 0; slot < VCPU_SLOTS; slot++)
		ck_assert(s.distance[slot] == FAR && s.size[slot] == (slot == SLOT_ZERO ? 0 : FAR));
}
END_TEST

/* The context that a helper has left is that of what it gives. */
START_TEST(what_a_helper_gives_is_looked_up)
{
	find_in(BLOCK(OP(helper, .d = P)), BLOCK(OP(ld_u8, .d = V, .a = P, .imm = 3)));
	expect(0, 0, NEAR_LOOKS_UP, 0);
	ck_assert_uint_eq(n->at[1].distance[P], 3);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("near");
	TCase *c = tcase_create("by hand");
	tcase_add_checked_fixture(c, NULL, teardown);
	tcase_add_test(c, an_index_grows_without_bound);
	tcase_add_test(c, an_index_of_a_word_is_bounded);
	tcase_add_test(c, an_index_that_is_loaded_is_bounded);
	tcase_add_test(c, a_base_is_looked_up_outside_of_its_loop);
	tcase_add_test(c, a_base_of_each_turn_is_not_looked_up);
	tcase_add_test(c, a_distance_between_bases_is_not_small);
	tcase_add_test(c, sums_go_as_far_as_the_guard);
	tcase_add_loop_test(c, sizes_are_as_small_as_they_may_be, 0, ARRAY_SIZE(sizes));
	tcase_add_test(c, an_access_follows_its_base);
	tcase_add_test(c, a_base_runs_away);
	tcase_add_test(c, a_helper_forgets_all);
	tcase_add_test(c, what_a_helper_gives_is_looked_up);
	suite_add_tcase(s, c);
	return run_suites("backend/near", 1, &s);
}

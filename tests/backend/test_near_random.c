// SPDX-License-Identifier: Apache-2.0
/*
 * What is followed of slots through random regions, which are executed: what is said of each value and of each entry holds. CALQUE_TEST_CASES sets
 * their number.
 */
#include <string.h>
#include "ir/op_info.h"
#include "ir/uop_math.h"
#include "runtime/window.h"
#include "tests/backend/near_fixture.h"
#include "tests/ir/random.h"

/* ---- executing: loads give anything ---- */

static uint64_t reg[VCPU_SLOTS];

/* All bits, a few, or one and what is beside it */
static uint64_t random_value(void)
{
	uint64_t power = (uint64_t)1 << random_below(64);
	switch (random_below(4)) {
	case 0:
		return power + random_below(3) - 1;
	case 1:
		return -power + random_below(3) - 1;
	case 2:
		return random_next() & (power - 1);
	default:
		return random_next();
	}
}

#define A reg[u->a]
#define B reg[u->b]
#define IMM ((int64_t)u->imm)
#define D(v) (reg[u->d] = (v))
#define NEXT return
#define LOAD(v, T, va) v = (uint64_t)(T)random_value()
#define STORE(T, va, v)
#undef UOP_PARTS
#define UOP_PARTS (UOPS_ONE_SOURCE | UOPS_TWO_SOURCES | UOPS_OTHERS | UOPS_LOADS | UOPS_STORES)

static void execute(const struct uop *u)
{
	switch (u->op) {
#define UOP(name) case UOP_##name:
#include "ir/uops_int.inc"
#include "ir/uops_bits.inc"
#include "ir/uops_mem.inc"
	default:	/* a helper */
		for (unsigned slot = 1; slot < VCPU_SLOTS; slot++)
			reg[slot] = random_value();
	}
}

/* ---- random regions ---- */

/* As ck_assert, which makes system calls each time */
#define HOLDS(what) do { \
	if (!(what)) \
		ck_abort_msg("not so: %s", #what); \
} while (0)

#define SLOTS 7		/* few, so that micro-ops meet */
#define STEPS 60

/* An address that each slot's entry is for, as generated code keeps them */
static struct entry { bool known; uint64_t address; } entry[VCPU_SLOTS];
static uint64_t shared, looked_up, served, bounded;

static uint64_t magnitude(uint64_t v)
{
	return (int64_t)v < 0 ? -v : v;
}

static struct uop random_uop(void)
{
	static const uint8_t near_op[] = {
		UOP_mov, UOP_add_i, UOP_add, UOP_sub, UOP_sh1add, UOP_sh2add, UOP_sh3add, UOP_add_uw, UOP_sh1add_uw, UOP_sh2add_uw, UOP_sh3add_uw,
	};
	static const int32_t edge[] = { 0, 1, -1, 31, 32, 63, 64, INT32_MAX, INT32_MIN };
	unsigned op, imm = random_below(4);
	switch (random_below(3)) {
	case 0:
		op = near_op[random_below(ARRAY_SIZE(near_op))];
		break;
	case 1:
		op = UOP_ld_u8 + random_below(UOP_st_64 - UOP_ld_u8 + 1);
		break;
	default:
		op = random_below(20) ? random_below(UOP_ld_u8) : UOP_helper;
	}
	return (struct uop){
		.op = op, .d = (uint8_t)(op_info[op].has_d ? 1 + random_below(SLOTS) : 0),
		.a = (uint8_t)random_below(SLOTS + 1), .b = (uint8_t)random_below(SLOTS + 1),
		.imm = imm == 0 ? edge[random_below(ARRAY_SIZE(edge))] : imm == 1 ? (int32_t)random_next() : (int32_t)random_below(64),
	};
}

static void random_region(void)
{
	struct uop u[12];
	unsigned blocks = 1 + random_below(4);
	for (unsigned i = 0; i < blocks; i++) {
		unsigned n_uops = random_below(ARRAY_SIZE(u));
		for (unsigned k = 0; k < n_uops; k++)
			u[k] = random_uop();
		add_block(u, n_uops, (i + 1) % blocks, random_below(blocks));
	}
}

static void check(const struct near_state *s)
{
	for (unsigned slot = 0; slot <= SLOTS; slot++) {
		HOLDS(s->size[slot] == FAR || magnitude(reg[slot]) <= s->size[slot]);
		HOLDS(s->distance[slot] == FAR || (entry[slot].known && magnitude(reg[slot] - entry[slot].address) <= s->distance[slot]));
		bounded += slot && s->size[slot] != FAR;
	}
}

/* Through an entry that is not looked up for it. False: it is not in the entry's segment, and leaves the region. */
static bool access_through(unsigned slot, int32_t displacement)
{
	uint64_t va = reg[slot] + (uint64_t)(int64_t)displacement;
	HOLDS(magnitude(va - entry[slot].address) < WINDOW_GUARD - sizeof(uint64_t));
	if (va >> WINDOW_BITS != entry[slot].address >> WINDOW_BITS)
		return false;
	entry[slot].address = va;
	served++;
	return true;
}

static bool step(struct near_state *s, unsigned block, const struct uop *u)
{
	unsigned other = 0;
	enum near_made made = near_made(n, s, block, u, &other);
	if (near_is_access(u) && s->distance[u->a] != FAR && !access_through(u->a, u->imm))
		return false;
	execute(u);
	if (u->op == UOP_helper)
		memset(entry, 0, sizeof entry);
	if (made == NEAR_SHARES)
		entry[u->d] = entry[other];
	else if (made == NEAR_LOOKS_UP)
		entry[u->d] = (struct entry){ true, reg[u->d] };
	shared += made == NEAR_SHARES;
	looked_up += made == NEAR_LOOKS_UP;
	near_step(n, s, block, u);
	check(s);
	return true;
}

/* Goes through the region in any way, from its beginning. */
static void walk(void)
{
	unsigned block = 0, to[REGION_MAX_NEXT];
	memset(entry, 0, sizeof entry);
	for (unsigned slot = 1; slot < VCPU_SLOTS; slot++) {
		reg[slot] = random_value();
		if (near_looks_up_first(n, slot))
			entry[slot] = (struct entry){ true, reg[slot] };
	}
	for (unsigned steps = 0; steps < STEPS;) {
		const struct region_block *b = &r.block[block];
		HOLDS(n->reached[block]);
		struct near_state s = n->at[block];
		check(&s);
		for (const struct uop *u = b->uop; u < b->uop + b->n_uops - 1; u++)
			if (!step(&s, block, u))
				return;
		steps += b->n_uops;
		block = to[random_below(region_next(&r, block, to))];
	}
}

START_TEST(what_is_said_holds)
{
	unsigned long cases = random_cases(20000);
	for (unsigned long i = 0; i < cases; i++) {
		random_region();
		find();
		for (unsigned k = 0; k < 4; k++)
			walk();
		teardown();
	}
	ck_assert_uint_gt(shared, cases);
	ck_assert_uint_gt(looked_up, cases / 10);
	ck_assert_uint_gt(served, cases);
	ck_assert_uint_gt(bounded, cases);
}
END_TEST

int main(void)
{
	random_init();
	Suite *s = suite_create("near-random");
	TCase *c = tcase_create("random");
	tcase_set_timeout(c, 0);
	tcase_add_test(c, what_is_said_holds);
	suite_add_tcase(s, c);
	return run_suites("backend/near-random", 1, &s);
}

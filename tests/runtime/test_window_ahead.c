// SPDX-License-Identifier: Apache-2.0
/* Pages mapped before they fault. */
#include "tests/check_main.h"
#include "tests/runtime/windowed.h"

START_TEST(a_walk_through_memory_is_mapped_ahead)
{
	/* the page that is stored to, and what that maps in all; page 40 is read-only */
	static const struct { unsigned page, fills; } step[] = { { 0, 1 }, { 1, 2 }, { 2, 0 }, { 3, 4 }, { 7, 8 }, { 15, 16 }, { 31, 9 }, { 39, 0 } };
	for (unsigned i = 0; i < 64; i++)
		fake_map(&f, 0x10000 + i * 4096, FAKE_RAM + i * 4096, i == 40 ? MMU_PROT_R : RW, 12, false);
	for (unsigned i = 0; i < ARRAY_SIZE(step); i++) {
		uint64_t before = stats().window_fills;
		must_store(0x10000 + step[i].page * 4096, 7);
		ck_assert_uint_eq(stats().window_fills - before, step[i].fills);
	}
	ck_assert(!store(0x10000 + 40 * 4096, 8, 7));
	ck_assert(maps(0x10000 + 39 * 4096, true));
}
END_TEST

START_TEST(what_the_tlb_knows_is_mapped_with_it)
{
	enum { READ, STORED, CODE, LOADED, PROTECTED, GONE, DEVICE, OTHER_CONTEXT, OTHER_INDEX, UNKNOWN, CASES };
	static const struct { bool mapped, write; } want[CASES] = {
		[READ] = { true, false }, [STORED] = { true, true }, [CODE] = { true, false }, [LOADED] = { true, false },
	};
	uint64_t va[CASES], v;
	unsigned mapped = 0;
	/* far from the others, so that nothing lies behind: as many as are to be mapped at once */
	for (unsigned i = 0; i < 16; i++) {
		fake_map(&f, 0x4000000 + i * 0x2000, FAKE_RAM + 0x100000 + i * 4096, RW, 12, false);
		must_load(0x4000000 + i * 0x2000);
	}
	ck_assert_uint_eq(stats().window_known, 0);
	for (unsigned i = 0; i < CASES; i++) {
		va[i] = 0x10000 + i * 0x3000;
		fake_map(&f, va[i], i == DEVICE ? FAKE_MMIO : FAKE_RAM + i * 4096, i == READ ? MMU_PROT_R : RW, 12, false);
		mapped += want[i].mapped;
		if (i == OTHER_CONTEXT || i == OTHER_INDEX)
			mmu_set_context(cpu, i == OTHER_CONTEXT ? 2 : 1, i == OTHER_INDEX ? 2 : 0, 1);
		if (i != UNKNOWN)
			ck_assert(mmu_load(cpu, va[i], 8, &v));
		if (i == STORED || i == CODE || i == PROTECTED)
			ck_assert(mmu_store(cpu, va[i], 8, 77));
		mmu_set_context(cpu, 1, 0, 1);
	}
	mmu_protect_code(cpu, ram_page(CODE * 4096), ram(CODE * 4096));
	fake_find(&f, va[PROTECTED])->prot = MMU_PROT_R;	/* the guest takes its right to write, the flush is yet to come: not with the TLB's rights */
	fake_find(&f, va[GONE])->valid = false;
	uint64_t fills = stats().window_fills, touched = 0x200000;
	fake_map(&f, touched, FAKE_RAM + 0x200000, RW, 12, false);
	ck_assert(mmu_load(cpu, touched, 8, &v));
	must_load(touched);
	ck_assert_uint_eq(stats().window_known, mapped);
	ck_assert_uint_eq(stats().window_fills, fills + 1 + mapped);
	unsigned before = faults;
	for (unsigned i = 0; i < CASES; i++)
		if (want[i].mapped)
			must_load(va[i]);
	must_store(va[STORED], 78);
	ck_assert_uint_eq(faults, before);
	for (unsigned i = 0; i < CASES; i++) {
		if (want[i].write)
			continue;
		before = faults;
		(void)!(want[i].mapped ? direct_store(va[i], 8, 1) : direct_load(va[i], 8, &v));
		ck_assert_uint_gt(faults, before);
	}
}
END_TEST

START_TEST(what_the_tlb_knows_is_mapped_in_growing_steps)
{
	uint64_t v;
	for (unsigned i = 0; i < 200; i++) {
		fake_map(&f, 0x10000 + i * 0x1000, FAKE_RAM + (i * 7 % 256) * 4096, RW, 12, false);
		ck_assert(mmu_store(cpu, 0x10000 + i * 0x1000, 8, i));
	}
	for (unsigned i = 0; i < 200; i++)
		must_store(0x10000 + i * 0x1000, i);
	ck_assert_uint_eq(stats().window_fills, 200);
	ck_assert_uint_lt(faults, 12);
	/* an empty window again, and a TLB that has been filled anew; then one that has not */
	for (unsigned round = 0; round < 2; round++) {
		for (unsigned i = 0; i < 200; i++)
			f.page[i].valid = false;
		flush_all();
		for (unsigned i = 0; i < 200; i++) {
			f.page[i].valid = true;
			ck_assert(round || mmu_load(cpu, 0x10000 + i * 0x1000, 8, &v));
		}
		unsigned before = faults;
		uint64_t known = stats().window_known;
		for (unsigned i = 0; i < 200; i += 2)
			must_load(0x10000 + i * 0x1000);
		ck_assert(round ? stats().window_known == known : stats().window_known - known > 180);
		ck_assert(round ? faults - before == 100 : faults - before < 12);
	}
}
END_TEST

START_TEST(what_is_not_global_is_not_mapped_ahead_for_all)
{
	for (unsigned i = 0; i < 3; i++)
		fake_map(&f, KERNEL + i * 4096, FAKE_RAM + i * 4096, RW, 12, i < 2);
	must_load(KERNEL);
	must_load(KERNEL + 0x1000);
	ck_assert_uint_eq(stats().window_extents, 2);
	fake_find(&f, KERNEL + 0x2000)->global = true;
	flush_all();
	fake_map(&f, KERNEL + 0x3000, FAKE_RAM + 0x3000, RW, 12, true);
	fake_map(&f, KERNEL + 0x4000, FAKE_RAM + 0x4000, RW, 12, true);
	must_load(KERNEL + 0x2000);
	ck_assert_uint_eq(stats().window_extents, 5);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("window ahead");
	TCase *t = tcase_create("window ahead");
	tcase_add_checked_fixture(t, windowed_setup, windowed_teardown);
	tcase_add_test(t, a_walk_through_memory_is_mapped_ahead);
	tcase_add_test(t, what_the_tlb_knows_is_mapped_with_it);
	tcase_add_test(t, what_the_tlb_knows_is_mapped_in_growing_steps);
	tcase_add_test(t, what_is_not_global_is_not_mapped_ahead_for_all);
	tcase_set_timeout(t, 60);
	suite_add_tcase(s, t);
	return run_suites("runtime-window-ahead", 1, &s);
}

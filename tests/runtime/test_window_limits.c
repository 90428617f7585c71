// SPDX-License-Identifier: Apache-2.0
/* Windows, mappings and address space are bounded, by Calque and by the kernel. */
#include <sys/mman.h>
#include "tests/check_main.h"
#include "tests/runtime/windowed.h"

START_TEST(windows_are_bounded)
{
	for (uint64_t round = 0; round < 2; round++)
		for (uint64_t i = 0; i < 100; i++) {
			if (!round)
				fake_map(&f, i * WINDOW_SIZE, FAKE_RAM + i * 4096, RW, 12, false);
			must_store(i * WINDOW_SIZE, round << 32 | i);
			ck_assert_uint_eq(*(uint64_t *)ram(i * 4096), round << 32 | i);
			ck_assert_uint_le(stats().windows, 64);
		}
	ck_assert_uint_ge(stats().window_evictions, 100);
	unsigned live = 0;
	for (uint64_t i = 0; i < WINDOW_ENTRIES; i++)
		live += !poisoned(i << WINDOW_BITS);
	ck_assert_uint_eq(live, stats().windows);
}
END_TEST

START_TEST(mappings_are_bounded)
{
	unsigned most = process_max_mappings() - 20;
	fake_map(&f, 0, FAKE_RAM, RW, 12, false);
	for (unsigned i = 1; i < 300; i++)
		fake_map(&f, i % 3 * WINDOW_SIZE + i * 8192, FAKE_RAM + i * 4096, RW, 12, false);
	ck_assert(process_take_mappings(most));
	for (unsigned round = 0; round < 2; round++)
		for (unsigned i = 0; i < 300; i++) {
			must_store(f.page[i].va, i + round);
			ck_assert_uint_eq(*(uint64_t *)ram(i * 4096), i + round);
			ck_assert_uint_le(stats().window_extents, 16);
		}
	ck_assert_uint_gt(stats().window_evictions, 10);
	/* nothing left at all: left, and counted; and what is mapped goes on */
	struct mmu_stats before = stats();
	unsigned rest = 0;
	mmu_set_context(cpu, 2, 0, 1);
	while (process_take_mappings(1))
		rest++;
	ck_assert_int_eq(window_fault_at(cpu, 0, false), WINDOW_LEAVE);
	ck_assert_uint_eq(stats().window_refused, before.window_refused + 1);
	process_give_mappings(rest + most);
	must_load(0);
}
END_TEST

/* What the kernel refuses */
static void *reserve(uint64_t size)
{
	return mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

START_TEST(no_more_address_space)
{
	uint64_t v;
	static char *hole[1 << 10];
	unsigned n = 0;
	fake_map(&f, 0, FAKE_RAM, RW, 12, false);
	fake_map(&f, WINDOW_SIZE, FAKE_RAM, RW, 12, false);
	for (uint64_t size = (uint64_t)1 << 46; size >= 1 << 30; size /= 2)
		while (n < ARRAY_SIZE(hole) && (hole[n] = reserve(size)) != MAP_FAILED)
			n++;
	ck_assert(!load(0, 8, &v));
	ck_assert_uint_eq(stats().window_refused, 1);
	munmap(hole[0], (uint64_t)1 << 46);
	must_load(0);
	must_load(WINDOW_SIZE);
}
END_TEST

/* As many mappings as the kernel allows: fills are refused, flushes still take away what must go. */
START_TEST(no_more_mappings)
{
	enum { PAGES = 40, MANY = 200000 };
	uint64_t v;
	for (unsigned i = 0; i < PAGES; i++)
		fake_map(&f, i * 8192, FAKE_RAM + i * 4096, RW, 12, false);
	fake_map(&f, 0x40000000, FAKE_RAM, RW, 21, false);
	for (unsigned i = 0; i < PAGES / 2; i++)
		must_store(i * 8192, i);
	must_store(0x40030000, 1);
	must_store(0x40050000, 1);
	char *all = reserve((size_t)MANY * 4096);
	ck_assert_ptr_ne(all, MAP_FAILED);
	for (unsigned i = 0; i < MANY && !mprotect(all + (size_t)i * 4096, 4096, i & 1 ? PROT_READ : PROT_NONE); i++)
		;
	for (unsigned i = PAGES / 2; i < PAGES; i++)
		ck_assert(!store(i * 8192, 8, i));
	for (unsigned i = 0; i < PAGES; i += 2)
		f.page[i].valid = false;
	f.page[1].prot = MMU_PROT_R;
	f.page[PAGES].prot = MMU_PROT_R;
	flush_all();
	for (unsigned i = 0; i < PAGES; i += 2)
		ck_assert(!load(i * 8192, 8, &v));
	ck_assert(!store(8192, 8, 9));
	ck_assert(!store(0x40030000, 8, 9) && !store(0x40050000, 8, 9));
	munmap(all, (size_t)MANY * 4096);
	for (unsigned i = 3; i < PAGES; i += 2) {
		must_store(i * 8192, i);
		ck_assert_uint_eq(*(uint64_t *)ram(i * 4096), i);
	}
}
END_TEST

START_TEST(machines_come_and_go)
{
	for (unsigned i = 0; i < 20; i++) {
		windowed_teardown();
		windowed_start(2);
		fake_map(&f, 0x10000, FAKE_RAM, RW, 12, false);
		must_store(0x10000, i);
		ck_assert_uint_eq(must_load(0x10000), i);
	}
	windowed_teardown();
	unsigned max = process_max_mappings();
	ck_assert(process_take_mappings(max));		/* all has been given back */
	process_give_mappings(max);
	windowed_start(1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("window limits");
	TCase *t = tcase_create("window limits");
	tcase_add_checked_fixture(t, windowed_setup, windowed_teardown);
	tcase_add_test(t, windows_are_bounded);
	tcase_add_test(t, mappings_are_bounded);
	tcase_add_test(t, no_more_address_space);
	tcase_add_test(t, no_more_mappings);
	tcase_add_test(t, machines_come_and_go);
	tcase_set_timeout(t, 60);
	suite_add_tcase(s, t);
	return run_suites("runtime-window-limits", 1, &s);
}

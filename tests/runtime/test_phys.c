// SPDX-License-Identifier: Apache-2.0
#include "tests/check_main.h"
#include "tests/runtime/fake.h"

static struct fake f;
static void setup(void) { fake_init(&f, 1); }
static void teardown(void) { fake_destroy(&f); }

START_TEST(ranges_are_found_at_their_edges)
{
	const struct phys *p = &f.m.phys;
	ck_assert_ptr_null(phys_find(p, GPA(FAKE_RAM - 1)));
	ck_assert_str_eq(phys_find(p, GPA(FAKE_RAM))->name, "ram");
	ck_assert_str_eq(phys_find(p, GPA(FAKE_RAM + FAKE_RAM_SIZE - 1))->name, "ram");
	ck_assert_ptr_null(phys_find(p, GPA(FAKE_RAM + FAKE_RAM_SIZE)));
	ck_assert_ptr_null(phys_find(p, GPA(~(uint64_t)0)));
	ck_assert_str_eq(phys_find(p, GPA(0x1fff))->name, "rom");
}
END_TEST

START_TEST(overlaps_and_wraps_are_refused)
{
	struct error err = { 0 };
	static const struct mmio_ops none;
	ck_assert(!phys_add_mmio(&f.m.phys, GPA(FAKE_MMIO + 0xff8), 16, "late", &none, NULL, &err));
	ck_assert_ptr_nonnull(strstr(err.text, "overlaps device"));
	ck_assert(!phys_add_mmio(&f.m.phys, GPA(FAKE_MMIO - 8), 16, "early", &none, NULL, &err));
	ck_assert(!phys_add_mmio(&f.m.phys, GPA(~(uint64_t)7), 16, "wrap", &none, NULL, &err));
	ck_assert(!phys_add_mmio(&f.m.phys, GPA(0x3000), 0, "empty", &none, NULL, &err));
	ck_assert(!phys_add_mmio(&f.m.phys, GPA(0x3001), 8, "odd", &none, NULL, &err));
	ck_assert(!phys_add_ram(&f.m.phys, GPA(0x40000000), 1 << 30, "more than reserved", &err));
	ck_assert(phys_add_mmio(&f.m.phys, GPA(FAKE_MMIO + 0x1000), 8, "next door", &none, NULL, &err));
	ck_assert_int_eq(err.code, ERROR_USAGE);
}
END_TEST

START_TEST(dma_stays_inside_ram)
{
	struct phys *p = &f.m.phys;
	uint64_t v = 0x1122334455667788, w = 0;
	ck_assert(phys_write(p, GPA(FAKE_RAM + FAKE_RAM_SIZE - 8), &v, 8));
	ck_assert(phys_read(p, GPA(FAKE_RAM + FAKE_RAM_SIZE - 8), &w, 8));
	ck_assert_uint_eq(v, w);
	ck_assert(!phys_write(p, GPA(FAKE_RAM + FAKE_RAM_SIZE - 7), &v, 8));
	ck_assert_ptr_null(phys_dma(p, GPA(FAKE_RAM), FAKE_RAM_SIZE + 1));
	ck_assert_ptr_null(phys_dma(p, GPA(FAKE_RAM + 8), UINT64_MAX - 4));
	ck_assert_ptr_null(phys_dma(p, GPA(0x1000), 8));
	ck_assert_ptr_null(phys_dma(p, GPA(FAKE_MMIO), 8));
	ck_assert(!phys_write(p, GPA(0x1000), &v, 8));
	ck_assert(phys_load(p, GPA(0x1ff8), &v, 8));
	ck_assert(phys_read(p, GPA(0x1ff8), &w, 8));
}
END_TEST

START_TEST(dma_into_code_invalidates_each_page)
{
	struct phys *p = &f.m.phys;
	const struct phys_range *r = phys_find(p, GPA(FAKE_RAM));
	char bytes[3 * 4096] = { 1 };
	phys_page(p, r, GPA(FAKE_RAM + 0x1000))->code = 1;
	phys_page(p, r, GPA(FAKE_RAM + 0x3000))->code = 1;
	ck_assert(phys_write(p, GPA(FAKE_RAM + 0x1800), bytes, sizeof bytes));
	ck_assert_uint_eq(f.invalidated, 2);
	ck_assert(phys_write(p, GPA(FAKE_RAM + 0x1800), bytes, sizeof bytes));
	ck_assert_uint_eq(f.invalidated, 2);
}
END_TEST

START_TEST(granules_cover_exactly_the_bytes)
{
	ck_assert_uint_eq(page_granules(0, 1), 1);
	ck_assert_uint_eq(page_granules(63, 1), 1);
	ck_assert_uint_eq(page_granules(63, 2), 3);
	ck_assert_uint_eq(page_granules(64, 64), 2);
	ck_assert_uint_eq(page_granules(0, 4096), ~(uint64_t)0);
	ck_assert_uint_eq(page_granules(4095, 1), (uint64_t)1 << 63);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("phys");
	TCase *t = tcase_create("phys");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, ranges_are_found_at_their_edges);
	tcase_add_test(t, overlaps_and_wraps_are_refused);
	tcase_add_test(t, dma_stays_inside_ram);
	tcase_add_test(t, dma_into_code_invalidates_each_page);
	tcase_add_test(t, granules_cover_exactly_the_bytes);
	suite_add_tcase(s, t);
	return run_suites("runtime-phys", 1, &s);
}

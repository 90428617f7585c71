// SPDX-License-Identifier: Apache-2.0
#include <check.h>
#include "src/profile/kallsyms.h"
#include "tests/check_main.h"
#include "tests/profile/kernel_image.h"

static char tail[201];

static void setup(void)
{
	memset(tail, 'x', sizeof tail - 1);
}

/* Two markers, three and a word of padding, many; names of two length bytes. */
static const uint32_t sizes[] = { 257, 512, 513, 5000 };

START_TEST(both_orders)
{
	for (unsigned k = 0; k < ARRAY_SIZE(sizes); k++)
		for (unsigned old = 0; old < 2; old++) {
			struct kernel_image im = kernel_image_make(sizes[k], old, tail);
			struct symbols *s = symbols_new();
			char text[300];
			uint64_t value;
			ck_assert_msg(kallsyms_read(s, im.bytes, im.size), "%u symbols, order %u", sizes[k], old);
			symbols_sort(s);
			ck_assert_uint_eq(symbols_count(s), sizes[k]);
			ck_assert(symbols_at(s, KERNEL_BASE, text, sizeof text));
			ck_assert_str_eq(text, "sym_0");
			ck_assert(symbols_at(s, KERNEL_BASE + 6 * 16 + 4, text, sizeof text));
			ck_assert_str_eq(text, "sym_6+0x4");
			snprintf(text, sizeof text, "sym_7%s", tail);	/* data: found by name alone */
			ck_assert(symbols_value(s, text, &value));
			ck_assert_uint_eq(value, KERNEL_BASE + 7 * 16);
			symbols_free(s);
			free(im.bytes);
		}
}
END_TEST

/* Cut off anywhere it is refused, and nothing stays in the table. */
START_TEST(cut_off)
{
	struct kernel_image im = kernel_image_make(300, _i, tail);
	for (size_t size = 0; size < im.size - KERNEL_IMAGE_BEHIND; size += 37) {
		struct symbols *s = symbols_new();
		uint8_t *copy = malloc(size + 1);	/* so that a sanitizer sees each byte too many */
		memcpy(copy, im.bytes, size);
		ck_assert(!kallsyms_read(s, copy, size));
		ck_assert_uint_eq(symbols_count(s), 0);
		free(copy);
		symbols_free(s);
	}
	free(im.bytes);
}
END_TEST

START_TEST(system_map)
{
	static const char text[] = "ffffffff80000000 T _start\r\nnonsense\n0000000000000010 t a b\n12 T short\nffffffff80000100 D data\n"
				   "0000000000000000 T hidden\nffffffff80000180 t $x\nffffffff80000200 t last\t[module]";
	struct symbols *s = symbols_new();
	struct symbol_range r;
	uint64_t value;
	symbols_read_map(s, text, sizeof text - 1);
	symbols_sort(s);
	ck_assert_uint_eq(symbols_count(s), 4);
	ck_assert(symbols_find(s, UINT64_C(0xffffffff80000300), &r));
	ck_assert_str_eq(r.name, "last");
	ck_assert(symbols_find(s, UINT64_C(0xffffffff80000150), &r));	/* data is no code: what stands before it */
	ck_assert_uint_eq(r.start, UINT64_C(0xffffffff80000000));
	ck_assert(symbols_value(s, "_start", &value));
	symbols_free(s);
	s = symbols_new();
	symbols_read_map(s, "nothing\n", 8);
	ck_assert_uint_eq(symbols_count(s), 0);
	symbols_free(s);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("kallsyms");
	TCase *t = tcase_create("kallsyms");
	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_test(t, both_orders);
	tcase_add_loop_test(t, cut_off, 0, 2);
	tcase_add_test(t, system_map);
	suite_add_tcase(s, t);
	return run_suites("kallsyms", 1, &s);
}

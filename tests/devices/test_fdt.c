// SPDX-License-Identifier: Apache-2.0
/* Writing device trees: read back with libfdt; growth, phandles, errors that stick. */
#include "devices/fdt.h"
#include <libfdt.h>
#include "tests/check_main.h"

static void *blob;
static unsigned size;
static struct error err;

static void teardown(void)
{
	free(blob);
	blob = NULL;
}

START_TEST(everything_reads_back)
{
	struct fdt *t = fdt_new();
	fdt_begin(t, "%s", "");
	fdt_str(t, "model", "m");
	fdt_begin(t, "node@%x", 0x1000);
	fdt_u32(t, "u32", 0x12345678);
	fdt_u64(t, "u64", 0x1122334455667788);
	fdt_cells(t, "cells", 3, (uint32_t[]){ 1, 2, 3 });
	fdt_cells(t, "no-cells", 0, NULL);
	fdt_reg(t, 0x123456789abc, 0x10000);
	fdt_bytes(t, "list", "a\0bc", 5);
	fdt_empty(t, "flag");
	fdt_end(t);
	fdt_end(t);
	ck_assert_msg(fdt_done(t, &blob, &size, &err), "%s", err.text);
	ck_assert_int_eq(fdt_check_full(blob, size), 0);
	ck_assert_uint_eq(fdt_totalsize(blob), size);
	int node = fdt_path_offset(blob, "/node@1000"), n;
	ck_assert_int_gt(node, 0);
	ck_assert(!memcmp(fdt_getprop(blob, node, "u32", &n), "\x12\x34\x56\x78", 4) && n == 4);
	ck_assert(!memcmp(fdt_getprop(blob, node, "u64", &n), "\x11\x22\x33\x44\x55\x66\x77\x88", 8) && n == 8);
	ck_assert(!memcmp(fdt_getprop(blob, node, "cells", &n), "\0\0\0\1\0\0\0\2\0\0\0\3", 12) && n == 12);
	ck_assert(!memcmp(fdt_getprop(blob, node, "reg", &n), "\0\0\x12\x34\x56\x78\x9a\xbc\0\0\0\0\0\1\0\0", 16) &&
		n == 16);
	ck_assert_int_eq(fdt_stringlist_count(blob, node, "list"), 2);
	ck_assert_ptr_nonnull(fdt_getprop(blob, node, "flag", &n));
	ck_assert_int_eq(n, 0);
	ck_assert_str_eq(fdt_getprop(blob, 0, "model", &n), "m");
}
END_TEST

START_TEST(phandles_by_name)
{
	struct fdt *t = fdt_new();
	uint32_t a = fdt_phandle(t, "plic"), b = fdt_phandle(t, "cpu0");
	ck_assert_uint_ne(a, 0);
	ck_assert_uint_ne(a, b);
	ck_assert_uint_eq(fdt_phandle(t, "plic"), a);
	ck_assert_uint_eq(fdt_phandle(t, "cpu0"), b);
	fdt_drop(t);
}
END_TEST

/* Far larger than the first buffer; every node must be there. */
START_TEST(grows)
{
	struct fdt *t = fdt_new();
	char text[300];
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	fdt_begin(t, "%s", "");
	for (unsigned i = 0; i < 1000; i++) {
		char name[24];
		snprintf(name, sizeof(name), "name-%u", i);
		fdt_begin(t, "n%u", i);
		fdt_str(t, name, text);
		fdt_u32(t, "i", i);
		fdt_end(t);
	}
	fdt_end(t);
	ck_assert_msg(fdt_done(t, &blob, &size, &err), "%s", err.text);
	ck_assert_int_eq(fdt_check_full(blob, size), 0);
	for (unsigned i = 0; i < 1000; i++) {
		char path[24];
		int n;
		snprintf(path, sizeof(path), "/n%u", i);
		const fdt32_t *v = fdt_getprop(blob, fdt_path_offset(blob, path), "i", &n);
		ck_assert(v && n == 4 && fdt32_to_cpu(*v) == i);
	}
}
END_TEST

START_TEST(errors_stick)
{
	struct fdt *t = fdt_new();
	fdt_begin(t, "%s", "");
	fdt_end(t);
	fdt_end(t);			/* one too many */
	fdt_u32(t, "late", 1);
	ck_assert(!fdt_done(t, &blob, &size, &err));
	ck_assert_int_eq(err.code, ERROR_HOST);
	t = fdt_new();
	fdt_begin(t, "%s", "");		/* not ended */
	ck_assert(!fdt_done(t, &blob, &size, &err));
	t = fdt_new();
	fdt_begin(t, "%s", "");
	static char huge[1 << 16];
	for (unsigned i = 0; i < 100; i++)
		fdt_bytes(t, "huge", huge, sizeof(huge));
	fdt_end(t);
	ck_assert(!fdt_done(t, &blob, &size, &err));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("fdt");
	TCase *t = tcase_create("fdt");
	tcase_add_checked_fixture(t, NULL, teardown);
	tcase_add_test(t, everything_reads_back);
	tcase_add_test(t, phandles_by_name);
	tcase_add_test(t, grows);
	tcase_add_test(t, errors_stick);
	suite_add_tcase(s, t);
	return run_suites("fdt", 1, &s);
}

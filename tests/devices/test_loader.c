// SPDX-License-Identifier: Apache-2.0
/* Boot images: good ones, and each kind of damage with the line that it gets. Files are made here. */
#include "src/loaders/loader.h"
#include <elf.h>
#include <libfdt.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>
#include "tests/check_main.h"
#include "tests/devices/harness.h"

#define MAX (64u << 20)

static char path[64];
static struct error err;
static struct image im;

static void setup(void)
{
	strcpy(path, "/tmp/calque-loader-XXXXXX");
	int fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	close(fd);
	err = (struct error){ 0 };
	im = (struct image){ 0 };
}

static void teardown(void)
{
	image_free(&im);
	unlink(path);
}

static void put_file(const void *bytes, size_t size)
{
	FILE *f = fopen(path, "wb");
	ck_assert(f && fwrite(bytes, 1, size, f) == size && !fclose(f));
}

static bool get(uint64_t max)
{
	image_free(&im);
	err = (struct error){ 0 };
	return image_read(&im, "--kernel", path, max, &err) && image_unpack(&im, max, &err);
}

/* The message is one line with option, file and these words. */
static void expect(const char *words)
{
	ck_assert_int_eq(err.code, ERROR_USAGE);
	ck_assert_msg(
		strstr(err.text, words) && !strncmp(err.text, "--kernel ", 9), "\"%s\" lacks \"%s\"", err.text, words);
	ck_assert(!strchr(err.text, '\n'));
}

/* ---- files ---- */

START_TEST(files)
{
	put_file("hello", 5);
	ck_assert(get(5));
	ck_assert_uint_eq(im.size, 5);
	ck_assert(!memcmp(im.bytes, "hello", 5));
	ck_assert(!get(4));
	expect("larger than");
	put_file("", 0);
	ck_assert(!get(MAX));
	expect("empty");
	unlink(path);
	ck_assert(!get(MAX));
	expect("No such file");
	ck_assert(!image_read(&im, "--kernel", "/tmp", MAX, &err));
	expect("directory");
	ck_assert(!image_read(&im, "--kernel", "/dev/zero", MAX, &err));
	expect("no regular file");
	ck_assert(!mkfifo(path, 0600));
	/* a pipe, as from <(…): read to its end */
	pid_t child = fork();
	if (child == 0) {
		FILE *w = fopen(path, "w");
		_exit(!w || fputs("piped", w) < 0 || fclose(w));
	}
	ck_assert_msg(get(MAX), "%s", err.text);
	ck_assert(im.size == 5 && !memcmp(im.bytes, "piped", 5));
	waitpid(child, NULL, 0);
}
END_TEST

/* ---- compression ---- */

static uint8_t plain[3 << 20], packed[4 << 20];

static size_t fill_gzip(void)
{
	uint64_t state = 5;
	for (size_t i = 0; i < sizeof(plain); i++)
		plain[i] = rig_random(&state) & (i & 4096 ? 255 : 1);
	z_stream z = { .next_in = plain, .avail_in = sizeof(plain), .next_out = packed, .avail_out = sizeof(packed) };
	ck_assert_int_eq(deflateInit2(&z, 1, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
	ck_assert_int_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
	deflateEnd(&z);
	return z.total_out;
}

static size_t fill_zstd(void)
{
	fill_gzip();
	size_t n = ZSTD_compress(packed, sizeof(packed), plain, sizeof(plain), 1);
	ck_assert(!ZSTD_isError(n));
	return n;
}

static void expect_plain(void)
{
	ck_assert_msg(get(MAX), "%s", err.text);
	ck_assert_uint_eq(im.size, sizeof(plain));
	ck_assert(!memcmp(im.bytes, plain, sizeof(plain)));
}

START_TEST(gzip)
{
	size_t n = fill_gzip();
	put_file(packed, n);
	expect_plain();
	ck_assert(!get(sizeof(plain) - 1));
	expect("unpacks to more");
	ck_assert(get(sizeof(plain)));
	memset(packed + n, 0, 100);
	put_file(packed, n + 100);		/* padded */
	expect_plain();
	for (size_t cut = 3; cut < n; cut += n / 7) {
		put_file(packed, cut);
		ck_assert(!get(MAX));
		expect("end early");
	}
	put_file(packed, n - 4);		/* only the trailer's length is missing */
	ck_assert(!get(MAX));
	expect("end early");
	packed[n / 2] ^= 0x40;
	put_file(packed, n);
	ck_assert(!get(MAX));
	expect("damaged gzip");
	put_file("\x1f\x8b\x08 not really gzip", 20);
	ck_assert(!get(MAX));
	expect("gzip");
}
END_TEST

START_TEST(zstd)
{
	size_t n = fill_zstd();
	put_file(packed, n);
	expect_plain();
	ck_assert(!get(sizeof(plain) - 1));
	expect("unpacks to more");
	ck_assert(get(sizeof(plain)));
	put_file(packed, n + 64);		/* padded with whatever */
	expect_plain();
	for (size_t cut = 5; cut < n; cut += n / 7) {
		put_file(packed, cut);
		ck_assert(!get(MAX));
		expect("zstd");
	}
	memset(packed + n / 2, 0x55, 1000);
	put_file(packed, n);
	ck_assert(!get(MAX));
	expect("zstd");
}
END_TEST

/* A small file that unpacks to 120 MiB must not take the memory. */
START_TEST(bomb)
{
	z_stream z = { .next_out = packed, .avail_out = sizeof(packed) };
	ck_assert_int_eq(deflateInit2(&z, 1, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
	memset(plain, 0, sizeof(plain));
	for (unsigned i = 0; i < 40; i++) {
		z.next_in = plain;
		z.avail_in = sizeof(plain);
		ck_assert_int_eq(deflate(&z, Z_NO_FLUSH), Z_OK);
	}
	ck_assert_int_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
	deflateEnd(&z);
	put_file(packed, z.total_out);
	ck_assert(!get(8 << 20));
	expect("unpacks to more than the 8 MiB");
}
END_TEST

static size_t zboot(size_t n, const char *type)
{
	memmove(packed + 64, packed, n);
	memset(packed, 0, 64);
	memcpy(packed, "MZ\0\0zimg", 8);
	packed[8] = 64;
	memcpy(packed + 12, &(uint32_t){ n }, 4);
	strcpy((char *)packed + 24, type);
	return n + 64;
}

START_TEST(zboot_images)
{
	size_t n = zboot(fill_gzip(), "gzip");
	put_file(packed, n);
	expect_plain();
	put_file(packed, n - 1);
	ck_assert(!get(MAX));
	expect("outside the file");
	n = zboot(fill_zstd(), "zstd22");
	put_file(packed, n);
	expect_plain();
	memcpy(packed, "xz xz", 5);
	n = zboot(100, "xzkern");
	put_file(packed, n);
	ck_assert(!get(MAX));
	expect("\"xzkern\"");
}
END_TEST

/* ---- Linux Image ---- */

static size_t fill_image(void)
{
	memset(plain, 0, sizeof(plain));
	memcpy(plain, "MZ\x6f\x10", 4);
	memcpy(plain + 8, &(uint64_t){ 0x200000 }, 8);
	memcpy(plain + 16, &(uint64_t){ 0x180000 }, 8);
	memcpy(plain + 48, "RISCV\0\0\0RSC\5", 12);
	memcpy(plain + 0x3c, &(uint32_t){ 0x40 }, 4);
	memcpy(plain + 0x40, "PE\0\0", 4);
	plain[0x46] = 1;			/* one section */
	plain[0x54] = 0xa0;			/* size of optional header */
	memcpy(plain + 0x40 + 24 + 0xa0 + 16, &(uint32_t){ 0xff000 }, 4);
	memcpy(plain + 0x40 + 24 + 0xa0 + 20, &(uint32_t){ 0x1000 }, 4);
	return 0x100000;
}

START_TEST(linux_image)
{
	struct linux_image out;
	size_t n = fill_image();
	put_file(plain, n);
	ck_assert(get(MAX));
	ck_assert(linux_image_is(&im, LINUX_MAGIC_RISCV) && !linux_image_is(&im, LINUX_MAGIC_ARM64));
	ck_assert_msg(linux_image_parse(&im, LINUX_MAGIC_RISCV, &out, &err), "%s", err.text);
	ck_assert_uint_eq(out.text_offset, 0x200000);
	ck_assert_uint_eq(out.memory, 0x180000);
	ck_assert_str_eq(image_foreign(&im), "a RISC-V Linux Image");
	ck_assert(!linux_image_parse(&im, LINUX_MAGIC_ARM64, &out, &err));
	expect("not a Linux Image");
	put_file(plain, n - 1);
	ck_assert(get(MAX) && !linux_image_parse(&im, LINUX_MAGIC_RISCV, &out, &err));
	expect("cut short");
	plain[24] = 1;
	put_file(plain, n);
	ck_assert(get(MAX) && !linux_image_parse(&im, LINUX_MAGIC_RISCV, &out, &err));
	expect("big-endian");
	fill_image();
	memset(plain + 8, 0xff, 8);
	put_file(plain, n);
	ck_assert(get(MAX) && !linux_image_parse(&im, LINUX_MAGIC_RISCV, &out, &err));
	expect("text offset");
	fill_image();
	put_file(plain, 63);
	ck_assert(get(MAX) && !linux_image_is(&im, LINUX_MAGIC_RISCV));
	/* a header that points anywhere: no crash */
	for (unsigned i = 0; i < 256; i++) {
		fill_image();
		plain[0x3c + i % 4] = i;
		plain[0x46 + i % 2] = plain[0x54 + i % 2] = ~i;
		put_file(plain, 64 + i);
		ck_assert(get(MAX));
		(void)!linux_image_parse(&im, LINUX_MAGIC_RISCV, &out, &err);
	}
}
END_TEST

START_TEST(foreign_files)
{
	static const struct { const char *bytes; unsigned n; const char *name;
	} file[] = {
		{"\x7f"
		 "ELF\2\1\1",
			7, "ELF"},
		{"MZ..............", 16, "EFI"},
		{"\xd0\x0d\xfe\xed", 4, "device tree"},
		{"070701", 6, "cpio"},
		{"\xfd"
		 "7zXZ\0",
			6, "xz"},
		{"QFI\xfb", 4, "qcow2"},
		{"#!/bin/sh\necho\n", 15, "text"},
	};
	for (unsigned i = 0; i < ARRAY_SIZE(file); i++) {
		put_file(file[i].bytes, file[i].n);
		ck_assert(get(MAX));
		ck_assert_msg(image_foreign(&im) && strstr(image_foreign(&im), file[i].name), "%s", file[i].name);
	}
	put_file("\x97\x02\x00\x00\x93\x82\x02\x02", 8);
	ck_assert(get(MAX) && !image_foreign(&im));
}
END_TEST

/* ---- ELF ---- */

#define MACHINE EM_RISCV
struct small_elf {
	Elf64_Ehdr h;
	Elf64_Phdr p[2];
	uint8_t text[0x100];
	char names[32];
	Elf64_Sym sym[3];
	Elf64_Shdr s[3];
};
static struct small_elf elf;

static void fill_elf(void)
{
	elf = (struct small_elf){
		.h = {.e_ident = ELFMAG "\2\1\1",
			.e_type = ET_EXEC,
			.e_machine = MACHINE,
			.e_version = 1,
			.e_entry = RIG_RAM + 0x10,
			.e_phoff = offsetof(struct small_elf, p),
			.e_shoff = offsetof(struct small_elf, s),
			.e_ehsize = sizeof(Elf64_Ehdr),
			.e_phentsize = sizeof(Elf64_Phdr),
			.e_phnum = 2,
			.e_shentsize = sizeof(Elf64_Shdr),
			.e_shnum = 3},
		.p = {{.p_type = PT_LOAD,
			      .p_offset = offsetof(struct small_elf, text),
			      .p_vaddr = RIG_RAM,
			      .p_paddr = RIG_RAM,
			      .p_filesz = 0x80,
			      .p_memsz = 0x1000},
			{.p_type = PT_LOAD,
				.p_offset = offsetof(struct small_elf, text) + 0x80,
				.p_vaddr = 0xffffffff80000000,
				.p_paddr = RIG_RAM + 0x2000,
				.p_filesz = 0x80,
				.p_memsz = 0x80}},
		.names = "\0tohost\0begin",
		.sym = {{0}, {.st_name = 1, .st_shndx = 1, .st_value = RIG_RAM + 0x40, .st_size = 8},
			{.st_name = 8, .st_shndx = 1, .st_value = 0xffffffff80000010}},
		.s = {{0},
			{.sh_type = SHT_STRTAB,
				.sh_offset = offsetof(struct small_elf, names),
				.sh_size = sizeof(elf.names)},
			{.sh_type = SHT_SYMTAB,
				.sh_offset = offsetof(struct small_elf, sym),
				.sh_size = sizeof(elf.sym),
				.sh_link = 1,
				.sh_entsize = sizeof(Elf64_Sym),
				.sh_addralign = 8}},
	};
	for (unsigned i = 0; i < sizeof(elf.text); i++)
		elf.text[i] = i + 1;
}

static bool check(struct elf_info *info)
{
	put_file(&elf, sizeof(elf));
	ck_assert(get(MAX));
	return elf_check(&im, MACHINE, RIG_RAM, info, &err);
}

START_TEST(elf_loads)
{
	struct rig rig;
	struct elf_info info;
	uint8_t got[0x100];
	rig_init(&rig, 0);
	fill_elf();
	ck_assert_msg(check(&info), "%s", err.text);
	ck_assert_uint_eq(info.entry, RIG_RAM + 0x10);
	ck_assert_uint_eq(info.low, RIG_RAM);
	ck_assert_uint_eq(info.high, RIG_RAM + 0x2080);
	memset(got, 0xff, sizeof(got));
	ck_assert(phys_write(&rig.m.phys, GPA(RIG_RAM + 0x80), got, sizeof(got)));
	ck_assert_msg(elf_load(&im, MACHINE, RIG_RAM, &rig.m.phys, &info, &err), "%s", err.text);
	ck_assert(phys_read(&rig.m.phys, GPA(RIG_RAM), got, 0x100));
	for (unsigned i = 0; i < 0x100; i++)
		ck_assert_uint_eq(got[i], i < 0x80 ? i + 1 : 0);	/* bss is cleared */
	ck_assert(phys_read(&rig.m.phys, GPA(RIG_RAM + 0x2000), got, 0x80));
	ck_assert_uint_eq(got[0], 0x81);
	/* an entry that is a virtual address */
	elf.h.e_entry = 0xffffffff80000004;
	ck_assert(check(&info));
	ck_assert_uint_eq(info.entry, RIG_RAM + 0x2004);
	/* position independent: moved as a whole */
	fill_elf();
	elf.h.e_type = ET_DYN;
	elf.h.e_entry = elf.p[0].p_vaddr = elf.p[0].p_paddr = 0;
	elf.p[1].p_vaddr = elf.p[1].p_paddr = 0x5000;
	ck_assert_msg(check(&info), "%s", err.text);
	ck_assert_uint_eq(info.entry, RIG_RAM);
	ck_assert_uint_eq(info.high, RIG_RAM + 0x5080);
	ck_assert(elf_load(&im, MACHINE, RIG_RAM, &rig.m.phys, &info, &err));
	ck_assert(phys_read(&rig.m.phys, GPA(RIG_RAM + 0x5000), got, 1));
	ck_assert_uint_eq(got[0], 0x81);
	/* outside RAM */
	fill_elf();
	elf.p[1].p_paddr = RIG_RAM + RIG_RAM_SIZE - 0x40;
	ck_assert(check(&info) && !elf_load(&im, MACHINE, RIG_RAM, &rig.m.phys, &info, &err));
	expect("is not in guest memory");
	rig_done(&rig);
}
END_TEST

START_TEST(elf_symbols)
{
	struct elf_symbol sym;
	fill_elf();
	put_file(&elf, sizeof(elf));
	ck_assert(get(MAX));
	ck_assert(elf_symbol(&im, MACHINE, RIG_RAM, "tohost", &sym));
	ck_assert_uint_eq(sym.address, RIG_RAM + 0x40);
	ck_assert_uint_eq(sym.size, 8);
	ck_assert(elf_symbol(&im, MACHINE, RIG_RAM, "begin", &sym));
	ck_assert_uint_eq(sym.address, RIG_RAM + 0x2010);	/* virtual to physical */
	ck_assert(!elf_symbol(&im, MACHINE, RIG_RAM, "fromhost", &sym));
	elf.s[1].sh_size = 1 << 30;
	put_file(&elf, sizeof(elf));
	ck_assert(get(MAX));
	(void)!elf_symbol(&im, MACHINE, RIG_RAM, "fromhost", &sym);
	fill_elf();
	elf.sym[1].st_name = 1 << 30;
	elf.s[2].sh_link = 77;
	put_file(&elf, sizeof(elf));
	ck_assert(get(MAX) && !elf_symbol(&im, MACHINE, RIG_RAM, "tohost", &sym));
}
END_TEST

START_TEST(elf_damage)
{
	struct elf_info info;
	static const struct { const char *words; size_t at, n; uint64_t value; } damage[] = {
		{ "64-bit little-endian", offsetof(struct small_elf, h.e_ident[EI_CLASS]), 1, 1 },
		{ "64-bit little-endian", offsetof(struct small_elf, h.e_ident[EI_DATA]), 1, 2 },
		{ "another machine", offsetof(struct small_elf, h.e_machine), 2, EM_X86_64 },
		{ "not linked", offsetof(struct small_elf, h.e_type), 2, ET_REL },
		{ "no program headers", offsetof(struct small_elf, h.e_phnum), 2, 0 },
		{ "ELF file", offsetof(struct small_elf, h.e_phoff), 8, 1 << 20 },
		{ "ELF file", offsetof(struct small_elf, h.e_phentsize), 2, 1 },
		{ "not all in the file", offsetof(struct small_elf, p[0].p_offset), 8, 1 << 20 },
		{ "not all in the file", offsetof(struct small_elf, p[1].p_offset), 8, UINT64_MAX - 10 },
		{ "not all in the file", offsetof(struct small_elf, p[0].p_filesz), 8, 0x1001 },
		{ "wraps", offsetof(struct small_elf, p[0].p_memsz), 8, UINT64_MAX },
		{ "entry", offsetof(struct small_elf, h.e_entry), 8, 0x1000 },
		{ "overlap", offsetof(struct small_elf, p[1].p_paddr), 8, RIG_RAM + 0x10 },
		{ "without anything to load", offsetof(struct small_elf, p[0].p_memsz), 0, 0 },
	};
	for (unsigned i = 0; i < ARRAY_SIZE(damage); i++) {
		fill_elf();
		memcpy((uint8_t *)&elf + damage[i].at, &damage[i].value, damage[i].n);
		if (!damage[i].n)
			elf.p[0].p_type = elf.p[1].p_type = PT_NOTE;
		ck_assert_msg(!check(&info), "case %u passed", i);
		expect(damage[i].words);
	}
	fill_elf();
	for (size_t n = 1; n < sizeof(elf) - sizeof(elf.s); n += 13) {	/* cut at any place */
		put_file(&elf, n);
		ck_assert(get(MAX));
		(void)!elf_check(&im, MACHINE, RIG_RAM, &info, &err);
		struct elf_symbol sym;
		(void)!elf_symbol(&im, MACHINE, RIG_RAM, "x", &sym);
	}
}
END_TEST

/* ---- device trees ---- */

static int tree_size;

static void fill_tree(bool with_chosen)
{
	memset(packed, 0, 4096);
	ck_assert(!fdt_create(packed, 4096) && !fdt_finish_reservemap(packed) && !fdt_begin_node(packed, ""));
	ck_assert(!fdt_property_string(packed, "model", "mine"));
	if (with_chosen)
		ck_assert(!fdt_begin_node(packed, "chosen") && !fdt_property_string(packed, "bootargs", "old") &&
			  !fdt_end_node(packed));
	ck_assert(!fdt_end_node(packed) && !fdt_finish(packed));
	tree_size = fdt_totalsize(packed);
}

START_TEST(dtb)
{
	const uint8_t seed[4] = { 1, 2, 3, 4 };
	struct dtb_fixup fix = { "console=ttyS0", 0x123456789000, 0x12345678a000, seed, 4 };
	for (unsigned with_chosen = 0; with_chosen < 2; with_chosen++) {
		void *blob;
		unsigned size;
		int n;
		fill_tree(with_chosen);
		put_file(packed, tree_size);
		ck_assert(get(MAX));
		ck_assert_msg(dtb_complete(&im, &fix, &blob, &size, &err), "%s", err.text);
		ck_assert_int_eq(fdt_check_full(blob, size), 0);
		int node = fdt_path_offset(blob, "/chosen");
		ck_assert_str_eq(fdt_getprop(blob, node, "bootargs", &n), "console=ttyS0");
		ck_assert(!memcmp(fdt_getprop(blob, node, "linux,initrd-start", &n), "\0\0\x12\x34\x56\x78\x90\0", 8));
		ck_assert(!memcmp(fdt_getprop(blob, node, "linux,initrd-end", &n), "\0\0\x12\x34\x56\x78\xa0\0", 8));
		ck_assert(!memcmp(fdt_getprop(blob, node, "rng-seed", &n), seed, 4) && n == 4);
		ck_assert_str_eq(fdt_getprop(blob, 0, "model", &n), "mine");
		free(blob);
		/* nothing given: the tree's own stays */
		ck_assert(dtb_complete(&im, &(struct dtb_fixup){ 0 }, &blob, &size, &err));
		node = fdt_path_offset(blob, "/chosen");
		if (with_chosen)
			ck_assert_str_eq(fdt_getprop(blob, node, "bootargs", &n), "old");
		ck_assert_ptr_null(fdt_getprop(blob, node, "linux,initrd-start", &n));
		free(blob);
	}
}
END_TEST

START_TEST(dtb_damage)
{
	void *blob;
	unsigned size;
	const struct dtb_fixup fix = { "x", 1, 2, NULL, 0 };
	put_file("/dts-v1/;", 9);
	ck_assert(get(MAX) && !dtb_complete(&im, &fix, &blob, &size, &err));
	expect("not a flattened device tree");
	fill_tree(true);
	for (int n = 40; n < tree_size; n += 3) {
		put_file(packed, n);
		ck_assert(get(MAX) && !dtb_complete(&im, &fix, &blob, &size, &err));
		expect("damaged device tree");
	}
	/* any one byte wrong: an answer, and no crash */
	for (int i = 4; i < tree_size; i++) {
		fill_tree(true);
		packed[i] ^= 0xff;
		put_file(packed, tree_size);
		ck_assert(get(MAX));
		if (dtb_complete(&im, &fix, &blob, &size, &err))
			free(blob);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("loader");
	TCase *t = tcase_create("loader");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, files);
	tcase_add_test(t, gzip);
	tcase_add_test(t, zstd);
	tcase_add_test(t, bomb);
	tcase_add_test(t, zboot_images);
	tcase_add_test(t, linux_image);
	tcase_add_test(t, foreign_files);
	tcase_add_test(t, elf_loads);
	tcase_add_test(t, elf_symbols);
	tcase_add_test(t, elf_damage);
	tcase_add_test(t, dtb);
	tcase_add_test(t, dtb_damage);
	suite_add_tcase(s, t);
	return run_suites("loader", 1, &s);
}

// SPDX-License-Identifier: Apache-2.0
/* The board "virt" as a whole: its tree, where images go, how each way in begins, what it refuses, bare programs. */
#include <elf.h>
#include <libfdt.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>
#include "frontends/riscv/riscv.h"
#include "src/boards/riscv_virt.h"
#include "src/vm.h"
#include "tests/check_main.h"
#include "tests/devices/harness.h"

#define MIB ((uint64_t)1 << 20)
enum { A0 = SLOT_X + 10, A1 = SLOT_X + 11, A2 = SLOT_X + 12 };

static char folder[64];
static struct error err;
static struct vm_config config;
static struct vm *vm;

static char *in_folder(const char *name)
{
	char *text;
	ck_assert_int_gt(asprintf(&text, "%s/%s", folder, name), 0);
	return text;
}

static char *put_file(const char *name, const void *bytes, size_t size)
{
	char *path = in_folder(name);
	FILE *f = fopen(path, "wb");
	ck_assert(f && fwrite(bytes, 1, size, f) == size && !fclose(f));
	return path;
}

static uint8_t buffer[8 << 20];

/* A Linux Image that loops: `memory` bytes of RAM wanted. */
static char *put_kernel(size_t size, uint64_t memory)
{
	memset(buffer, 0x11, size);
	memset(buffer, 0, 64);
	memcpy(buffer, &(uint32_t){ 0x0000006f }, 4);	/* j . */
	memcpy(buffer + 8, &(uint64_t){ 2 * MIB }, 8);
	memcpy(buffer + 16, &memory, 8);
	memcpy(buffer + 48, "RISCV\0\0\0RSC\5", 12);
	return put_file("Image", buffer, size);
}

static char *put_code(const char *name, unsigned n, const uint32_t *code)
{
	return put_file(name, code, n * 4);
}

static char *put_pattern(const char *name, size_t size, uint8_t byte)
{
	memset(buffer, byte, size);
	return put_file(name, buffer, size);
}

static void setup(void)
{
	strcpy(folder, "/tmp/calque-board-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	err = (struct error){ 0 };
	vm_config_init(&config);
	config.ram = 64 * MIB;
	vm = NULL;
}

static void teardown(void)
{
	if (vm)
		vm_destroy(vm);
	vm_config_free(&config);
	static const char *const names[] = { "Image", "fw", "initrd", "tree", "program" };
	for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
		char *path = in_folder(names[i]);
		unlink(path);
		free(path);
	}
	rmdir(folder);
}

static struct machine *create(void)
{
	vm = vm_create(&config, &err);
	ck_assert_msg(vm != NULL, "%s", err.text);
	return &vm->machine;
}

static void refused(const char *words)
{
	vm = vm_create(&config, &err);
	ck_assert_msg(!vm, "not refused: %s", words);
	ck_assert_int_eq(err.code, ERROR_USAGE);
	ck_assert_msg(strstr(err.text, words) != NULL, "\"%s\" lacks \"%s\"", err.text, words);
	ck_assert(!strchr(err.text, '\n'));
}

static void *tree_at(struct machine *m, uint64_t at)
{
	struct fdt_header h;
	ck_assert(phys_read(&m->phys, GPA(at), &h, sizeof(h)));
	ck_assert_uint_eq(fdt_magic(&h), FDT_MAGIC);
	unsigned size = fdt_totalsize(&h);
	void *tree = malloc(size);
	ck_assert(tree && phys_read(&m->phys, GPA(at), tree, size));
	ck_assert_int_eq(fdt_check_full(tree, size), 0);
	return tree;
}

static uint64_t number(const void *tree, const char *node, const char *property)
{
	int n;
	const fdt32_t *v = fdt_getprop(tree, fdt_path_offset(tree, node), property, &n);
	ck_assert_msg(v && (n == 4 || n == 8), "%s %s", node, property);
	return n == 4 ? fdt32_to_cpu(v[0]) : (uint64_t)fdt32_to_cpu(v[0]) << 32 | fdt32_to_cpu(v[1]);
}

static const char *text(const void *tree, const char *node, const char *property)
{
	int n;
	const char *v = fdt_getprop(tree, fdt_path_offset(tree, node), property, &n);
	return v && n > 0 && !v[n - 1] ? v : "(none)";
}

static void expect_bytes(struct machine *m, uint64_t at, uint8_t byte, uint64_t size)
{
	uint8_t *got = malloc(size);
	ck_assert(got && phys_read(&m->phys, GPA(at), got, size));
	uint64_t same = 0;
	while (same < size && got[same] == byte)
		same++;
	ck_assert_msg(same == size, "0x%lx: not as loaded", (unsigned long)(at + same));
	free(got);
}

/* ---- the tree ---- */

static void *dump(void)
{
	void *blob;
	unsigned size;
	create();
	ck_assert_msg(vm->board->dump_dtb(&vm->machine, &vm->config, &blob, &size, &err), "%s", err.text);
	ck_assert_int_eq(fdt_check_full(blob, size), 0);
	return blob;
}

START_TEST(tree_nodes)
{
	config.kernel = put_kernel(4096, MIB);
	config.append = strdup("console=ttyS0 quiet");
	config.smp = 3;
	config.cpu = strdup("rv64,zba=off,zicbom=off,satp=sv39");
	void *t = dump();
	ck_assert_str_eq(text(t, "/", "compatible"), "riscv-virtio");
	ck_assert_str_eq(text(t, "/chosen", "bootargs"), "console=ttyS0 quiet");
	ck_assert_int_ge(fdt_path_offset(t, text(t, "/chosen", "stdout-path")), 0);
	ck_assert_uint_eq(number(t, "/cpus", "timebase-frequency"), 10000000);
	ck_assert_int_ge(fdt_path_offset(t, "/cpus/cpu@2"), 0);
	ck_assert_int_lt(fdt_path_offset(t, "/cpus/cpu@3"), 0);
	ck_assert_str_eq(text(t, "/cpus/cpu@1", "mmu-type"), "riscv,sv39");
	ck_assert(!strncmp(text(t, "/cpus/cpu@0", "riscv,isa"), "rv64imafdc", 10));
	ck_assert_ptr_null(strstr(text(t, "/cpus/cpu@0", "riscv,isa"), "zba"));
	ck_assert_ptr_nonnull(strstr(text(t, "/cpus/cpu@0", "riscv,isa"), "zbb"));
	int cpu = fdt_path_offset(t, "/cpus/cpu@0"), n;
	ck_assert_int_lt(fdt_stringlist_search(t, cpu, "riscv,isa-extensions", "zba"), 0);
	ck_assert_int_ge(fdt_stringlist_search(t, cpu, "riscv,isa-extensions", "zbb"), 0);
	ck_assert_int_eq(fdt_stringlist_search(t, cpu, "riscv,isa-extensions", "i"), 0);
	ck_assert_ptr_null(fdt_getprop(t, cpu, "riscv,cbom-block-size", &n));
	ck_assert_uint_eq(number(t, "/cpus/cpu@0", "riscv,cboz-block-size"), 64);
	ck_assert_ptr_null(fdt_getprop(t, fdt_path_offset(t, "/chosen"), "linux,initrd-start", &n));
	/* entropy and the power button, and no more slots than devices */
	ck_assert_int_ge(fdt_path_offset(t, "/soc/virtio_mmio@10001000"), 0);
	ck_assert_int_ge(fdt_path_offset(t, "/soc/virtio_mmio@10002000"), 0);
	ck_assert_int_lt(fdt_path_offset(t, "/soc/virtio_mmio@10003000"), 0);
	free(t);
}
END_TEST

/* Every phandle is some node's only, and every reference has its node. */
START_TEST(tree_references)
{
	config.kernel = put_kernel(4096, MIB);
	config.smp = 4;
	void *t = dump();
	static const char *const single[] = { "interrupt-parent", "regmap", "cpu" };
	bool seen[64] = { false };
	for (int node = 0; node >= 0; node = fdt_next_node(t, node, NULL)) {
		uint32_t own = fdt_get_phandle(t, node);
		ck_assert(own < 64 && (!own || !seen[own]));
		seen[own] = true;
		for (unsigned i = 0; i < ARRAY_SIZE(single); i++) {
			int n;
			const fdt32_t *v = fdt_getprop(t, node, single[i], &n);
			ck_assert_msg(!v || fdt_node_offset_by_phandle(t, fdt32_to_cpu(*v)) >= 0, "%s", single[i]);
		}
		int n;
		const fdt32_t *v = fdt_getprop(t, node, "interrupts-extended", &n);
		for (int i = 0; v && i < n / 4; i += 2) {
			int to = fdt_node_offset_by_phandle(t, fdt32_to_cpu(v[i]));
			ck_assert(to >= 0 && !fdt_node_check_compatible(t, to, "riscv,cpu-intc"));
		}
	}
	free(t);
}
END_TEST

START_TEST(tree_seed)
{
	uint8_t seed[3][RNG_SEED_SIZE];
	config.has_seed = true;
	config.seed = 7;
	riscv_rng_seed(&config, seed[0]);
	riscv_rng_seed(&config, seed[1]);
	config.seed = 8;
	riscv_rng_seed(&config, seed[2]);
	ck_assert(!memcmp(seed[0], seed[1], RNG_SEED_SIZE) && memcmp(seed[0], seed[2], RNG_SEED_SIZE));
	config.has_seed = false;
	riscv_rng_seed(&config, seed[0]);
	riscv_rng_seed(&config, seed[1]);
	ck_assert(memcmp(seed[0], seed[1], RNG_SEED_SIZE));
	config.deterministic = true;
	riscv_rng_seed(&config, seed[0]);
	riscv_rng_seed(&config, seed[1]);
	ck_assert(!memcmp(seed[0], seed[1], RNG_SEED_SIZE));
}
END_TEST

/* ---- ways in ---- */

START_TEST(built_in_sbi)
{
	config.kernel = put_kernel(64 << 10, MIB);
	config.initrd = put_pattern("initrd", 12345, 0x77);
	config.append = strdup("x");
	config.smp = 2;
	struct machine *m = create();
	ck_assert_uint_eq(m->vcpu[0]->pc, 0x80200000);
	ck_assert_uint_eq(m->vcpu[0]->reg[A0], 0);
	ck_assert(!m->vcpu[0]->halted && m->vcpu[1]->halted);
	expect_bytes(m, 0x80200040, 0x11, (64 << 10) - 64);
	for (unsigned round = 0; round < 2; round++) {
		void *t = tree_at(m, m->vcpu[0]->reg[A1]);
		uint64_t start = number(t, "/chosen", "linux,initrd-start"),
			 end = number(t, "/chosen", "linux,initrd-end");
		ck_assert_uint_eq(end - start, 12345);
		expect_bytes(m, start, 0x77, 12345);
		ck_assert_uint_eq(m->vcpu[0]->reg[A1] % (2 * MIB), 0);
		free(t);
		/* a reset brings everything back */
		memset(buffer, 0xee, MIB);
		ck_assert(phys_write(&m->phys, GPA(0x80200000), buffer, MIB));
		ck_assert_msg(vm_reset(vm, &err), "%s", err.text);
		ck_assert_uint_eq(m->vcpu[0]->pc, 0x80200000);
		expect_bytes(m, 0x80200040, 0x11, 100);
	}
}
END_TEST

START_TEST(firmware)
{
	config.firmware = put_code("fw", 2, (uint32_t[]){ 0x0000006f, 0x13 });
	config.kernel = put_kernel(4096, MIB);
	config.smp = 2;
	struct machine *m = create();
	ck_assert(!m->vcpu[0]->halted && !m->vcpu[1]->halted && !m->firmware_call);
	for (unsigned i = 0; i < 2; i++) {
		ck_assert_uint_eq(m->vcpu[i]->pc, 0x1000);
		ck_assert_uint_eq(vm_run_vcpu(vm, i, 6), 6);	/* the boot ROM is six instructions */
		ck_assert_uint_eq(m->vcpu[i]->pc, 0x80000000);
		ck_assert_uint_eq(m->vcpu[i]->reg[A0], i);
	}
	free(tree_at(m, m->vcpu[0]->reg[A1]));
	uint64_t info[6];
	ck_assert(vm_phys_read(m, m->vcpu[1]->reg[A2], info, sizeof(info)));
	static const uint64_t expected[6] = { 0x4942534f, 2, 0x80200000, 1, 0, 0 };
	for (unsigned i = 0; i < 6; i++)
		ck_assert_uint_eq(info[i], expected[i]);
}
END_TEST

START_TEST(given_tree)
{
	config.kernel = put_kernel(4096, MIB);
	memset(buffer, 0, 4096);
	ck_assert(!fdt_create(buffer, 4096) && !fdt_finish_reservemap(buffer) && !fdt_begin_node(buffer, "") &&
		  !fdt_property_string(buffer, "model", "mine") && !fdt_end_node(buffer) && !fdt_finish(buffer));
	config.dtb = put_file("tree", buffer, fdt_totalsize(buffer));
	config.append = strdup("hello");
	struct machine *m = create();
	void *t = tree_at(m, m->vcpu[0]->reg[A1]);
	ck_assert_str_eq(text(t, "/", "model"), "mine");
	ck_assert_str_eq(text(t, "/chosen", "bootargs"), "hello");
	free(t);
}
END_TEST

/* Whatever the sizes: kernel, initrd and tree lie in RAM and apart, or the machine is refused with a line. */
START_TEST(placement)
{
	static const uint64_t ram[] = { 8, 9, 10, 12, 15, 16, 31, 64, 1024, 1025, 3000 };
	static const uint64_t kernel_memory[] = { 1, 3, 5, 12, 40 }, initrd_size[] = { 0, 1, 3, 7 };
	unsigned good = 0, bad = 0;
	for (unsigned i = 0; i < ARRAY_SIZE(ram) * ARRAY_SIZE(kernel_memory) * ARRAY_SIZE(initrd_size); i++) {
		vm_config_free(&config);
		config.ram = ram[i % ARRAY_SIZE(ram)] * MIB + i / 20 * 4096;
		uint64_t memory = kernel_memory[i / ARRAY_SIZE(ram) % ARRAY_SIZE(kernel_memory)] * MIB;
		uint64_t initrd = initrd_size[i / ARRAY_SIZE(ram) / ARRAY_SIZE(kernel_memory)] * MIB;
		config.kernel = put_kernel(4096, memory);
		config.initrd = initrd ? put_pattern("initrd", initrd + 5, 0x77) : NULL;
		uint64_t end = 0x80000000 + config.ram, kernel_end = 0x80200000 + memory;
		vm = vm_create(&config, &err);
		if (!vm) {
			ck_assert_int_eq(err.code, ERROR_USAGE);
			ck_assert_ptr_nonnull(strstr(err.text, "-m"));
			/* refused only when it is really tight */
			ck_assert_uint_gt(2 * MIB + memory + initrd + 6 * MIB, config.ram);
			bad++;
			continue;
		}
		good++;
		struct machine *m = &vm->machine;
		uint64_t at = m->vcpu[0]->reg[A1];
		void *t = tree_at(m, at);
		ck_assert(
			at >= kernel_end && at + fdt_totalsize(t) + (64 << 10) <= end && at < 0x80000000 + 1024 * MIB);
		if (initrd) {
			uint64_t start = number(t, "/chosen", "linux,initrd-start"),
				 stop = number(t, "/chosen", "linux,initrd-end");
			ck_assert_uint_eq(stop - start, initrd + 5);
			ck_assert(start >= kernel_end && stop <= end && start % 4096 == 0);
			ck_assert(stop <= at || start >= at + fdt_totalsize(t));
			expect_bytes(m, start, 0x77, initrd + 5);
		}
		free(t);
		vm_destroy(vm);
		vm = NULL;
	}
	ck_assert(good > 50 && bad > 20);
}
END_TEST

/* ---- refusals ---- */

START_TEST(refusals)
{
	config.kernel = put_kernel(4096, 100 * MIB);
	refused("give -m more");
	free(config.kernel);
	config.kernel = put_file("Image", "#!/bin/sh\necho this is no kernel\n", 33);
	refused("this is text");
	free(put_file("Image", "\0\0\0\0\0\0\0\0", 8));
	refused("does not begin with RISC-V code");
	memset(buffer, 0, 64);
	memcpy(buffer + 56, "ARMd", 4);
	free(put_file("Image", buffer, 64));
	refused("arm64 Linux Image");
	free(put_kernel(4096, MIB));
	config.initrd = put_pattern("initrd", 1, 1);
	ck_assert(!truncate(config.initrd, 65 * MIB));
	refused("--initrd");
	free(config.initrd);
	config.initrd = NULL;
	config.firmware = put_kernel(4096, MIB);	/* a kernel is no firmware */
	refused("give a RISC-V ELF file or flat binary");
	free(config.firmware);
	config.firmware = put_pattern("fw", 3 * MIB, 0x13);
	refused("over the kernel");
	free(config.firmware);
	config.firmware = NULL;
	config.dtb = put_pattern("tree", 100, 0);
	refused("not a flattened device tree");
	free(config.dtb);
	config.dtb = NULL;
	for (config.n_disks = 0; config.n_disks < 8; config.n_disks++)
		config.disk[config.n_disks].path = strdup(config.kernel);
	refused("places for 7");
}
END_TEST

/* ---- bare programs ---- */

/* An ELF file with code at RAM's base and tohost right behind it, in the same page. */
static void put_program(unsigned n, const uint32_t *code, bool with_tohost)
{
	struct {
		Elf64_Ehdr h;
		Elf64_Phdr p;
		uint32_t code[32];
		uint64_t tohost;
		char names[8];
		Elf64_Sym sym[2];
		Elf64_Shdr s[3];
	} e = {
		.h = {.e_ident = ELFMAG "\2\1\1",
			.e_type = ET_EXEC,
			.e_machine = EM_RISCV,
			.e_version = 1,
			.e_entry = 0x80000000,
			.e_phoff = offsetof(typeof(e), p),
			.e_shoff = offsetof(typeof(e), s),
			.e_ehsize = sizeof(e.h),
			.e_phentsize = sizeof(e.p),
			.e_phnum = 1,
			.e_shentsize = sizeof(e.s[0]),
			.e_shnum = with_tohost ? 3 : 0},
		.p = {.p_type = PT_LOAD,
			.p_offset = offsetof(typeof(e), code),
			.p_vaddr = 0x80000000,
			.p_paddr = 0x80000000,
			.p_filesz = 136,
			.p_memsz = 136},
		.names = "\0tohost",
		.sym = {{0}, {.st_name = 1, .st_shndx = 1, .st_value = 0x80000080, .st_size = 8}},
		.s = {{0}, {.sh_type = SHT_STRTAB, .sh_offset = offsetof(typeof(e), names), .sh_size = 8},
			{.sh_type = SHT_SYMTAB,
				.sh_offset = offsetof(typeof(e), sym),
				.sh_size = sizeof(e.sym),
				.sh_link = 1,
				.sh_entsize = sizeof(Elf64_Sym),
				.sh_addralign = 8}},
	};
	memcpy(e.code, code, n * 4);
	for (unsigned i = n; i < 32; i++)
		e.code[i] = 0x0000006f;
	free(config.kernel);
	config.kernel = put_file("program", &e, sizeof(e));
	config.bare = true;
}

static struct guest_exit run(void)
{
	struct guest_exit e = { 0 };
	create();
	ck_assert(vm_resume(vm, &err));
	ck_assert_msg(vm_wait(vm, 20000000000, true, &e), "the program did not end");
	vm_destroy(vm);
	vm = NULL;
	return e;
}

START_TEST(bare_htif)
{
	/* auipc t0, 0; li t1, 7; sd t1, 0x80(t0) */
	put_program(3, (uint32_t[]){ 0x00000297, 0x00700313, 0x0862b023 }, true);
	struct guest_exit e = run();
	ck_assert_int_eq(e.cause, EXIT_CODE);
	ck_assert_uint_eq(e.code, 3);
	put_program(3, (uint32_t[]){ 0x00000297, 0x00100313, 0x0862b023 }, true);
	e = run();
	ck_assert_int_eq(e.cause, EXIT_POWEROFF);
	/* lui t0, 0x100; lui t1, 0x43; addi t1, t1, 0x333; sw t1, 0(t0): the test device */
	put_program(4, (uint32_t[]){ 0x001002b7, 0x00043337, 0x33330313, 0x0062a023 }, false);
	e = run();
	ck_assert_int_eq(e.cause, EXIT_CODE);
	ck_assert_uint_eq(e.code, 4);
}
END_TEST

#define SEMIHOST 0x01f01013, 0x00100073, 0x40705013

START_TEST(bare_semihosting)
{
	static struct memory_chardev console;	/* the VM destroys it before the test looks */
	console = memory_chardev();
	config.serial = &console.c;
	/* auipc a1, 0; addi a1, a1, 64; li a0, 4; call; addi a1, a1, 16; li a0, 0x18; call */
	uint32_t code[26] = {
		0x00000597, 0x04058593, 0x00400513, SEMIHOST, 0x01058593, 0x01800513, SEMIHOST, 0x0000006f};
	memcpy(&code[16], "semihosted\n\0\0\0\0", 16);
	memcpy(&code[20], (uint64_t[]){ 0x20026, 42 }, 16);
	put_program(26, code, false);
	struct guest_exit e = run();
	ck_assert_int_eq(e.cause, EXIT_CODE);
	ck_assert_uint_eq(e.code, 42);
	ck_assert_str_eq(console.text, "semihosted\n");
	/* an ebreak without the marker is an ordinary one: mtvec = 0 has no code, and the trap loop is found */
	put_program(1, (uint32_t[]){ 0x00100073 }, false);
	config.serial = NULL;
	e = run();
	ck_assert_int_eq(e.cause, EXIT_DIED);
	/* the call's block and strings may be anywhere */
	for (unsigned op = 0; op < 0x32; op++) {
		/* li a0, op; li a1, -1; call; li a0, op; lui a1, 0x80000 (= 0xffffffff80000000); call; then end with
		 * code 1 */
		uint32_t script[] = {0x00000513 | op << 20, 0xfff00593, SEMIHOST, 0x00000513 | op << 20, 0x800005b7,
			SEMIHOST, 0x01800513, 0x00000593, SEMIHOST};
		put_program(ARRAY_SIZE(script), script, false);
		e = run();
		ck_assert_int_eq(e.cause, EXIT_CODE);
		ck_assert_uint_eq(e.code, 1);
	}
}
END_TEST

START_TEST(bare_refusals)
{
	config.bare = true;
	config.kernel = put_file("program", "\x7f" "ELF", 4);
	refused("cut short");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("board");
	TCase *t = tcase_create("board");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, tree_nodes);
	tcase_add_test(t, tree_references);
	tcase_add_test(t, tree_seed);
	tcase_add_test(t, built_in_sbi);
	tcase_add_test(t, firmware);
	tcase_add_test(t, given_tree);
	tcase_add_test(t, placement);
	tcase_add_test(t, refusals);
	tcase_add_test(t, bare_htif);
	tcase_add_test(t, bare_semihosting);
	tcase_add_test(t, bare_refusals);
	suite_add_tcase(s, t);
	return run_suites("board", 1, &s);
}

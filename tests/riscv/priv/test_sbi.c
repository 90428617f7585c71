// SPDX-License-Identifier: Apache-2.0
/* The built-in SBI, call by call, with the error codes of the SBI specification 2.0. */
#include <stdatomic.h>
#include "src/boards/riscv_sbi.h"
#include "tests/riscv/priv/fixture.h"
#include "frontends/riscv/priv/ptbuild.h"

#define HARTS 3
#define NOT_SUPPORTED (-2)
#define INVALID_PARAM (-3)
#define INVALID_ADDRESS (-5)
#define ALREADY_AVAILABLE (-6)
enum { BASE = 0x10, TIME = 0x54494d45, SPI = 0x735049, RFNC = 0x52464e43, HSM = 0x48534d, SRST = 0x53525354, DBCN = 0x4442434e };

static struct fixture f;
static char output[20000];
static unsigned output_n;
static const char *input;

static void sink(void *opaque, const uint8_t *bytes, unsigned n)
{
	ck_assert_ptr_eq(opaque, &f);
	memcpy(output + output_n, bytes, n);
	output_n += n;
}

static unsigned source(void *opaque, uint8_t *bytes, unsigned max)
{
	unsigned n = 0;
	while (n < max && *input)
		bytes[n++] = (uint8_t)*input++;
	return n;
}

static void setup_cpu(const char *cpu)
{
	struct error err;
	fixture_init(&f, cpu, HARTS);
	output_n = 0;
	input = "";
	ck_assert(riscv_sbi_init(&f.m, &(struct riscv_sbi_console){ sink, source, &f }, &err));
	riscv_sbi_boot(&f.m, RAM_BASE + 0x200000, RAM_BASE + 0x100000);
}

static void setup(void)
{
	setup_cpu("rv64");
}

static void teardown(void)
{
	riscv_sbi_destroy(&f.m);
	fixture_free(&f);
}

struct ret { int64_t error; uint64_t value; };

static struct ret call_from(unsigned hart, uint64_t eid, uint64_t fid, unsigned n, const uint64_t *args)
{
	struct vcpu *cpu = f.m.vcpu[hart];
	for (unsigned i = 0; i < 6; i++)
		cpu->reg[10 + i] = i < n ? args[i] : 0xdead0000 + i;
	cpu->reg[16] = fid;
	cpu->reg[17] = eid;
	cpu->pc = RAM_BASE + 0x200100;
	riscv_cpu(cpu)->priv = PRIV_S;
	riscv_raise(cpu, EXC_ECALL_S, 0);
	riscv64_frontend.arch->take_exception(cpu);
	return (struct ret){ (int64_t)cpu->reg[10], cpu->reg[11] };
}
#define ARGS(...) sizeof((uint64_t[]){ __VA_ARGS__ }) / 8, (uint64_t[]){ __VA_ARGS__ }
#define CALL(eid, fid, ...) call_from(0, eid, fid, ARGS(__VA_ARGS__))
#define CHECK_ERROR(want, ...) ck_assert_int_eq(CALL(__VA_ARGS__).error, want)
#define CHECK_VALUE(want, ...) \
	do { \
		struct ret r_ = CALL(__VA_ARGS__); \
		ck_assert_int_eq(r_.error, 0); \
		ck_assert_uint_eq(r_.value, want); \
	} while (0)

START_TEST(boot_state)
{
	ck_assert_uint_eq(f.cpu->pc, RAM_BASE + 0x200000);
	ck_assert_uint_eq(f.cpu->reg[10], 0);
	ck_assert_uint_eq(f.cpu->reg[11], RAM_BASE + 0x100000);
	for (unsigned i = 0; i < HARTS; i++)
		ck_assert_int_eq(atomic_load(&f.m.vcpu[i]->halted), i != 0);
}
END_TEST

START_TEST(base_calls)
{
	CHECK_VALUE(0x02000000, BASE, 0, 0);
	CHECK_VALUE(0xca1, BASE, 1, 0);
	CHECK_VALUE(1, BASE, 2, 0);
	static const uint64_t there[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, BASE, TIME, SPI, RFNC, HSM, SRST, DBCN };
	for (unsigned i = 0; i < ARRAY_SIZE(there); i++)
		CHECK_VALUE(1, BASE, 3, there[i]);
	static const uint64_t absent[] = { 9, 15, 0x504d55, 0x53555350, 0x43505043, 0x4e41434c, 0x535441, ~(uint64_t)0 };
	for (unsigned i = 0; i < ARRAY_SIZE(absent); i++) {
		CHECK_VALUE(0, BASE, 3, absent[i]);
		CHECK_ERROR(NOT_SUPPORTED, absent[i], 0, 0);
	}
	for (unsigned fid = 4; fid < 7; fid++)
		CHECK_VALUE(0, BASE, fid, 0);
	CHECK_ERROR(NOT_SUPPORTED, BASE, 7, 0);
	ck_assert_uint_eq(f.cpu->pc, RAM_BASE + 0x200104);
}
END_TEST

static uint64_t sip(unsigned hart)
{
	return riscv_mip(f.m.vcpu[hart]);
}

START_TEST(timer)
{
	CHECK_ERROR(NOT_SUPPORTED, TIME, 1, 0);
	CHECK_ERROR(0, TIME, 0, 0);
	ck_assert_uint_eq(sip(0) & 0x20, 0x20);
	CHECK_ERROR(0, TIME, 0, ~(uint64_t)0);
	ck_assert_uint_eq(sip(0) & 0x20, 0);
	ck_assert_int_eq(CALL(0, 0, 0).error, 0);	/* legacy */
	ck_assert_uint_eq(sip(0) & 0x20, 0x20);
}
END_TEST

static void start_all(void)
{
	for (unsigned i = 1; i < HARTS; i++)
		CHECK_ERROR(0, HSM, 0, i, RAM_BASE + 0x300000, 0x1234 + i);
}

START_TEST(ipis)
{
	static const struct { uint64_t mask, base; int64_t error; unsigned who; } cases[] = {
		{ 1, 0, 0, 1 }, { 5, 0, 0, 5 }, { 7, 0, 0, 7 }, { 0, 0, 0, 0 }, { 1, 2, 0, 4 }, { 3, 1, 0, 6 },
		{ 0, ~(uint64_t)0, 0, 7 }, { 8, 0, INVALID_PARAM, 0 }, { 9, 0, INVALID_PARAM, 0 }, { 4, 1, INVALID_PARAM, 0 },
		{ 1, 3, INVALID_PARAM, 0 }, { 0, 64, INVALID_PARAM, 0 }, { 1, ~(uint64_t)0 - 1, INVALID_PARAM, 0 },
		{ ~(uint64_t)0, 0, INVALID_PARAM, 0 },
	};
	for (unsigned started = 0; started < 2; started++) {
		for (unsigned c = 0; c < ARRAY_SIZE(cases); c++) {
			CHECK_ERROR(cases[c].error, SPI, 0, cases[c].mask, cases[c].base);
			for (unsigned i = 0; i < HARTS; i++) {
				ck_assert_uint_eq(sip(i) & 2, (cases[c].who >> i & 1) && (started || !i) ? 2 : 0);
				riscv_set_software_pending(f.m.vcpu[i], false);
			}
		}
		if (!started)
			start_all();
	}
	CHECK_ERROR(NOT_SUPPORTED, SPI, 1, 1, 0);
}
END_TEST

START_TEST(harts)
{
	CHECK_VALUE(0, HSM, 2, 0);
	CHECK_VALUE(1, HSM, 2, 1);
	CHECK_ERROR(INVALID_PARAM, HSM, 2, HARTS);
	CHECK_ERROR(INVALID_PARAM, HSM, 2, ~(uint64_t)0);
	CHECK_ERROR(INVALID_PARAM, HSM, 0, HARTS, RAM_BASE, 0);
	CHECK_ERROR(INVALID_ADDRESS, HSM, 0, 1, 0x1000, 0);
	CHECK_ERROR(INVALID_ADDRESS, HSM, 0, 1, RAM_BASE + RAM_SIZE, 0);
	CHECK_ERROR(INVALID_ADDRESS, HSM, 0, 1, RAM_BASE + 1, 0);
	CHECK_ERROR(INVALID_ADDRESS, HSM, 0, 1, ~(uint64_t)0 - 1, 0);
	CHECK_ERROR(ALREADY_AVAILABLE, HSM, 0, 0, RAM_BASE, 0);
	CHECK_ERROR(0, HSM, 0, 1, RAM_BASE + 0x1002, 0x5678);
	struct vcpu *one = f.m.vcpu[1];
	ck_assert_uint_eq(one->pc, RAM_BASE + 0x1002);
	ck_assert_uint_eq(one->reg[10], 1);
	ck_assert_uint_eq(one->reg[11], 0x5678);
	ck_assert_uint_eq(riscv_cpu(one)->priv, PRIV_S);
	ck_assert(!atomic_load(&one->halted));
	CHECK_VALUE(0, HSM, 2, 1);
	CHECK_ERROR(ALREADY_AVAILABLE, HSM, 0, 1, RAM_BASE, 0);
	/* it stops, and can be started anew with nothing of its old life */
	riscv_cpu(one)->satp = 8ull << 60 | 5;
	one->reg[3] = 99;
	call_from(1, HSM, 1, ARGS(0));
	ck_assert(atomic_load(&one->halted));
	CHECK_VALUE(1, HSM, 2, 1);
	CHECK_ERROR(0, HSM, 0, 1, RAM_BASE + 0x2000, 0);
	ck_assert_uint_eq(riscv_cpu(one)->satp, 0);
	ck_assert_uint_eq(one->reg[3], 0);
	ck_assert(!atomic_load(&one->halted));
	CHECK_ERROR(NOT_SUPPORTED, HSM, 4, 0);
}
END_TEST

START_TEST(suspend)
{
	struct vcpu *one = f.m.vcpu[1];
	start_all();
	/* retentive: like WFI */
	struct ret r = call_from(1, HSM, 3, ARGS(0, 0, 0));
	ck_assert_int_eq(r.error, 0);
	ck_assert(atomic_load(&one->waiting));
	CHECK_VALUE(4, HSM, 2, 1);
	ck_assert_uint_eq(one->pc, RAM_BASE + 0x200104);
	atomic_store(&one->waiting, false);	/* as the run loop does when there is work */
	CHECK_VALUE(0, HSM, 2, 1);
	/* non-retentive: the entry is another, what wakes it stays */
	riscv_cpu(one)->mie = 2;
	riscv_cpu(one)->satp = 8ull << 60 | 5;
	riscv_cpu(one)->mstatus |= MSTATUS_SIE;
	riscv_cpu(one)->s.scratch = 77;
	call_from(1, HSM, 3, ARGS(0x80000000, RAM_BASE + 0x4000, 0x99));
	CHECK_VALUE(4, HSM, 2, 1);
	ck_assert_uint_eq(one->pc, RAM_BASE + 0x4000);
	ck_assert_uint_eq(one->reg[10], 1);
	ck_assert_uint_eq(one->reg[11], 0x99);
	ck_assert_uint_eq(riscv_cpu(one)->satp, 0);
	ck_assert_uint_eq(riscv_cpu(one)->mstatus & MSTATUS_SIE, 0);
	ck_assert_uint_eq(riscv_cpu(one)->mie, 2);
	ck_assert(atomic_load(&one->waiting) && !riscv64_frontend.arch->has_work(one));
	CHECK_ERROR(0, SPI, 0, 2, 0);
	ck_assert(riscv64_frontend.arch->has_work(one));
	CHECK_ERROR(INVALID_ADDRESS, HSM, 3, 0x80000000, 0x1000, 0);
	for (unsigned i = 0; i < 5; i++)
		CHECK_ERROR(INVALID_PARAM, HSM, 3, ((uint64_t[]){ 1, 0x0fffffff, 0x10000000, 0x80000001, 0xffffffff })[i], RAM_BASE, 0);
	ck_assert(!atomic_load(&f.cpu->waiting));
}
END_TEST

/* ---- fences ---- */

static void map(struct ptbuild *b, uint64_t va, uint64_t to)
{
	struct error err;
	ck_assert(ptbuild_map(b, va, to, PAGE_SIZE, PTE_R | PTE_A | PTE_G * (va >> 63), 0, &err));
}

static uint64_t peek(struct vcpu *cpu, uint64_t va)
{
	uint64_t v = 99;
	EXPECT(mmu_load(cpu, va, 8, &v), "load at %#lx", (long)va);
	return v;
}

/* A hart that has a mapping cached sees the new one after each kind of fence that covers it, and no other's translation is lost. */
START_TEST(fences)
{
	struct ptbuild b;
	struct error err;
	const uint64_t va = 0x10000, base = RAM_BASE + 0x800000;
	struct vcpu *two = f.m.vcpu[2];
	start_all();
	for (uint64_t i = 0; i < 2; i++)
		ck_assert(phys_write(&f.m.phys, GPA(base + i * PAGE_SIZE), &i, 8));
	ck_assert(ptbuild_init(&b, &f.m.phys, 3, RAM_BASE + 0x400000, 0x10000, &err));
	riscv_cpu(two)->satp = ptbuild_satp(&b, 7);
	riscv_update_mode(two);
	static const struct {
		unsigned fid;
		uint64_t mask, base, start, size, asid;
		bool sees;
	} cases[] = {
		{ 1, 4, 0, 0x10000, 0x1000, 0, true },
		{ 1, 4, 0, 0x10800, 1, 0, true },
		{ 1, 0, ~(uint64_t)0, 0, 0, 0, true },
		{ 1, 1, 2, 0x123000, ~(uint64_t)0, 0, true },
		{ 1, 4, 0, 0xf000, 0x1001, 0, true },
		{ 1, 4, 0, 0, (uint64_t)1 << 40, 0, true },
		{ 1, 4, 0, ~(uint64_t)0xfff, ~(uint64_t)0, 0, true },
		{ 2, 4, 0, 0x10000, 0x1000, 7, true },
		{ 2, 4, 0, 0, 0, 7, true },
		{ 2, 4, 0, 0, ~(uint64_t)0, 0xffff0007, true },
		{ 1, 1, 0, 0x10000, 0x1000, 0, false },	/* another hart's */
		{ 1, 4, 0, 0x11000, 0x1000, 0, false },	/* another page */
		{ 1, 4, 0, 0x10000, 0, 0, false },	/* nothing */
		{ 2, 4, 0, 0x10000, 0x1000, 8, false },	/* another address space */
		{ 0, 4, 0, 0, 0, 0, false },
	};
	for (unsigned c = 0; c < ARRAY_SIZE(cases); c++) {
		map(&b, va, base);
		mmu_flush(two, &(struct mmu_flush){ .all_addresses = true, .all_contexts = true });
		ck_assert_uint_eq(peek(two, va), 0);
		map(&b, va, base + PAGE_SIZE);
		ck_assert_uint_eq(peek(two, va), 0);
		CHECK_ERROR(0, RFNC, cases[c].fid, cases[c].mask, cases[c].base, cases[c].start, cases[c].size, cases[c].asid);
		ck_assert_msg(peek(two, va) == cases[c].sees, "case %u", c);
	}
	CHECK_ERROR(INVALID_PARAM, RFNC, 1, 8, 0, 0, 0, 0);
	CHECK_ERROR(INVALID_PARAM, RFNC, 0, 1, 3);
	for (unsigned fid = 3; fid < 9; fid++)
		CHECK_ERROR(NOT_SUPPORTED, RFNC, fid, 1, 0, 0, 0, 0);
}
END_TEST

/* ---- reset ---- */

START_TEST(system_reset)
{
	static const struct { uint64_t type, reason; int64_t error; enum exit_cause cause; } cases[] = {
		{ 0, 0, 0, EXIT_POWEROFF }, { 0, 1, 0, EXIT_DIED }, { 1, 0, 0, EXIT_REBOOT }, { 2, 1, 0, EXIT_REBOOT },
		{ 0, 0xe0000000, 0, EXIT_POWEROFF }, { 3, 0, INVALID_PARAM, EXIT_NONE }, { 0xefffffff, 0, INVALID_PARAM, EXIT_NONE },
		{ 0xf0000000, 0, NOT_SUPPORTED, EXIT_NONE }, { 0, 2, INVALID_PARAM, EXIT_NONE },
		{ 1, 0xdfffffff, INVALID_PARAM, EXIT_NONE },
	};
	for (unsigned c = 0; c < ARRAY_SIZE(cases); c++) {
		f.m.ended = 0;
		f.m.exit.cause = EXIT_NONE;
		struct ret r = CALL(SRST, 0, cases[c].type, cases[c].reason);
		ck_assert_uint_eq(f.m.exit.cause, cases[c].cause);
		ck_assert_int_eq(atomic_load(&f.cpu->halted), cases[c].cause != EXIT_NONE);
		if (cases[c].cause == EXIT_NONE)
			ck_assert_int_eq(r.error, cases[c].error);
		atomic_store(&f.cpu->halted, false);
	}
	CHECK_ERROR(NOT_SUPPORTED, SRST, 1, 0, 0);
	f.m.ended = 0;
	CALL(8, 0, 0);
	ck_assert_uint_eq(f.m.exit.cause, EXIT_POWEROFF);
}
END_TEST

/* ---- console ---- */

START_TEST(console)
{
	const uint64_t at = RAM_BASE + 0x5000;
	memcpy(f.ram + 0x5000, "hello", 5);
	CHECK_VALUE(5, DBCN, 0, 5, at, 0);
	ck_assert(output_n == 5 && !memcmp(output, "hello", 5));
	CHECK_ERROR(0, DBCN, 2, 0x121);
	ck_assert(output_n == 6 && output[5] == '!');
	/* a large one comes in parts, one with a piece outside RAM not at all */
	output_n = 0;
	struct ret r = CALL(DBCN, 0, 10000, at, 0);
	ck_assert_int_eq(r.error, 0);
	ck_assert(r.value > 0 && r.value <= 10000 && output_n == r.value);
	output_n = 0;
	static const struct { uint64_t n, lo, hi; } bad[] = {
		{ 5, RAM_BASE + RAM_SIZE - 4, 0 }, { 5, RAM_BASE - 1, 0 }, { 1, 0, 0 }, { 5, RAM_BASE, 1 }, { ~(uint64_t)0, RAM_BASE, 0 },
		{ RAM_SIZE + 1, RAM_BASE, 0 }, { 2, ~(uint64_t)0, 0 }, { 0x80000000u, 0x80000000u + (RAM_SIZE - 1), 0 },
	};
	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++)
		for (unsigned fid = 0; fid < 2; fid++)
			CHECK_ERROR(INVALID_PARAM, DBCN, fid, bad[i].n, bad[i].lo, bad[i].hi);
	ck_assert_uint_eq(output_n, 0);
	CHECK_VALUE(0, DBCN, 0, 0, 0, 0);
	/* input */
	CHECK_VALUE(0, DBCN, 1, 100, at, 0);
	input = "abcdef";
	CHECK_VALUE(4, DBCN, 1, 4, at, 0);
	ck_assert(!memcmp(f.ram + 0x5000, "abcdo", 5));	/* four, and the rest of "hello" */
	CHECK_VALUE(2, DBCN, 1, 4, at, 0);
	ck_assert(!memcmp(f.ram + 0x5000, "ef", 2));
	CHECK_ERROR(NOT_SUPPORTED, DBCN, 3, 0);
	/* legacy: a1 is not touched */
	input = "x";
	r = CALL(2, 0, 0, 0x1111);
	ck_assert(r.error == 'x' && r.value == 0x1111);
	r = CALL(2, 0, 0, 0x1111);
	ck_assert_int_eq(r.error, -1);
	CALL(1, 0, 'y');
	ck_assert(output_n == 1 && output[0] == 'y');
}
END_TEST

/* Hart masks of the legacy calls lie in virtual memory; a bad pointer is the kernel's page fault. */
START_TEST(legacy_masks)
{
	uint64_t mask = 6 | (uint64_t)1 << 40;
	start_all();
	ck_assert(phys_write(&f.m.phys, GPA(RAM_BASE + 0x5000), &mask, 8));
	ck_assert_int_eq(CALL(4, 0, RAM_BASE + 0x5000).error, 0);
	for (unsigned i = 0; i < HARTS; i++)
		ck_assert_uint_eq(sip(i) & 2, i ? 2 : 0);
	ck_assert_int_eq(CALL(4, 0, 0).error, 0);
	ck_assert_uint_eq(sip(0) & 2, 2);
	ck_assert_int_eq(CALL(3, 0, 0).error, 0);
	ck_assert_uint_eq(sip(0) & 2, 0);
	for (unsigned eid = 5; eid < 8; eid++)
		ck_assert_int_eq(CALL(eid, 0, RAM_BASE + 0x5000, 0, 0, 0).error, 0);
	f.rv->s.tvec = 0x4000;
	CALL(4, 0, 0x10);
	ck_assert_uint_eq(f.cpu->pc, 0x4000);
	ck_assert_uint_eq(f.rv->s.cause, EXC_LOAD_ACCESS);
	ck_assert_uint_eq(f.rv->s.tval, 0x10);
	ck_assert_uint_eq(f.rv->s.epc, RAM_BASE + 0x200100);
	ck_assert_uint_eq(f.cpu->reg[10], 0x10);
}
END_TEST

/* Any registers at all: it never falls over. */
START_TEST(anything)
{
	static const uint64_t eids[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, BASE, TIME, SPI, RFNC, HSM, SRST, DBCN, 0x504d55 };
	uint64_t seed = (uint64_t)_i;
	for (unsigned n = 0; n < 3000; n++) {
		uint64_t args[6];
		for (unsigned i = 0; i < 6; i++) {
			uint64_t v = rnd(&seed);
			args[i] = v % 5 == 0 ? v : v % 5 == 1 ? v % 8 : v % 5 == 2 ? RAM_BASE + v % RAM_SIZE : v % 5 == 3 ? ~(uint64_t)0 : v % 4096;
		}
		output_n = 0;
		call_from(rnd(&seed) % HARTS, eids[rnd(&seed) % ARRAY_SIZE(eids)], rnd(&seed) % 8, 6, args);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("sbi");
	TCase *t = tcase_create("sbi");
	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, boot_state);
	tcase_add_test(t, base_calls);
	tcase_add_test(t, timer);
	tcase_add_test(t, ipis);
	tcase_add_test(t, harts);
	tcase_add_test(t, suspend);
	tcase_add_test(t, fences);
	tcase_add_test(t, system_reset);
	tcase_add_test(t, console);
	tcase_add_test(t, legacy_masks);
	tcase_add_loop_test(t, anything, 0, 4);
	suite_add_tcase(s, t);
	return run_suites("riscv_sbi", 1, &s);
}

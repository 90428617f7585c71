// SPDX-License-Identifier: Apache-2.0
/* The small devices: real-time clock, test device, host-target interface. */
#include "devices/goldfish_rtc.h"
#include "devices/htif.h"
#include "devices/syscon.h"
#include "tests/check_main.h"
#include "tests/devices/harness.h"

static struct rig rig;

/* ---- real-time clock ---- */

#define RTC 0x101000
enum { TIME_LOW = RTC, TIME_HIGH = RTC + 4, ALARM_LOW = RTC + 8, ALARM_HIGH = RTC + 12, IRQ_ENABLED = RTC + 16,
       CLEAR_ALARM = RTC + 20, ALARM_STATUS = RTC + 24, CLEAR_INTERRUPT = RTC + 28 };
static struct line_probe irq;

static void rtc_setup(void)
{
	rig_init(&rig, 1);
	rig.m.wall_base = 1700000000123456789;
	irq = (struct line_probe){ 0 };
	struct device *d = goldfish_rtc_new(&rig.m);
	d->irq = (struct irq_line){ line_probe_set, &irq, 0 };
	rig_attach(&rig, d, RTC, GOLDFISH_RTC_SIZE);
	bus_reset(&rig.bus);
}

static void teardown(void)
{
	rig_done(&rig);
}

static uint64_t rtc_now(void)
{
	uint64_t low = rig_read(&rig, TIME_LOW, 4);
	return rig_read(&rig, TIME_HIGH, 4) << 32 | low;
}

static void rtc_alarm(uint64_t at)
{
	rig_write(&rig, ALARM_HIGH, 4, at >> 32);
	rig_write(&rig, ALARM_LOW, 4, (uint32_t)at);
}

START_TEST(rtc_time)
{
	ck_assert_uint_eq(rtc_now(), 1700000000123456789);
	rig_advance(&rig, 1000);
	ck_assert_uint_eq(rtc_now(), 1700000000123457789);
	/* reading the low half latches the high one */
	rig.m.wall_base = 0x1ffffffffULL - clock_now(&rig.m);
	ck_assert_uint_eq(rig_read(&rig, TIME_LOW, 4), 0xffffffff);
	rig_advance(&rig, 10);
	ck_assert_uint_eq(rig_read(&rig, TIME_HIGH, 4), 1);
	rig_write(&rig, TIME_HIGH, 4, 0x1234);
	rig_write(&rig, TIME_LOW, 4, 0x56789abc);
	ck_assert_uint_eq(rtc_now(), 0x123456789abc);
	bus_reset(&rig.bus);
	ck_assert_uint_eq(rtc_now(), 0x123456789abc);
}
END_TEST

START_TEST(rtc_alarms)
{
	uint64_t now = rtc_now();
	rig_write(&rig, IRQ_ENABLED, 4, 1);
	rtc_alarm(now + 500);
	ck_assert_uint_eq(rig_read(&rig, ALARM_STATUS, 4), 1);
	rig_advance(&rig, 499);
	ck_assert(!irq.level);
	rig_advance(&rig, 1);
	ck_assert(irq.level);
	ck_assert_uint_eq(rig_read(&rig, ALARM_STATUS, 4), 0);
	rig_write(&rig, CLEAR_INTERRUPT, 4, 1);
	ck_assert(!irq.level);
	rtc_alarm(now);				/* in the past: at once */
	ck_assert(irq.level);
	rig_write(&rig, IRQ_ENABLED, 4, 0);
	ck_assert(!irq.level);
	rig_write(&rig, IRQ_ENABLED, 4, 1);
	ck_assert(irq.level);
	rig_write(&rig, CLEAR_INTERRUPT, 4, 1);
	rtc_alarm(rtc_now() + 100);
	rig_write(&rig, CLEAR_ALARM, 4, 1);
	rig_advance(&rig, 1000);
	ck_assert(!irq.level);
	rtc_alarm(UINT64_MAX);
	ck_assert(!irq.level);
	/* setting the clock past the alarm fires it */
	rtc_alarm(rtc_now() + 1000000);
	rig_write(&rig, TIME_HIGH, 4, 0x7fffffff);
	rig_write(&rig, TIME_LOW, 4, 0);
	ck_assert(irq.level);
	bus_reset(&rig.bus);
	ck_assert(!irq.level);
}
END_TEST

START_TEST(rtc_hostile)
{
	uint64_t v;
	ck_assert(!rig_try_read(&rig, RTC, 8, &v));
	rig_hostile(&rig, RTC, 0x20, 50000);
	rig_hostile(&rig, RTC, GOLDFISH_RTC_SIZE, 10000);
}
END_TEST

/* ---- test device ---- */

#define TEST 0x100000

static void syscon_setup(void)
{
	rig_init(&rig, 1);
	rig_attach(&rig, syscon_new(&rig.m), TEST, SYSCON_SIZE);
	bus_reset(&rig.bus);
}

static void again(void)
{
	rig.m.ended = 0;
	rig.exits = 0;
}

START_TEST(syscon_ends)
{
	rig_write(&rig, TEST, 4, 0x5555);
	ck_assert_uint_eq(rig.exits, 1);
	ck_assert_int_eq(rig.exit.cause, EXIT_POWEROFF);
	again();
	rig_write(&rig, TEST, 4, 0x7777);
	ck_assert_int_eq(rig.exit.cause, EXIT_REBOOT);
	again();
	rig_write(&rig, TEST, 4, 42 << 16 | 0x3333);
	ck_assert_int_eq(rig.exit.cause, EXIT_CODE);
	ck_assert_uint_eq(rig.exit.code, 42);
	again();
	rig_write(&rig, TEST, 4, 0x3333);	/* a failure without code is not a success */
	ck_assert_int_eq(rig.exit.cause, EXIT_CODE);
	ck_assert_uint_eq(rig.exit.code, 1);
	again();
	rig_write(&rig, TEST, 2, 0x5555);
	ck_assert_int_eq(rig.exit.cause, EXIT_POWEROFF);
}
END_TEST

START_TEST(syscon_else)
{
	uint64_t v;
	rig_write(&rig, TEST + 4, 4, 0x5555);
	rig_write(&rig, TEST, 4, 0x1234);
	rig_write(&rig, TEST, 4, 0);
	ck_assert_uint_eq(rig_read(&rig, TEST, 4), 0);
	ck_assert(!rig_try_read(&rig, TEST, 8, &v));
	ck_assert(!rig_try_write(&rig, TEST, 1, 0x55));
	rig_hostile(&rig, TEST + 4, SYSCON_SIZE - 4, 5000);
	ck_assert_uint_eq(rig.exits, 0);
}
END_TEST

/* ---- host-target interface ---- */

#define PAGE	 (RIG_RAM + RIG_RAM_SIZE)
#define TOHOST	 (PAGE + 0x40)
#define FROMHOST (PAGE + 0x80)
static struct memory_chardev console;
static struct device *htif;

static void htif_setup_sized(uint64_t size)
{
	struct error err = { 0 };
	rig_bare(&rig, 1, RIG_RAM_SIZE + PAGE_SIZE);
	ck_assert(phys_add_ram(&rig.m.phys, GPA(RIG_RAM), RIG_RAM_SIZE, "ram", &err));
	console = memory_chardev();
	struct htif_config config = { TOHOST, FROMHOST, size, &console.c, true };
	htif = htif_new(&rig.m, &config);
	rig_attach(&rig, htif, TOHOST, 0);
	htif_set_watched(htif, GPA(PAGE));
	ck_assert(phys_add_watched_ram(&rig.m.phys, GPA(PAGE), PAGE_SIZE, "watched", &htif_watch, htif, &err));
	bus_reset(&rig.bus);
}

static void htif_setup(void)
{
	htif_setup_sized(8);
}

/* As the soft MMU does it: the store, then the watch. */
static void store(uint64_t at, unsigned size, uint64_t value)
{
	ck_assert(phys_write(&rig.m.phys, GPA(at), &value, size));
	const struct phys_range *r = phys_find(&rig.m.phys, GPA(at));
	if (r->watch)
		r->watch->write(r->opaque, at - r->base.v, size, value);
}

static uint64_t load(uint64_t at)
{
	uint64_t v;
	ck_assert(phys_read(&rig.m.phys, GPA(at), &v, 8));
	return v;
}

START_TEST(htif_exit)
{
	store(TOHOST + 8, 8, 1);		/* beside it */
	store(PAGE, 8, 1);
	store(TOHOST, 8, 0);
	ck_assert_uint_eq(rig.exits, 0);
	store(TOHOST, 8, 1);
	ck_assert_int_eq(rig.exit.cause, EXIT_POWEROFF);
	again();
	store(TOHOST, 8, 7 << 1 | 1);
	ck_assert_int_eq(rig.exit.cause, EXIT_CODE);
	ck_assert_uint_eq(rig.exit.code, 7);
	again();
	store(TOHOST, 8, 0xffffffffffff);	/* a large code stays large; the exit status is cut elsewhere */
	ck_assert_uint_eq(rig.exit.code, 0x7fffffffffff);
}
END_TEST

/* How riscv-tests end: the lower half, then zero to the upper one. */
START_TEST(htif_halves)
{
	store(TOHOST, 4, 5 << 1 | 1);
	ck_assert_uint_eq(rig.exits, 0);	/* may be half a request */
	store(TOHOST + 4, 4, 0);
	ck_assert_uint_eq(rig.exits, 1);
	ck_assert_uint_eq(rig.exit.code, 5);
	again();
	store(TOHOST, 8, 0);
	store(TOHOST, 4, 'A');			/* a console character in two stores is none that ends */
	store(TOHOST + 4, 4, 0x01010000);
	ck_assert_uint_eq(rig.exits, 0);
	ck_assert_str_eq(console.text, "A");
	store(TOHOST, 4, 3);			/* only lower halves, in a loop */
	store(TOHOST, 4, 3);
	ck_assert_uint_eq(rig.exit.code, 1);
	again();
	store(TOHOST, 8, 0);
	store(TOHOST, 4, 9);			/* only one, then the program spins */
	ck_assert_uint_eq(rig.exits, 0);
	rig_advance(&rig, 10000000);
	ck_assert_uint_eq(rig.exits, 1);
	ck_assert_uint_eq(rig.exit.code, 4);
}
END_TEST

START_TEST(htif_small_symbol)
{
	rig_done(&rig);
	htif_setup_sized(4);
	store(TOHOST + 4, 4, 0x12345678);	/* another variable */
	ck_assert_uint_eq(rig.exits, 0);
	store(TOHOST, 4, 3);
	ck_assert_uint_eq(rig.exit.code, 1);
}
END_TEST

START_TEST(htif_console)
{
	for (const char *s = "ok\n"; *s; s++) {
		store(TOHOST, 8, 0x0101000000000000 | *s);
		ck_assert_uint_eq(load(TOHOST), 0);
		ck_assert_uint_eq(load(FROMHOST), 0x0101000000000000);
		store(FROMHOST, 8, 0);
	}
	ck_assert_str_eq(console.text, "ok\n");
	store(TOHOST, 8, 0x0100000000000000);	/* read: answered when there is something */
	ck_assert_uint_eq(load(FROMHOST), 0);
	ck_assert_uint_ge(console.c.can_receive(console.c.front), 2);
	console.c.receive(console.c.front, (const uint8_t *)"xy", 2);
	ck_assert_uint_eq(load(FROMHOST), 0x0100000000000100 | 'x');
	store(FROMHOST, 8, 0);
	store(TOHOST, 8, 0x0100000000000000);
	ck_assert_uint_eq(load(FROMHOST), 0x0100000000000100 | 'y');
}
END_TEST

static void syscall_block(uint64_t at, uint64_t n, uint64_t a, uint64_t b, uint64_t c)
{
	uint64_t word[8] = { n, a, b, c };
	ck_assert(phys_write(&rig.m.phys, GPA(at), word, sizeof(word)));
	store(FROMHOST, 8, 0);
	store(TOHOST, 8, at);
}

START_TEST(htif_syscalls)
{
	uint64_t block = RIG_RAM + 0x1000, text = PAGE - 5;	/* across the border of the two ranges */
	ck_assert(phys_write(&rig.m.phys, GPA(text), "hello", 5));
	ck_assert(phys_write(&rig.m.phys, GPA(PAGE), " world", 6));
	syscall_block(block, 64, 1, text, 11);
	ck_assert_str_eq(console.text, "hello world");
	ck_assert_uint_eq(load(block), 11);
	ck_assert_uint_eq(load(FROMHOST), 1);
	syscall_block(block, 64, 5, text, 11);
	ck_assert_int_eq((int64_t)load(block), -9);
	syscall_block(block, 64, 1, 0x1000, 11);
	ck_assert_int_eq((int64_t)load(block), -14);
	syscall_block(block, 64, 1, PAGE, UINT64_MAX);		/* runs out of RAM */
	ck_assert_int_eq((int64_t)load(block), -14);
	syscall_block(block, 64, 1, UINT64_MAX - 5, 100);	/* wraps */
	ck_assert_int_eq((int64_t)load(block), -14);
	syscall_block(block, 12345, 0, 0, 0);
	ck_assert_int_eq((int64_t)load(block), -38);
	store(FROMHOST, 8, 0);
	store(TOHOST, 8, 0x10);			/* the block itself is not in RAM */
	ck_assert_uint_eq(load(FROMHOST), 1);
	ck_assert_uint_eq(rig.exits, 0);
	syscall_block(block, 93, 3, 0, 0);
	ck_assert_uint_eq(rig.exit.code, 3);
	ck_assert_str_eq(console.text, "hello world");
}
END_TEST

START_TEST(htif_hostile)
{
	uint64_t state = 99;
	for (unsigned i = 0; i < 50000; i++) {
		unsigned size = 1u << rig_random(&state) % 4;
		uint64_t at = PAGE + (rig_random(&state) % 0x100 & ~(uint64_t)(size - 1));
		store(at, size, rig_random(&state) >> rig_random(&state) % 64);
		rig_advance(&rig, rig_random(&state) % 100000);
		console.size = 0;
	}
}
END_TEST

static TCase *add(Suite *s, const char *name, void (*setup)(void))
{
	TCase *t = tcase_create(name);
	tcase_add_checked_fixture(t, setup, teardown);
	suite_add_tcase(s, t);
	return t;
}

int main(void)
{
	Suite *s = suite_create("platform");
	TCase *t = add(s, "rtc", rtc_setup);
	tcase_add_test(t, rtc_time);
	tcase_add_test(t, rtc_alarms);
	tcase_add_test(t, rtc_hostile);
	t = add(s, "syscon", syscon_setup);
	tcase_add_test(t, syscon_ends);
	tcase_add_test(t, syscon_else);
	t = add(s, "htif", htif_setup);
	tcase_add_test(t, htif_exit);
	tcase_add_test(t, htif_halves);
	tcase_add_test(t, htif_small_symbol);
	tcase_add_test(t, htif_console);
	tcase_add_test(t, htif_syscalls);
	tcase_add_test(t, htif_hostile);
	return run_suites("platform", 1, &s);
}

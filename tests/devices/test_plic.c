// SPDX-License-Identifier: Apache-2.0
/* The PLIC against its specification 1.0.0 (chapters named in the tests), and a hostile part. */
#include "devices/plic.h"
#include "tests/check_main.h"
#include "tests/devices/harness.h"

#define BASE	      0xc000000
#define PRIORITY(n)   (BASE + 4 * (n))
#define PENDING(w)    (BASE + 0x1000 + 4 * (w))
#define ENABLE(c, w)  (BASE + 0x2000 + 0x80 * (c) + 4 * (w))
#define THRESHOLD(c)  (BASE + 0x200000 + 0x1000 * (c))
#define CLAIM(c)      (THRESHOLD(c) + 4)
enum { MEI = 11, SEI = 9 };

static struct rig rig;
static struct device *plic;

static void setup(void)
{
	rig_init(&rig, 2);
	plic = plic_new(&rig.m, MEI, SEI);
	rig_attach(&rig, plic, BASE, PLIC_SIZE);
	bus_reset(&rig.bus);
}

static void teardown(void)
{
	rig_done(&rig);
}

static void drive(unsigned n, bool level)
{
	struct irq_line line = plic_input(plic, n);
	line.set(line.opaque, line.n, level);
}

static void allow(unsigned context, unsigned n, unsigned priority)
{
	rig_write(&rig, PRIORITY(n), 4, priority);
	rig_write(&rig, ENABLE(context, n / 32), 4, rig_read(&rig, ENABLE(context, n / 32), 4) | 1u << n % 32);
}

START_TEST(one_interrupt)
{
	allow(1, 10, 1);
	ck_assert(!rig_line(&rig, 0, SEI));
	drive(10, true);
	ck_assert(rig_line(&rig, 0, SEI));
	ck_assert(!rig_line(&rig, 0, MEI) && !rig_line(&rig, 1, MEI) && !rig_line(&rig, 1, SEI));
	ck_assert_uint_eq(rig_read(&rig, PENDING(0), 4), 1 << 10);
	ck_assert_uint_eq(rig_read(&rig, CLAIM(1), 4), 10);
	ck_assert(!rig_line(&rig, 0, SEI));		/* a claim clears pending … */
	ck_assert_uint_eq(rig_read(&rig, PENDING(0), 4), 0);
	ck_assert_uint_eq(rig_read(&rig, CLAIM(1), 4), 0);
	rig_write(&rig, CLAIM(1), 4, 10);		/* … and completion with the level still high pends again */
	ck_assert(rig_line(&rig, 0, SEI));
	ck_assert_uint_eq(rig_read(&rig, CLAIM(1), 4), 10);
	drive(10, false);
	rig_write(&rig, CLAIM(1), 4, 10);
	ck_assert(!rig_line(&rig, 0, SEI));
	drive(10, true);
	ck_assert(rig_line(&rig, 0, SEI));
}
END_TEST

/* Chapter 1.2: the gateway forwards one request at a time; a request once forwarded stays though the level falls. */
START_TEST(gateway)
{
	allow(0, 3, 1);
	drive(3, true);
	drive(3, false);
	ck_assert(rig_line(&rig, 0, MEI));
	drive(3, true);
	ck_assert_uint_eq(rig_read(&rig, CLAIM(0), 4), 3);
	drive(3, false);
	drive(3, true);					/* while it is served: nothing is forwarded */
	ck_assert_uint_eq(rig_read(&rig, PENDING(0), 4), 0);
	rig_write(&rig, CLAIM(0), 4, 3);
	ck_assert_uint_eq(rig_read(&rig, PENDING(0), 4), 1 << 3);
}
END_TEST

/* Chapters 4, 7 and 8: higher priority first, lower number among equals, 0 never, and only what exceeds the threshold.
 */
START_TEST(priorities)
{
	allow(0, 40, 2);
	allow(0, 5, 2);
	allow(0, 94, 7);
	allow(0, 1, 0);
	drive(1, true);
	ck_assert(!rig_line(&rig, 0, MEI));
	drive(40, true);
	drive(5, true);
	drive(94, true);
	rig_write(&rig, THRESHOLD(0), 4, 7);
	ck_assert(!rig_line(&rig, 0, MEI));
	rig_write(&rig, THRESHOLD(0), 4, 6);
	ck_assert(rig_line(&rig, 0, MEI));
	ck_assert_uint_eq(rig_read(&rig, CLAIM(0), 4), 94);
	ck_assert(!rig_line(&rig, 0, MEI));
	ck_assert_uint_eq(rig_read(&rig, CLAIM(0), 4), 5);	/* claims take no notice of the threshold */
	ck_assert_uint_eq(rig_read(&rig, CLAIM(0), 4), 40);
	ck_assert_uint_eq(rig_read(&rig, CLAIM(0), 4), 0);
	rig_write(&rig, PRIORITY(1), 4, 7);
	ck_assert(rig_line(&rig, 0, MEI));			/* it was pending all the time */
}
END_TEST

/* Two contexts that enable one source: one claims it, the other finds nothing. Chapter 9: only an enabled ID completes.
 */
START_TEST(contexts)
{
	allow(1, 8, 1);
	allow(3, 8, 1);
	drive(8, true);
	ck_assert(rig_line(&rig, 0, SEI) && rig_line(&rig, 1, SEI));
	ck_assert_uint_eq(rig_read(&rig, CLAIM(3), 4), 8);
	ck_assert(!rig_line(&rig, 0, SEI) && !rig_line(&rig, 1, SEI));
	ck_assert_uint_eq(rig_read(&rig, CLAIM(1), 4), 0);
	rig_write(&rig, CLAIM(0), 4, 8);		/* context 0 has not enabled it */
	ck_assert_uint_eq(rig_read(&rig, PENDING(0), 4), 0);
	rig_write(&rig, CLAIM(3), 4, 9);		/* nor is 9 anybody's */
	ck_assert_uint_eq(rig_read(&rig, PENDING(0), 4), 0);
	rig_write(&rig, CLAIM(1), 4, 8);		/* any context that has may */
	ck_assert_uint_eq(rig_read(&rig, PENDING(0), 4), 1 << 8);
	rig_write(&rig, ENABLE(1, 0), 4, 0);
	ck_assert(!rig_line(&rig, 0, SEI) && rig_line(&rig, 1, SEI));
}
END_TEST

START_TEST(registers)
{
	rig_write(&rig, PRIORITY(7), 4, 0xffffffff);
	ck_assert_uint_eq(rig_read(&rig, PRIORITY(7), 4), 7);
	rig_write(&rig, PRIORITY(0), 4, 5);
	ck_assert_uint_eq(rig_read(&rig, PRIORITY(0), 4), 0);
	rig_write(&rig, PRIORITY(96), 4, 5);
	ck_assert_uint_eq(rig_read(&rig, PRIORITY(96), 4), 0);
	rig_write(&rig, ENABLE(2, 0), 4, 0xffffffff);
	ck_assert_uint_eq(rig_read(&rig, ENABLE(2, 0), 4), 0xfffffffe);
	rig_write(&rig, ENABLE(2, 3), 4, 0xffffffff);
	ck_assert_uint_eq(rig_read(&rig, ENABLE(2, 3), 4), 0);
	rig_write(&rig, ENABLE(4, 0), 4, 0xffffffff);	/* two harts have four contexts */
	ck_assert_uint_eq(rig_read(&rig, ENABLE(4, 0), 4), 0);
	rig_write(&rig, PENDING(0), 4, 0xffffffff);
	ck_assert_uint_eq(rig_read(&rig, PENDING(0), 4), 0);
	rig_write(&rig, THRESHOLD(2), 4, 0xff);
	ck_assert_uint_eq(rig_read(&rig, THRESHOLD(2), 4), 7);
	ck_assert_uint_eq(rig_read(&rig, CLAIM(63), 4), 0);
	uint64_t v;
	ck_assert(!rig_try_read(&rig, BASE, 8, &v));
	ck_assert(!rig_try_write(&rig, BASE + 4, 1, 1));
	bus_reset(&rig.bus);
	ck_assert_uint_eq(rig_read(&rig, PRIORITY(7), 4), 0);
	ck_assert_uint_eq(rig_read(&rig, THRESHOLD(2), 4), 0);
	ck_assert_uint_eq(rig_read(&rig, ENABLE(2, 0), 4), 0);
}
END_TEST

START_TEST(hostile)
{
	uint64_t state = 42;
	for (unsigned i = 0; i < 300; i++) {
		drive(1 + rig_random(&state) % 95, rig_random(&state) & 1);
		rig_hostile(&rig, BASE, 0x3000, 50);
		rig_hostile(&rig, THRESHOLD(0), 0x4000, 50);
		rig_hostile(&rig, BASE, PLIC_SIZE, 50);
	}
	/* whatever happened: after a reset and with the inputs low it works as at first */
	for (unsigned n = 1; n < 96; n++)
		drive(n, false);
	bus_reset(&rig.bus);
	ck_assert(!rig_line(&rig, 0, SEI) && !rig_line(&rig, 0, MEI) && !rig_line(&rig, 1, SEI) &&
		!rig_line(&rig, 1, MEI));
	allow(1, 10, 1);
	drive(10, true);
	ck_assert_uint_eq(rig_read(&rig, CLAIM(1), 4), 10);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("plic");
	TCase *t = tcase_create("plic");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, one_interrupt);
	tcase_add_test(t, gateway);
	tcase_add_test(t, priorities);
	tcase_add_test(t, contexts);
	tcase_add_test(t, registers);
	tcase_add_test(t, hostile);
	suite_add_tcase(s, t);
	return run_suites("plic", 1, &s);
}

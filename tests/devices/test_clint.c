// SPDX-License-Identifier: Apache-2.0
/* The core-local interruptor: software interrupts, mtimecmp against mtime, 32- and 64-bit accesses, a hostile part. */
#include "devices/clint.h"
#include "tests/check_main.h"
#include "tests/devices/harness.h"

#define BASE	     0x2000000
#define MSIP(h)	     (BASE + 4 * (h))
#define MTIMECMP(h)  (BASE + 0x4000 + 8 * (h))
#define MTIME	     (BASE + 0xbff8)
#define TICK	     100	/* ns at 10 MHz */
enum { SOFT = 3, TIMER = 7 };

static struct rig rig;

static void setup(void)
{
	static const struct clint_config config = { SOFT, TIMER, 10000000 };
	rig_init(&rig, 3);
	rig_attach(&rig, clint_new(&rig.m, &config), BASE, CLINT_SIZE);
	bus_reset(&rig.bus);
}

static void teardown(void)
{
	rig_done(&rig);
}

START_TEST(software_interrupts)
{
	rig_write(&rig, MSIP(1), 4, 1);
	ck_assert(rig_line(&rig, 1, SOFT));
	ck_assert(!rig_line(&rig, 0, SOFT) && !rig_line(&rig, 2, SOFT));
	ck_assert_uint_eq(rig_read(&rig, MSIP(1), 4), 1);
	rig_write(&rig, MSIP(1), 4, 0xfffffffe);	/* only bit 0 exists */
	ck_assert(!rig_line(&rig, 1, SOFT));
	ck_assert_uint_eq(rig_read(&rig, MSIP(1), 4), 0);
	rig_write(&rig, MSIP(0), 8, 0xffffffff00000000);	/* two registers at once */
	ck_assert(!rig_line(&rig, 0, SOFT) && rig_line(&rig, 1, SOFT));
	ck_assert_uint_eq(rig_read(&rig, MSIP(0), 8), 0x100000000);
	rig_write(&rig, MSIP(7), 4, 1);			/* no such hart */
	ck_assert_uint_eq(rig_read(&rig, MSIP(7), 4), 0);
	bus_reset(&rig.bus);
	ck_assert(!rig_line(&rig, 1, SOFT));
}
END_TEST

START_TEST(timer)
{
	ck_assert_uint_eq(rig_read(&rig, MTIMECMP(2), 8), UINT64_MAX);
	rig_advance(&rig, 5 * TICK + TICK / 2);
	ck_assert_uint_eq(rig_read(&rig, MTIME, 8), 5);
	rig_write(&rig, MTIMECMP(2), 8, 10);
	ck_assert(!rig_line(&rig, 2, TIMER));
	ck_assert_uint_eq(guest_timers_next(&rig.m), 10 * TICK);
	rig_advance(&rig, 4 * TICK);
	ck_assert(!rig_line(&rig, 2, TIMER));
	rig_advance(&rig, TICK / 2);			/* mtime reaches 10 exactly now */
	ck_assert(rig_line(&rig, 2, TIMER));
	ck_assert(!rig_line(&rig, 0, TIMER) && !rig_line(&rig, 1, TIMER));
	rig_write(&rig, MTIMECMP(2), 8, 11);		/* a new comparison lowers it */
	ck_assert(!rig_line(&rig, 2, TIMER));
	rig_advance(&rig, TICK);
	ck_assert(rig_line(&rig, 2, TIMER));
	rig_write(&rig, MTIMECMP(2), 8, 0);		/* long past */
	ck_assert(rig_line(&rig, 2, TIMER));
	rig_write(&rig, MTIMECMP(2), 8, UINT64_MAX);	/* never */
	ck_assert(!rig_line(&rig, 2, TIMER));
	ck_assert_uint_eq(guest_timers_next(&rig.m), UINT64_MAX);
	rig_write(&rig, MTIMECMP(2), 8, UINT64_MAX / TICK + 1);	/* beyond what nanoseconds count */
	ck_assert_uint_eq(guest_timers_next(&rig.m), UINT64_MAX);
}
END_TEST

START_TEST(halves)
{
	/* the sequence that the privileged manual gives for 32-bit harts (3.2.1) */
	rig_write(&rig, MTIMECMP(0), 4, 0xffffffff);
	rig_write(&rig, MTIMECMP(0) + 4, 4, 0x12);
	rig_write(&rig, MTIMECMP(0), 4, 0x345);
	ck_assert_uint_eq(rig_read(&rig, MTIMECMP(0), 8), 0x1200000345);
	ck_assert_uint_eq(rig_read(&rig, MTIMECMP(0) + 4, 4), 0x12);
	ck_assert_uint_eq(rig_read(&rig, MTIMECMP(0), 4), 0x345);
}
END_TEST

START_TEST(time_can_be_set)
{
	rig_write(&rig, MTIMECMP(0), 8, 1000);
	rig_write(&rig, MTIME, 8, 990);
	ck_assert_uint_eq(rig_read(&rig, MTIME, 8), 990);
	ck_assert_uint_eq(rig.m.ticks_offset, 990);	/* the harts' time CSR follows */
	rig_advance(&rig, 9 * TICK);
	ck_assert(!rig_line(&rig, 0, TIMER));
	rig_advance(&rig, TICK);
	ck_assert(rig_line(&rig, 0, TIMER));
	rig_write(&rig, MTIME + 4, 4, 7);
	ck_assert_uint_eq(rig_read(&rig, MTIME, 8), 0x7000003e8);
	rig_write(&rig, MTIME, 8, 5);			/* back */
	ck_assert(!rig_line(&rig, 0, TIMER));
	rig_write(&rig, MTIME, 8, UINT64_MAX);
	ck_assert(rig_line(&rig, 0, TIMER));
	rig_advance(&rig, TICK);
	ck_assert_uint_eq(rig_read(&rig, MTIME, 8), 0);	/* wraps, and nothing breaks */
	bus_reset(&rig.bus);
	ck_assert_uint_eq(rig.m.ticks_offset, 0);
}
END_TEST

/* The harts' own timers compare with the same counter: each is told, and none is waited for. */
START_TEST(harts_look_again_when_time_is_set)
{
	for (unsigned i = 0; i < 3; i++)
		ck_assert(!(rig.m.vcpu[i]->requests & VCPU_REQ_TIMER));
	rig.m.vcpu[1]->parked = VCPU_RUNNING;
	rig_write(&rig, MTIME, 8, 990);
	for (unsigned i = 0; i < 3; i++)
		ck_assert(rig.m.vcpu[i]->requests & VCPU_REQ_TIMER);
	rig.m.vcpu[1]->parked = VCPU_PARKED;
}
END_TEST

START_TEST(hostile)
{
	uint64_t v;
	ck_assert(!rig_try_read(&rig, MSIP(0), 1, &v));
	ck_assert(!rig_try_write(&rig, MTIME, 2, 0));
	ck_assert_uint_eq(rig_read(&rig, BASE + CLINT_SIZE - 8, 8), 0);
	rig_hostile(&rig, BASE, CLINT_SIZE, 50000);
	rig_hostile(&rig, BASE + 0x4000, 64, 20000);
	rig_hostile(&rig, MTIME, 8, 20000);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("clint");
	TCase *t = tcase_create("clint");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, software_interrupts);
	tcase_add_test(t, timer);
	tcase_add_test(t, halves);
	tcase_add_test(t, time_can_be_set);
	tcase_add_test(t, harts_look_again_when_time_is_set);
	tcase_add_test(t, hostile);
	suite_add_tcase(s, t);
	return run_suites("clint", 1, &s);
}

// SPDX-License-Identifier: Apache-2.0
/* Guest timers: order, rearming from callbacks, freeing while running, and the host's timer in real time. */
#include <sched.h>
#include "tests/check_main.h"
#include "tests/devices/harness.h"

static struct rig rig;
static char order[64];
static struct guest_timer *again, *other;

static void note(void *opaque)
{
	strncat(order, opaque, sizeof(order) - strlen(order) - 1);
}

START_TEST(runs_in_order_of_deadline)
{
	rig_init(&rig, 1);
	order[0] = 0;
	struct guest_timer *a = guest_timer_new(&rig.m, note, "a"), *b = guest_timer_new(&rig.m, note, "b"),
			   *c = guest_timer_new(&rig.m, note, "c"), *d = guest_timer_new(&rig.m, note, "d");
	ck_assert_uint_eq(guest_timers_next(&rig.m), UINT64_MAX);
	guest_timer_set(a, 300);
	guest_timer_set(b, 100);
	guest_timer_set(c, 300);
	guest_timer_set(d, 200);
	ck_assert_uint_eq(guest_timers_next(&rig.m), 100);
	guest_timer_set(d, UINT64_MAX);
	rig_advance(&rig, 99);
	ck_assert_str_eq(order, "");
	rig_advance(&rig, 1);
	ck_assert_str_eq(order, "b");
	rig_advance(&rig, 500);
	ck_assert_str_eq(order, "bac");		/* equal deadlines: in the order of arming; d is off */
	rig_advance(&rig, 500);
	ck_assert_str_eq(order, "bac");		/* once per arming */
	guest_timer_set(a, 0);			/* in the past */
	guest_timer_free(c);
	guest_timer_free(d);
	rig_advance(&rig, 0);
	ck_assert_str_eq(order, "baca");
	guest_timer_set(a, 5000);
	guest_timer_set(b, 4000);
	guest_timer_free(b);			/* armed */
	ck_assert_uint_eq(guest_timers_next(&rig.m), 5000);
	guest_timer_free(a);
	guest_timer_free(NULL);
	rig_done(&rig);
}
END_TEST

static void rearm(void *opaque)
{
	note("r");
	guest_timer_set(again, clock_now(&rig.m));	/* due at once, for ever */
}

static void kill_both(void *opaque)
{
	note("k");
	guest_timer_free(other);
	guest_timer_free(again);
}

START_TEST(callbacks_may_rearm_and_free)
{
	rig_init(&rig, 1);
	order[0] = 0;
	again = guest_timer_new(&rig.m, rearm, NULL);
	guest_timer_set(again, 10);
	rig_advance(&rig, 10);		/* returns although the timer is always due again */
	ck_assert_uint_gt(strlen(order), 1);
	guest_timer_free(again);
	order[0] = 0;
	again = guest_timer_new(&rig.m, kill_both, NULL);
	other = guest_timer_new(&rig.m, note, "o");
	guest_timer_set(again, 20);
	guest_timer_set(other, 20);
	rig_advance(&rig, 100);
	ck_assert_str_eq(order, "k");
	rig_done(&rig);
}
END_TEST

/* Deterministic: arming makes the vCPU come back to the run loop, which bounds its next run by it. */
START_TEST(arming_trips_the_vcpu)
{
	rig_init(&rig, 1);
	struct guest_timer *t = guest_timer_new(&rig.m, note, "x");
	rig.m.vcpu[0]->deadline = 12345;
	guest_timer_set(t, 77);
	ck_assert_uint_eq(rig.m.vcpu[0]->deadline, 0);
	guest_timer_free(t);
	rig_done(&rig);
}
END_TEST

static _Atomic unsigned fired;

static void count(void *opaque)
{
	fired++;
}

/* Real time: the host's timer fires while the clock runs, and not while it stands. */
START_TEST(follows_the_running_clock)
{
	rig_init(&rig, 0);
	rig.m.deterministic = false;
	fired = 0;
	struct guest_timer *t = guest_timer_new(&rig.m, count, NULL);
	guest_timer_set(t, clock_now(&rig.m) + 1000);
	struct timespec while_paused = { .tv_nsec = 20000000 };
	nanosleep(&while_paused, NULL);
	ck_assert_uint_eq(fired, 0);
	machine_resume(&rig.m);
	while (!fired)
		sched_yield();
	machine_pause(&rig.m);
	guest_timer_set(t, clock_now(&rig.m));
	nanosleep(&while_paused, NULL);
	ck_assert_uint_eq(fired, 1);
	machine_resume(&rig.m);
	while (fired < 2)
		sched_yield();
	guest_timer_free(t);
	rig_done(&rig);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("timer");
	TCase *t = tcase_create("timer");
	tcase_add_test(t, runs_in_order_of_deadline);
	tcase_add_test(t, callbacks_may_rearm_and_free);
	tcase_add_test(t, arming_trips_the_vcpu);
	tcase_add_test(t, follows_the_running_clock);
	suite_add_tcase(s, t);
	return run_suites("timer", 1, &s);
}

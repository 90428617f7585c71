// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>
#include "tests/check_main.h"
#include "tests/runtime/fake.h"

static struct fake f;

static void start(unsigned n)
{
	struct error err;
	fake_init(&f, n);
	ck_assert(machine_start(&f.m, &err));
}

static void teardown(void) { fake_destroy(&f); }

START_TEST(pause_stops_everybody_and_resume_goes_on)
{
	start(4);
	ck_assert_uint_eq(f.runs, 0);
	for (unsigned round = 0; round < 10; round++) {
		uint64_t before = f.runs;
		machine_resume(&f.m);
		while (f.runs < before + 1000)
			usleep(100);
		machine_pause(&f.m);
		uint64_t at = f.runs, guest = clock_now(&f.m);
		usleep(500);
		ck_assert_uint_eq(f.runs, at);
		ck_assert_uint_eq(clock_now(&f.m), guest);
	}
}
END_TEST

static void touch(struct vcpu *cpu, void *arg) { cpu->reg[2]++; }

static void reach_the_next_one(struct vcpu *cpu)
{
	vcpu_run_on(f.m.vcpu[(cpu->index + 1) % f.m.n_vcpus], touch, NULL);
}

/* A vCPU that waits for another is parked, but the rest of its block is still to come. */
START_TEST(pause_waits_for_the_end_of_helpers)
{
	start(3);
	f.helper = reach_the_next_one;
	for (unsigned round = 0; round < 100; round++) {
		uint64_t before = f.runs;
		machine_resume(&f.m);
		while (f.runs < before + 50)
			usleep(50);
		machine_pause(&f.m);
		uint64_t at = f.runs;
		usleep(200);
		ck_assert_uint_eq(f.runs, at);
	}
}
END_TEST

static void add(struct vcpu *cpu, void *arg)
{
	/* not atomic: exclusive by contract */
	uint64_t *sum = arg;
	*sum = *sum + cpu->index + 1;
}

struct hammer { pthread_t thread; uint64_t sum[4]; };

static void *hammer(void *opaque)
{
	struct hammer *h = opaque;
	for (unsigned i = 0; i < 400; i++)
		vcpu_run_on(f.m.vcpu[i % 4], add, &h->sum[i % 4]);
	return NULL;
}

START_TEST(run_on_runs_each_once_from_many_threads)
{
	struct hammer h[3] = { 0 };
	start(4);
	machine_resume(&f.m);
	for (unsigned i = 0; i < 3; i++)
		ck_assert_int_eq(pthread_create(&h[i].thread, NULL, hammer, &h[i]), 0);
	for (unsigned i = 0; i < 3; i++) {
		pthread_join(h[i].thread, NULL);
		for (unsigned k = 0; k < 4; k++)
			ck_assert_uint_eq(h[i].sum[k], 100 * (k + 1));
	}
	machine_pause(&f.m);
}
END_TEST

static void count_alone(struct machine *m, void *arg)
{
	uint64_t before = f.runs;
	usleep(200);
	ck_assert_uint_eq(f.runs, before);
	++*(unsigned *)arg;
}

START_TEST(run_alone_stops_the_world)
{
	unsigned n = 0;
	start(4);
	machine_resume(&f.m);
	for (unsigned i = 0; i < 20; i++)
		machine_run_alone(&f.m, count_alone, &n);
	ck_assert_uint_eq(n, 20);
	machine_pause(&f.m);
}
END_TEST

static _Atomic unsigned stopped;
static void on_stopped(void *opaque, struct vcpu *cpu) { stopped++; }

START_TEST(exact_stops)
{
	fake_init(&f, 1);
	struct error err;
	stopped = 0;
	f.m.observer.stopped = on_stopped;
	ck_assert(machine_start(&f.m, &err));
	uint64_t at = 0;
	for (unsigned i = 1; i < 400; i += 7) {
		f.m.vcpu[0]->stop_icount = at += i;
		unsigned n = stopped;
		machine_resume(&f.m);
		while (stopped == n)
			usleep(50);
		machine_pause(&f.m);
		ck_assert_uint_eq(f.m.vcpu[0]->icount, at);
	}
}
END_TEST

START_TEST(a_waiting_vcpu_sleeps_until_an_interrupt_or_its_timer)
{
	start(1);
	struct vcpu *cpu = f.m.vcpu[0];
	machine_resume(&f.m);
	while (!f.runs)
		usleep(100);
	machine_pause(&f.m);
	cpu->waiting = true;
	uint64_t at = f.runs;
	machine_resume(&f.m);
	usleep(20000);
	ck_assert_uint_eq(f.runs, at);
	vcpu_set_irq(cpu, 3, true);
	while (f.runs == at)
		usleep(100);
	machine_pause(&f.m);
	vcpu_set_irq(cpu, 3, false);
	cpu->waiting = true;
	cpu->timer_deadline = clock_now(&f.m) + 20000000;
	at = f.runs;
	machine_resume(&f.m);
	while (f.runs == at)
		usleep(100);
	ck_assert(cpu->irq_lines >> 5 & 1);
	machine_pause(&f.m);
}
END_TEST

START_TEST(a_timer_is_looked_at_on_request)
{
	start(2);
	machine_resume(&f.m);
	while (!f.runs)
		usleep(100);
	f.m.vcpu[1]->halted = true;
	for (unsigned i = 0; i < 2; i++)	/* one in guest code, one stopped */
		vcpu_recheck_timer(f.m.vcpu[i]);
	for (unsigned i = 0; i < 2; i++)
		while (!(f.m.vcpu[i]->irq_lines >> 5 & 1))	/* what the fake's update_timer raises */
			usleep(100);
	machine_pause(&f.m);
	ck_assert(!(f.m.vcpu[1]->requests & VCPU_REQ_TIMER));
}
END_TEST

START_TEST(halted_vcpus_start_on_demand)
{
	fake_init(&f, 2);
	struct error err;
	f.m.vcpu[1]->halted = true;
	ck_assert(machine_start(&f.m, &err));
	machine_resume(&f.m);
	while (f.runs < 100)
		usleep(100);
	machine_pause(&f.m);
	ck_assert_uint_eq(f.m.vcpu[1]->icount, 0);
	machine_resume(&f.m);
	vcpu_start(f.m.vcpu[1]);
	for (unsigned tries = 0; tries < 10000; tries++) {
		machine_pause(&f.m);
		if (f.m.vcpu[1]->icount)
			break;
		machine_resume(&f.m);
		usleep(100);
	}
	ck_assert_uint_gt(f.m.vcpu[1]->icount, 0);
}
END_TEST

static _Atomic unsigned exits;
static void on_exit_report(void *opaque, const struct guest_exit *e) { exits++; }

START_TEST(the_first_end_wins)
{
	fake_init(&f, 2);
	struct error err;
	f.m.observer.exit = on_exit_report;
	exits = 0;
	ck_assert(machine_start(&f.m, &err));
	machine_resume(&f.m);
	machine_end(&f.m, EXIT_CODE, 7, "first");
	machine_end(&f.m, EXIT_POWEROFF, 0, "second");
	ck_assert_uint_eq(exits, 1);
	ck_assert_int_eq(f.m.exit.cause, EXIT_CODE);
	machine_pause(&f.m);
	uint64_t at = f.runs;
	machine_resume(&f.m);	/* an ended machine does not go on */
	usleep(2000);
	ck_assert_uint_eq(f.runs, at);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("vcpu");
	TCase *t = tcase_create("vcpu");
	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, NULL, teardown);
	tcase_add_test(t, pause_stops_everybody_and_resume_goes_on);
	tcase_add_test(t, pause_waits_for_the_end_of_helpers);
	tcase_add_test(t, run_on_runs_each_once_from_many_threads);
	tcase_add_test(t, run_alone_stops_the_world);
	tcase_add_test(t, exact_stops);
	tcase_add_test(t, a_waiting_vcpu_sleeps_until_an_interrupt_or_its_timer);
	tcase_add_test(t, a_timer_is_looked_at_on_request);
	tcase_add_test(t, halted_vcpus_start_on_demand);
	tcase_add_test(t, the_first_end_wins);
	suite_add_tcase(s, t);
	return run_suites("runtime-vcpu", 1, &s);
}

// SPDX-License-Identifier: Apache-2.0
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>
#include "tests/check_main.h"
#include "tests/runtime/fake.h"

static struct events *ev;
static _Atomic int fired, order[8];

static void setup(void)
{
	struct error err;
	fired = 0;
	ev = events_create(&err);
	ck_assert_ptr_nonnull(ev);
}

static void teardown(void) { events_destroy(ev); }

static void wait_for(int n)
{
	for (int i = 0; i < 5000 && fired < n; i++)
		usleep(1000);
	ck_assert_int_ge(fired, n);
}

static void note(void *opaque)
{
	order[fired] = (int)(intptr_t)opaque;
	fired++;
}

static struct event_timer *late, *early, *off;

/* On the event thread: none fires before all are set, whatever the host does in between. */
static void set_timers(void *opaque)
{
	uint64_t now = clock_host_now();
	event_timer_set(off, now + 1000000);
	event_timer_set(late, now + 40000000);
	event_timer_set(early, now + 5000000);
	event_timer_set(off, UINT64_MAX);
}

START_TEST(timers_fire_once_in_order)
{
	late = event_timer_new(ev, note, (void *)2);
	early = event_timer_new(ev, note, (void *)1);
	off = event_timer_new(ev, note, (void *)3);
	events_run(ev, set_timers, NULL);
	wait_for(2);
	usleep(20000);
	ck_assert_int_eq(fired, 2);
	ck_assert_int_eq(order[0], 1);
	ck_assert_int_eq(order[1], 2);
	event_timer_set(late, 0);	/* long past: at once */
	wait_for(3);
	event_timer_free(late);
	event_timer_free(early);
	event_timer_free(off);
}
END_TEST

START_TEST(posts_run_in_order)
{
	for (intptr_t i = 0; i < 8; i++)
		events_post(ev, note, (void *)i);
	wait_for(8);
	for (int i = 0; i < 8; i++)
		ck_assert_int_eq(order[i], i);
}
END_TEST

static int pipe_fd[2];
static struct event_fd *watch;

static void readable(void *opaque, unsigned ready)
{
	char c;
	ck_assert(ready & EPOLLIN);
	ck_assert_int_eq(read(pipe_fd[0], &c, 1), 1);
	fired++;
	if (c == 'x')
		event_fd_free(watch);
}

START_TEST(files_are_watched_until_freed)
{
	struct error err;
	ck_assert_int_eq(pipe(pipe_fd), 0);
	watch = event_fd_new(ev, pipe_fd[0], EPOLLIN, readable, NULL, &err);
	ck_assert_ptr_nonnull(watch);
	ck_assert_int_eq(write(pipe_fd[1], "abx", 3), 3);
	wait_for(3);
	ck_assert_int_eq(write(pipe_fd[1], "d", 1), 1);
	usleep(20000);
	ck_assert_int_eq(fired, 3);
	events_destroy(ev);	/* before the file that it may still look at goes */
	ev = NULL;
	close(pipe_fd[0]);
	close(pipe_fd[1]);
}
END_TEST

START_TEST(regular_files_are_refused)
{
	struct error err = { 0 };
	FILE *tmp = tmpfile();
	ck_assert_ptr_null(event_fd_new(ev, fileno(tmp), EPOLLIN, readable, NULL, &err));
	ck_assert_int_eq(err.code, ERROR_HOST);
	fclose(tmp);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("events");
	TCase *t = tcase_create("events");
	tcase_set_timeout(t, 30);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, timers_fire_once_in_order);
	tcase_add_test(t, posts_run_in_order);
	tcase_add_test(t, files_are_watched_until_freed);
	tcase_add_test(t, regular_files_are_refused);
	suite_add_tcase(s, t);
	return run_suites("runtime-events", 1, &s);
}

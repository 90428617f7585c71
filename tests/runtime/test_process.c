// SPDX-License-Identifier: Apache-2.0
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "tests/check_main.h"
#include "tests/runtime/guarded.h"

/* The sanitizer's own handler would be one more to chain to. */
const char *__asan_default_options(void);
const char *__asan_default_options(void) { return "handle_segv=0:handle_sigbus=0:allow_user_segv_handler=1"; }

static struct process_fault seen;
static uint64_t rdi, xmm5;
static bool refuse;

static bool leave(void *opaque, struct process_fault *f)
{
	seen = *f;
	struct host_registers r;
	process_fault_registers(f, &r);
	rdi = r.general[7];
	xmm5 = r.vector[5];
	++*(_Atomic unsigned *)opaque;
	if (refuse)
		return false;
	guarded_leave(f);
	return true;
}

static bool count(void *opaque, struct process_fault *f)
{
	++*(_Atomic unsigned *)opaque;
	guarded_leave(f);
	return true;
}

static _Atomic unsigned calls;
static char *nowhere;		/* a page without access */

static void add(void)
{
	struct error err = { 0 };
	ck_assert_msg(process_add_code(guarded_begin, guarded_end, leave, &calls, &err), "%s", err.text);
}

static void setup(void)
{
	calls = 0;
	refuse = false;
	nowhere = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(nowhere, MAP_FAILED);
}

static void set(int signal, void (*handler)(int))
{
	struct sigaction a = { .sa_handler = handler };
	sigaction(signal, &a, NULL);
}

START_TEST(what_faulted_is_told)
{
	uint64_t v = 7, at = (uint64_t)(uintptr_t)nowhere + 8;
	add();
	ck_assert(guarded_load((uint64_t)(uintptr_t)&v, 8, &v) && v == 7 && !calls);
	ck_assert(!guarded_load(at, 8, &v));
	ck_assert(calls == 1 && seen.signal == SIGSEGV && seen.located && !seen.write && seen.address == at);
	ck_assert(rdi == at && xmm5 == at);
	ck_assert(!guarded_store(at, 1, 1));
	ck_assert(calls == 2 && seen.located && seen.write && seen.address == at);
	ck_assert(!guarded_load((uint64_t)1 << 62, 8, &v));	/* no address at all */
	ck_assert(calls == 3 && !seen.located && !seen.write);
}
END_TEST

START_TEST(a_bus_error_is_a_fault_too)
{
	uint64_t v;
	int fd = memfd_create("empty", 0);
	char *p = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	add();
	ck_assert(!guarded_load((uint64_t)(uintptr_t)p, 8, &v));
	ck_assert(calls == 1 && seen.signal == SIGBUS && seen.address == (uint64_t)(uintptr_t)p);
}
END_TEST

/* ---- the program's own handlers ---- */

static sigjmp_buf back;
static int got;
static void *got_address;
static bool got_blocked;

static void on_info(int signal, siginfo_t *info, void *context)
{
	sigset_t now;
	sigprocmask(SIG_SETMASK, NULL, &now);
	got_blocked = sigismember(&now, SIGUSR1) && sigismember(&now, SIGSEGV);
	got_address = info->si_addr;
	got = signal;
	siglongjmp(back, 1);
}

static void on_plain(int signal)
{
	got = signal;
	siglongjmp(back, 1);
}

static void fault(void) { *(volatile char *)nowhere; }

START_TEST(other_faults_go_to_the_handler_of_the_program)
{
	struct sigaction a = { .sa_flags = SA_SIGINFO };
	a.sa_sigaction = on_info;
	sigaddset(&a.sa_mask, SIGUSR1);
	sigaction(SIGSEGV, &a, NULL);
	add();
	if (!sigsetjmp(back, 1))
		fault();
	ck_assert(got == SIGSEGV && got_address == nowhere && got_blocked && !calls);
	/* one of ours that our handler does not want */
	uint64_t v;
	refuse = true;
	got = 0;
	if (!sigsetjmp(back, 1))
		guarded_load((uint64_t)(uintptr_t)nowhere, 1, &v);
	ck_assert(got == SIGSEGV && calls == 1);
	/* and a signal that somebody sends */
	got = 0;
	if (!sigsetjmp(back, 1))
		raise(SIGSEGV);
	ck_assert(got == SIGSEGV && calls == 1);
}
END_TEST

START_TEST(plain_handlers_too)
{
	set(SIGSEGV, on_plain);
	add();
	if (!sigsetjmp(back, 1))
		fault();
	ck_assert(got == SIGSEGV && !calls);
}
END_TEST

START_TEST(a_handler_for_one_signal_is_called_once)
{
	struct sigaction a = { .sa_handler = on_plain, .sa_flags = (int)SA_RESETHAND };
	sigaction(SIGSEGV, &a, NULL);
	add();
	if (!sigsetjmp(back, 1))
		fault();
	if (got == SIGSEGV)
		fault();		/* kills */
}
END_TEST

START_TEST(the_default_kills_with_the_signal)
{
	set(SIGSEGV, SIG_DFL);
	add();
	fault();
}
END_TEST

START_TEST(the_default_kills_when_it_is_sent)
{
	set(SIGBUS, SIG_DFL);
	add();
	raise(SIGBUS);
}
END_TEST

START_TEST(a_fault_cannot_be_ignored)
{
	set(SIGSEGV, SIG_IGN);
	add();
	raise(SIGSEGV);			/* but this can */
	ck_assert(!calls);
	fault();
}
END_TEST

START_TEST(the_last_to_go_puts_back_what_was_there)
{
	struct sigaction now;
	set(SIGSEGV, on_plain);
	set(SIGBUS, SIG_IGN);
	add();
	struct error err = { 0 };
	ck_assert(process_add_code(nowhere, nowhere + 16, leave, &calls, &err));
	process_remove_code(guarded_begin);
	sigaction(SIGSEGV, NULL, &now);
	ck_assert_ptr_ne(now.sa_handler, on_plain);
	process_remove_code(nowhere);
	sigaction(SIGSEGV, NULL, &now);
	ck_assert_ptr_eq(now.sa_handler, on_plain);
	sigaction(SIGBUS, NULL, &now);
	ck_assert_ptr_eq(now.sa_handler, SIG_IGN);
	add();				/* and again */
	uint64_t v;
	ck_assert(!guarded_load((uint64_t)(uintptr_t)nowhere, 1, &v) && calls == 1);
}
END_TEST

START_TEST(one_who_came_later_is_left_in_place)
{
	struct sigaction now;
	add();
	set(SIGSEGV, on_plain);
	process_remove_code(guarded_begin);
	sigaction(SIGSEGV, NULL, &now);
	ck_assert_ptr_eq(now.sa_handler, on_plain);
}
END_TEST

START_TEST(ranges_are_bounded)
{
	struct error err = { 0 };
	static char code[4096];
	unsigned n = 0;
	while (n < sizeof code && process_add_code(code + n, code + n + 1, leave, &calls, &err))
		n++;
	ck_assert_uint_lt(n, sizeof code);
	ck_assert_int_eq(err.code, ERROR_HOST);
	process_remove_code(code);	/* makes room for one */
	add();
	uint64_t v;
	ck_assert(!guarded_load((uint64_t)(uintptr_t)nowhere, 1, &v) && calls == 1);
}
END_TEST

/* ---- several threads ---- */

static _Atomic bool stop;

static void *fault_on(void *opaque)
{
	uint64_t v;
	for (unsigned *n = opaque; !stop; ++*n)
		if (guarded_load((uint64_t)(uintptr_t)nowhere, 1, &v))
			return NULL;
	return opaque;
}

START_TEST(ranges_come_and_go_while_threads_fault)
{
	enum { THREADS = 3, ROUNDS = 20000 };
	struct error err = { 0 };
	static char code[64];
	static _Atomic unsigned wrong;
	pthread_t thread[THREADS];
	unsigned n[THREADS] = { 0 };
	void *result;
	for (unsigned i = 0; i < 8; i++)	/* in front of the one that faults, so that it is found after them */
		ck_assert(process_add_code(code + i, code + i + 1, count, &wrong, &err));
	ck_assert(process_add_code(guarded_begin, guarded_end, count, &calls, &err));
	for (unsigned i = 0; i < THREADS; i++)
		ck_assert(!pthread_create(&thread[i], NULL, fault_on, &n[i]));
	for (unsigned i = 0; i < ROUNDS; i++) {
		process_remove_code(code + i % 8);
		/* ranges whose halves, mixed, would contain what faults: below it, and above */
		const char *at = i & 1 ? guarded_begin - 64 : guarded_end;
		ck_assert(process_add_code(at, at + 64, count, &wrong, &err));
		process_remove_code(at);
		ck_assert(process_add_code(code + i % 8, code + i % 8 + 1, count, &wrong, &err));
	}
	stop = true;
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_join(thread[i], &result);
		ck_assert_ptr_eq(result, &n[i]);
	}
	ck_assert_uint_eq(wrong, 0);
	ck_assert_uint_eq(calls, n[0] + n[1] + n[2]);
}
END_TEST

START_TEST(mappings_are_shared_out)
{
	unsigned max = process_max_mappings();
	ck_assert_uint_gt(max, 0);
	ck_assert_uint_le(max, 24000);
	ck_assert(process_take_mappings(max - 1));
	ck_assert(!process_take_mappings(2));
	ck_assert(process_take_mappings(1));
	process_give_mappings(max);
	ck_assert(process_take_mappings(max));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("process");
	TCase *t = tcase_create("process");
	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_test(t, what_faulted_is_told);
	tcase_add_test(t, a_bus_error_is_a_fault_too);
	tcase_add_test(t, other_faults_go_to_the_handler_of_the_program);
	tcase_add_test(t, plain_handlers_too);
	tcase_add_test_raise_signal(t, a_handler_for_one_signal_is_called_once, SIGSEGV);
	tcase_add_test_raise_signal(t, the_default_kills_with_the_signal, SIGSEGV);
	tcase_add_test_raise_signal(t, the_default_kills_when_it_is_sent, SIGBUS);
	tcase_add_test_raise_signal(t, a_fault_cannot_be_ignored, SIGSEGV);
	tcase_add_test(t, the_last_to_go_puts_back_what_was_there);
	tcase_add_test(t, one_who_came_later_is_left_in_place);
	tcase_add_test(t, ranges_are_bounded);
	tcase_add_test(t, ranges_come_and_go_while_threads_fault);
	tcase_add_test(t, mappings_are_shared_out);
	tcase_set_timeout(t, 60);
	suite_add_tcase(s, t);
	return run_suites("runtime-process", 1, &s);
}

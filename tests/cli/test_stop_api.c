// SPDX-License-Identifier: Apache-2.0
/*
 * Guests that spin for ever, through the public API: paused from another thread, run for exact numbers of instructions,
 * reset, stopped and destroyed. The arguments are options as of `calque run`, in pairs of --NAME VALUE.
 */
#include <calque/calque.h>
#include <string.h>
#include <time.h>
#include "tests/check_main.h"

#define RAM 0x80000000u
static char **options;
static struct calque_error err;
#define OK(x) ck_assert_msg(x, "%s", err.text)

/* Machine code; in the comments what an assembler made it from. Each counts t0 and t1 up in turn but the first. */
static const uint32_t self[] = { 0x0000006f /* j . */ };
static const uint32_t two[] = { 0x00128293 /* addi t0, t0, 1 */, 0x0080006f /* j +8 */, 0, 0x00130313 /* addi t1, t1, 1 */,
	0xff1ff06f /* j -16 */ };
static const uint32_t indirect[] = { 0x00000397 /* auipc t2, 0 */, 0x01038e13 /* addi t3, t2, 16 */,
	0x00128293 /* addi t0, t0, 1 */, 0x000e0067 /* jr t3 */, 0x00130313 /* addi t1, t1, 1 */, 0x00838067 /* jr 8(t2) */ };
static const struct loop {
	const char *name;
	const uint32_t *code;
	unsigned size, start, period;	/* bytes; of the loop's first instruction; instructions of one time through */
	unsigned before;		/* instructions before the loop */
} loops[] = {
	{ "self", self, sizeof self, 0, 1, 0 }, { "two", two, sizeof two, 0, 4, 0 }, { "indirect", indirect, sizeof indirect, 8, 4, 2 },
};
#define LOOPS ((int)(sizeof loops / sizeof *loops))

static calque_vm *make(const struct loop *l)
{
	calque_config *c = calque_config_new();
	ck_assert_ptr_nonnull(c);
	OK(calque_config_set(c, "ram", "16M", &err));
	for (char **o = options; *o; o += 2)
		OK(calque_config_set(c, *o + 2, o[1], &err));
	calque_vm *vm = calque_vm_create(c, &err);
	ck_assert_msg(vm != NULL, "%s", err.text);
	calque_config_free(c);
	OK(calque_memory_write(vm, RAM, l->code, l->size, &err));
	OK(calque_vcpu_write_register(vm, 0, "pc", RAM, &err));
	return vm;
}

static uint64_t reg(calque_vm *vm, const char *name)
{
	uint64_t value;
	OK(calque_vcpu_read_register(vm, 0, name, &value, &err));
	return value;
}

/* pc and counters are those after that many instructions. */
static void check_state(calque_vm *vm, const struct loop *l)
{
	static const unsigned places[][4] = { { 0, 4, 12, 16 }, { 0, 4, 8, 12 } };
	uint64_t n = calque_vcpu_instructions(vm, 0), pc = reg(vm, "pc") - RAM;
	ck_assert_uint_ge(n, l->before);
	n -= l->before;
	if (l->period == 1) {
		ck_assert_uint_eq(pc, 0);
		return;
	}
	ck_assert_uint_eq(pc - l->start, places[l->code == indirect][n % 4]);
	ck_assert_uint_eq(reg(vm, "t0"), (n + 3) / 4);
	ck_assert_uint_eq(reg(vm, "t1"), (n + 1) / 4);
}

static void nap(unsigned ms)
{
	nanosleep(&(struct timespec){ ms / 1000, ms % 1000 * 1000000L }, NULL);
}

START_TEST(paused)
{
	const struct loop *l = &loops[_i];
	calque_vm *vm = make(l);
	uint64_t before = 0;
	for (unsigned i = 0; i < 20; i++) {
		/* not before it runs its loop */
		OK(calque_vm_start(vm, &err));
		do
			nap(1);
		while (calque_vcpu_instructions(vm, 0) < before + 1000);
		OK(calque_vm_pause(vm, &err));
		ck_assert_int_eq(calque_vm_state(vm), CALQUE_PAUSED);
		before = calque_vcpu_instructions(vm, 0);
		check_state(vm, l);
		nap(1);
		ck_assert_uint_eq(calque_vcpu_instructions(vm, 0), before);
		/* and for a given number */
		ck_assert_uint_eq(calque_vm_run(vm, 0, 1 + i * 37), 1 + i * 37);
		check_state(vm, l);
		before = calque_vcpu_instructions(vm, 0);
	}
	calque_vm_destroy(vm);
}
END_TEST

START_TEST(looked_at)
{
	const struct loop *l = &loops[_i];
	calque_vm *vm = make(l);
	OK(calque_vm_start(vm, &err));
	for (unsigned i = 0; i < 200; i++) {
		uint64_t pc = reg(vm, "pc") - RAM;
		ck_assert_uint_lt(pc, l->size);
	}
	/* sent elsewhere while it runs: into the trap of an instruction that is none */
	OK(calque_vcpu_write_register(vm, 0, "mtvec", RAM + 0x1000, &err));
	OK(calque_memory_write(vm, RAM + 0x1000, self, sizeof self, &err));
	OK(calque_vcpu_write_memory(vm, 0, RAM + l->start, (uint32_t[]){ 0 }, 4, &err));
	while (reg(vm, "pc") != RAM + 0x1000)
		nap(1);
	calque_vm_destroy(vm);
}
END_TEST

START_TEST(ended)
{
	const struct loop *l = &loops[_i];
	struct calque_exit exit;
	for (unsigned i = 0; i < 10; i++) {
		calque_vm *vm = make(l);
		OK(calque_vm_start(vm, &err));
		nap(i);
		if (i % 2) {
			calque_vm_stop(vm);
			ck_assert(calque_vm_wait(vm, CALQUE_FOREVER, &exit));
			ck_assert_int_eq(exit.cause, CALQUE_EXIT_STOPPED);
		}
		calque_vm_destroy(vm);
	}
}
END_TEST

int main(int argc, char **argv)
{
	options = argv + 1;
	Suite *suite = suite_create("stop");
	TCase *t = tcase_create("stop");
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, paused, 0, LOOPS);
	tcase_add_loop_test(t, looked_at, 0, LOOPS);
	tcase_add_loop_test(t, ended, 0, LOOPS);
	suite_add_tcase(suite, t);
	return run_suites("cli/stop-api", 1, &suite);
}

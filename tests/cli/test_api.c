// SPDX-License-Identifier: Apache-2.0
/* The public API, seen as an embedding program sees it: only <calque/calque.h>. */
#include <calque/calque.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "tests/check_main.h"

#define RAM 0x80000000u

/* Machine code; in the comments what an assembler made it from. */
static const uint32_t count[] = { 0x00128293 /* addi t0, t0, 1 */, 0xffdff06f /* j -4 */ };
static const uint32_t sleeper[] = { 0x10500073 /* wfi */, 0xffdff06f /* j -4 */ };
static const uint32_t echo[] = {
	0x100002b7 /* lui t0, 0x10000 */,
	0x0052c303 /* 1: lbu t1, 5(t0) */,
	0x00137313 /* andi t1, t1, 1 */,
	0xfe030ce3 /* beqz t1, 1b */,
	0x0002c503 /* lbu a0, 0(t0) */,
	0x00a28023 /* sb a0, 0(t0) */,
	0xfedff06f /* j 1b */,
};
/* Enables PLIC source 20 for machine mode, waits; the handler claims and ends with the source's number as code. */
static const uint32_t irq_guest[] = {
	0x0c0002b7,
	0x00100313,
	0x0462a823,
	0x0c0022b7,
	0x001003b7,
	0x0072a023,
	0x0c2002b7,
	0x0002a023,
	0x00000397 /* auipc t2, 0 */,
	0x02438393,
	0x30539073 /* csrw mtvec, t2 */,
	0x000013b7,
	0x80038393,
	0x30439073 /* csrw mie, t2 */,
	0x30046073 /* csrsi mstatus, 8 */,
	0x10500073 /* wfi */,
	0xffdff06f,
	0x0042a503 /* lw a0, 4(t0): claim */,
	0x01051513,
	0x00003eb7,
	0x333e8e93,
	0x01d56533,
	0x00100e37,
	0x00ae2023 /* sw a0, 0(t3) */,
	0x0000006f,
};
static const uint32_t device_guest[] = {
	0x400002b7 /* lui t0, 0x40000 */,
	0x02a00513 /* li a0, 42 */,
	0x00a2b423 /* sd a0, 8(t0) */,
	0x0102b583 /* ld a1, 16(t0) */,
	0x0000006f,
};
static const uint32_t trap_guest[] = {
	0x00000397 /* auipc t2, 0 */,
	0x01438393 /* addi t2, t2, 20 */,
	0x30539073 /* csrw mtvec, t2 */,
	0x00000013,
	0x00000073 /* ecall */,
	0x34202573 /* csrr a0, mcause */,
	0x0000006f,
};
/* Prints "hi" and powers off. */
static const uint32_t hello[] = {
	0x100002b7,
	0x06800313,
	0x00628023,
	0x06900313,
	0x00628023,
	0x00100e37,
	0x00005eb7,
	0x555e8e93,
	0x01de2023,
	0x0000006f,
};
static const uint32_t store[] = {0x00128293 /* addi t0, t0, 1 */, 0x00553023 /* sd t0, (a0) */, 0xff9ff06f /* j -8 */};

static struct calque_error err;
#define OK(x) ck_assert_msg(x, "%s", err.text)

static calque_config *new_config(void)
{
	calque_config *c = calque_config_new();
	ck_assert_ptr_nonnull(c);
	OK(calque_config_set(c, "ram", "16M", &err));
	return c;
}

static void put(calque_vm *vm, uint64_t at, const void *program, size_t size)
{
	OK(calque_memory_write(vm, at, program, size, &err));
	OK(calque_vcpu_write_register(vm, 0, "pc", at, &err));
}

/* A VM with a program at the start of RAM; takes the configuration. */
static calque_vm *make(calque_config *c, const void *program, size_t size)
{
	calque_vm *vm = calque_vm_create(c, &err);
	ck_assert_msg(vm != NULL, "%s", err.text);
	calque_config_free(c);
	put(vm, RAM, program, size);
	return vm;
}
#define MAKE(program) make(new_config(), program, sizeof program)

static uint64_t reg(calque_vm *vm, const char *name)
{
	uint64_t value;
	OK(calque_vcpu_read_register(vm, 0, name, &value, &err));
	return value;
}

static void nap(unsigned ms)
{
	nanosleep(&(struct timespec){ ms / 1000, ms % 1000 * 1000000L }, NULL);
}

/* ---- configuration ---- */

START_TEST(config_errors)
{
	static const struct { const char *key, *value, *says; } bad[] = {
		{ "rma", "1G", "did you mean ram" }, { "ram", "huge", "not a size" }, { "ram", NULL, "needs a value" }, { "smp", "x", "not a number" },
		{ "disk", ",", "no file" }, { "net", "tap", "only user" }, { "deterministic", "perhaps", "on or off" }, { "nonsense", "1", "unknown key" },
		{ "no-reboot", "x", "on or off" },
	};
	calque_config *c = new_config();
	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
		err = (struct calque_error){ 0 };
		ck_assert(!calque_config_set(c, bad[i].key, bad[i].value, &err));
		ck_assert_int_eq(err.code, CALQUE_USAGE);
		ck_assert_msg(strstr(err.text, bad[i].says) != NULL, "%s: %s", bad[i].key, err.text);
		ck_assert(!calque_config_set(c, bad[i].key, bad[i].value, NULL));
	}
	/* one by one, as create says them; the configuration stays the caller's */
	OK(calque_config_set(c, "kernel", "/no/such/kernel", &err));
	ck_assert_ptr_null(calque_vm_create(c, &err));
	ck_assert_ptr_nonnull(strstr(err.text, "/no/such/kernel"));
	ck_assert_ptr_null(calque_vm_create(c, NULL));
	calque_config_free(c);
	calque_config_free(NULL);
	calque_vm_destroy(NULL);
}
END_TEST

START_TEST(limits)
{
	calque_config *c = new_config();
	calque_config_set_vcpus(c, 1000);
	ck_assert_ptr_null(calque_vm_create(c, &err));
	ck_assert_ptr_nonnull(strstr(err.text, "1000"));
	calque_config_set_vcpus(c, 3);
	calque_config_set_ram(c, 12345);
	ck_assert_ptr_null(calque_vm_create(c, &err));
	calque_config_set_ram(c, 32 << 20);
	calque_vm *vm = calque_vm_create(c, &err);
	ck_assert_msg(vm != NULL, "%s", err.text);
	ck_assert_uint_eq(calque_vm_vcpus(vm), 3);
	uint8_t byte = 7;
	OK(calque_memory_write(vm, RAM + (32 << 20) - 1, &byte, 1, &err));
	ck_assert(!calque_memory_write(vm, RAM + (32 << 20), &byte, 1, &err));
	/* the configuration is empty again and makes another one */
	calque_vm *other = calque_vm_create(c, &err);
	ck_assert_msg(other != NULL, "%s", err.text);
	ck_assert_uint_eq(calque_vm_vcpus(other), 1);
	calque_vm_destroy(vm);
	calque_vm_destroy(other);
	calque_config_free(c);
	ck_assert_str_eq(calque_version(), "0.1.0");
}
END_TEST

START_TEST(overlaps)
{
	static const struct calque_device none = { 0 };
	calque_config *c = new_config();
	ck_assert(!calque_config_add_ram(c, 0x1001, 0x1000, "odd", &err));
	ck_assert(!calque_config_add_ram(c, 0x1000, 0, "empty", &err));
	ck_assert(!calque_config_add_ram(c, ~(uint64_t)0xfff, 0x2000, "wraps", &err));
	ck_assert(!calque_config_add_device(c, 0x40000001, 8, "odd", &none, NULL, &err));
	OK(calque_config_add_ram(c, RAM + 0x1000, 0x1000, "second", &err));
	ck_assert_ptr_null(calque_vm_create(c, &err));
	ck_assert_int_eq(err.code, CALQUE_USAGE);
	calque_config_free(c);
	c = new_config();
	OK(calque_config_add_device(c, 0x10000000, 8, "over the serial port", &none, NULL, &err));
	ck_assert_ptr_null(calque_vm_create(c, &err));
	calque_config_free(c);
	c = new_config();
	for (unsigned i = 0; i < 16; i++)
		OK(calque_config_add_ram(c, 0x50000000 + i * 0x10000u, 0x1000, "bank", &err));
	ck_assert(!calque_config_add_ram(c, 0x60000000, 0x1000, "bank", &err));
	calque_config_free(c);
}
END_TEST

/* ---- running ---- */

START_TEST(run_exactly)
{
	static const uint64_t steps[] = { 1, 2, 3, 62, 63, 64, 65, 127, 128, 129, 1000, 12345, 100001, 1, 1 };
	calque_vm *vm = MAKE(count);
	uint64_t total = 0;
	ck_assert_int_eq(calque_vm_state(vm), CALQUE_PAUSED);
	for (unsigned i = 0; i < sizeof steps / sizeof *steps; i++) {
		ck_assert_uint_eq(calque_vm_run(vm, 0, steps[i]), steps[i]);
		total += steps[i];
		ck_assert_int_eq(calque_vm_state(vm), CALQUE_PAUSED);
		/* addi and jump alternate */
		ck_assert_uint_eq(reg(vm, "t0"), (total + 1) / 2);
		ck_assert_uint_eq(reg(vm, "pc"), RAM + (total & 1) * 4);
		ck_assert_uint_eq(calque_vcpu_instructions(vm, 0), total);
	}
	ck_assert_uint_eq(calque_vm_run(vm, 0, 0), 0);
	ck_assert_uint_eq(calque_vm_run(vm, 1, 5), 0);
	calque_vm_destroy(vm);
}
END_TEST

START_TEST(run_less)
{
	calque_vm *vm = MAKE(sleeper);
	uint64_t ran = calque_vm_run(vm, 0, 1000);
	ck_assert_msg(ran == 1, "%llu", (unsigned long long)ran);	/* the wfi itself */
	calque_vm_destroy(vm);
	vm = MAKE(hello);
	ck_assert_uint_eq(calque_vm_run(vm, 0, 8), 8);
	ran = calque_vm_run(vm, 0, 1000);
	ck_assert_msg(ran >= 1 && ran < 1000, "%llu", (unsigned long long)ran);
	ck_assert_int_eq(calque_vm_state(vm), CALQUE_ENDED);
	ck_assert_uint_eq(calque_vm_run(vm, 0, 5), 0);
	ck_assert(!calque_vm_start(vm, &err));
	ck_assert_int_eq(err.code, CALQUE_STATE);
	calque_vm_destroy(vm);
}
END_TEST

START_TEST(one_vcpu_alone)
{
	calque_config *c = new_config();
	calque_config_set_vcpus(c, 2);
	calque_vm *vm = make(c, count, sizeof count);
	uint64_t t0;
	ck_assert_uint_eq(calque_vm_run(vm, 1, 10), 0);	/* halted */
	ck_assert_uint_eq(calque_vm_run(vm, 0, 10), 10);
	OK(calque_vcpu_read_register(vm, 1, "t0", &t0, &err));
	ck_assert_uint_eq(t0, 0);
	ck_assert_uint_eq(calque_vcpu_instructions(vm, 1), 0);
	calque_vm_destroy(vm);
}
END_TEST

static void *pause_it(void *vm)
{
	nap(30);
	ck_assert(calque_vm_pause(vm, NULL));
	return NULL;
}

START_TEST(pause_from_another_thread)
{
	calque_vm *vm = MAKE(count);
	uint64_t before = 0;
	for (unsigned i = 0; i < 20; i++) {
		pthread_t thread;
		OK(calque_vm_start(vm, &err));
		ck_assert_int_eq(calque_vm_state(vm), CALQUE_RUNNING);
		ck_assert_int_eq(pthread_create(&thread, NULL, pause_it, vm), 0);
		ck_assert(!calque_vm_wait(vm, 1000000, NULL));
		pthread_join(thread, NULL);
		ck_assert_int_eq(calque_vm_state(vm), CALQUE_PAUSED);
		uint64_t now = reg(vm, "t0"), insns = calque_vcpu_instructions(vm, 0);
		ck_assert_uint_gt(now, before);
		nap(2);
		ck_assert_uint_eq(reg(vm, "t0"), now);
		/* exact, however the pause fell */
		ck_assert_uint_eq(now, (insns + 1) / 2);
		before = now;
	}
	calque_vm_destroy(vm);
}
END_TEST

START_TEST(running_registers)
{
	calque_vm *vm = MAKE(count);
	OK(calque_vm_start(vm, &err));
	uint64_t before = 0;
	for (unsigned i = 0; i < 200; i++) {
		uint64_t now = reg(vm, "t0"), pc = reg(vm, "pc");
		ck_assert_uint_ge(now, before);
		ck_assert(pc == RAM || pc == RAM + 4);
		before = now;
	}
	OK(calque_vcpu_write_register(vm, 0, "t0", (uint64_t)1 << 40, &err));
	ck_assert_uint_ge(reg(vm, "t0"), (uint64_t)1 << 40);
	calque_vm_destroy(vm);	/* while it runs */
}
END_TEST

static void *run_one(void *arg)
{
	uint64_t *t0 = arg;
	calque_vm *vm = MAKE(count);
	uint64_t ran = 0;
	for (unsigned i = 0; i < 50; i++)
		ran += calque_vm_run(vm, 0, 999);
	*t0 = reg(vm, "t0");
	ck_assert_uint_eq(ran, 50 * 999);
	calque_vm_destroy(vm);
	return NULL;
}

START_TEST(two_at_once)
{
	calque_vm *a = MAKE(count), *b = MAKE(count);
	OK(calque_vcpu_write_register(b, 0, "t0", 1000000000000, &err));
	OK(calque_vm_start(a, &err));
	OK(calque_vm_start(b, &err));
	nap(50);
	OK(calque_vm_pause(a, &err));
	uint64_t in_a = reg(a, "t0"), in_b = reg(b, "t0");
	nap(20);
	ck_assert_uint_eq(reg(a, "t0"), in_a);
	ck_assert_uint_gt(reg(b, "t0"), in_b);
	ck_assert_uint_gt(in_a, 0);
	ck_assert_uint_lt(in_a, 1000000000000);
	ck_assert_uint_gt(in_b, 1000000000000);
	calque_vm_destroy(a);
	ck_assert_uint_gt(reg(b, "t0"), in_b);
	calque_vm_destroy(b);

	pthread_t thread[4];
	uint64_t t0[4];
	for (unsigned i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&thread[i], NULL, run_one, &t0[i]), 0);
	for (unsigned i = 0; i < 4; i++) {
		pthread_join(thread[i], NULL);
		ck_assert_uint_eq(t0[i], 50 * 999 / 2);
	}
}
END_TEST

START_TEST(resets)
{
	calque_vm *vm = MAKE(hello);
	struct calque_exit exit;
	for (unsigned i = 0; i < 5; i++) {
		OK(calque_vm_start(vm, &err));
		ck_assert(calque_vm_wait(vm, CALQUE_FOREVER, &exit));
		ck_assert_int_eq(exit.cause, CALQUE_EXIT_POWEROFF);
		ck_assert_int_eq(calque_vm_state(vm), CALQUE_ENDED);
		OK(calque_vm_reset(vm, &err));
		ck_assert_int_eq(calque_vm_state(vm), CALQUE_PAUSED);
		ck_assert_uint_eq(reg(vm, "t0"), 0);
		ck_assert(!calque_vm_wait(vm, 0, &exit));
		OK(calque_vcpu_write_register(vm, 0, "pc", RAM, &err));	/* memory is as it was */
	}
	calque_vm_destroy(vm);
}
END_TEST

START_TEST(stops)
{
	calque_vm *vm = MAKE(count);
	struct calque_exit exit;
	OK(calque_vm_start(vm, &err));
	calque_vm_stop(vm);
	calque_vm_stop(vm);
	ck_assert(calque_vm_wait(vm, CALQUE_FOREVER, &exit));
	ck_assert_int_eq(exit.cause, CALQUE_EXIT_STOPPED);
	ck_assert_int_eq(calque_vm_state(vm), CALQUE_ENDED);
	calque_vm_destroy(vm);
}
END_TEST

/* ---- registers and memory ---- */

START_TEST(registers)
{
	calque_vm *vm = MAKE(count);
	unsigned n = 0;
	const char *name;
	for (; (name = calque_register_name(vm, n)); n++) {
		uint64_t value;
		OK(calque_vcpu_read_register(vm, 0, name, &value, &err));
	}
	ck_assert_uint_gt(n, 65);	/* x, pc, f and control registers */
	for (unsigned i = 1; i < 32; i++) {
		char x[8];
		snprintf(x, sizeof x, "x%u", i);
		OK(calque_vcpu_write_register(vm, 0, x, 0x1122334455667788u * i, &err));
		ck_assert_uint_eq(reg(vm, x), 0x1122334455667788u * i);
		snprintf(x, sizeof x, "f%u", i);
		OK(calque_vcpu_write_register(vm, 0, x, ~(uint64_t)i, &err));
		ck_assert_uint_eq(reg(vm, x), ~(uint64_t)i);
	}
	ck_assert_uint_eq(reg(vm, "a0"), 0x1122334455667788u * 10);
	ck_assert_uint_eq(reg(vm, "zero"), 0);
	OK(calque_vcpu_write_register(vm, 0, "mscratch", 0xabcdef, &err));
	ck_assert_uint_eq(reg(vm, "mscratch"), 0xabcdef);
	uint64_t value = 99;
	ck_assert(!calque_vcpu_read_register(vm, 0, "eax", &value, &err));
	ck_assert_int_eq(err.code, CALQUE_USAGE);
	ck_assert(!calque_vcpu_read_register(vm, 1, "a0", &value, &err));
	ck_assert(!calque_vcpu_read_register(vm, 0, "eax", &value, NULL));
	ck_assert_uint_eq(value, 99);
	calque_vm_destroy(vm);
}
END_TEST

START_TEST(memory)
{
	calque_config *c = new_config();
	OK(calque_config_add_ram(c, 0x50000000, 0x3000, "bank", &err));
	calque_vm *vm = make(c, count, sizeof count);
	uint8_t out[5000], in[5000];
	for (unsigned i = 0; i < sizeof out; i++)
		out[i] = (uint8_t)(i * 7 + 3);
	OK(calque_memory_write(vm, RAM + 0xffd, out, sizeof out, &err));
	OK(calque_memory_read(vm, RAM + 0xffd, in, sizeof in, &err));
	ck_assert_mem_eq(in, out, sizeof in);
	OK(calque_memory_write(vm, 0x50000001, out, sizeof out, &err));
	memset(in, 0, sizeof in);
	OK(calque_vcpu_read_memory(vm, 0, 0x50000001, in, sizeof in, &err));	/* no paging: the same */
	ck_assert_mem_eq(in, out, sizeof in);
	OK(calque_vcpu_write_memory(vm, 0, 0x50000000, "x", 1, &err));
	ck_assert(!calque_memory_read(vm, 0x50002fff, in, 2, &err));
	ck_assert(!calque_memory_read(vm, 0x10000000, in, 1, &err));	/* a device */
	ck_assert(!calque_memory_read(vm, UINT64_MAX, in, 2, &err));
	ck_assert(!calque_memory_write(vm, UINT64_MAX - 3, in, sizeof in, &err));
	ck_assert(!calque_memory_read(vm, RAM, in, SIZE_MAX, &err));
	ck_assert(!calque_vcpu_read_memory(vm, 0, 0x7ffffffff000, in, 1, &err));
	ck_assert_int_eq(err.code, CALQUE_USAGE);
	OK(calque_memory_read(vm, 0, in, 0, &err));
	/* code in the added bank runs, and changed code is seen */
	put(vm, 0x50000100, count, sizeof count);
	ck_assert_uint_eq(calque_vm_run(vm, 0, 100), 100);
	ck_assert_uint_eq(reg(vm, "t0"), 50);
	uint32_t addi_2 = 0x00228293;	/* addi t0, t0, 2 */
	OK(calque_memory_write(vm, 0x50000100, &addi_2, 4, &err));
	ck_assert_uint_eq(calque_vm_run(vm, 0, 100), 100);
	ck_assert_uint_eq(reg(vm, "t0"), 150);
	calque_vm_destroy(vm);
}
END_TEST

START_TEST(memory_while_running)
{
	calque_vm *vm = MAKE(store);
	uint64_t before = 0;
	OK(calque_vcpu_write_register(vm, 0, "a0", RAM + 0x8000, &err));
	OK(calque_vm_start(vm, &err));
	for (unsigned i = 0; i < 1000; i++) {
		uint64_t now;
		OK(calque_memory_read(vm, RAM + 0x8000, &now, 8, &err));
		ck_assert_uint_ge(now, before);
		before = now;
	}
	calque_vm_destroy(vm);
}
END_TEST

START_TEST(disassembly)
{
	calque_vm *vm = MAKE(count);
	char text[100], small[8];
	OK(calque_vcpu_disassemble(vm, 0, RAM, text, sizeof text, &err));
	ck_assert_ptr_nonnull(strstr(text, "addi"));
	ck_assert_ptr_nonnull(strstr(text, "00128293"));
	OK(calque_vcpu_disassemble(vm, 0, RAM, small, sizeof small, &err));
	ck_assert_uint_eq(strlen(small), sizeof small - 1);
	ck_assert(!calque_vcpu_disassemble(vm, 0, 0x666, text, sizeof text, &err));
	calque_vm_destroy(vm);
}
END_TEST

/* ---- devices and interrupts ---- */

struct device {
	calque_vm *vm;
	uint64_t value, seen_a0;
	unsigned reads, writes;
	bool refused;
};

static bool device_read(void *opaque, uint64_t offset, unsigned size, uint64_t *value)
{
	struct device *d = opaque;
	d->reads++;
	*value = d->value + 1;
	return offset == 16 && size == 8;
}

static bool device_write(void *opaque, uint64_t offset, unsigned size, uint64_t value)
{
	struct device *d = opaque;
	struct calque_error e = { 0 };
	uint64_t n;
	d->writes++;
	d->value = value;
	/* what a callback may and may not do */
	d->refused = !calque_vm_pause(d->vm, &e) && e.code == CALQUE_STATE && !calque_vm_reset(d->vm, &e) &&
		e.code == CALQUE_STATE && !calque_vm_start(d->vm, &e) && calque_vm_run(d->vm, 0, 1) == 0 &&
		!calque_vm_wait(d->vm, CALQUE_FOREVER, NULL);
	calque_vm_destroy(d->vm);	/* does nothing here */
	d->refused &= calque_vcpu_read_register(d->vm, 0, "t0", &d->seen_a0, &e);
	d->refused &= calque_memory_read(d->vm, RAM, &n, 8, &e);
	return offset == 8 && size == 8;
}

START_TEST(own_device)
{
	static const struct calque_device ops = { device_read, device_write };
	struct device d = { 0 };
	calque_config *c = new_config();
	OK(calque_config_add_device(c, 0x40000000, 0x100, "mine", &ops, &d, &err));
	calque_vm *vm = d.vm = make(c, device_guest, sizeof device_guest);
	ck_assert_uint_eq(calque_vm_run(vm, 0, 4), 4);
	ck_assert_uint_eq(d.writes, 1);
	ck_assert_uint_eq(d.value, 42);
	ck_assert(d.refused);
	ck_assert_uint_eq(d.reads, 1);
	ck_assert_uint_eq(reg(vm, "a1"), 43);
	/* refused accesses are the guest's faults: cause 7, store access fault */
	OK(calque_vcpu_write_register(vm, 0, "pc", RAM + 8, &err));
	OK(calque_vcpu_write_register(vm, 0, "t0", 0x40000010, &err));
	OK(calque_vcpu_write_register(vm, 0, "mtvec", RAM + 16, &err));
	ck_assert_uint_ge(calque_vm_run(vm, 0, 1), 1);
	ck_assert_uint_eq(reg(vm, "mcause"), 7);
	ck_assert_uint_eq(reg(vm, "mtval"), 0x40000018);
	calque_vm_destroy(vm);
}
END_TEST

START_TEST(interrupts)
{
	calque_vm *vm = MAKE(irq_guest);
	struct calque_exit exit;
	OK(calque_vm_start(vm, &err));
	ck_assert(!calque_vm_wait(vm, 50000000, &exit));
	OK(calque_irq_set(vm, 21, true, &err));	/* not enabled */
	ck_assert(!calque_vm_wait(vm, 50000000, &exit));
	OK(calque_irq_set(vm, 20, true, &err));
	ck_assert(calque_vm_wait(vm, CALQUE_FOREVER, &exit));
	ck_assert_int_eq(exit.cause, CALQUE_EXIT_CODE);
	ck_assert_uint_eq(exit.code, 20);
	ck_assert(!calque_irq_set(vm, 0, true, &err));
	ck_assert(!calque_irq_set(vm, 1000000, true, &err));
	ck_assert_int_eq(err.code, CALQUE_USAGE);
	calque_vm_destroy(vm);
}
END_TEST

/* ---- events and the console ---- */

struct log {
	_Atomic unsigned n[64];		/* by kind */
	enum calque_vm_state state[16];
	unsigned n_states;
	char text[64];
	_Atomic unsigned n_text;
	uint64_t cause, pc, step_pc[8];
	struct calque_exit exit;
	unsigned stop_after;		/* steps */
	bool stop;			/* call calque_vm_stop at the first exception */
};

static bool take(void *opaque, const struct calque_event *e)
{
	struct log *l = opaque;
	unsigned nth = l->n[e->kind]++;
	switch (e->kind) {
	case CALQUE_EVENT_STATE:
		if (l->n_states < 16)
			l->state[l->n_states++] = e->state;
		break;
	case CALQUE_EVENT_EXCEPTION:
		l->cause = e->cause;
		l->pc = e->pc;
		if (l->stop)
			calque_vm_stop(e->vm);
		break;
	case CALQUE_EVENT_OUTPUT:
		for (size_t i = 0; i < e->n && l->n_text < sizeof l->text - 1; i++)
			l->text[l->n_text++] = (char)e->bytes[i];
		break;
	case CALQUE_EVENT_EXIT:
		l->exit = *e->exit;
		break;
	case CALQUE_EVENT_STEP:
		if (nth < 8)
			l->step_pc[nth] = e->pc;
		return nth + 1 == l->stop_after;
	case CALQUE_EVENT_INPUT:
		break;
	}
	return false;
}

START_TEST(events)
{
	struct log l = { 0 };
	calque_vm *vm = MAKE(hello);
	OK(calque_vm_observe(vm, CALQUE_EVENT_STATE | CALQUE_EVENT_OUTPUT | CALQUE_EVENT_EXIT, take, &l, &err));
	OK(calque_vm_start(vm, &err));
	ck_assert(calque_vm_wait(vm, CALQUE_FOREVER, NULL));
	ck_assert_uint_eq(l.n[CALQUE_EVENT_EXIT], 1);
	ck_assert_int_eq(l.exit.cause, CALQUE_EXIT_POWEROFF);
	ck_assert_str_eq(l.text, "hi");
	ck_assert_uint_eq(l.n_states, 2);
	ck_assert_int_eq(l.state[0], CALQUE_RUNNING);
	ck_assert_int_eq(l.state[1], CALQUE_ENDED);
	ck_assert_uint_eq(l.n[CALQUE_EVENT_STEP], 0);
	calque_vm_destroy(vm);
}
END_TEST

START_TEST(exception_event)
{
	struct log l = { .stop = true };
	calque_vm *vm = MAKE(trap_guest);
	OK(calque_vm_observe(vm, CALQUE_EVENT_EXCEPTION | CALQUE_EVENT_EXIT, take, &l, &err));
	OK(calque_vm_start(vm, &err));
	ck_assert(calque_vm_wait(vm, CALQUE_FOREVER, NULL));
	ck_assert_uint_eq(l.n[CALQUE_EVENT_EXCEPTION], 1);
	ck_assert_uint_eq(l.cause, 11);	/* environment call from machine mode */
	ck_assert_uint_eq(l.pc, RAM + 16);
	ck_assert_int_eq(l.exit.cause, CALQUE_EXIT_STOPPED);
	calque_vm_destroy(vm);
}
END_TEST

START_TEST(step_event)
{
	struct log l = { .stop_after = 5 };
	calque_vm *vm = MAKE(count);
	OK(calque_vm_observe(vm, CALQUE_EVENT_STEP | CALQUE_EVENT_STATE, take, &l, &err));
	OK(calque_vm_start(vm, &err));
	while (calque_vm_state(vm) == CALQUE_RUNNING)
		nap(1);
	OK(calque_vm_pause(vm, &err));
	ck_assert_uint_eq(calque_vcpu_instructions(vm, 0), 5);
	for (unsigned i = 0; i < 5; i++)
		ck_assert_uint_eq(l.step_pc[i], RAM + (i & 1) * 4);
	ck_assert_int_eq(l.state[l.n_states - 1], CALQUE_PAUSED);
	/* without steps again at full speed */
	OK(calque_vm_observe(vm, 0, NULL, NULL, &err));
	ck_assert_uint_eq(calque_vm_run(vm, 0, 1000), 1000);
	ck_assert_uint_eq(l.n[CALQUE_EVENT_STEP], 5);
	OK(calque_vm_start(vm, &err));
	ck_assert(!calque_vm_observe(vm, CALQUE_EVENT_STEP, take, &l, &err));
	ck_assert_int_eq(err.code, CALQUE_STATE);
	calque_vm_destroy(vm);
}
END_TEST

START_TEST(console)
{
	struct log l = { 0 };
	calque_vm *vm = MAKE(echo);
	OK(calque_vm_observe(vm, CALQUE_EVENT_OUTPUT | CALQUE_EVENT_INPUT, take, &l, &err));
	ck_assert_uint_eq(calque_console_send(vm, "before ", 7), 7);
	OK(calque_vm_start(vm, &err));
	ck_assert_uint_eq(calque_console_send(vm, "and after", 9), 9);
	for (unsigned i = 0; i < 5000 && l.n_text < 16; i++)
		nap(1);
	ck_assert_str_eq(l.text, "before and after");
	ck_assert_uint_eq(l.n[CALQUE_EVENT_INPUT], 2);
	/* more than there is room for is refused, not lost */
	static char much[1 << 20];
	OK(calque_vm_pause(vm, &err));
	ck_assert_uint_lt(calque_console_send(vm, much, sizeof much), sizeof much);
	calque_vm_destroy(vm);
	calque_config *c = new_config();
	OK(calque_config_set(c, "serial", "none", &err));
	vm = make(c, echo, sizeof echo);
	ck_assert_uint_eq(calque_console_send(vm, "x", 1), 0);
	calque_vm_destroy(vm);
}
END_TEST

/* ---- images ---- */

static void guest_path(char path[4096], const char *name)
{
	const char *folder = getenv("GUESTS");
	ck_assert_msg(folder != NULL, "GUESTS is not set: run with meson test");
	snprintf(path, 4096, "%s/%s", folder, name);
}

START_TEST(kernel)
{
	char path[4096];
	struct log l = { 0 };
	struct calque_exit exit;
	calque_config *c = new_config();
	guest_path(path, "code7");
	OK(calque_config_set(c, "kernel", path, &err));
	calque_vm *vm = calque_vm_create(c, &err);
	ck_assert_msg(vm != NULL, "%s", err.text);
	for (unsigned i = 0; i < 2; i++) {
		OK(calque_vm_observe(vm, CALQUE_EVENT_OUTPUT, take, &l, &err));
		OK(calque_vm_start(vm, &err));
		ck_assert(calque_vm_wait(vm, CALQUE_FOREVER, &exit));
		ck_assert_int_eq(exit.cause, CALQUE_EXIT_CODE);
		ck_assert_uint_eq(exit.code, 7);
		OK(calque_vm_reset(vm, &err));	/* loads anew */
	}
	ck_assert_str_eq(l.text, "guest here\r\nguest here\r\n");
	calque_vm_destroy(vm);
	calque_config_free(c);
}
END_TEST

START_TEST(reboot)
{
	char path[4096];
	struct log l = { 0 };
	struct calque_exit exit;
	calque_config *c = new_config();
	guest_path(path, "reboot");
	OK(calque_config_set(c, "kernel", path, &err));
	calque_vm *vm = calque_vm_create(c, &err);
	ck_assert_msg(vm != NULL, "%s", err.text);
	OK(calque_vm_observe(vm, CALQUE_EVENT_EXIT, take, &l, &err));
	OK(calque_vm_start(vm, &err));
	ck_assert(!calque_vm_wait(vm, 300000000, &exit));
	ck_assert_uint_gt(l.n[CALQUE_EVENT_EXIT], 1);	/* it came back */
	calque_vm_destroy(vm);
	OK(calque_config_set(c, "kernel", path, &err));
	OK(calque_config_set(c, "no-reboot", NULL, &err));
	vm = calque_vm_create(c, &err);
	ck_assert_msg(vm != NULL, "%s", err.text);
	OK(calque_vm_start(vm, &err));
	ck_assert(calque_vm_wait(vm, CALQUE_FOREVER, &exit));
	ck_assert_int_eq(exit.cause, CALQUE_EXIT_REBOOT);
	calque_vm_destroy(vm);
	calque_config_free(c);
}
END_TEST

START_TEST(bare)
{
	char path[4096];
	struct calque_exit exit;
	calque_config *c = new_config();
	guest_path(path, "htif_fail3");
	OK(calque_config_set(c, "kernel", path, &err));
	calque_config_set_bare(c, true);
	calque_vm *vm = calque_vm_create(c, &err);
	ck_assert_msg(vm != NULL, "%s", err.text);
	OK(calque_vm_start(vm, &err));
	ck_assert(calque_vm_wait(vm, CALQUE_FOREVER, &exit));
	ck_assert_int_eq(exit.cause, CALQUE_EXIT_CODE);
	ck_assert_uint_eq(exit.code, 3);
	calque_vm_destroy(vm);
	calque_config_free(c);
}
END_TEST

START_TEST(many)
{
	for (unsigned i = 0; i < 100; i++) {
		calque_vm *vm = MAKE(count);
		if (i & 1)
			OK(calque_vm_start(vm, &err));
		calque_vm_destroy(vm);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("api");
	TCase *t = tcase_create("api");
	tcase_set_timeout(t, 60);
	tcase_add_test(t, config_errors);
	tcase_add_test(t, limits);
	tcase_add_test(t, overlaps);
	tcase_add_test(t, run_exactly);
	tcase_add_test(t, run_less);
	tcase_add_test(t, one_vcpu_alone);
	tcase_add_test(t, pause_from_another_thread);
	tcase_add_test(t, running_registers);
	tcase_add_test(t, two_at_once);
	tcase_add_test(t, resets);
	tcase_add_test(t, stops);
	tcase_add_test(t, registers);
	tcase_add_test(t, memory);
	tcase_add_test(t, memory_while_running);
	tcase_add_test(t, disassembly);
	tcase_add_test(t, own_device);
	tcase_add_test(t, interrupts);
	tcase_add_test(t, events);
	tcase_add_test(t, exception_event);
	tcase_add_test(t, step_event);
	tcase_add_test(t, console);
	tcase_add_test(t, kernel);
	tcase_add_test(t, reboot);
	tcase_add_test(t, bare);
	tcase_add_test(t, many);
	suite_add_tcase(suite, t);
	return run_suites("cli/api", 1, &suite);
}

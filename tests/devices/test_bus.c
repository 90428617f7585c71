// SPDX-License-Identifier: Apache-2.0
/* The bus: access sizes, locking, interrupt lines that never end at the wrong level, flush after the lock, order of
 * destruction. */
#include "tests/check_main.h"
#include "tests/devices/harness.h"

struct toy {
	struct device dev;
	uint64_t reg;
	unsigned flushes, resets, drains;
	bool flushed_locked;
	char *trail;
};

static struct toy *toy_of(struct device *d)
{
	return CONTAINER_OF(d, struct toy, dev);
}

static bool toy_read(struct device *d, uint64_t offset, unsigned size, uint64_t *value)
{
	*value = toy_of(d)->reg;
	return offset < 8;
}

static bool toy_write(struct device *d, uint64_t offset, unsigned size, uint64_t value)
{
	toy_of(d)->reg = value;
	device_irq(d, value & 1);
	d->flush_wanted = value & 2;
	return offset < 8;
}

static void toy_reset(struct device *d)
{
	toy_of(d)->resets++;
	device_irq(d, false);
}

static void toy_drain(struct device *d)
{
	toy_of(d)->drains++;
}

static void toy_flush(struct device *d)
{
	if (pthread_mutex_trylock(&d->lock))
		toy_of(d)->flushed_locked = true;
	else
		pthread_mutex_unlock(&d->lock);
	toy_of(d)->flushes++;
}

static void toy_destroy(struct device *d)
{
	strcat(toy_of(d)->trail, d->name);
	device_fini(d);
}

static const struct device_ops toy_ops = {
	.type = "toy", .min_access = 2, .max_access = 4, .read = toy_read, .write = toy_write, .reset = toy_reset,
	.drain = toy_drain, .flush = toy_flush, .destroy = toy_destroy,
};

static struct rig rig;
static struct toy toy[2];
static char trail[100];

static void setup(void)
{
	rig_init(&rig, 0);
	trail[0] = 0;
	for (unsigned i = 0; i < 2; i++) {
		toy[i] = (struct toy){ 0 };
		device_init(&toy[i].dev, &toy_ops, &rig.m);
		toy[i].trail = trail;
		rig_attach(&rig, &toy[i].dev, 0x1000 * (i + 1), 0x100);
	}
}

static void teardown(void)
{
	rig_done(&rig);
}

START_TEST(sizes)
{
	uint64_t v;
	ck_assert(!rig_try_read(&rig, 0x1000, 1, &v));
	ck_assert(!rig_try_read(&rig, 0x1000, 8, &v));
	ck_assert(!rig_try_write(&rig, 0x1000, 8, 0));
	rig_write(&rig, 0x1000, 2, 0xabcd1234);
	ck_assert_uint_eq(toy[0].reg, 0x1234);		/* no more than the access's bytes reach the device */
	toy[0].reg = 0x1122334455667788;
	ck_assert_uint_eq(rig_read(&rig, 0x1004, 4), 0x55667788);
	ck_assert(!rig_try_read(&rig, 0x1008, 4, &v));	/* what the device refuses is refused */
	ck_assert_str_eq(toy[0].dev.name, "toy@1000");
}
END_TEST

START_TEST(no_overlap)
{
	struct toy third = { .trail = trail };
	struct error err = { 0 };
	device_init(&third.dev, &toy_ops, &rig.m);
	ck_assert(!bus_attach(&rig.bus, &third.dev, GPA(0x10f8), 0x100, &err));
	ck_assert_ptr_nonnull(strstr(err.text, "toy@10"));
	ck_assert(!bus_attach(&rig.bus, &third.dev, GPA(UINT64_MAX - 7), 0x100, &err));
	device_fini(&third.dev);
}
END_TEST

START_TEST(lines_and_flush)
{
	struct line_probe probe = { 0 };
	toy[1].dev.irq = (struct irq_line){ line_probe_set, &probe, 0 };
	rig_write(&rig, 0x2000, 4, 1);
	ck_assert(probe.level);
	rig_write(&rig, 0x2000, 4, 1);
	ck_assert_uint_eq(probe.changes, 1);	/* told of changes only */
	rig_write(&rig, 0x2000, 4, 2);
	ck_assert(!probe.level);
	ck_assert_uint_eq(toy[1].flushes, 1);
	ck_assert(!toy[1].flushed_locked);
	rig_write(&rig, 0x2000, 4, 1);
	ck_assert_uint_eq(toy[1].flushes, 1);
	bus_reset(&rig.bus);
	ck_assert(!probe.level);
	ck_assert_uint_eq(toy[0].resets, 1);
	bus_drain(&rig.bus);
	bus_resume(&rig.bus);
	ck_assert_uint_eq(toy[0].drains, 1);
}
END_TEST

static void *flip(void *opaque)
{
	for (unsigned i = 0; i < 20000; i++) {
		device_lock(&toy[0].dev);
		device_irq(&toy[0].dev, (i ^ (uintptr_t)opaque) & 1);
		device_unlock(&toy[0].dev);
	}
	return NULL;
}

/* Two threads with opposite wishes: the last wish is the line's level. */
START_TEST(line_agrees_with_the_last_wish)
{
	struct line_probe probe = { 0 };
	toy[0].dev.irq = (struct irq_line){ line_probe_set, &probe, 0 };
	for (unsigned round = 0; round < 5; round++) {
		pthread_t t;
		ck_assert(!pthread_create(&t, NULL, flip, (void *)1));
		flip(NULL);
		pthread_join(t, NULL);
		ck_assert_int_eq(probe.level, toy[0].dev.irq_level);
	}
}
END_TEST

START_TEST(destroyed_from_the_last)
{
	bus_destroy(&rig.bus);
	ck_assert_str_eq(trail, "toy@2000toy@1000");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("bus");
	TCase *t = tcase_create("bus");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, sizes);
	tcase_add_test(t, no_overlap);
	tcase_add_test(t, lines_and_flush);
	tcase_add_test(t, line_agrees_with_the_last_wish);
	tcase_add_test(t, destroyed_from_the_last);
	suite_add_tcase(s, t);
	return run_suites("bus", 1, &s);
}

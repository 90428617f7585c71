// SPDX-License-Identifier: Apache-2.0
/* The power button: what a driver finds out about it, and what it gets when the host presses. */
#include "tests/check_main.h"
#include "tests/devices/virtio/vrig.h"

static struct vrig r;
static struct virtio_device *button;

static void setup(void)
{
	struct error err = { 0 };
	vrig_machine(&r);
	button = virtio_button_new(&r.m, &err);
	ck_assert_ptr_nonnull(button);
	vrig_attach(&r, button);
}

static void teardown(void) { vrig_done(&r); }

/* The configuration space is at 0x100 (VirtIO 1.2, 4.2.2): select, subsel, size, 5 reserved bytes, data. */
static uint8_t config(unsigned at) { return (uint8_t)vreg_sized(&r, 0x100 + at, 1); }

static unsigned select_config(uint8_t select, uint8_t subsel)
{
	const struct phys_range *range = phys_find(&r.m.phys, GPA(MMIO_BASE));
	ck_assert(range->ops->write(range->opaque, 0x100, 1, select));
	ck_assert(range->ops->write(range->opaque, 0x101, 1, subsel));
	return config(2);
}

START_TEST(describes_one_key)
{
	ck_assert_uint_eq(vreg(&r, 0x008), 18);
	ck_assert_uint_gt(select_config(0x01, 0), 0);	/* a name */
	ck_assert_uint_eq(config(8), 'C');
	ck_assert_uint_eq(select_config(0x11, 1), 15);	/* EV_KEY: up to bit 116, KEY_POWER */
	for (unsigned i = 0; i < 128; i++)
		ck_assert_uint_eq(config(8 + i), i == 14 ? 0x10 : 0);
	ck_assert_uint_eq(select_config(0x11, 3), 0);	/* no absolute axes */
	ck_assert_uint_eq(select_config(0xff, 0xff), 0);
	ck_assert_uint_eq(select_config(0x03, 0), 8);
}
END_TEST

START_TEST(nobody_listens)
{
	ck_assert(!virtio_button_press(button));
}
END_TEST

START_TEST(a_press_is_down_and_up)
{
	static const uint8_t want[4][8] = { { 1, 0, 116, 0, 1 }, { 0 }, { 1, 0, 116, 0, 0 }, { 0 } };
	vdriver(&r, 0, 2, 16);
	for (unsigned i = 0; i < 8; i++) {
		struct vbuf b = { DATA_BASE + i * 8, 8, true };
		vadd(&r, 0, &b, 1);
	}
	vnotify(&r, 0);
	for (unsigned round = 0; round < 2; round++) {
		ck_assert(virtio_button_press(button));
		for (unsigned i = 0; i < 4; i++) {
			uint32_t id, len;
			vwait(&r, 0, &id, &len);
			ck_assert_uint_eq(len, 8);
			ck_assert_mem_eq(gmem(&r, DATA_BASE + (round * 4 + i) * 8), want[i], 8);
		}
	}
	uint32_t id, len;
	ck_assert(!vused(&r, 0, &id, &len));
	struct vbuf lamp = { DATA_BASE, 8, false };
	ck_assert_uint_eq(vdo(&r, 1, &lamp, 1), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("button");
	TCase *t = tcase_create("button");
	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, describes_one_key);
	tcase_add_test(t, nobody_listens);
	tcase_add_test(t, a_press_is_down_and_up);
	suite_add_tcase(s, t);
	return run_suites("virtio/button", 1, &s);
}

// SPDX-License-Identifier: Apache-2.0
/* The transport's registers and the life of a device: VirtIO 1.2, 2.1, 3.1 and 4.2.2. */
#include <libfdt.h>
#include "devices/fdt.h"
#include "tests/check_main.h"
#include "tests/devices/virtio/echo.h"
#include "tests/devices/virtio/vrig.h"

static struct vrig r;

static void setup(void)
{
	struct error err = { 0 };
	vrig_machine(&r);
	vrig_attach(&r, echo_new(&r.m, &err));
}

static void teardown(void)
{
	vrig_done(&r);
}

START_TEST(identity)
{
	ck_assert_uint_eq(vreg(&r, 0x000), 0x74726976);
	ck_assert_uint_eq(vreg(&r, 0x004), 2);
	ck_assert_uint_eq(vreg(&r, 0x008), 42);
	vset(&r, R_QSEL, 1);
	ck_assert_uint_eq(vreg(&r, R_QMAX), VIRTIO_RING_MAX);
	vset(&r, R_QSEL, 2);
	ck_assert_uint_eq(vreg(&r, R_QMAX), 0);		/* 4.2.2: no such queue */
	ck_assert_uint_eq(vreg(&r, R_QREADY), 0);
	ck_assert_uint_eq(vreg(&r, 0x0b0), UINT32_MAX);	/* no shared memory */
	ck_assert_uint_eq(vreg(&r, 0x0b4), UINT32_MAX);
}
END_TEST

START_TEST(features)
{
	/* own bit 3, INDIRECT_DESC 28, EVENT_IDX 29, VERSION_1 32 */
	ck_assert_uint_eq(vfeatures(&r), 0x130000008ull);
	vset(&r, R_FEATURES_SEL, 2);
	ck_assert_uint_eq(vreg(&r, R_FEATURES), 0);
	static const struct { uint64_t wish; bool taken; } cases[] = {
		{ 0x100000000, true }, { 0x100000008, true }, { 0x130000008, true },
		{ 0x000000008, false },		/* no VERSION_1 */
		{ 0x100000010, false },		/* not offered */
		{ 0x300000000, false }, { UINT64_MAX, false }, { 0, false },
	};
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		vset(&r, R_STATUS, 0);
		vset(&r, R_STATUS, 3);
		for (unsigned word = 0; word < 2; word++) {
			vset(&r, R_DRV_FEATURES_SEL, word);
			vset(&r, R_DRV_FEATURES, (uint32_t)(cases[i].wish >> (32 * word)));
		}
		vset(&r, R_STATUS, 3 | VIRTIO_FEATURES_OK);
		ck_assert_msg(vreg(&r, R_STATUS) == (cases[i].taken ? 11u : 3u), "features %#llx", (unsigned long long)cases[i].wish);
		vset(&r, R_STATUS, 11 | VIRTIO_DRIVER_OK);
		ck_assert_uint_eq(vreg(&r, R_STATUS), cases[i].taken ? 15 : 3);
	}
	/* Once accepted they stay */
	vset(&r, R_STATUS, 0);
	vdriver(&r, VIRTIO_BIT(3), 1, 16);
	vset(&r, R_DRV_FEATURES_SEL, 0);
	vset(&r, R_DRV_FEATURES, 0);
	ck_assert_uint_eq(r.v->driver_features, 0x100000008ull);
}
END_TEST

START_TEST(status_bits_only_add)
{
	vset(&r, R_STATUS, 1);
	vset(&r, R_STATUS, 2);
	ck_assert_uint_eq(vreg(&r, R_STATUS), 3);
	vset(&r, R_STATUS, 64 | 128);	/* NEEDS_RESET is the device's to set */
	ck_assert_uint_eq(vreg(&r, R_STATUS), 128 | 3);
	vset(&r, R_STATUS, 0);
	ck_assert_uint_eq(vreg(&r, R_STATUS), 0);
}
END_TEST

START_TEST(nothing_before_driver_ok)
{
	vset(&r, R_STATUS, 3);
	vqueue_at(&r, 0, 16, RAM_BASE, RAM_BASE + 0x4000, RAM_BASE + 0x8000);
	struct vbuf b[] = { { DATA_BASE, 8, false } };
	vadd(&r, 0, b, 1);
	vnotify(&r, 0);
	ck_assert_uint_eq(used_idx(&r, 0), 0);
	/* a bad ring before DRIVER_OK sets the bit, but raises no interrupt (2.1.2) */
	vqueue_at(&r, 1, 16, 0, 0, 0);
	ck_assert(vreg(&r, R_STATUS) & VIRTIO_NEEDS_RESET);
	ck_assert(!r.level);
}
END_TEST

START_TEST(queue_registers)
{
	vdriver(&r, 0, 1, 16);
	vset(&r, R_QSEL, 0);
	ck_assert_uint_eq(vreg(&r, R_QREADY), 1);
	vset(&r, R_QNUM, 4);	/* no effect while ready */
	ck_assert_uint_eq(r.v->queue[0].size, 16);
	vset(&r, R_QREADY, 0);
	ck_assert_uint_eq(vreg(&r, R_QREADY), 0);
	struct vbuf b[] = { { DATA_BASE, 8, false } };
	vadd(&r, 0, b, 1);
	vnotify(&r, 0);
	ck_assert_uint_eq(used_idx(&r, 0), 0);
	/* it can be set up again, from index 0 */
	memset(r.ram, 0, QUEUE_AREA);
	vqueue_at(&r, 0, 8, RAM_BASE, RAM_BASE + 0x4000, RAM_BASE + 0x8000);
	vdo(&r, 0, b, 1);
	vnotify(&r, 7);
	vnotify(&r, UINT32_MAX);
	ck_assert(!(vreg(&r, R_STATUS) & VIRTIO_NEEDS_RESET));
}
END_TEST

START_TEST(interrupt_line)
{
	struct vbuf b[] = { { DATA_BASE, 8, false } };
	vdriver(&r, 0, 1, 16);
	vadd(&r, 0, b, 1);
	vnotify(&r, 0);
	ck_assert(r.level);
	ck_assert_uint_eq(vreg(&r, R_ISR), 1);
	vset(&r, R_ACK, 2);
	ck_assert(r.level);
	device_lock(r.dev);
	virtio_config_changed(r.v);
	device_unlock(r.dev);
	ck_assert_uint_eq(vreg(&r, R_ISR), 3);
	vset(&r, R_ACK, 1);
	ck_assert(r.level);
	vset(&r, R_ACK, 2);
	ck_assert(!r.level);
	vadd(&r, 0, b, 1);
	vnotify(&r, 0);
	ck_assert(r.level);
	vset(&r, R_STATUS, 0);
	ck_assert(!r.level);
	ck_assert_uint_eq(vreg(&r, R_ISR), 0);
}
END_TEST

START_TEST(configuration_space)
{
	for (unsigned i = 0; i < 6; i++)
		ck_assert_uint_eq(vreg_sized(&r, R_CONFIG + i, 1), 0x10 + i);
	ck_assert_uint_eq(vreg_sized(&r, R_CONFIG, 2), 0x1110);
	ck_assert_uint_eq(vreg_sized(&r, R_CONFIG, 4), 0x13121110);
	ck_assert_uint_eq(vreg_sized(&r, R_CONFIG + 4, 4), 0x1514);	/* beyond its end: 0 */
	ck_assert_uint_eq(vreg_sized(&r, R_CONFIG + 0xf8, 8), 0);
	vset(&r, R_CONFIG, 0xffffffff);		/* read-only here */
	ck_assert_uint_eq(vreg(&r, R_CONFIG), 0x13121110);
	uint32_t generation = vreg(&r, R_GENERATION);
	device_lock(r.dev);
	virtio_config_changed(r.v);
	device_unlock(r.dev);
	ck_assert_uint_ne(vreg(&r, R_GENERATION), generation);
}
END_TEST

START_TEST(resets)
{
	struct echo *e = CONTAINER_OF(r.v, struct echo, v);
	vdriver(&r, 0, 2, 16);
	ck_assert_uint_eq(e->resets, 1);
	vset(&r, R_STATUS, 0);
	ck_assert_uint_eq(e->resets, 2);
	ck_assert_uint_eq(e->power_ons, 0);
	vset(&r, R_QSEL, 0);
	ck_assert_uint_eq(vreg(&r, R_QREADY), 0);
	vdriver(&r, 0, 2, 16);
	bus_drain(&r.bus);
	bus_reset(&r.bus);
	bus_resume(&r.bus);
	ck_assert_uint_eq(e->power_ons, 1);
	ck_assert_uint_eq(vreg(&r, R_STATUS), 0);
}
END_TEST

/* Registers of odd sizes and places: nothing but refusal. */
START_TEST(hostile_registers)
{
	uint64_t seed = 4711, value;
	const struct phys_range *range = phys_find(&r.m.phys, GPA(MMIO_BASE));
	for (unsigned i = 0; i < 300000; i++) {
		uint64_t x = vrandom(&seed);
		unsigned size = 1u << x % 4;
		uint64_t offset = (x >> 8) % VIRTIO_MMIO_SIZE & ~(uint64_t)(size - 1);
		if (x >> 40 & 1)
			(void)!range->ops->read(range->opaque, offset, size, &value);
		else
			(void)!range->ops->write(range->opaque, offset, size, x >> 33 & 1 ? x >> 52 : RAM_BASE + (x >> 45));
	}
	struct vbuf b[] = { { DATA_BASE, 8, false }, { DATA_BASE + 8, 8, true } };
	vdriver(&r, 0, 1, 16);
	ck_assert_uint_eq(vdo(&r, 0, b, 2), 8);
}
END_TEST

START_TEST(device_tree_node)
{
	struct error err = { 0 };
	void *blob;
	unsigned size;
	struct fdt *t = fdt_new();
	fdt_begin(t, "%s", "");
	bus_describe(&r.bus, t);
	fdt_end(t);
	ck_assert_msg(fdt_done(t, &blob, &size, &err), "%s", err.text);
	int node = fdt_path_offset(blob, "/virtio_mmio@10001000"), n;
	ck_assert_int_ge(node, 0);
	ck_assert_str_eq(fdt_getprop(blob, node, "compatible", &n), "virtio,mmio");
	const fdt32_t *reg = fdt_getprop(blob, node, "reg", &n);
	ck_assert_int_eq(n, 16);
	ck_assert_uint_eq(fdt32_to_cpu(reg[1]), 0x10001000);
	const fdt32_t *irq = fdt_getprop(blob, node, "interrupts", &n);
	ck_assert_uint_eq(fdt32_to_cpu(irq[0]), 1);
	free(blob);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("mmio");
	TCase *t = tcase_create("mmio");
	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, identity);
	tcase_add_test(t, features);
	tcase_add_test(t, status_bits_only_add);
	tcase_add_test(t, nothing_before_driver_ok);
	tcase_add_test(t, queue_registers);
	tcase_add_test(t, interrupt_line);
	tcase_add_test(t, configuration_space);
	tcase_add_test(t, resets);
	tcase_add_test(t, hostile_registers);
	tcase_add_test(t, device_tree_node);
	suite_add_tcase(s, t);
	return run_suites("virtio/mmio", 1, &s);
}

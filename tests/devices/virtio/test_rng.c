// SPDX-License-Identifier: Apache-2.0
#include "tests/check_main.h"
#include "tests/devices/virtio/vrig.h"

static struct vrig r;

static void with(bool has_seed, uint64_t seed)
{
	struct error err = { 0 };
	vrig_machine(&r);
	vrig_attach(&r, virtio_rng_new(&r.m, has_seed, seed, &err));
	vdriver(&r, 0, 1, 8);
}

static uint32_t fill(uint32_t n)
{
	struct vbuf b[] = { { DATA_BASE, n / 2, true }, { DATA_BASE + n / 2, n - n / 2, true } };
	memset(gmem(&r, DATA_BASE), 0, n + 1);
	return vdo(&r, 0, b, 2);
}

/* RFC 8439, A.1, vectors 1 and 2: key, nonce 0, blocks 0 and 1 */
static const uint8_t seed_0[128] = {
	0x76, 0xb8, 0xe0, 0xad, 0xa0, 0xf1, 0x3d, 0x90, 0x40, 0x5d, 0x6a, 0xe5, 0x53, 0x86, 0xbd, 0x28, 0xbd, 0xd2, 0x19, 0xb8, 0xa0, 0x8d,
	0xed, 0x1a, 0xa8, 0x36, 0xef, 0xcc, 0x8b, 0x77, 0x0d, 0xc7, 0xda, 0x41, 0x59, 0x7c, 0x51, 0x57, 0x48, 0x8d, 0x77, 0x24, 0xe0, 0x3f,
	0xb8, 0xd8, 0x4a, 0x37, 0x6a, 0x43, 0xb8, 0xf4, 0x15, 0x18, 0xa1, 0x1c, 0xc3, 0x87, 0xb6, 0x69, 0xb2, 0xee, 0x65, 0x86, 0x9f, 0x07,
	0xe7, 0xbe, 0x55, 0x51, 0x38, 0x7a, 0x98, 0xba, 0x97, 0x7c, 0x73, 0x2d, 0x08, 0x0d, 0xcb, 0x0f, 0x29, 0xa0, 0x48, 0xe3, 0x65, 0x69,
	0x12, 0xc6, 0x53, 0x3e, 0x32, 0xee, 0x7a, 0xed, 0x29, 0xb7, 0x21, 0x76, 0x9c, 0xe6, 0x4e, 0x43, 0xd5, 0x71, 0x33, 0xb0, 0x74, 0xd8,
	0x39, 0xd5, 0x31, 0xed, 0x1f, 0x28, 0x51, 0x0a, 0xfb, 0x45, 0xac, 0xe1, 0x0a, 0x1f, 0x4b, 0x79, 0x4d, 0x6f,
};
/* made by openssl enc -chacha20 with the seed's bytes, little endian, at the key's start */
static const uint8_t seed_1[16] = { 0x81, 0xff, 0x17, 0x4f, 0x0c, 0xe9, 0xb0, 0x4f, 0xfb, 0x10, 0xa3, 0x2b, 0x77, 0x49, 0xb6, 0xfc };

START_TEST(seeded)
{
	with(true, 0);
	ck_assert_uint_eq(fill(128), 128);
	ck_assert_mem_eq(gmem(&r, DATA_BASE), seed_0, 128);
	uint8_t second[128];
	ck_assert_uint_eq(fill(128), 128);
	memcpy(second, gmem(&r, DATA_BASE), 128);
	ck_assert_mem_ne(second, seed_0, 128);
	/* A driver's reset goes on, the machine's begins again. */
	vdriver(&r, 0, 1, 8);
	fill(128);
	ck_assert_mem_ne(gmem(&r, DATA_BASE), seed_0, 128);
	bus_reset(&r.bus);
	vdriver(&r, 0, 1, 8);
	fill(128);
	ck_assert_mem_eq(gmem(&r, DATA_BASE), seed_0, 128);
	fill(128);
	ck_assert_mem_eq(gmem(&r, DATA_BASE), second, 128);
	vrig_done(&r);
	with(true, 0x0123456789abcdef);
	fill(16);
	ck_assert_mem_eq(gmem(&r, DATA_BASE), seed_1, 16);
	vrig_done(&r);
}
END_TEST

START_TEST(from_the_host)
{
	with(false, 0);
	unsigned ones = 0;
	ck_assert_uint_eq(fill(4096), 4096);
	for (unsigned i = 0; i < 4096; i++)
		ones += __builtin_popcount(*(uint8_t *)gmem(&r, DATA_BASE + i));
	/* 32768 fair bits: mean 16384, deviation 90.5; twelve of them off means it is not random */
	ck_assert_uint_gt(ones, 16384 - 1086);
	ck_assert_uint_lt(ones, 16384 + 1086);
	ck_assert_uint_eq(*(uint8_t *)gmem(&r, DATA_BASE + 4096), 0);
	uint8_t before[4096];
	memcpy(before, gmem(&r, DATA_BASE), 4096);
	fill(4096);
	ck_assert_mem_ne(gmem(&r, DATA_BASE), before, 4096);
	vrig_done(&r);
}
END_TEST

/* All of a full ring at the notification, nothing before it, and then the device asks for the next one. */
START_TEST(deterministic_at_the_notification)
{
	struct error err = { 0 };
	struct vbuf b[] = { { DATA_BASE, 16, true } };
	vrig_machine(&r);
	r.m.deterministic = true;
	vrig_attach(&r, virtio_rng_new(&r.m, true, 0, &err));
	vdriver(&r, VIRTIO_BIT(VIRTIO_F_EVENT_IDX), 1, 64);
	uint16_t head = vadd(&r, 0, b, 1);
	for (unsigned i = 1; i < 64; i++)
		make_available(&r, 0, head);
	vgate(&r);
	ck_assert_uint_eq(used_idx(&r, 0), 0);
	vnotify(&r, 0);
	ck_assert_uint_eq(used_idx(&r, 0), 64);
	ck_assert_uint_eq(avail_event(&r, 0), 64);
	vrig_done(&r);
}
END_TEST

START_TEST(large_and_useless_buffers)
{
	with(true, 1);
	struct vbuf huge[] = { { DATA_BASE, 8u << 20, true } }, readable[] = { { DATA_BASE, 64, false } };
	uint32_t n = vdo(&r, 0, huge, 1);
	ck_assert_uint_ge(n, 1);
	ck_assert_uint_le(n, 1u << 20);
	ck_assert_uint_eq(vdo(&r, 0, readable, 1), 0);
	vrig_done(&r);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("rng");
	TCase *t = tcase_create("rng");
	tcase_set_timeout(t, 60);
	tcase_add_test(t, seeded);
	tcase_add_test(t, from_the_host);
	tcase_add_test(t, deterministic_at_the_notification);
	tcase_add_test(t, large_and_useless_buffers);
	suite_add_tcase(s, t);
	return run_suites("virtio/rng", 1, &s);
}

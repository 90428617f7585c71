// SPDX-License-Identifier: Apache-2.0
/* Split rings: what a good driver may do, and what a bad one does. */
#include <unistd.h>
#include "tests/check_main.h"
#include "tests/devices/virtio/echo.h"
#include "tests/devices/virtio/vrig.h"

#if defined(__SANITIZE_THREAD__)
#define THREAD_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define THREAD_SANITIZER 1
#endif
#endif
#ifndef THREAD_SANITIZER
#define THREAD_SANITIZER 0
#endif

#define EVENT_IDX VIRTIO_BIT(VIRTIO_F_EVENT_IDX)
#define INDIRECT_OK VIRTIO_BIT(VIRTIO_F_INDIRECT_DESC)

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

static struct echo *echo(void)
{
	return CONTAINER_OF(r.v, struct echo, v);
}

static bool broken(void)
{
	return vreg(&r, R_STATUS) & VIRTIO_NEEDS_RESET;
}

/* ---- good drivers ---- */

START_TEST(echoes_direct_chains)
{
	vdriver(&r, 0, 1, 16);
	char *out = gmem(&r, DATA_BASE), *in = gmem(&r, DATA_BASE + 0x1000);
	for (unsigned round = 0; round < 100; round++) {	/* several times round a ring of 16 */
		snprintf(out, 64, "round %u goes out in two pieces", round);
		memset(in, 0, 64);
		struct vbuf b[] = { { DATA_BASE, 10, false }, { DATA_BASE + 10, 54, false }, { DATA_BASE + 0x1000, 3, true },
				    { DATA_BASE + 0x1003, 100, true } };
		ck_assert_uint_eq(vdo(&r, 0, b, 4), 64);
		ck_assert_str_eq(in, out);
	}
	ck_assert_uint_eq(echo()->served, 100);
	ck_assert(!broken());
}
END_TEST

START_TEST(indices_wrap_at_65536)
{
	vdriver(&r, _i ? EVENT_IDX : 0, 1, 4);
	struct vbuf b[] = { { DATA_BASE, 8, false }, { DATA_BASE + 16, 8, true } };
	uint32_t id, len;
	for (unsigned round = 0; round < 70000; round++) {
		uint64_t value = round * 0x9e3779b97f4a7c15ull, got;
		memcpy(gmem(&r, DATA_BASE), &value, 8);
		vadd(&r, 0, b, 2);
		vnotify(&r, 0);
		ck_assert(vused(&r, 0, &id, &len));
		memcpy(&got, gmem(&r, DATA_BASE + 16), 8);
		ck_assert_uint_eq(got, value);
		ck_assert_uint_eq(len, 8);
	}
	ck_assert_uint_eq(used_idx(&r, 0), 70000 % 65536);
}
END_TEST

START_TEST(indirect_tables)
{
	vdriver(&r, INDIRECT_OK, 1, 8);
	uint64_t table = DATA_BASE + 0x2000;
	memcpy(gmem(&r, DATA_BASE), "indirect", 8);
	/* 2.7.5.3.2: a direct descriptor first, then the table, whose WRITE flag is ignored */
	put_desc(&r, table, 0, DATA_BASE + 4, 4, NEXT, 2);
	put_desc(&r, table, 2, DATA_BASE + 0x100, 8, WRITE, 0);
	put_desc(&r, r.q[0].desc, 0, DATA_BASE, 4, NEXT, 1);
	put_desc(&r, r.q[0].desc, 1, table, 3 * 16, INDIRECT | WRITE, 0);
	make_available(&r, 0, 0);
	vnotify(&r, 0);
	uint32_t id, len;
	ck_assert(vused(&r, 0, &id, &len));
	ck_assert_uint_eq(len, 8);
	ck_assert_mem_eq(gmem(&r, DATA_BASE + 0x100), "indirect", 8);
}
END_TEST

START_TEST(longest_chain)
{
	vdriver(&r, 0, 1, VIRTIO_RING_MAX);
	struct vbuf b[VIRTIO_RING_MAX];
	for (unsigned i = 0; i < VIRTIO_RING_MAX; i++)
		b[i] = (struct vbuf){ DATA_BASE + 16 * i, 16, i >= VIRTIO_RING_MAX / 2 };
	ck_assert_uint_eq(vdo(&r, 0, b, VIRTIO_RING_MAX), 16 * VIRTIO_RING_MAX / 2);
}
END_TEST

START_TEST(interrupts_as_flags_say)
{
	vdriver(&r, 0, 1, 8);
	struct vbuf b[] = { { DATA_BASE, 8, false } };
	vdo(&r, 0, b, 1);
	ck_assert_uint_eq(vreg(&r, R_ISR), 0 | r.level);
	vset(&r, R_ACK, 3);
	ck_assert(!r.level);
	unsigned edges = r.edges;
	uint16_t no_interrupt = 1;
	memcpy(gmem(&r, r.q[0].avail), &no_interrupt, 2);
	vdo(&r, 0, b, 1);
	ck_assert_uint_eq(r.edges, edges);
	ck_assert_uint_eq(vreg(&r, R_ISR), 0);
}
END_TEST

START_TEST(interrupts_at_used_event)
{
	vdriver(&r, EVENT_IDX, 1, 8);
	struct vbuf b[] = { { DATA_BASE, 8, false } };
	uint32_t id, len;
	/* 2.7.7.2: interrupt when the used index passes used_event: here after the entry with index 2, the third */
	uint16_t event = 2;
	memcpy((char *)gmem(&r, r.q[0].avail) + 4 + 2 * 8, &event, 2);
	vadd(&r, 0, b, 1);
	vnotify(&r, 0);
	vset(&r, R_ACK, 3);	/* the first look always signals: no earlier index is known */
	unsigned edges = r.edges;
	vadd(&r, 0, b, 1);
	vnotify(&r, 0);
	ck_assert_uint_eq(r.edges, edges);
	vadd(&r, 0, b, 1);
	vnotify(&r, 0);
	ck_assert_uint_eq(r.edges, edges + 1);
	vset(&r, R_ACK, 3);
	vadd(&r, 0, b, 1);
	vnotify(&r, 0);
	ck_assert_uint_eq(r.edges, edges + 1);
	for (unsigned i = 0; i < 4; i++)
		ck_assert(vused(&r, 0, &id, &len));
	/* avail_event: it wants to hear of the next entry */
	uint16_t avail_event;
	memcpy(&avail_event, (char *)gmem(&r, r.q[0].used) + 4 + 8 * 8, 2);
	ck_assert_uint_eq(avail_event, 4);
}
END_TEST

START_TEST(put_back_and_served_later)
{
	vdriver(&r, 0, 1, 8);
	struct vbuf b[] = { { DATA_BASE, 8, false } };
	uint32_t id, len;
	echo()->hold = 1;
	vadd(&r, 0, b, 1);
	vadd(&r, 0, b, 1);
	vnotify(&r, 0);
	ck_assert(!vused(&r, 0, &id, &len));
	echo()->hold = 0;
	bus_drain(&r.bus);	/* resuming looks at all queues */
	bus_resume(&r.bus);
	vwait(&r, 0, &id, &len);
	vwait(&r, 0, &id, &len);
}
END_TEST

START_TEST(paused_serves_nothing)
{
	vdriver(&r, 0, 1, 8);
	struct vbuf b[] = { { DATA_BASE, 8, false } };
	uint32_t id, len;
	bus_drain(&r.bus);
	vadd(&r, 0, b, 1);
	vnotify(&r, 0);
	ck_assert(!vused(&r, 0, &id, &len));
	bus_resume(&r.bus);
	vwait(&r, 0, &id, &len);
	/* Both may come twice, and going on may come first. */
	bus_resume(&r.bus);
	vdo(&r, 0, b, 1);
	bus_drain(&r.bus);
	bus_drain(&r.bus);
	vadd(&r, 0, b, 1);
	vnotify(&r, 0);
	ck_assert(!vused(&r, 0, &id, &len));
	bus_resume(&r.bus);
	vwait(&r, 0, &id, &len);
}
END_TEST

/* ---- bad drivers: each leads to NEEDS_RESET and a configuration interrupt, and a reset mends it ---- */

#define OUT_OF_RAM (RAM_BASE + RAM_SIZE)
struct bad {
	const char *name;
	struct { uint64_t addr; uint32_t len; uint16_t flags, next; } d[4];
	struct { uint64_t addr; uint32_t len; uint16_t flags, next; } table[4];	/* at DATA_BASE + 0x2000 */
	uint16_t head;
	uint16_t jump;		/* added to the available index */
};
#define TABLE (DATA_BASE + 0x2000)

static const struct bad bads[] = {
	{ "head beyond the table", .head = 16 },
	{ "head far beyond the table", .head = 65535 },
	{ "loop of one", { { DATA_BASE, 8, NEXT, 0 } } },
	{ "loop of two", { { DATA_BASE, 8, NEXT, 1 }, { DATA_BASE, 8, NEXT, 0 } } },
	{ "next beyond the table", { { DATA_BASE, 8, NEXT, 16 } } },
	{ "length 0", { { DATA_BASE, 0, 0, 0 } } },
	{ "writable of length 0", { { DATA_BASE, 0, WRITE, 0 } } },
	{ "readable after writable", { { DATA_BASE, 8, WRITE | NEXT, 1 }, { DATA_BASE, 8, 0, 0 } } },
	{ "starts beyond RAM", { { OUT_OF_RAM, 8, 0, 0 } } },
	{ "starts before RAM", { { RAM_BASE - 8, 8, 0, 0 } } },
	{ "runs over RAM's end", { { OUT_OF_RAM - 4, 8, 0, 0 } } },
	{ "runs from before RAM into it", { { RAM_BASE - 4, 8, 0, 0 } } },
	{ "longer than RAM", { { RAM_BASE, 0xffffffff, WRITE, 0 } } },
	{ "wraps round the address space", { { 0xfffffffffffffff0, 0x20, 0, 0 } } },
	{ "address of the device's registers", { { MMIO_BASE, 8, 0, 0 } } },
	{ "indirect and next", { { TABLE, 16, INDIRECT | NEXT, 1 }, { DATA_BASE, 8, 0, 0 } }, { { DATA_BASE, 8, 0, 0 } } },
	{ "indirect of length 0", { { TABLE, 0, INDIRECT, 0 } } },
	{ "indirect of odd length", { { TABLE, 24, INDIRECT, 0 } }, { { DATA_BASE, 8, 0, 0 } } },
	{ "indirect beyond RAM", { { OUT_OF_RAM - 16, 32, INDIRECT, 0 } } },
	{ "indirect wraps", { { 0xfffffffffffffff0, 32, INDIRECT, 0 } } },
	{ "indirect in indirect", { { TABLE, 64, INDIRECT, 0 } }, { { TABLE, 64, INDIRECT, 0 } } },
	{ "indirect in indirect, later", { { TABLE, 64, INDIRECT, 0 } }, { { DATA_BASE, 8, NEXT, 1 }, { TABLE, 64, INDIRECT, 0 } } },
	{ "loop in the indirect table", { { TABLE, 64, INDIRECT, 0 } }, { { DATA_BASE, 8, NEXT, 1 }, { DATA_BASE, 8, NEXT, 0 } } },
	{ "next beyond the indirect table", { { TABLE, 32, INDIRECT, 0 } }, { { DATA_BASE, 8, NEXT, 2 } } },
	{ "length 0 in the indirect table", { { TABLE, 32, INDIRECT, 0 } }, { { DATA_BASE, 0, 0, 0 } } },
	{ "available index jumps", { { DATA_BASE, 8, 0, 0 } }, .jump = 16 },
	{ "available index goes back", { { DATA_BASE, 8, 0, 0 } }, .jump = 65534 },
};

START_TEST(bad_chain)
{
	const struct bad *bad = &bads[_i];
	vdriver(&r, INDIRECT_OK, 2, 16);
	unsigned edges = r.edges;
	for (unsigned i = 0; i < 4; i++) {
		put_desc(&r, r.q[0].desc, i, bad->d[i].addr, bad->d[i].len, bad->d[i].flags, bad->d[i].next);
		put_desc(&r, TABLE, i, bad->table[i].addr, bad->table[i].len, bad->table[i].flags, bad->table[i].next);
	}
	r.q[0].avail_idx += bad->jump;
	make_available(&r, 0, bad->head);
	vnotify(&r, 0);
	ck_assert_msg(broken(), "%s: not noticed", bad->name);
	ck_assert_msg(r.edges > edges && vreg(&r, R_ISR) & 2, "%s: no configuration interrupt", bad->name);
	ck_assert_msg(echo()->served == 0, "%s: served", bad->name);
	/* Nothing more until a reset */
	struct vbuf b[] = { { DATA_BASE, 8, false }, { DATA_BASE + 64, 8, true } };
	uint32_t id, len;
	vadd(&r, 1, b, 2);
	vnotify(&r, 1);
	ck_assert(!vused(&r, 1, &id, &len));
	vdriver(&r, INDIRECT_OK, 2, 16);
	ck_assert(!broken() && !r.level);
	ck_assert_uint_eq(vdo(&r, 0, b, 2), 8);
}
END_TEST

START_TEST(indirect_not_negotiated)
{
	vdriver(&r, 0, 1, 16);
	put_desc(&r, TABLE, 0, DATA_BASE, 8, 0, 0);
	put_desc(&r, r.q[0].desc, 0, TABLE, 16, INDIRECT, 0);
	make_available(&r, 0, 0);
	vnotify(&r, 0);
	ck_assert(broken());
}
END_TEST

START_TEST(bad_rings)
{
	static const struct { unsigned size; uint64_t desc, avail, used; } rings[] = {
		{ 0, RAM_BASE, RAM_BASE + 0x4000, RAM_BASE + 0x8000 },
		{ 3, RAM_BASE, RAM_BASE + 0x4000, RAM_BASE + 0x8000 },
		{ 257, RAM_BASE, RAM_BASE + 0x4000, RAM_BASE + 0x8000 },
		{ 512, RAM_BASE, RAM_BASE + 0x4000, RAM_BASE + 0x8000 },
		{ 0xffffffff, RAM_BASE, RAM_BASE + 0x4000, RAM_BASE + 0x8000 },
		{ 16, RAM_BASE + 8, RAM_BASE + 0x4000, RAM_BASE + 0x8000 },
		{ 16, RAM_BASE, RAM_BASE + 0x4001, RAM_BASE + 0x8000 },
		{ 16, RAM_BASE, RAM_BASE + 0x4000, RAM_BASE + 0x8002 },
		{ 16, OUT_OF_RAM - 16, RAM_BASE + 0x4000, RAM_BASE + 0x8000 },
		{ 16, RAM_BASE, OUT_OF_RAM - 32, RAM_BASE + 0x8000 },
		{ 16, RAM_BASE, RAM_BASE + 0x4000, OUT_OF_RAM - 128 },
		{ 16, 0, 0, 0 },
		{ 16, ~(uint64_t)15, RAM_BASE + 0x4000, RAM_BASE + 0x8000 },
		{ 16, MMIO_BASE, MMIO_BASE, MMIO_BASE },
	};
	vdriver(&r, 0, 2, 16);
	vset(&r, R_QSEL, 0);
	vset(&r, R_QREADY, 0);
	ck_assert_uint_eq(vreg(&r, R_QREADY), 0);
	vqueue_at(&r, 0, rings[_i].size, rings[_i].desc, rings[_i].avail, rings[_i].used);
	vnotify(&r, 0);
	ck_assert(broken());
	ck_assert_uint_eq(echo()->served, 0);
}
END_TEST

START_TEST(rings_at_the_end_of_ram)
{
	vdriver(&r, EVENT_IDX, 1, 16);
	vset(&r, R_QREADY, 0);
	/* as far back as they may lie: descriptors, driver and device area end with RAM */
	vqueue_at(&r, 0, 16, OUT_OF_RAM - 256 - 64 - 160, OUT_OF_RAM - 64 - 160, OUT_OF_RAM - 136);
	ck_assert(!broken());
	struct vbuf b[] = { { DATA_BASE, 8, false }, { OUT_OF_RAM - 4096, 8, true } };
	ck_assert_uint_eq(vdo(&r, 0, b, 2), 8);
}
END_TEST

/* A ring that never becomes empty, fed by another vCPU or by requests that write to it: the notification returns all the same… */
static void feed(void)
{
	make_available(&r, 0, 0);
}

START_TEST(endless_ring)
{
	vdriver(&r, 0, 1, 16);
	put_desc(&r, r.q[0].desc, 0, DATA_BASE, 8, 0, 0);
	echo()->on_serve = feed;
	make_available(&r, 0, 0);
	vnotify(&r, 0);
	/* … and the event thread goes on with it, until the machine is paused. */
	uint16_t now = used_idx(&r, 0);
	while (used_idx(&r, 0) == now)
		usleep(100);
	bus_drain(&r.bus);
	now = used_idx(&r, 0);
	usleep(2000);
	ck_assert_uint_eq(used_idx(&r, 0), now);
	vset(&r, R_STATUS, 0);
	bus_resume(&r.bus);
	ck_assert_uint_eq(vreg(&r, R_STATUS), 0);
}
END_TEST

/* While the event thread may be serving what is written over: a race that the thread sanitizer is right about. */
static void hostile_available(unsigned queue, uint16_t head)
{
	if (THREAD_SANITIZER)
		bus_drain(&r.bus);
	make_available(&r, queue, head);
	if (THREAD_SANITIZER)
		bus_resume(&r.bus);
}

/* The used ring over the available ring, or either over the descriptors: nonsense, but no crash. */
START_TEST(overlapping_areas)
{
	static const uint64_t places[][3] = {
		{ 0, 0x4000, 0x4000 }, { 0, 0x4000, 0x4004 }, { 0, 0, 0x8000 }, { 0, 0x4000, 0 }, { 0, 0, 0 }, { 0x4000, 0x4002, 0x4004 },
	};
	vdriver(&r, _i & 1 ? EVENT_IDX : 0, 1, 16);
	vset(&r, R_QREADY, 0);
	const uint64_t *at = places[_i / 2];
	for (unsigned i = 0; i < 16; i++)
		put_desc(&r, RAM_BASE + at[0], i, i & 1 ? DATA_BASE : RAM_BASE + at[1], 8, i & 1 ? 0 : WRITE, 0);
	vqueue_at(&r, 0, 16, RAM_BASE + at[0], RAM_BASE + at[1], RAM_BASE + at[2]);
	for (unsigned i = 0; i < 64; i++) {
		hostile_available(0, i);
		vnotify(&r, 0);
	}
	vset(&r, R_STATUS, 0);
	ck_assert_uint_eq(vreg(&r, R_STATUS), 0);
}
END_TEST

/* Random descriptors, tables, indices and lengths with a taste for edges; the ring areas themselves are hit, too. */
START_TEST(random_script)
{
	uint64_t seed = 0x1234567 + 977 * _i;
	static const uint64_t bases[] = { RAM_BASE, DATA_BASE, OUT_OF_RAM - 64, 0, ~(uint64_t)63, MMIO_BASE, RAM_BASE + 0x4000, RAM_BASE + 0x8000 };
	static const uint32_t lengths[] = { 0, 1, 8, 16, 48, 64, 4096, 0x10000, 0x7fffffff, 0xffffffff };
	for (unsigned round = 0; round < 300; round++) {
		vdriver(&r, (vrandom(&seed) & 1 ? EVENT_IDX : 0) | (vrandom(&seed) & 1 ? INDIRECT_OK : 0), 2, 1 << vrandom(&seed) % 9);
		bool sane = vrandom(&seed) % 3 == 0;
		for (unsigned i = 0; i < 64; i++) {
			uint64_t x = vrandom(&seed), base = sane ? DATA_BASE : bases[x % 8];
			uint32_t len = sane ? x % 4096 + 1 : lengths[(x >> 8) % 10];
			uint16_t flags = x >> 16 & (sane ? NEXT | WRITE : x >> 20 & 7), next = x >> 24 & (x >> 62 ? 63 : 0xffff);
			uint64_t table = x >> 40 & 1 ? r.q[0].desc : TABLE;
			put_desc(&r, table, i, base + (x >> 48 & (sane ? 0xffff : 0x3f)), len, flags, sane ? (i + 1) % 64 : next);
		}
		for (unsigned i = 0; i < 8; i++) {
			if (vrandom(&seed) % 16 == 0)
				r.q[0].avail_idx += vrandom(&seed) % 40;
			unsigned queue = vrandom(&seed) % 2;
			hostile_available(queue, vrandom(&seed) % 70);
			vnotify(&r, vrandom(&seed) % 3);
			if (vrandom(&seed) % 64 == 0) {
				bus_drain(&r.bus);
				bus_resume(&r.bus);
			}
		}
		/* whatever happened, a reset makes it work */
		if (round % 8 == 0) {
			struct vbuf b[] = { { DATA_BASE, 8, false }, { DATA_BASE + 64, 8, true } };
			vdriver(&r, 0, 1, 16);
			ck_assert_uint_eq(vdo(&r, 0, b, 2), 8);
		}
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("ring");
	TCase *good = tcase_create("good drivers"), *bad = tcase_create("bad drivers");
	tcase_set_timeout(good, 120);
	tcase_set_timeout(bad, 300);
	tcase_add_checked_fixture(good, setup, teardown);
	tcase_add_test(good, echoes_direct_chains);
	tcase_add_loop_test(good, indices_wrap_at_65536, 0, 2);
	tcase_add_test(good, indirect_tables);
	tcase_add_test(good, longest_chain);
	tcase_add_test(good, interrupts_as_flags_say);
	tcase_add_test(good, interrupts_at_used_event);
	tcase_add_test(good, put_back_and_served_later);
	tcase_add_test(good, paused_serves_nothing);
	suite_add_tcase(s, good);
	tcase_add_checked_fixture(bad, setup, teardown);
	tcase_add_loop_test(bad, bad_chain, 0, ARRAY_SIZE(bads));
	tcase_add_test(bad, indirect_not_negotiated);
	tcase_add_loop_test(bad, bad_rings, 0, 14);
	tcase_add_test(bad, rings_at_the_end_of_ram);
	tcase_add_test(bad, endless_ring);
	tcase_add_loop_test(bad, overlapping_areas, 0, 12);
	tcase_add_loop_test(bad, random_script, 0, 8);
	suite_add_tcase(s, bad);
	return run_suites("virtio/ring", 1, &s);
}

// SPDX-License-Identifier: Apache-2.0
/* The console device on a chardev in memory. */
#include <unistd.h>
#include "src/serial/serial.h"
#include "tests/check_main.h"
#include "tests/devices/virtio/vrig.h"

enum { RX, TX };
static struct vrig r;
static struct chardev *c;
static char text[1 << 20];
static unsigned size;

static void output(void *opaque, const uint8_t *bytes, unsigned n)
{
	ck_assert_uint_lt(size + n, sizeof(text));
	memcpy(text + size, bytes, n);
	size += n;
}

static void setup(void)
{
	struct error err = { 0 };
	size = 0;
	c = serial_mem(output, NULL, &err);
	ck_assert_ptr_nonnull(c);
	vrig_machine(&r);
	vrig_attach(&r, virtio_console_new(&r.m, c, &err));
	ck_assert_msg(serial_start(c, r.m.events, &err), "%s", err.text);
}

static void teardown(void)
{
	bus_drain(&r.bus);
	serial_stop(c);
	serial_destroy(c);
	vrig_done(&r);
}

/* and, on a deterministic machine, not before: there the event thread takes no part */
START_TEST(output_is_done_at_the_notification)
{
	r.m.deterministic = true;
	ck_assert_uint_eq(vreg(&r, 0x08), 3);
	vdriver(&r, 0, 2, 16);
	uint32_t id, len;
	memcpy(gmem(&r, DATA_BASE), "Hello, world\n", 13);
	struct vbuf b[] = { { DATA_BASE, 5, false }, { DATA_BASE + 5, 8, false } };
	vadd(&r, TX, b, 2);
	vgate(&r);
	ck_assert_uint_eq(size, 0);
	vnotify(&r, TX);
	ck_assert(vused(&r, TX, &id, &len));
	ck_assert_uint_eq(len, 0);
	ck_assert_uint_eq(size, 13);
	ck_assert_mem_eq(text, "Hello, world\n", 13);
	/* more than one piece */
	for (unsigned i = 0; i < 50000; i++)
		*(char *)gmem(&r, DATA_BASE + i) = 'a' + i % 23;
	b[0] = (struct vbuf){ DATA_BASE, 50000, false };
	vadd(&r, TX, b, 1);
	vnotify(&r, TX);
	ck_assert_uint_eq(size, 13 + 50000);
	ck_assert(!memcmp(text + 13, gmem(&r, DATA_BASE), 50000));
}
END_TEST

static void add_buffer(unsigned i, uint32_t n)
{
	struct vbuf b[] = { { DATA_BASE + i * 0x100, n, true } };
	memset(gmem(&r, DATA_BASE + i * 0x100), 0, 0x100);
	vadd(&r, RX, b, 1);
}

START_TEST(input)
{
	uint32_t id, len;
	/* typed before the driver is there: it waits */
	ck_assert_uint_eq(serial_mem_input(c, "early", 5), 5);
	vdriver(&r, _i ? VIRTIO_BIT(VIRTIO_F_EVENT_IDX) : 0, 2, 16);
	add_buffer(0, 64);
	vnotify(&r, RX);
	vwait(&r, RX, &id, &len);
	ck_assert_uint_eq(len, 5);
	ck_assert_str_eq(gmem(&r, DATA_BASE), "early");
	/* small buffers, several of them */
	for (unsigned i = 1; i <= 4; i++)
		add_buffer(i, 3);
	vnotify(&r, RX);
	serial_mem_input(c, "0123456789", 10);
	char got[16] = "";
	for (unsigned done = 0, i = 1; done < 10; i++) {
		vwait(&r, RX, &id, &len);
		memcpy(got + done, gmem(&r, DATA_BASE + i * 0x100), len);
		done += len;
	}
	ck_assert_str_eq(got, "0123456789");
}
END_TEST

START_TEST(nothing_is_lost_over_a_pause_or_for_want_of_buffers)
{
	uint32_t id, len, done = 0;
	static char all[100000], got[100000];
	for (unsigned i = 0; i < sizeof(all); i++)
		all[i] = 'A' + i * 7 % 26 + i % 3;
	vdriver(&r, 0, 2, 16);
	unsigned sent = 0;
	for (unsigned round = 0; done < sizeof(all); round++) {
		sent += serial_mem_input(c, all + sent, sizeof(all) - sent < 900 ? sizeof(all) - sent : 900);
		if (round % 5 == 3) {
			bus_drain(&r.bus);
			bus_resume(&r.bus);
		}
		if ((uint16_t)(r.q[RX].avail_idx - r.q[RX].used_seen) < 16 && round % 9 != 8) {
			add_buffer(r.q[RX].avail_idx % 16, 200);
			vnotify(&r, RX);
		} else {
			usleep(50);
		}
		while (vused(&r, RX, &id, &len)) {
			ck_assert_uint_le(done + len, sizeof(got));
			memcpy(got + done, gmem(&r, DATA_BASE + id * 0x100), len);
			done += len;
		}
	}
	ck_assert(!memcmp(all, got, sizeof(all)));
}
END_TEST

/* The machine is paused between the chardev's question and its delivery. */
static void deliver_now(void *opaque)
{
	c->receive(c->front, opaque, strlen(opaque));
}

START_TEST(delivered_while_paused)
{
	uint32_t id, len;
	vdriver(&r, 0, 2, 16);
	add_buffer(0, 4);
	add_buffer(1, 64);
	vnotify(&r, RX);
	bus_drain(&r.bus);
	events_run(r.m.events, deliver_now, "first in");
	serial_mem_input(c, ", then out", 10);
	usleep(5000);
	ck_assert_uint_eq(used_idx(&r, RX), 0);
	bus_resume(&r.bus);
	vwait(&r, RX, &id, &len);
	ck_assert_uint_eq(len, 4);
	ck_assert_str_eq(gmem(&r, DATA_BASE), "firs");
	vwait(&r, RX, &id, &len);
	ck_assert_str_eq(gmem(&r, DATA_BASE + 0x100), "t in");
}
END_TEST

START_TEST(reset_gives_the_held_buffer_up)
{
	uint32_t id, len;
	vdriver(&r, 0, 2, 16);
	add_buffer(0, 64);
	vnotify(&r, RX);
	usleep(5000);
	vdriver(&r, 0, 2, 16);
	serial_mem_input(c, "x", 1);
	usleep(5000);
	ck_assert_uint_eq(used_idx(&r, RX), 0);
	ck_assert_uint_eq(*(char *)gmem(&r, DATA_BASE), 0);
	add_buffer(1, 64);
	vnotify(&r, RX);
	vwait(&r, RX, &id, &len);
	ck_assert_uint_eq(len, 1);
}
END_TEST

START_TEST(read_only_receive_buffer)
{
	vdriver(&r, 0, 2, 16);
	struct vbuf b[] = { { DATA_BASE, 8, false } };
	vadd(&r, RX, b, 1);
	vnotify(&r, RX);
	serial_mem_input(c, "x", 1);
	while (!(vreg(&r, R_STATUS) & VIRTIO_NEEDS_RESET))
		usleep(100);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("console");
	TCase *t = tcase_create("console");
	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, output_is_done_at_the_notification);
	tcase_add_loop_test(t, input, 0, 2);
	tcase_add_test(t, nothing_is_lost_over_a_pause_or_for_want_of_buffers);
	tcase_add_test(t, delivered_while_paused);
	tcase_add_test(t, reset_gives_the_held_buffer_up);
	tcase_add_test(t, read_only_receive_buffer);
	suite_add_tcase(s, t);
	return run_suites("virtio/console", 1, &s);
}

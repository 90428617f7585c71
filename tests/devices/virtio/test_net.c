// SPDX-License-Identifier: Apache-2.0
/* The network device on a backend of the test's own, on the same event thread as the real one. */
#include <unistd.h>
#include "devices/virtio/netbackend.h"
#include "tests/check_main.h"
#include "tests/devices/virtio/vrig.h"

enum { RX, TX };
enum { F_MAC = 5, F_MRG_RXBUF = 15, F_STATUS = 16 };
static const uint8_t mac[6] = { 2, 0, 0, 1, 2, 3 };

/* Takes `room` frames, then none; gives frames 0 to `to_give` - 1, of sizes that the test sets. */
struct fake {
	struct netbackend b;
	struct events *ev;
	pthread_mutex_t lock;
	unsigned room, n_sent, destroyed, refused;
	size_t sent_size[4096];
	uint8_t last[NET_FRAME_MAX];
	unsigned given, to_give;
	size_t give_size;
};

static struct vrig r;
static struct fake *fake;
static unsigned destroyed;

static bool fake_start(struct netbackend *b, struct events *ev, struct error *err)
{
	return true;
}

static bool fake_send(struct netbackend *b, const struct iovec *iov, unsigned n)
{
	struct fake *f = CONTAINER_OF(b, struct fake, b);
	pthread_mutex_lock(&f->lock);
	bool ok = f->room > 0;
	if (ok) {
		size_t size = 0;
		for (unsigned i = 0; i < n; i++) {
			memcpy(f->last + size, iov[i].iov_base, iov[i].iov_len);
			size += iov[i].iov_len;
		}
		f->room--;
		f->sent_size[f->n_sent++ % 4096] = size;
	} else {
		f->refused++;
	}
	pthread_mutex_unlock(&f->lock);
	return ok;
}

static size_t frame_size(struct fake *f, unsigned i)
{
	return f->give_size ? f->give_size : 60 + i * 131 % 5000;
}

static uint8_t frame_byte(unsigned frame, size_t at)
{
	return frame * 31 + at * 7 + (at >> 8);
}

static void fake_kick(struct netbackend *b)
{
	struct fake *f = CONTAINER_OF(b, struct fake, b);
	static uint8_t frame[NET_FRAME_MAX];
	for (;;) {
		pthread_mutex_lock(&f->lock);
		bool more = f->given < f->to_give;
		unsigned i = f->given;
		size_t n = frame_size(f, i);
		pthread_mutex_unlock(&f->lock);
		if (!more)
			return;
		for (size_t at = 0; at < n; at++)
			frame[at] = frame_byte(i, at);
		if (!b->receive(b->front, frame, n))
			return;
		pthread_mutex_lock(&f->lock);
		f->given++;
		pthread_mutex_unlock(&f->lock);
	}
}

static void fake_destroy(struct netbackend *b)
{
	destroyed++;
	free(CONTAINER_OF(b, struct fake, b));
}

static const struct netbackend_ops fake_ops = { fake_start, fake_send, fake_kick, fake_destroy };

static void setup(void)
{
	struct error err = { 0 };
	vrig_machine(&r);
	fake = calloc(1, sizeof(*fake));
	fake->b.ops = &fake_ops;
	fake->room = UINT32_MAX;
	pthread_mutex_init(&fake->lock, NULL);
	vrig_attach(&r, virtio_net_on(&r.m, mac, &fake->b, &err));
}

static void teardown(void)
{
	vrig_done(&r);
	ck_assert_uint_eq(destroyed, 1);
}

static void on_events(void *fn)
{
	((void (*)(void))fn)();
}

static void in_kick(void)
{
	fake->b.ops->kick(&fake->b);
}

static void in_writable(void)
{
	fake->b.writable(fake->b.front);
}

static void in_down(void)
{
	fake->b.down(fake->b.front, "the test cut the cable");
}

static unsigned sent(void)
{
	pthread_mutex_lock(&fake->lock);
	unsigned n = fake->n_sent;
	pthread_mutex_unlock(&fake->lock);
	return n;
}

START_TEST(configuration)
{
	ck_assert_uint_eq(vreg(&r, 0x08), 1);
	for (unsigned i = 0; i < 6; i++)
		ck_assert_uint_eq(vreg_sized(&r, R_CONFIG + i, 1), mac[i]);
	ck_assert_uint_eq(vreg_sized(&r, R_CONFIG + 6, 2), 1);	/* link up */
	uint64_t f = vfeatures(&r);
	ck_assert(f >> F_MAC & 1 && f >> F_STATUS & 1 && f >> F_MRG_RXBUF & 1);
	ck_assert_uint_eq(f & 0x7fdf, 0);			/* no offloads */
	ck_assert_uint_eq(f >> 17 & 1, 0);			/* no control queue */
}
END_TEST

/* A frame of n bytes after an empty header, in a few pieces */
static void send_frame(uint32_t n, uint8_t fill)
{
	uint64_t at = DATA_BASE + 0x20000 * (r.q[TX].avail_idx % 4);
	memset(gmem(&r, at), 0, 12);
	memset(gmem(&r, at + 12), fill, n);
	struct vbuf b[] = { { at, 12, false }, { at + 12, n / 2, false }, { at + 12 + n / 2, n - n / 2, false } };
	vadd(&r, TX, b, 3);
}

START_TEST(sends)
{
	uint32_t id, len;
	vdriver(&r, 0, 2, 64);
	for (unsigned i = 0; i < 200; i++) {
		send_frame(60 + i * 10, i);
		vnotify(&r, TX);
		vwait(&r, TX, &id, &len);
		ck_assert_uint_eq(len, 0);
		ck_assert_uint_eq(sent(), i + 1);
		ck_assert_uint_eq(fake->sent_size[i], 60 + i * 10);
		ck_assert_uint_eq(fake->last[59 + i * 10], (uint8_t)i);
	}
}
END_TEST

START_TEST(drops_what_is_no_frame)
{
	uint32_t id, len;
	vdriver(&r, 0, 2, 64);
	send_frame(13, 1);			/* shorter than an Ethernet header */
	send_frame(65537, 1);			/* longer than any frame */
	send_frame(100, 1);
	*(uint8_t *)gmem(&r, DATA_BASE + 0x40000) = 1;		/* asks for a checksum that was not offered */
	send_frame(100, 1);
	*(uint8_t *)gmem(&r, DATA_BASE + 0x60001) = 1;		/* … and for segmentation */
	vnotify(&r, TX);
	for (unsigned i = 0; i < 4; i++)
		vwait(&r, TX, &id, &len);
	ck_assert_uint_eq(sent(), 0);
	send_frame(14, 1);
	vnotify(&r, TX);
	vwait(&r, TX, &id, &len);
	ck_assert_uint_eq(sent(), 1);
	struct vbuf b[] = { { DATA_BASE, 11, false } };
	vadd(&r, TX, b, 1);
	vnotify(&r, TX);
	while (!(vreg(&r, R_STATUS) & VIRTIO_NEEDS_RESET))
		usleep(100);
}
END_TEST

START_TEST(waits_for_room)
{
	uint32_t id, len;
	vdriver(&r, VIRTIO_BIT(VIRTIO_F_EVENT_IDX), 2, 64);
	fake->room = 2;
	for (unsigned i = 0; i < 4; i++)
		send_frame(100 + i, i);
	vnotify(&r, TX);
	vwait(&r, TX, &id, &len);
	vwait(&r, TX, &id, &len);
	usleep(2000);
	ck_assert(!vused(&r, TX, &id, &len));
	pthread_mutex_lock(&fake->lock);
	fake->room = 10;
	pthread_mutex_unlock(&fake->lock);
	events_run(r.m.events, on_events, in_writable);
	vwait(&r, TX, &id, &len);
	vwait(&r, TX, &id, &len);
	for (unsigned i = 0; i < 4; i++)	/* in order, none twice */
		ck_assert_uint_eq(fake->sent_size[i], 100 + i);
	ck_assert_uint_eq(sent(), 4);
}
END_TEST

/* Receives all frames with buffers of the given size; checks headers and contents. */
static void receive_all(unsigned frames, uint32_t buffer, bool mergeable)
{
	uint64_t base = DATA_BASE;
	uint32_t id, len;
	for (unsigned i = 0; i < 32; i++) {
		struct vbuf b[] = { { base + i * 0x10000, 12, true }, { base + i * 0x10000 + 12, buffer - 12, true } };
		vadd(&r, RX, b, 2);
	}
	vnotify(&r, RX);
	for (unsigned f = 0; f < frames; f++) {
		size_t size = frame_size(fake, f), done = 0;
		unsigned chains = 0, told = 1;
		while (done < size) {
			vwait(&r, RX, &id, &len);
			uint8_t *at = gmem(&r, base + (id / 2) * 0x10000);
			unsigned skip = chains ? 0 : 12;
			if (!chains) {
				told = at[10] | at[11] << 8;
				for (unsigned k = 0; k < 10; k++)
					ck_assert_uint_eq(at[k], 0);
			}
			bool good = true;
			for (unsigned k = skip; k < len; k++)
				good &= at[k] == frame_byte(f, done + k - skip);
			ck_assert_msg(good, "frame %u of %zu bytes: wrong content", f, size);
			done += len - skip;
			chains++;
			struct vbuf b[] = { { base + (id / 2) * 0x10000, 12, true }, { base + (id / 2) * 0x10000 + 12, buffer - 12, true } };
			r.q[RX].free = id;	/* the same descriptors again */
			vadd(&r, RX, b, 2);
			vnotify(&r, RX);
		}
		ck_assert_uint_eq(done, size);
		ck_assert_uint_eq(told, chains);
		ck_assert(mergeable || chains == 1);
	}
}

/* Has the backend give frames up to number n; of this size, or with 0 of many. */
static void give(size_t size, unsigned n)
{
	pthread_mutex_lock(&fake->lock);
	fake->give_size = size;
	fake->to_give = n;
	pthread_mutex_unlock(&fake->lock);
}

START_TEST(receives)
{
	static const uint32_t sizes[] = { 6000, 1526, 200, 76 };
	vdriver(&r, (_i ? VIRTIO_BIT(F_MRG_RXBUF) : 0) | (_i & 1 ? VIRTIO_BIT(VIRTIO_F_EVENT_IDX) : 0), 2, 64);
	give(_i == 3 ? 32 * 76 - 12 : 0, 300);		/* the one fills the whole ring exactly */
	events_run(r.m.events, on_events, in_kick);
	receive_all(300, sizes[_i], _i);
}
END_TEST

/* What does not fit any buffer, or all of them together, is dropped and does not stop the rest. */
START_TEST(too_large_is_dropped)
{
	vdriver(&r, _i ? VIRTIO_BIT(F_MRG_RXBUF) : 0, 2, 8);
	uint32_t id, len;
	for (unsigned i = 0; i < 8; i++) {
		struct vbuf b[] = { { DATA_BASE + i * 0x1000, 100, true } };
		vadd(&r, RX, b, 1);
	}
	give(2000, 5);
	vnotify(&r, RX);
	for (bool all = false; !all; usleep(100)) {
		pthread_mutex_lock(&fake->lock);
		all = fake->given == 5;
		pthread_mutex_unlock(&fake->lock);
	}
	ck_assert(!vused(&r, RX, &id, &len));
	give(60, 6);
	vnotify(&r, RX);
	vwait(&r, RX, &id, &len);
	ck_assert_uint_eq(len, 72);
}
END_TEST

START_TEST(nobody_listens)
{
	give(0, 10);
	events_run(r.m.events, on_events, in_kick);
	ck_assert_uint_eq(fake->given, 10);	/* before a driver: dropped */
	vdriver(&r, 0, 2, 8);
	give(0, 20);
	events_run(r.m.events, on_events, in_kick);
	ck_assert_uint_eq(fake->given, 10);	/* no buffers: kept */
	bus_drain(&r.bus);
	struct vbuf b[] = { { DATA_BASE, 6000, true } };
	vadd(&r, RX, b, 1);
	vnotify(&r, RX);
	events_run(r.m.events, on_events, in_kick);
	ck_assert_uint_eq(fake->given, 10);	/* paused: kept */
	bus_resume(&r.bus);
	uint32_t id, len;
	vwait(&r, RX, &id, &len);
	ck_assert_uint_eq(len, 12 + frame_size(fake, 10));
}
END_TEST

START_TEST(link_goes_down)
{
	uint32_t id, len;
	vdriver(&r, VIRTIO_BIT(F_STATUS), 2, 64);
	uint32_t generation = vreg(&r, R_GENERATION);
	fake->room = 0;
	send_frame(100, 1);
	vnotify(&r, TX);
	for (unsigned refused = 0; !refused; usleep(100)) {
		pthread_mutex_lock(&fake->lock);
		refused = fake->refused;
		pthread_mutex_unlock(&fake->lock);
	}
	events_run(r.m.events, on_events, in_down);
	ck_assert_uint_eq(vreg_sized(&r, R_CONFIG + 6, 2), 0);
	ck_assert_uint_eq(vreg(&r, R_ISR) & 2, 2);
	ck_assert_uint_ne(vreg(&r, R_GENERATION), generation);
	vwait(&r, TX, &id, &len);	/* the guest is not kept waiting */
	send_frame(100, 1);
	vnotify(&r, TX);
	vwait(&r, TX, &id, &len);
	ck_assert_uint_eq(sent(), 0);
}
END_TEST

START_TEST(multicast_mac)
{
	struct error err = { 0 };
	struct net_config c = { .mac = { 1, 2, 3, 4, 5, 6 } };
	ck_assert_ptr_null(virtio_net_new(&r.m, &c, 0, &err));
	ck_assert_int_eq(err.code, ERROR_USAGE);
	ck_assert(strstr(err.text, "multicast"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("net");
	TCase *t = tcase_create("net");
	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, configuration);
	tcase_add_test(t, sends);
	tcase_add_test(t, drops_what_is_no_frame);
	tcase_add_test(t, waits_for_room);
	tcase_add_loop_test(t, receives, 0, 4);
	tcase_add_loop_test(t, too_large_is_dropped, 0, 2);
	tcase_add_test(t, nobody_listens);
	tcase_add_test(t, link_goes_down);
	tcase_add_test(t, multicast_mac);
	suite_add_tcase(s, t);
	return run_suites("virtio/net", 1, &s);
}

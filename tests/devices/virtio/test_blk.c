// SPDX-License-Identifier: Apache-2.0
/* The block device against a model of the disk in memory, its backend, and its behaviour under pause and reset. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "devices/virtio/disk.h"
#include "tests/check_main.h"
#include "tests/devices/virtio/vrig.h"

enum { T_IN, T_OUT, T_FLUSH = 4, T_GET_ID = 8, T_DISCARD = 11, T_WRITE_ZEROES = 13 };
enum { S_OK, S_IOERR, S_UNSUPP };
enum { F_SEG_MAX = 2, F_RO = 5, F_BLK_SIZE = 6, F_FLUSH = 9, F_MQ = 12, F_DISCARD = 13, F_WRITE_ZEROES = 14 };
#define SECTORS 2048u
#define BYTES (SECTORS * 512u)
#define FEATURES (VIRTIO_BIT(F_FLUSH) | VIRTIO_BIT(F_DISCARD) | VIRTIO_BIT(F_WRITE_ZEROES) | VIRTIO_BIT(VIRTIO_F_EVENT_IDX))

static struct vrig r;
static _Atomic unsigned syncs;

/* In place of the C library's: counts, and does it. */
int fdatasync(int fd)
{
	syncs++;
	return syscall(SYS_fdatasync, fd);
}

static char path[64];
static uint8_t model[BYTES];

static void fill_random(uint8_t *to, size_t n, uint64_t *seed)
{
	for (size_t i = 0; i < n; i += 8) {
		uint64_t x = vrandom(seed);
		memcpy(to + i, &x, 8);
	}
}

static void make_image(uint64_t size)
{
	uint64_t seed = 99;
	strcpy(path, "/tmp/calque-blk-XXXXXX");
	int fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	fill_random(model, sizeof(model), &seed);
	ck_assert_int_eq(ftruncate(fd, size), 0);
	ck_assert_int_eq(pwrite(fd, model, size < BYTES ? size : BYTES, 0), size < BYTES ? size : BYTES);
	close(fd);
}

static void setup(void)
{
	make_image(BYTES);
	vrig_machine(&r);
}

static void teardown(void)
{
	vrig_done(&r);
	unlink(path);
}

static void disk(bool readonly, bool overlay)
{
	struct error err = { 0 };
	struct disk_config c = { .path = path, .readonly = readonly, .overlay_tmp = overlay, .serial = "calque-serial-number-too-long" };
	struct virtio_device *v = virtio_blk_new(&r.m, &c, &err);
	ck_assert_msg(v != NULL, "%s", err.text);
	vrig_attach(&r, v);
}

static void check_image(const uint8_t *want)
{
	static uint8_t got[BYTES];
	int fd = open(path, O_RDONLY);
	ck_assert_int_eq(pread(fd, got, BYTES, 0), BYTES);
	close(fd);
	ck_assert(!memcmp(got, want, BYTES));
}

/* ---- requests ---- */

struct slot { uint64_t header, data, status; };
static struct slot slot_at(unsigned i)
{
	uint64_t at = DATA_BASE + i * 0x20000;
	return (struct slot){ at, at + 0x1000, at + 0x800 };
}

static void put_header(struct slot s, uint32_t type, uint64_t sector)
{
	struct { uint32_t type, reserved; uint64_t sector; } h = { type, 0, sector };
	memcpy(gmem(&r, s.header), &h, 16);
	*(uint8_t *)gmem(&r, s.status) = 0xee;
}

static uint8_t status_of(struct slot s)
{
	return *(uint8_t *)gmem(&r, s.status);
}

/* A request with `size` bytes of data in slot 0, in up to four pieces; returns its status. */
static uint8_t request(uint32_t type, uint64_t sector, uint32_t size, bool in)
{
	struct slot s = slot_at(0);
	struct vbuf b[8] = { { s.header, 16, false } };
	unsigned n = 1;
	put_header(s, type, sector);
	for (uint32_t done = 0, piece; done < size; done += piece, n++) {
		piece = n < 4 && size - done > 700 ? 700 : size - done;
		b[n] = (struct vbuf){ s.data + done, piece, in };
	}
	b[n++] = (struct vbuf){ s.status, 1, true };
	ck_assert_uint_eq(vdo(&r, 0, b, n), (in ? size : 0) + 1);
	return status_of(s);
}

static void *data(void)
{
	return gmem(&r, slot_at(0).data);
}

static uint8_t write_at(uint64_t sector, uint32_t sectors, uint64_t *seed)
{
	fill_random(data(), sectors * 512, seed);
	return request(T_OUT, sector, sectors * 512, false);
}

static uint8_t range_request(uint32_t type, uint64_t sector, uint32_t sectors, uint32_t flags)
{
	struct { uint64_t sector; uint32_t sectors, flags; } range = { sector, sectors, flags };
	memcpy(data(), &range, 16);
	return request(type, 0, 16, false);
}

/* Random requests one after the other; the model keeps up. */
static void stream(uint64_t seed, unsigned count, bool zero_too)
{
	for (unsigned i = 0; i < count; i++) {
		uint64_t x = vrandom(&seed);
		uint32_t sectors = x % 64 + 1, sector = (x >> 8) % (SECTORS - sectors + 1);
		uint8_t *at = model + sector * 512;
		switch ((x >> 32) % (zero_too ? 8 : 6)) {
		case 0: case 1:
			ck_assert_uint_eq(write_at(sector, sectors, &seed), S_OK);
			memcpy(at, data(), sectors * 512);
			break;
		case 2:
			ck_assert_uint_eq(request(T_FLUSH, 0, 0, false), S_OK);
			break;
		case 6: case 7:
			ck_assert_uint_eq(range_request(T_WRITE_ZEROES, sector, sectors, x >> 63), S_OK);
			memset(at, 0, sectors * 512);
			break;
		default:
			memset(data(), 0xaa, sectors * 512);
			ck_assert_uint_eq(request(T_IN, sector, sectors * 512, true), S_OK);
			ck_assert(!memcmp(data(), at, sectors * 512));
		}
	}
}

/* ---- against the model ---- */

START_TEST(configuration)
{
	disk(false, false);
	ck_assert_uint_eq(vreg(&r, 0x08), 2);
	ck_assert_uint_eq(vreg(&r, R_CONFIG) | (uint64_t)vreg(&r, R_CONFIG + 4) << 32, SECTORS);
	ck_assert_uint_eq(vreg(&r, R_CONFIG + 12), 254);	/* seg_max: ring size less header and status */
	ck_assert_uint_eq(vreg(&r, R_CONFIG + 20), 512);	/* blk_size */
	ck_assert_uint_eq(vreg_sized(&r, R_CONFIG + 34, 2), 1);	/* num_queues */
	uint64_t f = vfeatures(&r);
	ck_assert(f >> F_SEG_MAX & 1 && f >> F_BLK_SIZE & 1 && f >> F_FLUSH & 1 && f >> F_DISCARD & 1 && f >> F_WRITE_ZEROES & 1);
	ck_assert(!(f >> F_RO & 1) && !(f >> F_MQ & 1));
}
END_TEST

START_TEST(random_stream)
{
	disk(false, false);
	vdriver(&r, FEATURES, 1, 64);
	stream(7 + _i, 1500, true);
	ck_assert_uint_eq(request(T_FLUSH, 0, 0, false), S_OK);
	check_image(model);
}
END_TEST

START_TEST(random_stream_over_overlay)
{
	static uint8_t before[BYTES];
	memcpy(before, model, BYTES);
	struct stat then, now;
	stat(path, &then);
	disk(false, true);
	vdriver(&r, FEATURES, 1, 64);
	stream(77 + _i, 1500, true);
	ck_assert_uint_eq(request(T_FLUSH, 0, 0, false), S_OK);
	/* single sectors beside each other: the overlay keeps them apart */
	uint64_t seed = 5;
	for (unsigned i = 100; i < 164; i += 2) {
		ck_assert_uint_eq(write_at(i, 1, &seed), S_OK);
		memcpy(model + i * 512, data(), 512);
	}
	ck_assert_uint_eq(request(T_IN, 96, 72 * 512, true), S_OK);
	ck_assert(!memcmp(data(), model + 96 * 512, 72 * 512));
	/* discarded is zero here */
	ck_assert_uint_eq(range_request(T_DISCARD, 50, 10, 0), S_OK);
	ck_assert_uint_eq(request(T_IN, 50, 10 * 512, true), S_OK);
	static const uint8_t zeros[5120];
	ck_assert(!memcmp(data(), zeros, sizeof(zeros)));
	check_image(before);
	stat(path, &now);
	ck_assert_int_eq(now.st_mtim.tv_sec, then.st_mtim.tv_sec);
	ck_assert_int_eq(now.st_mtim.tv_nsec, then.st_mtim.tv_nsec);
}
END_TEST

/* Many in flight at once over disjoint areas, completed in any order; workers and, in loop 1, a paused machine now and then. */
START_TEST(parallel_stream)
{
	enum { DEPTH = 32, AREA = SECTORS / DEPTH };
	disk(false, _i == 2);
	vdriver(&r, FEATURES, 1, 128);
	uint64_t seed = 1000 + _i;
	static uint8_t wanted[DEPTH][AREA * 512];
	for (unsigned round = 0; round < 150; round++) {
		bool in[DEPTH];
		uint32_t size[DEPTH], sector[DEPTH];
		uint16_t head[DEPTH];
		for (unsigned i = 0; i < DEPTH; i++) {
			struct slot s = slot_at(i);
			uint64_t x = vrandom(&seed);
			uint32_t n = x % 16 + 1;
			sector[i] = i * AREA + (x >> 8) % (AREA - n + 1);
			size[i] = n * 512;
			in[i] = x >> 32 & 1;
			put_header(s, in[i] ? T_IN : T_OUT, sector[i]);
			if (in[i]) {
				memcpy(wanted[i], model + sector[i] * 512, size[i]);
			} else {
				fill_random(gmem(&r, s.data), size[i], &seed);
				memcpy(model + sector[i] * 512, gmem(&r, s.data), size[i]);
			}
			struct vbuf b[] = { { s.header, 16, false }, { s.data, size[i], in[i] }, { s.status, 1, true } };
			head[i] = vadd(&r, 0, b, 3);
			if (i % 5 == 0)
				vnotify(&r, 0);
		}
		vnotify(&r, 0);
		if (_i == 1 && round % 4 == 0) {
			bus_drain(&r.bus);
			uint16_t idx = used_idx(&r, 0);
			usleep(200);
			ck_assert_uint_eq(used_idx(&r, 0), idx);	/* stands still */
			bus_resume(&r.bus);
		}
		for (unsigned i = 0; i < DEPTH; i++) {
			uint32_t id, len, k = 0;
			vwait(&r, 0, &id, &len);
			while (k < DEPTH && head[k] != id)
				k++;
			ck_assert_uint_lt(k, DEPTH);
			ck_assert_uint_eq(len, in[k] ? size[k] + 1 : 1);
			ck_assert_uint_eq(status_of(slot_at(k)), S_OK);
			if (in[k])
				ck_assert(!memcmp(gmem(&r, slot_at(k).data), wanted[k], size[k]));
		}
	}
	if (_i != 2)
		check_image(model);
}
END_TEST

START_TEST(several_queues)
{
	r.m.n_vcpus = 3;	/* as many queues as vCPUs */
	disk(false, false);
	r.m.n_vcpus = 0;
	ck_assert(vfeatures(&r) >> F_MQ & 1);
	ck_assert_uint_eq(vreg_sized(&r, R_CONFIG + 34, 2), 3);
	vdriver(&r, FEATURES | VIRTIO_BIT(F_MQ), 3, 64);
	for (unsigned q = 0; q < 3; q++) {
		struct slot s = slot_at(q);
		put_header(s, T_IN, 10 * q);
		struct vbuf b[] = { { s.header, 16, false }, { s.data, 1024, true }, { s.status, 1, true } };
		vadd(&r, q, b, 3);
	}
	for (unsigned q = 0; q < 3; q++)
		vnotify(&r, q);
	for (unsigned q = 0; q < 3; q++) {
		uint32_t id, len;
		vwait(&r, q, &id, &len);
		ck_assert_uint_eq(status_of(slot_at(q)), S_OK);
		ck_assert(!memcmp(gmem(&r, slot_at(q).data), model + 5120 * q, 1024));
	}
}
END_TEST

/* Deterministic: when the notification returns, all is done, in order; before it nothing is, whatever the event thread does. */
START_TEST(deterministic_completes_at_once)
{
	r.m.deterministic = true;
	disk(false, false);
	vdriver(&r, FEATURES, 1, 64);
	uint16_t head[8];
	uint32_t id, len;
	for (unsigned i = 0; i < 8; i++) {
		struct slot s = slot_at(i);
		put_header(s, T_IN, 100 - i);
		struct vbuf b[] = { { s.header, 16, false }, { s.data, 512, true }, { s.status, 1, true } };
		head[i] = vadd(&r, 0, b, 3);
	}
	vgate(&r);
	ck_assert_uint_eq(used_idx(&r, 0), 0);
	vnotify(&r, 0);
	ck_assert(r.level);
	for (unsigned i = 0; i < 8; i++) {
		ck_assert(vused(&r, 0, &id, &len));
		ck_assert_uint_eq(id, head[i]);
		ck_assert(!memcmp(gmem(&r, slot_at(i).data), model + (100 - i) * 512, 512));
	}
}
END_TEST

/* A ring that is full is emptied, and then the device asks for the next notification. */
START_TEST(deterministic_full_ring)
{
	r.m.deterministic = true;
	disk(false, false);
	vdriver(&r, FEATURES | VIRTIO_BIT(VIRTIO_F_EVENT_IDX), 1, VIRTIO_RING_MAX);
	struct slot s = slot_at(0);
	put_header(s, T_FLUSH, 0);
	struct vbuf b[] = { { s.header, 16, false }, { s.status, 1, true } };
	uint16_t head = vadd(&r, 0, b, 2);
	for (unsigned i = 1; i < VIRTIO_RING_MAX; i++)
		make_available(&r, 0, head);
	vnotify(&r, 0);
	ck_assert_uint_eq(status_of(s), S_OK);
	ck_assert_uint_eq(used_idx(&r, 0), VIRTIO_RING_MAX);
	ck_assert_uint_eq(avail_event(&r, 0), VIRTIO_RING_MAX);
}
END_TEST

/* ---- single requests ---- */

START_TEST(get_id)
{
	disk(false, false);
	vdriver(&r, FEATURES, 1, 64);
	memset(data(), 0, 32);
	ck_assert_uint_eq(request(T_GET_ID, 0, 20, true), S_OK);
	ck_assert_str_eq(data(), "calque-serial-number");	/* 20 bytes, no NUL */
}
END_TEST

/* FLUSH reaches the host; without the feature each write does (5.2.6.2), and with an overlay nothing needs to. */
START_TEST(flush_is_honoured)
{
	uint64_t seed = 1;
	disk(false, false);
	vdriver(&r, FEATURES, 1, 64);
	ck_assert_uint_eq(write_at(0, 4, &seed), S_OK);
	ck_assert_uint_eq(syncs, 0);
	ck_assert_uint_eq(request(T_FLUSH, 0, 0, false), S_OK);
	ck_assert_uint_eq(syncs, 1);
	ck_assert_uint_eq(request(T_IN, 0, 512, true), S_OK);
	ck_assert_uint_eq(syncs, 1);
	vdriver(&r, VIRTIO_BIT(F_WRITE_ZEROES), 1, 64);
	ck_assert_uint_eq(write_at(0, 4, &seed), S_OK);
	ck_assert_uint_eq(syncs, 2);
	ck_assert_uint_eq(range_request(T_WRITE_ZEROES, 0, 1, 0), S_OK);
	ck_assert_uint_eq(syncs, 3);
	vrig_done(&r);
	vrig_machine(&r);
	disk(false, true);
	vdriver(&r, FEATURES, 1, 64);
	ck_assert_uint_eq(write_at(0, 4, &seed), S_OK);
	ck_assert_uint_eq(request(T_FLUSH, 0, 0, false), S_OK);
	ck_assert_uint_eq(syncs, 3);
}
END_TEST

START_TEST(refused_requests)
{
	uint64_t seed = 1;
	disk(false, _i);
	vdriver(&r, FEATURES, 1, 64);
	ck_assert_uint_eq(request(T_IN, SECTORS, 512, true), S_IOERR);
	ck_assert_uint_eq(request(T_IN, SECTORS - 1, 1024, true), S_IOERR);
	ck_assert_uint_eq(request(T_IN, UINT64_MAX, 512, true), S_IOERR);
	ck_assert_uint_eq(request(T_IN, UINT64_MAX / 512 + 1, 512, true), S_IOERR);
	ck_assert_uint_eq(request(T_IN, 0, 511, true), S_IOERR);
	ck_assert_uint_eq(request(T_OUT, 0, 513, false), S_IOERR);
	ck_assert_uint_eq(write_at(SECTORS, 1, &seed), S_IOERR);
	ck_assert_uint_eq(write_at(UINT64_MAX, 1, &seed), S_IOERR);
	ck_assert_uint_eq(write_at(UINT64_MAX - 3, 4, &seed), S_IOERR);
	ck_assert_uint_eq(range_request(T_WRITE_ZEROES, UINT64_MAX, 1, 0), S_IOERR);
	ck_assert_uint_eq(request(99, 0, 512, true), S_UNSUPP);
	ck_assert_uint_eq(range_request(T_DISCARD, SECTORS, 1, 0), S_IOERR);
	ck_assert_uint_eq(range_request(T_DISCARD, 0, 1, 1), S_UNSUPP);
	ck_assert_uint_eq(range_request(T_DISCARD, 0, 1, 2), S_UNSUPP);
	ck_assert_uint_eq(range_request(T_WRITE_ZEROES, UINT64_MAX, 2, 0), S_IOERR);
	ck_assert_uint_eq(range_request(T_WRITE_ZEROES, 0, UINT32_MAX, 0), S_IOERR);
	ck_assert_uint_eq(request(T_WRITE_ZEROES, 0, 15, false), S_IOERR);
	ck_assert_uint_eq(request(T_WRITE_ZEROES, 0, 17 * 16, false), S_IOERR);
	ck_assert_uint_eq(request(T_IN, SECTORS - 1, 512, true), S_OK);
	check_image(model);
}
END_TEST

START_TEST(bad_frames)
{
	disk(false, false);
	struct slot s = slot_at(0);
	struct vbuf bad[][3] = {
		{ { s.header, 15, false }, { s.status, 1, true } },	/* short header */
		{ { s.header, 16, false }, { s.data, 512, false } },	/* no place for the status */
		{ { s.header, 16, true }, { s.status, 1, true } },	/* header not readable */
	};
	vdriver(&r, FEATURES, 1, 64);
	put_header(s, T_IN, 0);
	vadd(&r, 0, bad[_i], 2);
	vnotify(&r, 0);
	while (!(vreg(&r, R_STATUS) & VIRTIO_NEEDS_RESET))
		usleep(100);
	vdriver(&r, FEATURES, 1, 64);
	ck_assert_uint_eq(request(T_IN, 0, 512, true), S_OK);
}
END_TEST

/* The header in pieces, the status in one buffer with data: framing is the driver's (2.7.4.1). */
START_TEST(any_layout)
{
	disk(false, false);
	vdriver(&r, FEATURES, 1, 64);
	struct slot s = slot_at(0);
	put_header(s, T_IN, 3);
	struct vbuf b[] = { { s.header, 3, false }, { s.header + 3, 13, false }, { s.data, 100, true }, { s.data + 100, 413, true } };
	ck_assert_uint_eq(vdo(&r, 0, b, 4), 513);
	ck_assert(!memcmp(data(), model + 3 * 512, 512));
	ck_assert_uint_eq(((uint8_t *)data())[512], S_OK);
}
END_TEST

START_TEST(readonly_disk)
{
	uint64_t seed = 1;
	disk(true, _i);		/* an overlay changes nothing about that */
	uint64_t f = vfeatures(&r);
	ck_assert(f >> F_RO & 1 && !(f >> F_DISCARD & 1) && !(f >> F_WRITE_ZEROES & 1));
	vdriver(&r, VIRTIO_BIT(F_RO) | VIRTIO_BIT(F_FLUSH), 1, 64);
	ck_assert_uint_eq(write_at(0, 1, &seed), S_IOERR);
	ck_assert_uint_eq(range_request(T_WRITE_ZEROES, 0, 1, 0), S_IOERR);
	ck_assert_uint_eq(range_request(T_DISCARD, 0, 1, 0), S_IOERR);
	ck_assert_uint_eq(request(T_FLUSH, 0, 0, false), S_OK);
	ck_assert_uint_eq(request(T_IN, 5, 512, true), S_OK);
	ck_assert(!memcmp(data(), model + 5 * 512, 512));
	check_image(model);
}
END_TEST

START_TEST(punches_holes)
{
	disk(false, false);
	vdriver(&r, FEATURES, 1, 64);
	ck_assert_uint_eq(request(T_FLUSH, 0, 0, false), S_OK);
	struct stat before, after;
	stat(path, &before);
	ck_assert_uint_eq(range_request(T_DISCARD, 0, SECTORS, 0), S_OK);
	stat(path, &after);
	ck_assert_int_eq(after.st_size, BYTES);
	ck_assert_int_lt(after.st_blocks, before.st_blocks);
	ck_assert_uint_eq(range_request(T_WRITE_ZEROES, 0, SECTORS, 0), S_OK);
	memset(model, 0, BYTES);
	check_image(model);
}
END_TEST

/* An image cut short by someone else: an error for the guest, no crash, and the device goes on. */
START_TEST(image_shrinks)
{
	disk(false, false);
	vdriver(&r, FEATURES, 1, 64);
	ck_assert_int_eq(truncate(path, 4096), 0);
	ck_assert_uint_eq(request(T_IN, 100, 512, true), S_IOERR);
	ck_assert_uint_eq(request(T_IN, 6, 2048, true), S_IOERR);
	ck_assert_uint_eq(request(T_IN, 0, 4096, true), S_OK);
	ck_assert(!memcmp(data(), model, 4096));
}
END_TEST

/* A reset with many requests in flight: once it is done nothing is written, neither data nor used ring. */
START_TEST(reset_in_flight)
{
	disk(false, false);
	for (unsigned round = 0; round < 60; round++) {
		vdriver(&r, FEATURES, 1, 128);
		for (unsigned i = 0; i < 32; i++) {
			struct slot s = slot_at(i);
			put_header(s, T_IN, i);
			struct vbuf b[] = { { s.header, 16, false }, { s.data, 0x8000, true }, { s.status, 1, true } };
			vadd(&r, 0, b, 3);
		}
		vnotify(&r, 0);
		if (round % 2)
			usleep(round * 5);
		if (round % 3) {
			vset(&r, R_STATUS, 0);
		} else {
			bus_drain(&r.bus);
			bus_reset(&r.bus);
			bus_resume(&r.bus);
		}
		ck_assert_uint_eq(vreg(&r, R_STATUS), 0);
		memset(r.ram, 0x55, RAM_SIZE);
		usleep(500);
		uint64_t stale = 0;
		while (stale < RAM_SIZE && r.ram[stale] == 0x55)
			stale++;
		ck_assert_msg(stale == RAM_SIZE, "stale write at %#llx", (unsigned long long)stale);
	}
	vdriver(&r, FEATURES, 1, 64);
	ck_assert_uint_eq(request(T_IN, 7, 512, true), S_OK);
}
END_TEST

/* The notification may come from several vCPUs while another resets: no lock is left, nothing hangs. */
static void *notifier(void *stop)
{
	while (!__atomic_load_n((bool *)stop, __ATOMIC_RELAXED))
		vnotify(&r, 0);
	return NULL;
}

START_TEST(resets_while_others_notify)
{
	disk(false, false);
	bool stop = false;
	pthread_t t[2];
	vdriver(&r, FEATURES, 1, 64);
	for (unsigned i = 0; i < 2; i++)
		pthread_create(&t[i], NULL, notifier, &stop);
	for (unsigned round = 0; round < 200; round++) {
		vdriver(&r, FEATURES, 1, 64);
		ck_assert_uint_eq(request(T_IN, round, 4096, true), S_OK);
		ck_assert(!memcmp(data(), model + round * 512, 4096));
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (unsigned i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
}
END_TEST

/* ---- opening images ---- */

static void refuse(const struct disk_config *c, const char *part)
{
	struct error err = { 0 };
	struct disk *d = disk_open(c, &err);
	ck_assert_msg(!d, "opened, though: %s", part);
	ck_assert_msg(strstr(err.text, part) != NULL, "'%s' lacks '%s'", err.text, part);
	ck_assert_msg(strchr(err.text, '\n') == NULL && strstr(err.text, c->path) != NULL, "'%s'", err.text);
	ck_assert_int_eq(err.code, ERROR_USAGE);
}

START_TEST(double_use)
{
	struct error err = { 0 };
	struct disk_config rw = { .path = path }, ro = { .path = path, .readonly = true }, over = { .path = path, .overlay_tmp = true };
	struct disk *d = disk_open(&rw, &err);
	ck_assert_msg(d != NULL, "%s", err.text);
	refuse(&rw, "in use");
	refuse(&ro, "in use");
	refuse(&over, "in use");
	disk_close(d);
	struct disk *a = disk_open(&ro, &err), *b = disk_open(&over, &err), *c = disk_open(&ro, &err);
	ck_assert(a && b && c);
	refuse(&rw, "in use");
	disk_close(a);
	disk_close(b);
	refuse(&rw, "in use");
	disk_close(c);
	d = disk_open(&rw, &err);
	ck_assert(d != NULL);
	disk_close(d);
}
END_TEST

START_TEST(bad_images)
{
	struct disk_config c = { .path = (char *)"/nonexistent/disk.img" };
	refuse(&c, "No such file");
	c.path = (char *)"/tmp";
	refuse(&c, "directory");
	c.readonly = true;
	refuse(&c, "neither a file nor a block device");
	c.path = (char *)"/dev/null";
	refuse(&c, "neither a file nor a block device");
	c = (struct disk_config){ .path = path };
	ck_assert_int_eq(truncate(path, 0), 0);
	refuse(&c, "empty");
	ck_assert_int_eq(truncate(path, 1000), 0);
	refuse(&c, "not a multiple of 512");
	ck_assert_int_eq(truncate(path, 1024), 0);
	int fd = open(path, O_WRONLY);
	ck_assert_int_eq(pwrite(fd, "QFI\xfb\0\0\0\3", 8, 0), 8);
	close(fd);
	refuse(&c, "qcow2");
	char fifo[80];
	snprintf(fifo, sizeof(fifo), "%s.fifo", path);
	ck_assert_int_eq(mkfifo(fifo, 0600), 0);
	c = (struct disk_config){ .path = fifo, .readonly = true };
	refuse(&c, "neither");
	unlink(fifo);
}
END_TEST

START_TEST(overlay_without_room)
{
	struct error err = { 0 };
	struct disk_config c = { .path = path, .overlay_tmp = true };
	setenv("TMPDIR", "/nonexistent", 1);
	ck_assert(!disk_open(&c, &err));
	ck_assert_int_eq(err.code, ERROR_HOST);
	ck_assert(strstr(err.text, "TMPDIR"));
}
END_TEST

/* A terabyte under an overlay costs what is written. */
START_TEST(large_sparse_overlay)
{
	struct error err = { 0 };
	struct disk_config c = { .path = path, .overlay_tmp = true };
	ck_assert_int_eq(truncate(path, (off_t)1 << 40), 0);
	struct disk *d = disk_open(&c, &err);
	ck_assert_msg(d != NULL, "%s", err.text);
	ck_assert_uint_eq(disk_size(d), (uint64_t)1 << 40);
	char out[1024] = "far out", in[1024];
	struct iovec wo = { out, sizeof(out) }, wi = { in, sizeof(in) };
	ck_assert_int_eq(disk_write(d, &wo, 1, ((uint64_t)1 << 40) - 1024, 1024), 0);
	ck_assert_int_eq(disk_read(d, &wi, 1, ((uint64_t)1 << 40) - 1024, 1024), 0);
	ck_assert_mem_eq(in, out, 1024);
	disk_close(d);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("blk");
	TCase *io = tcase_create("requests"), *open = tcase_create("images");
	tcase_set_timeout(io, 300);
	tcase_set_timeout(open, 60);
	tcase_add_checked_fixture(io, setup, teardown);
	tcase_add_test(io, configuration);
	tcase_add_loop_test(io, random_stream, 0, 3);
	tcase_add_loop_test(io, random_stream_over_overlay, 0, 3);
	tcase_add_loop_test(io, parallel_stream, 0, 3);
	tcase_add_test(io, several_queues);
	tcase_add_test(io, deterministic_completes_at_once);
	tcase_add_test(io, deterministic_full_ring);
	tcase_add_test(io, get_id);
	tcase_add_test(io, flush_is_honoured);
	tcase_add_loop_test(io, refused_requests, 0, 2);
	tcase_add_loop_test(io, bad_frames, 0, 3);
	tcase_add_test(io, any_layout);
	tcase_add_loop_test(io, readonly_disk, 0, 2);
	tcase_add_test(io, punches_holes);
	tcase_add_test(io, image_shrinks);
	tcase_add_test(io, reset_in_flight);
	tcase_add_test(io, resets_while_others_notify);
	suite_add_tcase(s, io);
	tcase_add_checked_fixture(open, setup, teardown);
	tcase_add_test(open, double_use);
	tcase_add_test(open, bad_images);
	tcase_add_test(open, overlay_without_room);
	tcase_add_test(open, large_sparse_overlay);
	suite_add_tcase(s, open);
	return run_suites("virtio/blk", 1, &s);
}

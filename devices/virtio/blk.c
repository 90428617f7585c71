// SPDX-License-Identifier: Apache-2.0
/*
 * The block device (VirtIO 1.2, 5.2). Worker threads take requests from the rings, move data straight between file and guest
 * RAM, and complete them in whatever order they end, which the specification allows; FLUSH covers the writes completed
 * before it was made available. At most one request a worker is in flight on the host.
 *
 * In deterministic mode there are no workers: the notification itself completes every request, in the ring's order, before the
 * vCPU goes on, so that completions and interrupts fall on the same instruction in every run.
 */
#include "devices/virtio/virtio.h"
#include <endian.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include "devices/virtio/disk.h"
#include "runtime/thread.h"

enum {		/* feature bits, 5.2.3 */
	F_SEG_MAX = 2, F_RO = 5, F_BLK_SIZE = 6, F_FLUSH = 9, F_TOPOLOGY = 10, F_MQ = 12, F_DISCARD = 13, F_WRITE_ZEROES = 14,
};
enum { T_IN = 0, T_OUT = 1, T_FLUSH = 4, T_GET_ID = 8, T_DISCARD = 11, T_WRITE_ZEROES = 13 };
enum { S_OK = 0, S_IOERR = 1, S_UNSUPP = 2 };

#define SEG_MAX (VIRTIO_RING_MAX - 2)			/* besides header and status */
#define TRANSFER_MAX ((uint64_t)1 << 30)		/* bytes in one request: pause and reset wait for it */
#define RANGES_MAX 16					/* in one discard or write-zeroes request */
#define DISCARD_SECTORS_MAX ((uint32_t)1 << 22)
#define ZERO_SECTORS_MAX ((uint32_t)1 << 16)		/* a host without fallocate writes them all */
#define WORKERS 4
#define QUEUES_MAX 4
#define ID_BYTES 20

struct config {		/* 5.2.4, little endian */
	uint64_t capacity;
	uint32_t size_max, seg_max;
	uint16_t cylinders;
	uint8_t heads, sectors;
	uint32_t blk_size;
	uint8_t physical_block_exp, alignment_offset;
	uint16_t min_io_size;
	uint32_t opt_io_size;
	uint8_t writeback, unused0;
	uint16_t num_queues;
	uint32_t max_discard_sectors, max_discard_seg, discard_sector_alignment;
	uint32_t max_write_zeroes_sectors, max_write_zeroes_seg;
	uint8_t write_zeroes_may_unmap, unused1[3];
} __attribute__((packed));
_Static_assert(sizeof(struct config) == 60 && sizeof(struct config) <= VIRTIO_CONFIG_MAX, "5.2.4");

struct header { uint32_t type, reserved; uint64_t sector; };
struct range { uint64_t sector; uint32_t sectors, flags; };

struct blk {
	struct virtio_device virtio;
	struct disk *disk;
	char id[ID_BYTES];
	_Atomic bool io_error_told;

	pthread_t worker[WORKERS];
	unsigned n_workers;		/* 0: deterministic */
	_Atomic unsigned n_started;
	struct virtio_chain chain[WORKERS];	/* one a worker */
	pthread_mutex_t wake_lock;
	pthread_cond_t wake;
	unsigned wakes;			/* not yet taken, at most one a worker */
	bool quit;
};

static void wake_worker(struct blk *b)
{
	pthread_mutex_lock(&b->wake_lock);
	if (b->wakes < WORKERS) {
		b->wakes++;
		pthread_cond_signal(&b->wake);
	}
	pthread_mutex_unlock(&b->wake_lock);
}

/* ---- one request ---- */

static bool in_disk(const struct blk *b, uint64_t sector, uint64_t sectors)
{
	uint64_t all = disk_size(b->disk) / DISK_SECTOR;
	return sector <= all && sectors <= all - sector;
}

static uint8_t host_result(struct blk *b, int error, const char *what)
{
	if (!error)
		return S_OK;
	/* Once: a full or broken host disk would fill the log, and the guest reports each. */
	if (!atomic_exchange(&b->io_error_told, true))
		virtio_warn(&b->virtio, "%s failed: %s; the guest gets I/O errors", what, strerror(error));
	return S_IOERR;
}

static uint8_t transfer(struct blk *b, const struct virtio_chain *c, const struct header *h, uint64_t *landed)
{
	bool write = h->type == T_OUT;
	uint64_t size = write ? c->out_bytes - sizeof(*h) : c->in_bytes - 1;
	if (size % DISK_SECTOR || size > TRANSFER_MAX || !in_disk(b, h->sector, size / DISK_SECTOR))
		return S_IOERR;
	if (write && disk_readonly(b->disk))
		return S_IOERR;		/* 5.2.6.2 */
	if (!size)
		return S_OK;
	struct iovec iov[VIRTIO_RING_MAX];
	if (write) {
		unsigned n = iov_slice(iov, c->iov, c->n_out, sizeof(*h), size);
		int error = disk_write(b->disk, iov, n, h->sector * DISK_SECTOR, size);
		/* 5.2.6.2: a driver that did not negotiate flushing relies on write-through. */
		if (!error && !virtio_has(&b->virtio, F_FLUSH))
			error = disk_flush(b->disk);
		return host_result(b, error, "write");
	}
	unsigned n = iov_slice(iov, c->iov + c->n_out, c->n_in, 0, size);
	int error = disk_read(b->disk, iov, n, h->sector * DISK_SECTOR, size);
	/* Even a failed read may have changed the buffers. */
	*landed = size;
	return host_result(b, error, "read");
}

static uint8_t get_id(struct blk *b, const struct virtio_chain *c, uint64_t *landed)
{
	uint64_t room = c->in_bytes - 1;
	*landed = chain_write(c, 0, b->id, room < ID_BYTES ? room : ID_BYTES);
	return S_OK;
}

/* Discard and write-zeroes, 5.2.6.2: all ranges are checked before any is done. */
static uint8_t clear_ranges(struct blk *b, const struct virtio_chain *c, bool discard)
{
	struct range r[RANGES_MAX];
	uint64_t size = c->out_bytes - sizeof(struct header);
	if (size % sizeof(r[0]) || !size || size > sizeof(r) || disk_readonly(b->disk))
		return S_IOERR;
	unsigned n = chain_read(c, sizeof(struct header), r, size) / sizeof(r[0]);
	for (unsigned i = 0; i < n; i++) {
		r[i].sector = le64toh(r[i].sector);
		r[i].sectors = le32toh(r[i].sectors);
		r[i].flags = le32toh(r[i].flags);
		if (r[i].flags & ~1u || (discard && r[i].flags))
			return S_UNSUPP;
		if (r[i].sectors > (discard ? DISCARD_SECTORS_MAX : ZERO_SECTORS_MAX) || !in_disk(b, r[i].sector, r[i].sectors))
			return S_IOERR;
	}
	for (unsigned i = 0; i < n; i++) {
		uint64_t at = r[i].sector * DISK_SECTOR, bytes = (uint64_t)r[i].sectors * DISK_SECTOR;
		if (!bytes)
			continue;
		int error = discard ? disk_discard(b->disk, at, bytes) : disk_zero(b->disk, at, bytes, r[i].flags & 1);
		if (error)
			return host_result(b, error, discard ? "discard" : "write of zeros");
	}
	if (!virtio_has(&b->virtio, F_FLUSH))
		return host_result(b, disk_flush(b->disk), "flush");
	return S_OK;
}

/* Does what the chain asks for; returns the bytes put into it. Not locked, inside the gate. */
static uint64_t serve(struct blk *b, const struct virtio_chain *c, const struct header *h)
{
	uint64_t landed = 0;
	uint8_t status;
	switch (h->type) {
	case T_IN: case T_OUT:
		status = transfer(b, c, h, &landed);
		break;
	case T_FLUSH:
		status = host_result(b, disk_flush(b->disk), "flush");
		break;
	case T_GET_ID:
		status = get_id(b, c, &landed);
		break;
	case T_DISCARD: case T_WRITE_ZEROES:
		status = clear_ranges(b, c, h->type == T_DISCARD);
		break;
	default:
		status = S_UNSUPP;
	}
	/* The status is the last byte, whatever the framing (2.7.4.1). */
	chain_write(c, c->in_bytes - 1, &status, 1);
	chain_landed(c, c->in_bytes);
	return c->in_bytes;
}

/* Takes one request from queue q and does it; false if there was none. Inside the gate, not locked. */
static bool serve_one(struct blk *b, struct virtio_queue *q, struct virtio_chain *c)
{
	struct virtio_device *v = &b->virtio;
	struct header h;
	virtio_lock(v);
	bool got = ring_pop(q, c);
	if (got && (!c->in_bytes || chain_read(c, 0, &h, sizeof(h)) < sizeof(h))) {
		virtio_broken(v, "request with %llu bytes to read and %llu to write", (unsigned long long)c->out_bytes,
			      (unsigned long long)c->in_bytes);
		got = false;
	}
	bool more = got && ring_pending(q);
	virtio_unlock(v);
	if (!got)
		return false;
	if (more)
		wake_worker(b);
	h.type = le32toh(h.type);
	h.sector = le64toh(h.sector);
	uint64_t written = serve(b, c, &h);
	virtio_lock(v);
	ring_push(c, written);
	ring_signal(q);
	virtio_unlock(v);
	return true;
}

/* ---- workers ---- */

/* Serves all queues until they are empty or the gate closes (after opening it work is called). */
static void serve_all(struct blk *b, struct virtio_chain *c)
{
	for (bool any = true; any;) {
		any = false;
		for (unsigned i = 0; i < b->virtio.n_queues; i++) {
			if (!virtio_enter(&b->virtio))
				return;
			any |= serve_one(b, &b->virtio.queue[i], c);
			virtio_leave(&b->virtio);
		}
	}
}

static void *worker(void *opaque)
{
	struct blk *b = opaque;
	struct virtio_chain *c = &b->chain[atomic_fetch_add(&b->n_started, 1)];
	pthread_mutex_lock(&b->wake_lock);
	for (;;) {
		while (!b->wakes && !b->quit)
			pthread_cond_wait(&b->wake, &b->wake_lock);
		if (b->quit)
			break;
		b->wakes--;
		pthread_mutex_unlock(&b->wake_lock);
		serve_all(b, c);
		pthread_mutex_lock(&b->wake_lock);
	}
	pthread_mutex_unlock(&b->wake_lock);
	return NULL;
}

static bool start_workers(struct blk *b, struct error *err)
{
	/* Signals are for the program's own threads. */
	sigset_t all, old;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	int error = 0;
	while (b->n_workers < WORKERS && !error) {
		error = thread_start(&b->worker[b->n_workers], worker, b, "blk%u", b->n_workers);
		b->n_workers += !error;
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	/* Fewer will do. */
	return b->n_workers || error_set(err, ERROR_HOST, "virtio-blk: no thread: %s", strerror(error));
}

/* ---- the device ---- */

static void blk_notify(struct virtio_device *v, unsigned n)
{
	struct blk *b = CONTAINER_OF(v, struct blk, virtio);
	if (b->n_workers) {
		wake_worker(b);
		return;
	}
	/* deterministic: here and now; more requests than entries come only from a ring that feeds itself */
	struct virtio_queue *q = &v->queue[n];
	if (!virtio_enter(v))
		return;
	for (unsigned i = 0; i <= q->max && serve_one(b, q, &b->chain[0]); i++)
		;
	virtio_leave(v);
}

static void blk_work(struct virtio_device *v, unsigned n)
{
	if (!v->machine->deterministic)
		wake_worker(CONTAINER_OF(v, struct blk, virtio));
}

static void blk_destroy(struct virtio_device *v)
{
	struct blk *b = CONTAINER_OF(v, struct blk, virtio);
	virtio_stop(v);
	pthread_mutex_lock(&b->wake_lock);
	b->quit = true;
	pthread_cond_broadcast(&b->wake);
	pthread_mutex_unlock(&b->wake_lock);
	for (unsigned i = 0; i < b->n_workers; i++)
		pthread_join(b->worker[i], NULL);
	virtio_fini(v);
	pthread_cond_destroy(&b->wake);
	pthread_mutex_destroy(&b->wake_lock);
	disk_close(b->disk);
	free(b);
}

static const struct virtio_device_ops blk_ops = {
	.name = "virtio-blk",
	.id = VIRTIO_ID_BLOCK,
	.notify = blk_notify,
	.work = blk_work,
	.destroy = blk_destroy,
};

static unsigned log2_of(uint32_t power)
{
	return __builtin_ctz(power);
}

static void fill_config(struct blk *b)
{
	uint32_t block = disk_block_size(b->disk);
	struct config c = {
		.capacity = htole64(disk_size(b->disk) / DISK_SECTOR),
		.seg_max = htole32(SEG_MAX),
		.blk_size = htole32(DISK_SECTOR),
		.physical_block_exp = log2_of(block / DISK_SECTOR),
		.min_io_size = htole16(block / DISK_SECTOR),
		.num_queues = htole16(b->virtio.n_queues),
		.max_discard_sectors = htole32(DISCARD_SECTORS_MAX),
		.max_discard_seg = htole32(RANGES_MAX),
		.discard_sector_alignment = htole32(block / DISK_SECTOR),
		.max_write_zeroes_sectors = htole32(ZERO_SECTORS_MAX),
		.max_write_zeroes_seg = htole32(RANGES_MAX),
		.write_zeroes_may_unmap = 1,
	};
	memcpy(b->virtio.config, &c, sizeof(c));
}

struct virtio_device *virtio_blk_new(struct machine *m, const struct disk_config *d, struct error *err)
{
	struct blk *b = calloc(1, sizeof(*b));
	if (!b) {
		error_set(err, ERROR_HOST, "virtio-blk: out of memory");
		return NULL;
	}
	b->disk = disk_open(d, err);
	if (!b->disk)
		goto no_disk;
	/* 5.2.6: at most 20 bytes, a NUL only if there is room */
	if (d->serial)
		memcpy(b->id, d->serial, strnlen(d->serial, ID_BYTES));
	unsigned n_queues = m->deterministic || m->n_vcpus < 2 ? 1 : m->n_vcpus < QUEUES_MAX ? m->n_vcpus : QUEUES_MAX;
	uint64_t features = VIRTIO_BIT(F_SEG_MAX) | VIRTIO_BIT(F_BLK_SIZE) | VIRTIO_BIT(F_FLUSH) | VIRTIO_BIT(F_TOPOLOGY);
	features |= disk_readonly(b->disk) ? VIRTIO_BIT(F_RO) : VIRTIO_BIT(F_DISCARD) | VIRTIO_BIT(F_WRITE_ZEROES);
	if (n_queues > 1)
		features |= VIRTIO_BIT(F_MQ);
	if (!virtio_init(&b->virtio, &blk_ops, m, features, n_queues, VIRTIO_RING_MAX, sizeof(struct config), err))
		goto no_virtio;
	fill_config(b);
	pthread_mutex_init(&b->wake_lock, NULL);
	pthread_cond_init(&b->wake, NULL);
	if (!m->deterministic && !start_workers(b, err)) {
		blk_destroy(&b->virtio);
		return NULL;
	}
	return &b->virtio;
no_virtio:
	disk_close(b->disk);
no_disk:
	free(b);
	return NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* A machine with one virtio-mmio device, and a small driver for it that works as a guest's would: registers and rings in RAM. */
#pragma once
#include <check.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "devices/virtio/virtio.h"

#define RAM_BASE 0x80000000ull
#define RAM_SIZE (16ull << 20)
#define MMIO_BASE 0x10001000ull
#define QUEUE_AREA 0x10000ull		/* bytes of RAM for each queue's rings */
#define DATA_BASE (RAM_BASE + 0x100000)	/* free for tests */

enum { R_FEATURES = 0x10, R_FEATURES_SEL = 0x14, R_DRV_FEATURES = 0x20, R_DRV_FEATURES_SEL = 0x24, R_QSEL = 0x30, R_QMAX = 0x34,
       R_QNUM = 0x38, R_QREADY = 0x44, R_NOTIFY = 0x50, R_ISR = 0x60, R_ACK = 0x64, R_STATUS = 0x70, R_DESC = 0x80, R_AVAIL = 0x90,
       R_USED = 0xa0, R_GENERATION = 0xfc, R_CONFIG = 0x100 };
enum { NEXT = 1, WRITE = 2, INDIRECT = 4 };

struct vq {
	unsigned size;
	uint64_t desc, avail, used;
	uint16_t avail_idx, used_seen, free;	/* free: next descriptor to use, round the table */
};

struct vrig {
	struct machine m;
	struct bus bus;
	struct device *dev;
	struct virtio_device *v;
	uint8_t *ram;
	struct vq q[VIRTIO_MAX_QUEUES];
	pthread_mutex_t lock;
	pthread_cond_t raised;
	bool level;
	unsigned edges;
	FILE *log;
};

static inline void vrig_irq(void *opaque, unsigned n, bool level)
{
	struct vrig *r = opaque;
	pthread_mutex_lock(&r->lock);
	r->edges += level && !r->level;
	r->level = level;
	pthread_cond_broadcast(&r->raised);
	pthread_mutex_unlock(&r->lock);
}

static inline void vrig_machine(struct vrig *r)
{
	struct error err = { 0 };
	*r = (struct vrig){ 0 };
	ck_assert_msg(machine_init(&r->m, RAM_SIZE, &err), "%s", err.text);
	ck_assert_msg(phys_add_ram(&r->m.phys, GPA(RAM_BASE), RAM_SIZE, "ram", &err), "%s", err.text);
	r->ram = phys_dma(&r->m.phys, GPA(RAM_BASE), RAM_SIZE);
	r->bus.machine = &r->m;
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->raised, NULL);
	r->log = fopen("/dev/null", "w");
	r->m.log_file = r->log;
	r->m.log = LOG_GUEST_ERRORS;
}

static inline void vrig_attach(struct vrig *r, struct virtio_device *v)
{
	struct error err = { 0 };
	ck_assert_ptr_nonnull(v);
	r->v = v;
	r->dev = virtio_mmio_new(&r->m, v, &err);
	ck_assert_ptr_nonnull(r->dev);
	r->dev->irq = (struct irq_line){ .set = vrig_irq, .opaque = r };
	r->dev->irq_number = 1;
	ck_assert_msg(bus_attach(&r->bus, r->dev, GPA(MMIO_BASE), VIRTIO_MMIO_SIZE, &err), "%s", err.text);
}

static inline void vrig_done(struct vrig *r)
{
	bus_drain(&r->bus);
	bus_destroy(&r->bus);
	machine_destroy(&r->m);
	fclose(r->log);
	pthread_cond_destroy(&r->raised);
	pthread_mutex_destroy(&r->lock);
}

/* ---- registers ---- */

static inline uint64_t vreg_sized(struct vrig *r, unsigned offset, unsigned size)
{
	const struct phys_range *range = phys_find(&r->m.phys, GPA(MMIO_BASE));
	uint64_t value = 0xdead;
	ck_assert(range->ops->read(range->opaque, offset, size, &value));
	return value;
}

static inline uint32_t vreg(struct vrig *r, unsigned offset)
{
	return vreg_sized(r, offset, 4);
}

static inline void vset(struct vrig *r, unsigned offset, uint32_t value)
{
	const struct phys_range *range = phys_find(&r->m.phys, GPA(MMIO_BASE));
	ck_assert(range->ops->write(range->opaque, offset, 4, value));
}

static inline void vset64(struct vrig *r, unsigned offset, uint64_t value)
{
	vset(r, offset, (uint32_t)value);
	vset(r, offset + 4, (uint32_t)(value >> 32));
}

static inline uint64_t vfeatures(struct vrig *r)
{
	vset(r, R_FEATURES_SEL, 0);
	uint64_t f = vreg(r, R_FEATURES);
	vset(r, R_FEATURES_SEL, 1);
	return f | (uint64_t)vreg(r, R_FEATURES) << 32;
}

static inline void vqueue_at(struct vrig *r, unsigned n, unsigned size, uint64_t desc, uint64_t avail, uint64_t used)
{
	vset(r, R_QSEL, n);
	vset(r, R_QNUM, size);
	vset64(r, R_DESC, desc);
	vset64(r, R_AVAIL, avail);
	vset64(r, R_USED, used);
	vset(r, R_QREADY, 1);
	r->q[n] = (struct vq){ .size = size, .desc = desc, .avail = avail, .used = used };
}

/* Reset, features, queues of the given size, DRIVER_OK */
static inline void vdriver(struct vrig *r, uint64_t features, unsigned n_queues, unsigned size)
{
	vset(r, R_STATUS, 0);
	ck_assert_uint_eq(vreg(r, R_STATUS), 0);
	vset(r, R_STATUS, VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER);
	features |= VIRTIO_BIT(VIRTIO_F_VERSION_1);
	for (unsigned word = 0; word < 2; word++) {
		vset(r, R_DRV_FEATURES_SEL, word);
		vset(r, R_DRV_FEATURES, (uint32_t)(features >> (32 * word)));
	}
	vset(r, R_STATUS, VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER | VIRTIO_FEATURES_OK);
	ck_assert_msg(vreg(r, R_STATUS) & VIRTIO_FEATURES_OK, "features %#llx refused", (unsigned long long)features);
	memset(r->ram, 0, n_queues * QUEUE_AREA);
	for (unsigned i = 0; i < n_queues; i++) {
		uint64_t at = RAM_BASE + i * QUEUE_AREA;
		vqueue_at(r, i, size, at, at + 0x4000, at + 0x8000);
	}
	vset(r, R_STATUS, VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER | VIRTIO_FEATURES_OK | VIRTIO_DRIVER_OK);
}

/* ---- guest memory ---- */

static inline void *gmem(struct vrig *r, uint64_t at)
{
	ck_assert(at >= RAM_BASE && at < RAM_BASE + RAM_SIZE);
	return r->ram + (at - RAM_BASE);
}

static inline void put_desc(struct vrig *r, uint64_t table, unsigned i, uint64_t addr, uint32_t len, uint16_t flags, uint16_t next)
{
	struct { uint64_t addr; uint32_t len; uint16_t flags, next; } d = { addr, len, flags, next };
	memcpy((char *)gmem(r, table) + 16 * i, &d, 16);
}

static inline uint16_t load16(void *p)
{
	return __atomic_load_n((uint16_t *)p, __ATOMIC_ACQUIRE);
}

/* Makes descriptor `head` available, without notification. */
static inline void make_available(struct vrig *r, unsigned n, uint16_t head)
{
	struct vq *q = &r->q[n];
	char *avail = gmem(r, q->avail);
	memcpy(avail + 4 + 2 * (q->avail_idx % q->size), &head, 2);
	__atomic_store_n((uint16_t *)(avail + 2), ++q->avail_idx, __ATOMIC_RELEASE);
}

static inline void vnotify(struct vrig *r, unsigned n)
{
	vset(r, R_NOTIFY, n);
}

static inline void vnothing(void *opaque)
{
}

/* As after a pause: returns when the event thread has done what the open gate asks for. */
static inline void vgate(struct vrig *r)
{
	bus_drain(&r->bus);
	bus_resume(&r->bus);
	/* twice: the first may stand before the device's work in one batch of events */
	events_run(r->m.events, vnothing, NULL);
	events_run(r->m.events, vnothing, NULL);
}

/* With EVENT_IDX: the entry at which the device wants its next notification (2.7.10) */
static inline uint16_t avail_event(struct vrig *r, unsigned n)
{
	return load16((char *)gmem(r, r->q[n].used) + 4 + 8 * r->q[n].size);
}

struct vbuf { uint64_t at; uint32_t len; bool in; };

/* Adds a chain of direct descriptors; returns its head. */
static inline uint16_t vadd(struct vrig *r, unsigned n, const struct vbuf *b, unsigned count)
{
	struct vq *q = &r->q[n];
	uint16_t head = q->free;
	for (unsigned i = 0; i < count; i++) {
		uint16_t at = (head + i) % q->size, next = (at + 1) % q->size;
		put_desc(r, q->desc, at, b[i].at, b[i].len, (b[i].in ? WRITE : 0) | (i + 1 < count ? NEXT : 0), next);
	}
	q->free = (head + count) % q->size;
	make_available(r, n, head);
	return head;
}

static inline uint16_t used_idx(struct vrig *r, unsigned n)
{
	return load16((char *)gmem(r, r->q[n].used) + 2);
}

/* Next used entry if there is one */
static inline bool vused(struct vrig *r, unsigned n, uint32_t *id, uint32_t *len)
{
	struct vq *q = &r->q[n];
	if (used_idx(r, n) == q->used_seen)
		return false;
	char *e = (char *)gmem(r, q->used) + 4 + 8 * (q->used_seen % q->size);
	memcpy(id, e, 4);
	memcpy(len, e + 4, 4);
	q->used_seen++;
	return true;
}

/* Waits for the next used entry, by interrupt where it is raised; acknowledges. */
static inline void vwait(struct vrig *r, unsigned n, uint32_t *id, uint32_t *len)
{
	while (!vused(r, n, id, len)) {
		pthread_mutex_lock(&r->lock);
		struct timespec until;
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += 2000000;
		until.tv_sec += until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
		if (!r->level)
			pthread_cond_timedwait(&r->raised, &r->lock, &until);
		pthread_mutex_unlock(&r->lock);
		vset(r, R_ACK, 1);
		ck_assert_msg(!(vreg(r, R_STATUS) & VIRTIO_NEEDS_RESET), "device needs reset");
	}
}

/* One request, done. Returns the used length. */
static inline uint32_t vdo(struct vrig *r, unsigned n, const struct vbuf *b, unsigned count)
{
	uint32_t id, len;
	uint16_t head = vadd(r, n, b, count);
	vnotify(r, n);
	vwait(r, n, &id, &len);
	ck_assert_uint_eq(id, head);
	return len;
}

static inline uint64_t vrandom(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	return *state ^= *state << 17;
}

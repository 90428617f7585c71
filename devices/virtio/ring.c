// SPDX-License-Identifier: Apache-2.0
/*
 * Split virtqueues (VirtIO 1.2, 2.7), for all devices.
 *
 * The driver may be hostile and may change the ring while we read it: each descriptor is copied once and only the copy is
 * looked at; every index, count and address is checked; a chain is at most VIRTIO_RING_MAX segments long, which also ends
 * loops. What breaks the rules marks the device as needing a reset.
 *
 * Entries of the used ring are written without telling the execution engine: they are no code, and page rights play no part
 * in the host's linear mapping. Data buffers are told of by chain_landed.
 */
#include "devices/virtio/virtio.h"
#include <endian.h>
#include <stdatomic.h>
#include <string.h>

struct desc { uint64_t addr; uint32_t len; uint16_t flags, next; };
enum { DESC_NEXT = 1, DESC_WRITE = 2, DESC_INDIRECT = 4 };
enum { AVAIL_NO_INTERRUPT = 1 };

/* Words in guest memory; the rings' alignment was checked. */
static uint16_t load16(const void *p, int order)
{
	return order == __ATOMIC_ACQUIRE ? le16toh(__atomic_load_n((const uint16_t *)p, __ATOMIC_ACQUIRE))
					 : le16toh(__atomic_load_n((const uint16_t *)p, __ATOMIC_RELAXED));
}

static void store16(void *p, uint16_t value)
{
	__atomic_store_n((uint16_t *)p, htole16(value), __ATOMIC_RELEASE);
}

static uint16_t avail_idx(const struct virtio_queue *q)
{
	/* Acquire: the ring entries and descriptors that this index covers are read after it. */
	return load16((const char *)q->avail_host + 2, __ATOMIC_ACQUIRE);
}

static struct desc desc_copy(const void *table, uint32_t i)
{
	struct desc d;
	memcpy(&d, (const char *)table + (uint64_t)i * sizeof(d), sizeof(d));
	/* From here on the copy counts: the compiler may not read guest memory again. */
	atomic_signal_fence(memory_order_seq_cst);
	d.addr = le64toh(d.addr);
	d.len = le32toh(d.len);
	d.flags = le16toh(d.flags);
	d.next = le16toh(d.next);
	return d;
}

/* ---- life of a queue ---- */

void ring_clear(struct virtio_queue *q)
{
	q->ready = q->valid = q->signalled_valid = false;
	q->size = q->max;
	q->desc = q->avail = q->used = 0;
	q->desc_host = q->avail_host = q->used_host = NULL;
	q->last_avail = q->used_idx = q->signalled = q->in_flight = 0;
	q->generation++;
}

void ring_enable(struct virtio_queue *q)
{
	struct phys *p = &q->dev->machine->phys;
	q->valid = q->signalled_valid = false;
	q->last_avail = q->used_idx = q->signalled = q->in_flight = 0;
	if (!q->size || q->size > q->max || q->size & (q->size - 1)) {
		virtio_broken(q->dev, "queue %u: size %u is no power of two up to %u", q->index, q->size, q->max);
		return;
	}
	if (q->desc % 16 || q->avail % 2 || q->used % 4) {
		virtio_broken(q->dev, "queue %u: misaligned ring", q->index);
		return;
	}
	q->desc_host = phys_dma(p, GPA(q->desc), 16 * (uint64_t)q->size);
	q->avail_host = phys_dma(p, GPA(q->avail), 6 + 2 * (uint64_t)q->size);
	q->used_host = phys_dma(p, GPA(q->used), 6 + 8 * (uint64_t)q->size);
	if (!q->desc_host || !q->avail_host || !q->used_host) {
		virtio_broken(q->dev, "queue %u: ring outside RAM (descriptors %#llx, driver %#llx, device %#llx)", q->index,
			      (unsigned long long)q->desc, (unsigned long long)q->avail, (unsigned long long)q->used);
		return;
	}
	q->valid = true;
}

static bool usable(const struct virtio_queue *q)
{
	return q->ready && q->valid && virtio_live(q->dev);
}

/* ---- from the available ring ---- */

/* Adds one descriptor's buffer. */
static bool add_segment(struct virtio_queue *q, struct virtio_chain *c, const struct desc *d)
{
	unsigned n = c->n_out + c->n_in;
	if (n == VIRTIO_RING_MAX) {
		virtio_broken(q->dev, "queue %u: chain longer than %u, or a loop", q->index, VIRTIO_RING_MAX);
		return false;
	}
	if (!d->len) {
		virtio_broken(q->dev, "queue %u: buffer of length 0", q->index);
		return false;
	}
	if (!(d->flags & DESC_WRITE) && c->n_in) {
		virtio_broken(q->dev, "queue %u: readable buffer after a writable one", q->index);
		return false;
	}
	void *host = phys_dma(&q->dev->machine->phys, GPA(d->addr), d->len);
	if (!host) {
		virtio_broken(q->dev, "queue %u: buffer %#llx, %u bytes, not in RAM", q->index, (unsigned long long)d->addr,
			      d->len);
		return false;
	}
	c->iov[n] = (struct iovec){ host, d->len };
	c->gpa[n] = d->addr;
	if (d->flags & DESC_WRITE) {
		c->n_in++;
		c->in_bytes += d->len;
	} else {
		c->n_out++;
		c->out_bytes += d->len;
	}
	return true;
}

/* The table that an indirect descriptor points to; entries in *count. */
static const void *indirect_table(struct virtio_queue *q, const struct desc *d, uint32_t *count)
{
	if (!virtio_has(q->dev, VIRTIO_F_INDIRECT_DESC) || d->flags & DESC_NEXT || !d->len || d->len % sizeof(struct desc)) {
		virtio_broken(q->dev, "queue %u: bad indirect descriptor (flags %#x, length %u)", q->index, d->flags, d->len);
		return NULL;
	}
	const void *table = phys_dma(&q->dev->machine->phys, GPA(d->addr), d->len);
	if (!table)
		virtio_broken(q->dev, "queue %u: indirect table %#llx, %u bytes, not in RAM", q->index,
			      (unsigned long long)d->addr, d->len);
	*count = d->len / sizeof(struct desc);
	return table;
}

static bool read_chain(struct virtio_queue *q, struct virtio_chain *c)
{
	const void *table = q->desc_host;
	uint32_t count = q->size, i = c->head;
	bool indirect = false;
	for (;;) {
		if (i >= count) {
			virtio_broken(q->dev, "queue %u: descriptor %u of %u", q->index, i, count);
			return false;
		}
		struct desc d = desc_copy(table, i);
		if (d.flags & DESC_INDIRECT) {
			if (indirect) {
				virtio_broken(q->dev, "queue %u: indirect descriptor in an indirect table", q->index);
				return false;
			}
			/* 2.7.5.3.2: may follow direct ones; its WRITE flag means nothing */
			table = indirect_table(q, &d, &count);
			if (!table)
				return false;
			indirect = true;
			i = 0;
			continue;
		}
		if (!add_segment(q, c, &d))
			return false;
		if (!(d.flags & DESC_NEXT))
			return true;
		i = d.next;
	}
}

/* Whether the driver made entries available; marks the device if the index makes no sense. */
static bool available(struct virtio_queue *q)
{
	uint16_t n = avail_idx(q) - q->last_avail;
	if (n > q->size) {
		virtio_broken(q->dev, "queue %u: available index jumped by %u, the ring has %u entries", q->index, n, q->size);
		return false;
	}
	return n != 0;
}

bool ring_pending(struct virtio_queue *q)
{
	return usable(q) && available(q);
}

bool ring_pop(struct virtio_queue *q, struct virtio_chain *c)
{
	if (!usable(q))
		return false;
	if (!available(q)) {
		if (!virtio_has(q->dev, VIRTIO_F_EVENT_IDX))
			return false;
		/* Ask for a notification at the next entry (2.7.10), then look again: it may have come just before. */
		store16((char *)q->used_host + 4 + 8 * (uint64_t)q->size, q->last_avail);
		atomic_thread_fence(memory_order_seq_cst);
		if (!usable(q) || !available(q))
			return false;
	}
	if (q->in_flight >= q->size) {
		virtio_broken(q->dev, "queue %u: more requests than entries", q->index);
		return false;
	}
	uint16_t slot = q->last_avail & (q->size - 1);
	c->queue = q;
	c->generation = q->generation;
	c->head = load16((const char *)q->avail_host + 4 + 2 * slot, __ATOMIC_RELAXED);
	c->n_out = c->n_in = 0;
	c->out_bytes = c->in_bytes = 0;
	if (!read_chain(q, c))
		return false;
	q->last_avail++;
	q->in_flight++;
	return true;
}

void ring_unpop(struct virtio_queue *q, unsigned n)
{
	q->last_avail -= n;
	q->in_flight -= n;
}

/* ---- to the used ring ---- */

void ring_fill(struct virtio_chain *c, unsigned slot, uint64_t written)
{
	struct virtio_queue *q = c->queue;
	if (chain_stale(c) || !q->valid)
		return;
	uint32_t *e = (uint32_t *)((char *)q->used_host + 4 + 8 * (uint64_t)((q->used_idx + slot) & (q->size - 1)));
	__atomic_store_n(&e[0], htole32(c->head), __ATOMIC_RELAXED);
	__atomic_store_n(&e[1], htole32(written > UINT32_MAX ? UINT32_MAX : (uint32_t)written), __ATOMIC_RELAXED);
}

void ring_publish(struct virtio_queue *q, unsigned n)
{
	if (!q->valid)
		return;
	q->used_idx += n;
	q->in_flight -= n;
	/* Release: data and entries are there before the index says so. */
	store16((char *)q->used_host + 2, q->used_idx);
}

void ring_push(struct virtio_chain *c, uint64_t written)
{
	if (chain_stale(c))
		return;
	ring_fill(c, 0, written);
	ring_publish(c->queue, 1);
}

/* 2.7.7: whether the driver wants to hear of entries [signalled, used_idx) */
static bool wants_interrupt(struct virtio_queue *q)
{
	/* The index goes out before we look at the driver's wish, as the driver states its wish before it looks at the index. */
	atomic_thread_fence(memory_order_seq_cst);
	if (!virtio_has(q->dev, VIRTIO_F_EVENT_IDX))
		return !(load16(q->avail_host, __ATOMIC_RELAXED) & AVAIL_NO_INTERRUPT);
	uint16_t old = q->signalled, event = load16((char *)q->avail_host + 4 + 2 * q->size, __ATOMIC_RELAXED);
	bool first = !q->signalled_valid;
	q->signalled = q->used_idx;
	q->signalled_valid = true;
	return first || (uint16_t)(q->used_idx - event - 1) < (uint16_t)(q->used_idx - old);
}

void ring_signal(struct virtio_queue *q)
{
	if (usable(q) && wants_interrupt(q))
		q->dev->transport->notify_queue(q->dev, q->index);
}

/* ---- what is in a chain ---- */

void chain_landed(const struct virtio_chain *c, uint64_t written)
{
	struct phys *p = &c->queue->dev->machine->phys;
	for (unsigned i = c->n_out; i < (unsigned)c->n_out + c->n_in && written; i++) {
		uint64_t n = c->iov[i].iov_len < written ? c->iov[i].iov_len : written;
		phys_dma_done(p, GPA(c->gpa[i]), n);
		written -= n;
	}
}

unsigned iov_slice(struct iovec *out, const struct iovec *in, unsigned n_in, uint64_t skip, uint64_t n)
{
	unsigned n_out = 0;
	for (unsigned i = 0; i < n_in && n; i++) {
		if (skip >= in[i].iov_len) {
			skip -= in[i].iov_len;
			continue;
		}
		uint64_t take = in[i].iov_len - skip < n ? in[i].iov_len - skip : n;
		out[n_out++] = (struct iovec){ (char *)in[i].iov_base + skip, take };
		n -= take;
		skip = 0;
	}
	return n_out;
}

/* Copies between a buffer and some segments. */
static size_t copy(const struct iovec *iov, unsigned n_iov, uint64_t skip, void *buffer, size_t n, bool to_segments)
{
	size_t done = 0;
	for (unsigned i = 0; i < n_iov && done < n; i++) {
		if (skip >= iov[i].iov_len) {
			skip -= iov[i].iov_len;
			continue;
		}
		size_t take = iov[i].iov_len - skip < n - done ? iov[i].iov_len - skip : n - done;
		char *segment = (char *)iov[i].iov_base + skip, *at = (char *)buffer + done;
		if (to_segments)
			memcpy(segment, at, take);
		else
			memcpy(at, segment, take);
		done += take;
		skip = 0;
	}
	return done;
}

size_t chain_read(const struct virtio_chain *c, uint64_t skip, void *to, size_t n)
{
	return copy(c->iov, c->n_out, skip, to, n, false);
}

size_t chain_write(const struct virtio_chain *c, uint64_t skip, const void *from, size_t n)
{
	return copy(c->iov + c->n_out, c->n_in, skip, (void *)from, n, true);
}

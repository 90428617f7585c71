// SPDX-License-Identifier: Apache-2.0
/*
 * The network device (VirtIO 1.2, 5.1): one pair of queues, no offloads, no control queue. All work on frames is done on the
 * event thread; backpressure goes both ways instead of dropping frames.
 */
#include "devices/virtio/virtio.h"
#include <endian.h>
#include <stdlib.h>
#include <string.h>
#include "devices/virtio/netbackend.h"

enum { F_MAC = 5, F_MRG_RXBUF = 15, F_STATUS = 16 };
enum { RX, TX };
enum { STATUS_LINK_UP = 1 };

struct header {		/* 5.1.6; all 12 bytes since version 1 */
	uint8_t flags, gso_type;
	uint16_t hdr_len, gso_size, csum_start, csum_offset, num_buffers;
};
_Static_assert(sizeof(struct header) == 12, "5.1.6");

struct config {
	uint8_t mac[6];
	uint16_t status;
};

struct net {
	struct virtio_device virtio;
	struct netbackend *backend;
	struct virtio_chain tx;
	struct virtio_chain first, rest;	/* the chains that a received frame goes into */
	bool started, down;			/* the backend; the event thread's */
};

/* ---- from the guest ---- */

static bool send_frame(struct virtio_device *v, struct virtio_chain *c)
{
	struct net *n = CONTAINER_OF(v, struct net, virtio);
	struct header h;
	struct iovec iov[VIRTIO_RING_MAX];
	bool good = chain_read(c, 0, &h, sizeof(h)) == sizeof(h);
	uint64_t size = good ? c->out_bytes - sizeof(h) : 0;
	/* What asks for an offload that was not offered is dropped, as is what cannot be a frame (14 bytes of Ethernet header). */
	if (good && !n->down && size >= 14 && size <= NET_FRAME_MAX && !h.flags && !h.gso_type) {
		unsigned n_iov = iov_slice(iov, c->iov, c->n_out, sizeof(h), size);
		if (!n->backend->ops->send(n->backend, iov, n_iov))
			return false;
	}
	virtio_lock(v);
	if (!good)
		virtio_broken(v, "frame without header");
	ring_push(c, 0);
	ring_signal(c->queue);
	virtio_unlock(v);
	return true;
}

static void writable(void *front)
{
	struct net *n = front;
	virtio_later(&n->virtio, TX);
}

/* ---- to the guest ---- */

/* Takes the next receive buffer. False: there is none, or the device is not in use (*dead). */
static bool take_buffer(struct net *n, struct virtio_chain *c, bool *dead)
{
	struct virtio_device *v = &n->virtio;
	virtio_lock(v);
	bool got = ring_pop(&v->queue[RX], c);
	if (got && c->in_bytes < sizeof(struct header)) {
		virtio_broken(v, "receive buffer of %llu bytes", (unsigned long long)c->in_bytes);
		got = false;
	}
	*dead = !virtio_live(v) || !v->queue[RX].ready;
	virtio_unlock(v);
	return got;
}

static void put_back(struct net *n, unsigned chains)
{
	virtio_lock(&n->virtio);
	ring_unpop(&n->virtio.queue[RX], chains);
	virtio_unlock(&n->virtio);
}

/*
 * Spreads header and frame over as many buffers as it takes; they appear to the driver together (5.1.6.4). False: not enough
 * buffers now.
 */
static bool deliver(struct net *n, const uint8_t *frame, size_t size)
{
	struct virtio_device *v = &n->virtio;
	struct virtio_queue *q = &v->queue[RX];
	struct header h = { .num_buffers = htole16(1) };
	size_t done = 0;
	unsigned chains = 0;
	do {
		struct virtio_chain *c = chains ? &n->rest : &n->first;
		bool dead;
		if (!take_buffer(n, c, &dead)) {
			put_back(n, chains);
			/* dropped if nobody listens, or if all of the driver's buffers together are too small */
			return dead || chains >= q->size;
		}
		size_t skip = chains ? 0 : chain_write(c, 0, &h, sizeof(h));
		size_t put = chain_write(c, skip, frame + done, size - done);
		done += put;
		chain_landed(c, skip + put);
		virtio_lock(v);
		ring_fill(c, chains++, skip + put);
		virtio_unlock(v);
		if (done < size && !virtio_has(v, F_MRG_RXBUF)) {
			put_back(n, chains);
			return true;	/* too large for this driver's buffers: dropped */
		}
	} while (done < size);
	h.num_buffers = htole16(chains);
	chain_write(&n->first, offsetof(struct header, num_buffers), &h.num_buffers, sizeof(h.num_buffers));
	virtio_lock(v);
	ring_publish(q, chains);
	ring_signal(q);
	virtio_unlock(v);
	return true;
}

static bool receive(void *front, const uint8_t *frame, size_t size)
{
	struct net *n = front;
	if (!virtio_enter(&n->virtio))
		return false;
	bool taken = deliver(n, frame, size);
	virtio_leave(&n->virtio);
	return taken;
}

/* ---- the device ---- */

static void down(void *front, const char *why)
{
	struct net *n = front;
	struct virtio_device *v = &n->virtio;
	n->down = true;
	virtio_warn(v, "%s; the link is down", why);
	virtio_lock(v);
	memset(v->config + offsetof(struct config, status), 0, sizeof(uint16_t));
	virtio_config_changed(v);
	virtio_unlock(v);
	virtio_later(v, TX);	/* what waited for room is dropped */
}

static void net_work(struct virtio_device *v, unsigned queue)
{
	struct net *n = CONTAINER_OF(v, struct net, virtio);
	struct error err;
	/* Not before there is a transport; frames from before the driver's time wait in the backend or are dropped by it. */
	if (!n->started) {
		n->started = true;
		if (!n->backend->ops->start(n->backend, v->machine->events, &err))
			down(n, err.text);
	}
	if (queue == TX)
		virtio_serve(&v->queue[TX], &n->tx, send_frame);
	else if (!n->down)
		n->backend->ops->kick(n->backend);
}

static void net_destroy(struct virtio_device *v)
{
	struct net *n = CONTAINER_OF(v, struct net, virtio);
	virtio_stop(v);
	n->backend->ops->destroy(n->backend);
	virtio_fini(v);
	free(n);
}

static const struct virtio_device_ops net_ops = {
	.name = "virtio-net",
	.id = VIRTIO_ID_NET,
	.work = net_work,
	.destroy = net_destroy,
};

struct virtio_device *virtio_net_on(struct machine *m, const uint8_t mac[6], struct netbackend *b, struct error *err)
{
	struct net *n = calloc(1, sizeof(*n));
	if (!n) {
		error_set(err, ERROR_HOST, "virtio-net: out of memory");
		goto no_net;
	}
	n->backend = b;
	if (!virtio_init(&n->virtio, &net_ops, m, VIRTIO_BIT(F_MAC) | VIRTIO_BIT(F_STATUS) | VIRTIO_BIT(F_MRG_RXBUF), 2,
			 VIRTIO_RING_MAX, sizeof(struct config), err))
		goto no_virtio;
	struct config c = { .status = htole16(STATUS_LINK_UP) };
	memcpy(c.mac, mac, 6);
	memcpy(n->virtio.config, &c, sizeof(c));
	b->front = n;
	b->receive = receive;
	b->writable = writable;
	b->down = down;
	return &n->virtio;
no_virtio:
	free(n);
no_net:
	b->ops->destroy(b);
	return NULL;
}

struct virtio_device *virtio_net_new(struct machine *m, const struct net_config *c, unsigned index, struct error *err)
{
	static const uint8_t none[6];
	/* QEMU's default, locally administered; the last byte counts devices */
	uint8_t mac[6] = { 0x52, 0x54, 0x00, 0x12, 0x34, (uint8_t)(0x56 + index) };
	if (memcmp(c->mac, none, 6))
		memcpy(mac, c->mac, 6);
	if (mac[0] & 1) {
		error_set(err, ERROR_USAGE, "--net mac: %02x:… is a multicast address; the first byte must be even", mac[0]);
		return NULL;
	}
	struct netbackend *b = nethelper_new(c, err);
	return b ? virtio_net_on(m, mac, b, err) : NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* A device that copies what it reads of a chain into what it may write: the rings' own test device. */
#pragma once
#include <stdlib.h>
#include "devices/virtio/virtio.h"

struct echo {
	struct virtio_device v;
	struct virtio_chain chain[2];	/* one a queue */
	unsigned served, resets, power_ons;
	_Atomic unsigned hold;		/* while set, chains go back */
	void (*on_serve)(void);		/* the driver does something meanwhile */
};

static inline bool echo_serve(struct virtio_device *v, struct virtio_chain *c)
{
	struct echo *e = CONTAINER_OF(v, struct echo, v);
	uint8_t bytes[300];
	uint64_t done = 0;
	size_t n;
	if (e->hold)
		return false;
	if (e->on_serve)
		e->on_serve();
	/* Overlapping buffers may make it copy what it wrote; it ends all the same. */
	while ((n = chain_read(c, done, bytes, sizeof(bytes))) > 0 && (n = chain_write(c, done, bytes, n)) > 0)
		done += n;
	chain_landed(c, done);
	virtio_lock(v);
	e->served++;
	ring_push(c, done);
	ring_signal(c->queue);
	virtio_unlock(v);
	return true;
}

static inline void echo_work(struct virtio_device *v, unsigned n)
{
	virtio_serve(&v->queue[n], &CONTAINER_OF(v, struct echo, v)->chain[n], echo_serve);
}

static inline void echo_reset(struct virtio_device *v, bool power_on)
{
	struct echo *e = CONTAINER_OF(v, struct echo, v);
	e->resets++;
	e->power_ons += power_on;
}

static inline void echo_destroy(struct virtio_device *v)
{
	virtio_stop(v);
	virtio_fini(v);
	free(CONTAINER_OF(v, struct echo, v));
}

static const struct virtio_device_ops echo_ops = {
	.name = "virtio-echo", .id = 42, .notify = echo_work, .work = echo_work, .reset = echo_reset, .destroy = echo_destroy,
};

static inline struct virtio_device *echo_new(struct machine *m, struct error *err)
{
	struct echo *e = calloc(1, sizeof(*e));
	/* Feature 3 is one of the device's own, to have something to refuse and accept; 6 bytes of configuration */
	if (!e || !virtio_init(&e->v, &echo_ops, m, VIRTIO_BIT(3), 2, VIRTIO_RING_MAX, 6, err)) {
		free(e);
		return NULL;
	}
	for (unsigned i = 0; i < 6; i++)
		e->v.config[i] = 0x10 + i;
	return &e->v;
}

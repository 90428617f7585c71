// SPDX-License-Identifier: Apache-2.0
/* An input device (VirtIO 1.2, 5.8) with one key, the power button: how a host asks a guest to shut down. */
#include "devices/virtio/virtio.h"
#include <endian.h>
#include <stdlib.h>
#include <string.h>

enum { EVENTS, STATUS, QUEUES };			/* 5.8.2 */
enum { SELECT_NAME = 1, SELECT_DEVIDS = 3, SELECT_EV_BITS = 17 };	/* 5.8.4, config.select */

/* Linux's input event codes, which the specification refers to */
enum { EV_SYN = 0, EV_KEY = 1, KEY_POWER = 116, BUS_VIRTUAL = 6 };

struct config {						/* 5.8.4 */
	uint8_t select, subsel, size, reserved[5];
	uint8_t u[128];
};

struct event {						/* 5.8.6 */
	uint16_t type, code;
	uint32_t value;
};

/* Down, up, each reported */
static const struct event press[] = {
	{ EV_KEY, KEY_POWER, 1 }, { EV_SYN, 0, 0 }, { EV_KEY, KEY_POWER, 0 }, { EV_SYN, 0, 0 },
};

struct button {
	struct virtio_device virtio;
	unsigned left;			/* events of the press that are still to be sent; under the lock */
	struct virtio_chain chain[QUEUES];
};

static struct button *button_of(struct virtio_device *v)
{
	return CONTAINER_OF(v, struct button, virtio);
}

/* What the driver selected, nothing (size 0) for what this device has not. */
static void config_written(struct virtio_device *v, unsigned offset, unsigned n)
{
	struct config c = { .select = v->config[0], .subsel = v->config[1] };
	static const char name[] = "Calque power button";
	if (c.select == SELECT_NAME && !c.subsel) {
		c.size = sizeof(name) - 1;
		memcpy(c.u, name, c.size);
	} else if (c.select == SELECT_DEVIDS && !c.subsel) {
		c.size = 8;		/* bustype, vendor, product, version */
		c.u[0] = BUS_VIRTUAL;
	} else if (c.select == SELECT_EV_BITS && c.subsel == EV_KEY) {
		c.size = KEY_POWER / 8 + 1;
		c.u[KEY_POWER / 8] = 1 << KEY_POWER % 8;
	}
	memcpy(v->config, &c, sizeof(c));
}

static bool send_event(struct virtio_device *v, struct virtio_chain *c)
{
	struct button *b = button_of(v);
	virtio_lock(v);
	unsigned left = b->left;
	virtio_unlock(v);
	if (!left)
		return false;
	const struct event *e = &press[ARRAY_SIZE(press) - left];
	struct event le = { htole16(e->type), htole16(e->code), htole32(e->value) };
	size_t n = chain_write(c, 0, &le, sizeof(le));
	chain_landed(c, n);
	virtio_lock(v);
	if (!chain_stale(c))
		b->left = left - 1;
	ring_push(c, n);
	ring_signal(c->queue);
	virtio_unlock(v);
	return true;
}

/* The driver's words about lamps and the like: there are none. */
static bool drop_status(struct virtio_device *v, struct virtio_chain *c)
{
	virtio_lock(v);
	ring_push(c, 0);
	ring_signal(c->queue);
	virtio_unlock(v);
	return true;
}

static void work(struct virtio_device *v, unsigned n)
{
	virtio_serve(&v->queue[n], &button_of(v)->chain[n], n == EVENTS ? send_event : drop_status);
}

static void reset(struct virtio_device *v, bool power_on)
{
	button_of(v)->left = 0;
}

static void destroy(struct virtio_device *v)
{
	virtio_stop(v);
	virtio_fini(v);
	free(button_of(v));
}

static const struct virtio_device_ops button_ops = {
	.name = "virtio-input",
	.id = VIRTIO_ID_INPUT,
	.work = work,
	.config_written = config_written,
	.reset = reset,
	.destroy = destroy,
};

struct virtio_device *virtio_button_new(struct machine *m, struct error *err)
{
	struct button *b = calloc(1, sizeof(*b));
	_Static_assert(sizeof(struct config) <= VIRTIO_CONFIG_MAX, "the configuration space fits");
	if (!b) {
		error_set(err, ERROR_HOST, "power button: out of memory");
		return NULL;
	}
	if (!virtio_init(&b->virtio, &button_ops, m, 0, QUEUES, 16, sizeof(struct config), err)) {
		free(b);
		return NULL;
	}
	return &b->virtio;
}

bool virtio_button_press(struct virtio_device *v)
{
	virtio_lock(v);
	bool live = virtio_live(v);
	if (live && !button_of(v)->left)
		button_of(v)->left = ARRAY_SIZE(press);
	virtio_unlock(v);
	if (live)
		virtio_later(v, EVENTS);
	return live;
}

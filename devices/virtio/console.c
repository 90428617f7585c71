// SPDX-License-Identifier: Apache-2.0
/* The console device (VirtIO 1.2, 5.3) with one port: a byte stream each way between the guest and a chardev. */
#include "devices/virtio/virtio.h"
#include <stdlib.h>
#include <string.h>

enum { RX, TX };
#define CHUNK 4096

struct console {
	struct virtio_device virtio;
	struct chardev *chardev;
	struct virtio_chain tx;
	struct virtio_chain rx;		/* the buffer that the next input goes into; under the lock */
	bool have_rx;
	uint8_t stash[CHUNK];		/* input that came in just as the guest was paused; the event thread's */
	unsigned stashed;
};

/* ---- to the host ---- */

static bool send_chain(struct virtio_device *v, struct virtio_chain *c)
{
	struct chardev *to = CONTAINER_OF(v, struct console, virtio)->chardev;
	uint8_t bytes[CHUNK];
	size_t n;
	for (uint64_t at = 0; (n = chain_read(c, at, bytes, sizeof(bytes))) > 0; at += n)
		to->write(to, bytes, n);
	virtio_lock(v);
	ring_push(c, 0);
	ring_signal(c->queue);
	virtio_unlock(v);
	return true;
}

/* ---- from the host; on the event thread ---- */

/* Locked, inside the gate. */
static bool take_buffer(struct console *con)
{
	if (con->have_rx && chain_stale(&con->rx))
		con->have_rx = false;
	if (!con->have_rx && ring_pop(&con->virtio.queue[RX], &con->rx)) {
		con->have_rx = true;
		if (!con->rx.in_bytes) {
			virtio_broken(&con->virtio, "receive buffer that cannot be written to");
			con->have_rx = false;
		}
	}
	return con->have_rx && virtio_live(&con->virtio);
}

static unsigned can_receive(void *front)
{
	struct console *con = front;
	if (con->stashed || !virtio_enter(&con->virtio))
		return 0;
	virtio_lock(&con->virtio);
	uint64_t n = take_buffer(con) ? con->rx.in_bytes : 0;
	virtio_unlock(&con->virtio);
	virtio_leave(&con->virtio);
	return n < CHUNK ? n : CHUNK;
}

/* Returns how much the guest had room for. Inside the gate. */
static unsigned deliver(struct console *con, const uint8_t *bytes, unsigned n)
{
	struct virtio_device *v = &con->virtio;
	unsigned done = 0;
	while (done < n) {
		virtio_lock(v);
		bool got = take_buffer(con);
		con->have_rx = false;
		virtio_unlock(v);
		if (!got)
			break;
		size_t put = chain_write(&con->rx, 0, bytes + done, n - done);
		chain_landed(&con->rx, put);
		virtio_lock(v);
		ring_push(&con->rx, put);
		ring_signal(&v->queue[RX]);
		virtio_unlock(v);
		done += put;
	}
	return done;
}

static void receive(void *front, const uint8_t *bytes, unsigned n)
{
	struct console *con = front;
	unsigned done = 0;
	if (virtio_enter(&con->virtio)) {
		done = deliver(con, bytes, n);
		virtio_leave(&con->virtio);
	}
	con->stashed = n - done < CHUNK ? n - done : CHUNK;
	memcpy(con->stash, bytes + done, con->stashed);
}

static void receive_stashed(struct console *con)
{
	if (!con->stashed || !virtio_enter(&con->virtio))
		return;
	unsigned done = deliver(con, con->stash, con->stashed);
	con->stashed -= done;
	memmove(con->stash, con->stash + done, con->stashed);
	virtio_leave(&con->virtio);
}

/* ---- the device ---- */

static void console_notify(struct virtio_device *v, unsigned n)
{
	/* Output now, for drivers spin until it is used; input is the event thread's. */
	if (n == TX)
		virtio_serve(&v->queue[TX], &CONTAINER_OF(v, struct console, virtio)->tx, send_chain);
	else
		virtio_later(v, n);
}

static void console_work(struct virtio_device *v, unsigned n)
{
	struct console *con = CONTAINER_OF(v, struct console, virtio);
	if (n == TX) {
		if (!v->machine->deterministic)
			console_notify(v, n);
		return;
	}
	receive_stashed(con);
	/* New buffers. Inside the gate: the chardev may go once the machine is paused for good. */
	if (con->chardev->kick && virtio_enter(v)) {
		con->chardev->kick(con->chardev);
		virtio_leave(v);
	}
}

static void console_reset(struct virtio_device *v, bool power_on)
{
	CONTAINER_OF(v, struct console, virtio)->have_rx = false;
}

static void console_destroy(struct virtio_device *v)
{
	struct console *con = CONTAINER_OF(v, struct console, virtio);
	virtio_stop(v);
	virtio_fini(v);
	free(con);
}

static const struct virtio_device_ops console_ops = {
	.name = "virtio-console",
	.id = VIRTIO_ID_CONSOLE,
	.notify = console_notify,
	.work = console_work,
	.reset = console_reset,
	.destroy = console_destroy,
};

struct virtio_device *virtio_console_new(struct machine *m, struct chardev *c, struct error *err)
{
	struct console *con = calloc(1, sizeof(*con));
	if (!con) {
		error_set(err, ERROR_HOST, "virtio-console: out of memory");
		return NULL;
	}
	con->chardev = c;
	if (!virtio_init(&con->virtio, &console_ops, m, 0, 2, 64, 0, err)) {
		free(con);
		return NULL;
	}
	c->can_receive = can_receive;
	c->receive = receive;
	c->front = con;
	return &con->virtio;
}

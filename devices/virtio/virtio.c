// SPDX-License-Identifier: Apache-2.0
/* The transport-independent core: status, features, configuration space, notification, reset, the gate. */
#include "devices/virtio/virtio.h"
#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

static void later_ready(void *opaque, unsigned ready);

bool virtio_init(struct virtio_device *v, const struct virtio_device_ops *ops, struct machine *m, uint64_t features,
		 unsigned n_queues, unsigned queue_size, unsigned config_size, struct error *err)
{
	v->ops = ops;
	v->machine = m;
	v->offered = features | VIRTIO_BIT(VIRTIO_F_VERSION_1) | VIRTIO_BIT(VIRTIO_F_INDIRECT_DESC) |
		     VIRTIO_BIT(VIRTIO_F_EVENT_IDX);
	v->n_queues = n_queues;
	v->config_size = config_size;
	for (unsigned i = 0; i < n_queues; i++) {
		v->queue[i].dev = v;
		v->queue[i].index = i;
		v->queue[i].max = queue_size;
		ring_clear(&v->queue[i]);
	}
	v->later_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (v->later_fd < 0)
		return error_set(err, ERROR_HOST, "%s: eventfd: %s", ops->name, strerror(errno));
	v->later_watch = event_fd_new(m->events, v->later_fd, EPOLLIN, later_ready, v, err);
	if (!v->later_watch) {
		close(v->later_fd);
		return false;
	}
	pthread_mutex_init(&v->gate_lock, NULL);
	pthread_cond_init(&v->gate_changed, NULL);
	return true;
}

void virtio_fini(struct virtio_device *v)
{
	close(v->later_fd);
	pthread_cond_destroy(&v->gate_changed);
	pthread_mutex_destroy(&v->gate_lock);
}

void virtio_destroy(struct virtio_device *v)
{
	if (v)
		v->ops->destroy(v);
}

void virtio_attach(struct virtio_device *v, const struct virtio_transport_ops *t, struct device *host)
{
	v->transport = t;
	v->host = host;
}

/* ---- the gate ---- */

bool virtio_enter(struct virtio_device *v)
{
	pthread_mutex_lock(&v->gate_lock);
	bool open = !v->closed;
	v->inside += open;
	pthread_mutex_unlock(&v->gate_lock);
	return open;
}

void virtio_leave(struct virtio_device *v)
{
	pthread_mutex_lock(&v->gate_lock);
	if (--v->inside == 0 && v->closed)
		pthread_cond_broadcast(&v->gate_changed);
	pthread_mutex_unlock(&v->gate_lock);
}

/* Not locked: whoever is inside may need the lock to come out. */
static void gate_close(struct virtio_device *v)
{
	pthread_mutex_lock(&v->gate_lock);
	v->closed++;
	while (v->inside)
		pthread_cond_wait(&v->gate_changed, &v->gate_lock);
	pthread_mutex_unlock(&v->gate_lock);
}

static void gate_open(struct virtio_device *v)
{
	pthread_mutex_lock(&v->gate_lock);
	bool open = --v->closed == 0;
	pthread_mutex_unlock(&v->gate_lock);
	for (unsigned i = 0; open && i < v->n_queues; i++)
		virtio_later(v, i);
}

/* A machine may be told to pause or to go on twice; each reset opens what it closed. */
static bool set_paused(struct virtio_device *v, bool paused)
{
	pthread_mutex_lock(&v->gate_lock);
	bool changed = v->paused != paused;
	v->paused = paused;
	pthread_mutex_unlock(&v->gate_lock);
	return changed;
}

void virtio_drain(struct virtio_device *v)
{
	if (set_paused(v, true))
		gate_close(v);
}

void virtio_resume(struct virtio_device *v)
{
	if (set_paused(v, false))
		gate_open(v);
}

/* ---- work on the event thread ---- */

void virtio_stop(struct virtio_device *v)
{
	gate_close(v);
	event_fd_free(v->later_watch);
	v->later_watch = NULL;
}

void virtio_later(struct virtio_device *v, unsigned n)
{
	uint32_t bit = (uint32_t)1 << n;
	if (atomic_fetch_or(&v->later, bit) & bit)
		return;
	uint64_t one = 1;
	while (write(v->later_fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

static void later_ready(void *opaque, unsigned ready)
{
	struct virtio_device *v = opaque;
	uint64_t drop;
	if (read(v->later_fd, &drop, sizeof(drop)) < 0 && errno != EAGAIN)
		return;
	uint32_t queues = atomic_exchange(&v->later, 0);
	for (unsigned i = 0; i < v->n_queues; i++)
		if (queues >> i & 1)
			v->ops->work(v, i);
}

void virtio_serve(struct virtio_queue *q, struct virtio_chain *c, bool (*serve)(struct virtio_device *v, struct virtio_chain *c))
{
	struct virtio_device *v = q->dev;
	if (!virtio_enter(v))
		return;
	virtio_lock(v);
	bool more = !q->serving;
	q->serving = true;
	for (unsigned served = 0; more;) {
		if (served++ > q->max) {
			virtio_later(v, q->index);
			q->serving = false;
			break;
		}
		/* Ends under the same lock as the look that found nothing, so that whoever adds a request later serves it. */
		if (!ring_pop(q, c)) {
			q->serving = false;
			break;
		}
		virtio_unlock(v);
		more = serve(v, c);
		virtio_lock(v);
		if (!more) {
			ring_unpop(q, 1);
			q->serving = false;
		}
	}
	virtio_unlock(v);
	virtio_leave(v);
}

/* ---- status and features (2.1, 2.2, 3.1) ---- */

void virtio_set_features(struct virtio_device *v, unsigned word, uint32_t bits)
{
	if (word > 1 || v->resetting || v->status & VIRTIO_FEATURES_OK)
		return;
	v->driver_features &= ~((uint64_t)UINT32_MAX << (32 * word));
	v->driver_features |= (uint64_t)bits << (32 * word);
}

/*
 * The driver need not wait for the reset to end (Linux does not over virtio-mmio), so it must be complete when the register
 * write is: the vCPU waits here for requests in flight, with the lock released so that they can end.
 */
void virtio_reset(struct virtio_device *v, bool power_on)
{
	if (v->resetting)
		return;		/* another vCPU is at it */
	v->resetting = true;
	virtio_unlock(v);
	gate_close(v);
	virtio_lock(v);
	for (unsigned i = 0; i < v->n_queues; i++)
		ring_clear(&v->queue[i]);
	v->status = 0;
	v->driver_features = 0;
	if (v->ops->reset)
		v->ops->reset(v, power_on);
	v->resetting = false;
	virtio_unlock(v);
	gate_open(v);
	virtio_lock(v);
}

void virtio_queue_ready(struct virtio_queue *q, bool ready)
{
	struct virtio_device *v = q->dev;
	if (v->resetting || ready == q->ready)
		return;
	if (ready) {
		q->ready = true;
		ring_enable(q);
		return;
	}
	/* Once this is done no buffer of the queue is touched (4.2.2.2), so requests in flight are waited for. */
	q->ready = false;
	virtio_unlock(v);
	gate_close(v);
	virtio_lock(v);
	ring_clear(q);
	virtio_unlock(v);
	gate_open(v);
	virtio_lock(v);
}

void virtio_set_status(struct virtio_device *v, uint8_t status)
{
	if (v->resetting)
		return;
	if (!status) {
		virtio_reset(v, false);
		return;
	}
	/* Bits are only ever added; NEEDS_RESET is the device's. */
	uint8_t added = status & ~v->status & ~VIRTIO_NEEDS_RESET;
	if (added & VIRTIO_FEATURES_OK) {
		if (v->driver_features & ~v->offered || !virtio_has(v, VIRTIO_F_VERSION_1)) {
			device_guest_error(v->host, "%s: driver accepts features %#llx, offered are %#llx, VERSION_1 is a must",
					   v->ops->name, (unsigned long long)v->driver_features,
					   (unsigned long long)v->offered);
			added &= ~(VIRTIO_FEATURES_OK | VIRTIO_DRIVER_OK);
		}
	}
	if (added & VIRTIO_DRIVER_OK && !((v->status | added) & VIRTIO_FEATURES_OK)) {
		device_guest_error(v->host, "%s: DRIVER_OK without FEATURES_OK", v->ops->name);
		added &= ~VIRTIO_DRIVER_OK;
	}
	v->status |= added;
	if (added & VIRTIO_DRIVER_OK && v->ops->start && virtio_live(v))
		v->ops->start(v);
}

void virtio_config_changed(struct virtio_device *v)
{
	v->config_generation++;
	if (v->status & VIRTIO_DRIVER_OK)
		v->transport->notify_config(v);
}

void virtio_broken(struct virtio_device *v, const char *fmt, ...)
{
	char why[160];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	if (v->status & VIRTIO_NEEDS_RESET)
		return;
	device_guest_error(v->host, "%s: %s; device needs reset", v->ops->name, why);
	v->status |= VIRTIO_NEEDS_RESET;
	/* 2.1.2: only a running driver is told. */
	if (v->status & VIRTIO_DRIVER_OK)
		v->transport->notify_config(v);
}

void virtio_warn(struct virtio_device *v, const char *fmt, ...)
{
	char text[300];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	FILE *to = v->machine->log_file ? v->machine->log_file : stderr;
	fprintf(to, "calque: %s: %s\n", v->ops->name, text);
	fflush(to);
}

void virtio_notify(struct virtio_device *v, uint32_t n)
{
	if (n >= v->n_queues || !virtio_live(v) || !v->queue[n].ready)
		return;
	if (!v->ops->notify) {
		virtio_later(v, n);
		return;
	}
	virtio_unlock(v);
	v->ops->notify(v, n);
	virtio_lock(v);
}

/* ---- configuration space ---- */

void virtio_config_read(struct virtio_device *v, uint64_t offset, void *to, unsigned n)
{
	memset(to, 0, n);
	if (offset < v->config_size)
		memcpy(to, v->config + offset, n < v->config_size - offset ? n : v->config_size - offset);
}

void virtio_config_write(struct virtio_device *v, uint64_t offset, const void *from, unsigned n)
{
	if (!v->ops->config_written || v->resetting || offset >= v->config_size || n > v->config_size - offset) {
		device_guest_error(v->host, "%s: write of %u bytes to configuration at %#llx", v->ops->name, n,
				   (unsigned long long)offset);
		return;
	}
	memcpy(v->config + offset, from, n);
	v->ops->config_written(v, offset, n);
}

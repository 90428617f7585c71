/* SPDX-License-Identifier: Apache-2.0 */
/*
 * VirtIO 1.2 devices over split rings. Three parts, kept apart: a *device* (blk.c, net.c, console.c, rng.c, button.c) knows what requests
 * mean; the *core* (virtio.c) holds status, features, configuration space and queues; a *transport* (mmio.c) shows them to the
 * guest as registers and carries the notifications. ring.c is the one implementation of the rings.
 *
 * Locking: the one lock is that of the transport's struct device (virtio_lock, virtio_unlock). It covers everything in
 * struct virtio_device except the gate, which has its own. Each op says whether it is called locked.
 *
 * Gate: whatever touches guest memory or the host on behalf of a request does so between virtio_enter and virtio_leave. Pause
 * and reset close the gate and wait until nobody is inside; reset moreover makes chains popped before it stale, so that no
 * request ever completes into a ring that was set up later.
 */
#pragma once
#include <sys/uio.h>
#include "devices/chardev.h"
#include "devices/device.h"
#include "src/config.h"

struct virtio_device;
struct virtio_queue;

/* ---- for boards ---- */

/* Each returns a device without transport, or NULL and err. Nothing of the configs is kept. */
struct virtio_device *virtio_blk_new(struct machine *m, const struct disk_config *d, struct error *err);
/* index numbers the machine's network devices: it chooses the MAC address if the config has none */
struct virtio_device *virtio_net_new(struct machine *m, const struct net_config *c, unsigned index, struct error *err);
/* The chardev stays the caller's, who stops it before this device is destroyed. */
struct virtio_device *virtio_console_new(struct machine *m, struct chardev *c, struct error *err);
/* has_seed: the same bytes in every run; else the host's entropy */
struct virtio_device *virtio_rng_new(struct machine *m, bool has_seed, uint64_t seed, struct error *err);
/* A power button; virtio_button_press presses it once: false if no driver of the guest listens. Any thread, no lock. */
struct virtio_device *virtio_button_new(struct machine *m, struct error *err);
bool virtio_button_press(struct virtio_device *v);
/* A virtio-mmio transport, for bus_attach with this size. It owns the device from now on (on failure, too: NULL). */
#define VIRTIO_MMIO_SIZE 0x200
struct device *virtio_mmio_new(struct machine *m, struct virtio_device *v, struct error *err);
/* Destroys a device that got no transport. */
void virtio_destroy(struct virtio_device *v);

/* ---- numbers of the specification ---- */

enum {
	VIRTIO_ID_NET = 1, VIRTIO_ID_BLOCK = 2, VIRTIO_ID_CONSOLE = 3, VIRTIO_ID_RNG = 4, VIRTIO_ID_INPUT = 18,
};

enum virtio_status {	/* 2.1 */
	VIRTIO_ACKNOWLEDGE = 1, VIRTIO_DRIVER = 2, VIRTIO_DRIVER_OK = 4, VIRTIO_FEATURES_OK = 8,
	VIRTIO_NEEDS_RESET = 64, VIRTIO_FAILED = 128,
};

enum {			/* 6 */
	VIRTIO_F_INDIRECT_DESC = 28, VIRTIO_F_EVENT_IDX = 29, VIRTIO_F_VERSION_1 = 32,
};
#define VIRTIO_BIT(n) ((uint64_t)1 << (n))

#define VIRTIO_MAX_QUEUES 8
#define VIRTIO_RING_MAX 256	/* entries of the largest queue, and segments of the longest chain */
#define VIRTIO_CONFIG_MAX 136

/* ---- rings ---- */

/*
 * A split ring. Addresses and size are the driver's words, checked when the queue is enabled; afterwards the host pointers
 * are used, which stay valid as long as the machine.
 */
struct virtio_queue {
	struct virtio_device *dev;
	uint16_t index;
	uint16_t max;			/* largest size */
	uint16_t size;			/* as the driver chose; 0 to max */
	bool ready;			/* the driver enabled it */
	bool valid;			/* … with a size and addresses that can work */
	uint64_t desc, avail, used;	/* guest physical */
	void *desc_host, *avail_host, *used_host;
	uint16_t last_avail;		/* next entry of the available ring to look at */
	uint16_t used_idx;		/* next entry of the used ring to fill */
	uint16_t signalled;		/* used_idx when the driver was last looked at for a notification */
	bool signalled_valid;
	uint16_t in_flight;		/* popped and not pushed */
	bool serving;			/* a thread is in virtio_serve */
	uint32_t generation;		/* counts resets of the queue: chains popped before are stale */
};

/* A request: what one descriptor chain describes, read once and checked. Segments that the device reads come first. */
struct virtio_chain {
	struct virtio_queue *queue;
	uint32_t generation;		/* of the queue when it was popped */
	uint16_t head;
	uint16_t n_out, n_in;		/* iov[0 … n_out) to read from, iov[n_out … n_out + n_in) to write to */
	uint64_t out_bytes, in_bytes;
	struct iovec iov[VIRTIO_RING_MAX];
	uint64_t gpa[VIRTIO_RING_MAX];
};

/* All ring functions are called locked, chain functions with any lock or none unless they say otherwise. */

/*
 * Takes the next chain. False: nothing there (the driver will notify), or the queue is not usable, or it is malformed (then the
 * device has been marked as needing a reset).
 */
MUST_CHECK bool ring_pop(struct virtio_queue *q, struct virtio_chain *c);
/* Puts the last n popped chains back, none of them pushed: they will be popped again. */
void ring_unpop(struct virtio_queue *q, unsigned n);
/* Whether ring_pop would find something; does not ask for a notification. */
bool ring_pending(struct virtio_queue *q);
/*
 * Gives a chain back with `written` bytes put into its in-segments, which are the first ones. Does nothing for a stale chain.
 * Then ring_signal, after one or more, interrupts the driver if it wants that.
 */
void ring_push(struct virtio_chain *c, uint64_t written);
void ring_signal(struct virtio_queue *q);
/* As ring_push for several chains that must appear at once (mergeable receive buffers): fill slot 0, 1, … then publish. */
void ring_fill(struct virtio_chain *c, unsigned slot, uint64_t written);
void ring_publish(struct virtio_queue *q, unsigned n);
/* Checks size and addresses as the driver left them, and starts at index 0; ring_clear forgets the queue. */
void ring_enable(struct virtio_queue *q);
void ring_clear(struct virtio_queue *q);

/* A reset has made the chain void. Locked. */
static inline bool chain_stale(const struct virtio_chain *c) { return c->generation != c->queue->generation; }
/*
 * To be called when `written` bytes have landed in the in-segments and before ring_push: drops code that was translated from
 * there. Not locked, for it calls the execution engine.
 */
void chain_landed(const struct virtio_chain *c, uint64_t written);
/* Copies from the out-segments, or into the in-segments, beginning `skip` bytes in; returns how many bytes there were. */
size_t chain_read(const struct virtio_chain *c, uint64_t skip, void *to, size_t n);
size_t chain_write(const struct virtio_chain *c, uint64_t skip, const void *from, size_t n);
/* The part [skip, skip + n) of some segments as an iovec (room for n_in entries), for host I/O; returns its entries. */
unsigned iov_slice(struct iovec *out, const struct iovec *in, unsigned n_in, uint64_t skip, uint64_t n);

/* ---- devices ---- */

struct virtio_device_ops {
	const char *name;		/* "virtio-blk" */
	uint32_t id;
	/* The driver is ready; features are final. Locked. May be NULL, as the rest but work and destroy. */
	void (*start)(struct virtio_device *v);
	/* The driver notified queue n. Not locked, gate not entered, on a vCPU's thread. NULL: work, on the event thread. */
	void (*notify)(struct virtio_device *v, unsigned n);
	/* There may be something to do for queue n (virtio_later, resume). Not locked, gate not entered, on the event thread: at a
	 * moment of the host's, so a deterministic machine's device leaves alone what `notify` completes. */
	void (*work)(struct virtio_device *v, unsigned n);
	/* Back to the state before the driver; queues are empty, nobody is inside the gate. power_on: the whole machine. Locked. */
	void (*reset)(struct virtio_device *v, bool power_on);
	/* The driver wrote bytes [offset, offset + n) of the configuration, already stored. Locked. NULL: it is read-only. */
	void (*config_written)(struct virtio_device *v, unsigned offset, unsigned n);
	/* Stops own threads and frees. Nobody else is using it. */
	void (*destroy)(struct virtio_device *v);
};

/* What a transport does for the device; all are called locked, and the guest sees it once the lock is released. */
struct virtio_transport_ops {
	const char *name;
	void (*notify_queue)(struct virtio_device *v, unsigned n);	/* used buffers */
	void (*notify_config)(struct virtio_device *v);			/* status or configuration changed */
};

/* Devices embed this as their first member. */
struct virtio_device {
	const struct virtio_device_ops *ops;
	struct machine *machine;
	const struct virtio_transport_ops *transport;
	struct device *host;		/* the transport's device: lock, bus address, interrupt */

	uint64_t offered, driver_features;	/* driver_features: as written; binding once FEATURES_OK is set */
	uint8_t status;
	bool resetting;
	uint32_t config_generation;
	unsigned n_queues, config_size;
	uint8_t config[VIRTIO_CONFIG_MAX];
	struct virtio_queue queue[VIRTIO_MAX_QUEUES];

	pthread_mutex_t gate_lock;
	pthread_cond_t gate_changed;
	unsigned closed, inside;	/* these three under gate_lock */
	bool paused;

	_Atomic uint32_t later;		/* queues that want work, by bit */
	int later_fd;			/* eventfd: some do */
	struct event_fd *later_watch;
};

/* Prepares what is common. `features` are the device's own; those of ring and version are added. False: nothing to release. */
MUST_CHECK bool virtio_init(struct virtio_device *v, const struct virtio_device_ops *ops, struct machine *m, uint64_t features,
			    unsigned n_queues, unsigned queue_size, unsigned config_size, struct error *err);
/*
 * Releases what is common (not v itself), in two steps: after the first no work is called and the gate is closed for ever, so
 * that the device can stop its own threads.
 */
void virtio_stop(struct virtio_device *v);
void virtio_fini(struct virtio_device *v);
static inline void virtio_lock(struct virtio_device *v) { device_lock(v->host); }
static inline void virtio_unlock(struct virtio_device *v) { device_unlock(v->host); }
/* Passes the gate, unless it is closed. Any lock. */
MUST_CHECK bool virtio_enter(struct virtio_device *v);
void virtio_leave(struct virtio_device *v);
/* Asks for ops->work(n) on the event thread. Any lock. */
void virtio_later(struct virtio_device *v, unsigned n);
/*
 * Takes chain after chain from the queue into *c and gives each to `serve`, which is not locked, inside the gate, and pushes it;
 * or returns false: the chain goes back and serving ends. One thread serves a queue at a time, so order is kept and *c may
 * be the device's; others return at once. After more chains than the queue has entries the rest is left to virtio_later: a ring
 * that feeds itself must not keep a vCPU from pausing. Not locked.
 */
void virtio_serve(struct virtio_queue *q, struct virtio_chain *c, bool (*serve)(struct virtio_device *v, struct virtio_chain *c));
/* The driver has negotiated feature bit n. Locked, or inside the gate. */
static inline bool virtio_has(const struct virtio_device *v, unsigned n) { return v->driver_features >> n & 1; }
/* The driver is running and the device usable. Locked. */
static inline bool virtio_live(const struct virtio_device *v)
{
	return (v->status & (VIRTIO_DRIVER_OK | VIRTIO_NEEDS_RESET | VIRTIO_FAILED)) == VIRTIO_DRIVER_OK && !v->resetting;
}
/* The device changed its configuration space. Locked. */
void virtio_config_changed(struct virtio_device *v);
/* The driver did what no driver may: the device stops until it is reset. Locked. */
void virtio_broken(struct virtio_device *v, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* One line about trouble of the host's, to the machine's log or stderr. Any lock. */
void virtio_warn(struct virtio_device *v, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* ---- transports ---- */

/* Binds device and transport. */
void virtio_attach(struct virtio_device *v, const struct virtio_transport_ops *t, struct device *host);
/* The driver enables or disables a queue. Locked; released meanwhile if it disables it. */
void virtio_queue_ready(struct virtio_queue *q, bool ready);
/* The driver writes the status field. Locked; released meanwhile if it is a reset. */
void virtio_set_status(struct virtio_device *v, uint8_t status);
/* The driver accepts features: bits [32 * word, 32 * word + 32). Locked. */
void virtio_set_features(struct virtio_device *v, unsigned word, uint32_t bits);
/* The driver notifies queue n. Locked; released meanwhile. */
void virtio_notify(struct virtio_device *v, uint32_t n);
/* Configuration space; beyond its end reads give 0 and writes do nothing. Locked. */
void virtio_config_read(struct virtio_device *v, uint64_t offset, void *to, unsigned n);
void virtio_config_write(struct virtio_device *v, uint64_t offset, const void *from, unsigned n);
/* Locked; released meanwhile. */
void virtio_reset(struct virtio_device *v, bool power_on);
/* Pause. Not locked. */
void virtio_drain(struct virtio_device *v);
void virtio_resume(struct virtio_device *v);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a network device's frames go and come from: Ethernet frames without a check sequence. The one backend there is speaks to
 * the helper process calque-net, which holds the user-mode network stack, over a socket pair; tests bring their own.
 *
 * Threads: send and kick are called on the event thread, where the front's functions are called, too.
 */
#pragma once
#include <sys/uio.h>
#include "runtime/events.h"
#include "src/config.h"

#define NET_FRAME_MAX 65536

struct netbackend;

struct netbackend_ops {
	/* Begins to receive; called once, on the event thread, when the front is set. */
	bool (*start)(struct netbackend *b, struct events *ev, struct error *err);
	/* Sends one frame, or drops it if it cannot be sent at all. False: no room now; writable is called when there is. */
	bool (*send)(struct netbackend *b, const struct iovec *iov, unsigned n_iov);
	/* The front can take frames again, after receive refused one. */
	void (*kick)(struct netbackend *b);
	/* After it nothing is called any more. */
	void (*destroy)(struct netbackend *b);
};

struct netbackend {
	const struct netbackend_ops *ops;
	/* Set by the front before start. */
	bool (*receive)(void *front, const uint8_t *frame, size_t n);	/* false: no buffer now; offered again after kick */
	void (*writable)(void *front);
	void (*down)(void *front, const char *why);	/* the link is lost for good */
	void *front;
};

/* Starts the helper; err says what is wrong with the configuration, or that it cannot be started. */
struct netbackend *nethelper_new(const struct net_config *c, struct error *err);

/* A network device on a backend that it takes over, on failure, too (virtio_net_new with a backend of the caller's). */
struct virtio_device;
struct machine;
struct virtio_device *virtio_net_on(struct machine *m, const uint8_t mac[6], struct netbackend *b, struct error *err);

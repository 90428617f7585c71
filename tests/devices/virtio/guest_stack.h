/* SPDX-License-Identifier: Apache-2.0 */
/* Just enough Ethernet, ARP, IPv4, ICMP, UDP and TCP to be a guest on the user network, in lock step with the test. */
#pragma once
#include <arpa/inet.h>
#include <check.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>
#include "devices/virtio/netbackend.h"

#define GUEST_IP 0x0a00020fu
#define HOST_IP 0x0a000202u

struct guest {
	struct netbackend *b;
	struct events *ev;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct { uint8_t bytes[2048]; size_t size; } in[1024];
	unsigned head, count;
	bool down;
	uint8_t mac[6], gateway[6];
	/* the frame that is being sent, for the event thread */
	uint8_t out[2048];
	size_t out_size;
	bool sent;
	uint16_t ip_id;
};

static inline bool guest_receive(void *front, const uint8_t *frame, size_t n)
{
	struct guest *g = front;
	pthread_mutex_lock(&g->lock);
	bool room = g->count < ARRAY_SIZE(g->in) && n <= sizeof(g->in[0].bytes);
	if (room) {
		unsigned at = (g->head + g->count++) % ARRAY_SIZE(g->in);
		memcpy(g->in[at].bytes, frame, n);
		g->in[at].size = n;
		pthread_cond_broadcast(&g->changed);
	}
	pthread_mutex_unlock(&g->lock);
	return room;
}

static inline void guest_writable(void *front)
{
}

static inline void guest_down(void *front, const char *why)
{
	struct guest *g = front;
	pthread_mutex_lock(&g->lock);
	g->down = true;
	pthread_cond_broadcast(&g->changed);
	pthread_mutex_unlock(&g->lock);
}

static inline void guest_start_now(void *opaque)
{
	struct guest *g = opaque;
	struct error err = { 0 };
	ck_assert_msg(g->b->ops->start(g->b, g->ev, &err), "%s", err.text);
}

static inline void guest_start(struct guest *g, struct netbackend *b, struct events *ev)
{
	static const uint8_t mac[6] = { 0x52, 0x54, 0, 0x12, 0x34, 0x56 };
	memset(g, 0, sizeof(*g));
	g->b = b;
	g->ev = ev;
	memcpy(g->mac, mac, 6);
	pthread_mutex_init(&g->lock, NULL);
	pthread_cond_init(&g->changed, NULL);
	b->front = g;
	b->receive = guest_receive;
	b->writable = guest_writable;
	b->down = guest_down;
	events_run(ev, guest_start_now, g);
}

/* ---- frames ---- */

static inline void guest_send_now(void *opaque)
{
	struct guest *g = opaque;
	struct iovec iov[2] = { { g->out, 14 }, { g->out + 14, g->out_size - 14 } };
	g->sent = g->b->ops->send(g->b, iov, 2);
}

static inline void guest_kick_now(void *opaque)
{
	struct guest *g = opaque;
	g->b->ops->kick(g->b);
}

static inline void guest_send(struct guest *g, size_t size)
{
	g->out_size = size;
	events_run(g->ev, guest_send_now, g);
	for (unsigned tries = 0; !g->sent && tries < 5000; tries++) {	/* no room: the other side is slow */
		usleep(1000);
		events_run(g->ev, guest_send_now, g);
	}
	ck_assert(g->sent);
}

/* The next frame, or 0 after ms milliseconds */
static inline size_t guest_take(struct guest *g, uint8_t *to, unsigned ms)
{
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += ms % 1000 * 1000000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_mutex_lock(&g->lock);
	while (!g->count && !g->down && !pthread_cond_timedwait(&g->changed, &g->lock, &until))
		;
	size_t n = 0;
	bool was_full = g->count == ARRAY_SIZE(g->in);
	if (g->count) {
		n = g->in[g->head].size;
		memcpy(to, g->in[g->head].bytes, n);
		g->head = (g->head + 1) % ARRAY_SIZE(g->in);
		g->count--;
	}
	pthread_mutex_unlock(&g->lock);
	if (was_full)
		events_run(g->ev, guest_kick_now, g);
	return n;
}

static inline void put16(uint8_t *p, unsigned v)
{
	p[0] = v >> 8;
	p[1] = v;
}

static inline void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v);
}

static inline unsigned get16(const uint8_t *p)
{
	return p[0] << 8 | p[1];
}

static inline uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static inline uint32_t sum16(uint32_t sum, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i + 1 < n; i += 2)
		sum += get16(p + i);
	return n & 1 ? sum + (p[n - 1] << 8) : sum;
}

static inline uint16_t fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

static inline void ethernet(struct guest *g, const uint8_t *to, unsigned type)
{
	memcpy(g->out, to, 6);
	memcpy(g->out + 6, g->mac, 6);
	put16(g->out + 12, type);
}

static inline void arp(struct guest *g, unsigned op, const uint8_t *to_mac, uint32_t to_ip)
{
	static const uint8_t all[6] = { 255, 255, 255, 255, 255, 255 };
	static const uint8_t start[6] = { 0, 1, 8, 0, 6, 4 };
	uint8_t *p = g->out + 14;
	ethernet(g, to_mac ? to_mac : all, 0x0806);
	memset(p, 0, 46);
	memcpy(p, start, 6);
	put16(p + 6, op);
	memcpy(p + 8, g->mac, 6);
	put32(p + 14, GUEST_IP);
	if (to_mac)
		memcpy(p + 18, to_mac, 6);
	put32(p + 24, to_ip);
	guest_send(g, 60);
}

/* Sends what stands at out + 34 with an IP header before it. */
static inline void ip_send(struct guest *g, unsigned protocol, uint32_t from, uint32_t to, const uint8_t *to_mac, size_t n)
{
	uint8_t *p = g->out + 14;
	ethernet(g, to_mac, 0x0800);
	memset(p, 0, 20);
	p[0] = 0x45;
	put16(p + 2, 20 + n);
	put16(p + 4, ++g->ip_id);
	p[8] = 64;
	p[9] = protocol;
	put32(p + 12, from);
	put32(p + 16, to);
	put16(p + 10, fold(sum16(0, p, 20)));
	guest_send(g, 34 + n);
}

/* The next IP packet of the protocol (its payload, length in *n); answers ARP meanwhile. NULL: none came. */
static inline const uint8_t *ip_take(struct guest *g, uint8_t frame[2048], unsigned protocol, size_t *n, unsigned ms)
{
	size_t size;
	while ((size = guest_take(g, frame, ms)) > 0) {
		if (size >= 42 && get16(frame + 12) == 0x0806) {
			if (get16(frame + 20) == 1 && get32(frame + 38) == GUEST_IP)
				arp(g, 2, frame + 22, get32(frame + 28));
			else if (get16(frame + 20) == 2 && get32(frame + 28) == HOST_IP)
				memcpy(g->gateway, frame + 22, 6);
		} else if (size >= 34 && get16(frame + 12) == 0x0800 && frame[23] == protocol) {
			ck_assert_uint_eq(fold(sum16(0, frame + 14, 20)), 0);
			*n = get16(frame + 16) - 20;
			return frame + 34;
		}
	}
	return NULL;
}

/* ---- TCP: everything in order, one connection ---- */

struct tcp {
	uint16_t own, peer;
	uint32_t peer_ip, seq, ack;
	bool fin;			/* the peer has sent it */
};

enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16 };

static inline uint16_t tcp_sum(const uint8_t *segment, size_t n, uint32_t a, uint32_t b)
{
	uint8_t pseudo[12];
	put32(pseudo, a);
	put32(pseudo + 4, b);
	put16(pseudo + 8, 6);
	put16(pseudo + 10, n);
	return fold(sum16(sum16(0, pseudo, 12), segment, n));
}

static inline void tcp_send(struct guest *g, struct tcp *t, unsigned flags, const void *data, size_t n)
{
	uint8_t *p = g->out + 34;
	memset(p, 0, 20);
	put16(p, t->own);
	put16(p + 2, t->peer);
	put32(p + 4, t->seq);
	put32(p + 8, flags & ACK ? t->ack : 0);
	p[12] = 5 << 4;
	p[13] = flags;
	put16(p + 14, 32768);
	if (n)
		memcpy(p + 20, data, n);
	put16(p + 16, tcp_sum(p, 20 + n, GUEST_IP, t->peer_ip));
	ip_send(g, 6, GUEST_IP, t->peer_ip, g->gateway, 20 + n);
	t->seq += n + !!(flags & SYN) + !!(flags & FIN);
}

/* The next segment in order: its data to `to`; -1 if none came in time, -2 for a reset. Acknowledges what needs it. */
static inline int tcp_take(struct guest *g, struct tcp *t, void *to, unsigned ms)
{
	uint8_t frame[2048];
	const uint8_t *p;
	size_t n;
	while ((p = ip_take(g, frame, 6, &n, ms)) != NULL) {
		if (get16(p + 2) != t->own || (t->peer && get16(p) != t->peer))
			continue;
		ck_assert_uint_eq(tcp_sum(p, n, get32(frame + 26), get32(frame + 30)), 0);
		unsigned header = p[12] >> 4 << 2, flags = p[13];
		if (flags & RST)
			return -2;
		if (flags & SYN) {
			t->peer = get16(p);
			t->peer_ip = get32(frame + 26);
			t->ack = get32(p + 4) + 1;
			return 0;
		}
		if (get32(p + 4) != t->ack) {
			tcp_send(g, t, ACK, NULL, 0);
			continue;
		}
		size_t data = n - header;
		memcpy(to, p + header, data);
		t->ack += data + (flags & FIN);
		t->fin |= flags & FIN;
		if (data || flags & FIN) {
			tcp_send(g, t, ACK, NULL, 0);
			return data;
		}
	}
	return -1;
}

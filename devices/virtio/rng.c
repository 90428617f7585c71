// SPDX-License-Identifier: Apache-2.0
/* The entropy device (VirtIO 1.2, 5.4): the host's random numbers, or with a seed ChaCha20's (RFC 8439) key stream. */
#include "devices/virtio/virtio.h"
#include <errno.h>
#include <endian.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define CHUNK 256
#define REQUEST_MAX 65536	/* 5.4.6.2: at least one byte must come, not all */

struct rng {
	struct virtio_device virtio;
	bool has_seed;
	uint64_t seed;
	uint64_t block;			/* next one of the key stream */
	struct virtio_chain chain;
};

static uint32_t rotate(uint32_t x, unsigned n)
{
	return x << n | x >> (32 - n);
}

static void quarter(uint32_t *s, unsigned a, unsigned b, unsigned c, unsigned d)
{
	s[a] += s[b], s[d] = rotate(s[d] ^ s[a], 16);
	s[c] += s[d], s[b] = rotate(s[b] ^ s[c], 12);
	s[a] += s[b], s[d] = rotate(s[d] ^ s[a], 8);
	s[c] += s[d], s[b] = rotate(s[b] ^ s[c], 7);
}

/* The key is the seed, the 96 bits of nonce are zero but for the upper half of a 64-bit block counter. */
static void chacha_block(uint64_t seed, uint64_t block, uint8_t out[64])
{
	uint32_t start[16] = { 0x61707865, 0x3320646e, 0x79622d32, 0x6b206574, (uint32_t)seed, (uint32_t)(seed >> 32) };
	uint32_t s[16];
	start[12] = (uint32_t)block;
	start[13] = (uint32_t)(block >> 32);
	memcpy(s, start, sizeof(s));
	for (unsigned i = 0; i < 10; i++) {
		quarter(s, 0, 4, 8, 12), quarter(s, 1, 5, 9, 13), quarter(s, 2, 6, 10, 14), quarter(s, 3, 7, 11, 15);
		quarter(s, 0, 5, 10, 15), quarter(s, 1, 6, 11, 12), quarter(s, 2, 7, 8, 13), quarter(s, 3, 4, 9, 14);
	}
	for (unsigned i = 0; i < 16; i++) {
		uint32_t le = htole32(s[i] + start[i]);
		memcpy(out + 4 * i, &le, 4);
	}
}

/* Fills up to CHUNK bytes; returns how many. */
static size_t random_bytes(struct rng *r, uint8_t *out, size_t n)
{
	if (r->has_seed) {
		for (size_t at = 0; at < CHUNK; at += 64)
			chacha_block(r->seed, r->block++, out + at);
		return n;
	}
	ssize_t got;
	do
		got = getrandom(out, n, 0);	/* up to 256 bytes come whole */
	while (got < 0 && errno == EINTR);
	return got < 0 ? 0 : got;
}

static bool fill(struct virtio_device *v, struct virtio_chain *c)
{
	struct rng *r = CONTAINER_OF(v, struct rng, virtio);
	uint8_t bytes[CHUNK];
	uint64_t want = c->in_bytes < REQUEST_MAX ? c->in_bytes : REQUEST_MAX, done = 0;
	while (done < want) {
		size_t n = random_bytes(r, bytes, want - done < CHUNK ? want - done : CHUNK);
		if (!n)
			break;
		done += chain_write(c, done, bytes, n);
	}
	chain_landed(c, done);
	virtio_lock(v);
	ring_push(c, done);
	ring_signal(c->queue);
	virtio_unlock(v);
	return true;
}

static void rng_notify(struct virtio_device *v, unsigned n)
{
	virtio_serve(&v->queue[n], &CONTAINER_OF(v, struct rng, virtio)->chain, fill);
}

static void rng_work(struct virtio_device *v, unsigned n)
{
	if (!v->machine->deterministic)
		rng_notify(v, n);
}

static void rng_reset(struct virtio_device *v, bool power_on)
{
	struct rng *r = CONTAINER_OF(v, struct rng, virtio);
	if (power_on)
		r->block = 0;
}

static void rng_destroy(struct virtio_device *v)
{
	virtio_stop(v);
	virtio_fini(v);
	free(CONTAINER_OF(v, struct rng, virtio));
}

static const struct virtio_device_ops rng_ops = {
	.name = "virtio-rng",
	.id = VIRTIO_ID_RNG,
	.notify = rng_notify,
	.work = rng_work,
	.reset = rng_reset,
	.destroy = rng_destroy,
};

struct virtio_device *virtio_rng_new(struct machine *m, bool has_seed, uint64_t seed, struct error *err)
{
	struct rng *r = calloc(1, sizeof(*r));
	if (!r) {
		error_set(err, ERROR_HOST, "virtio-rng: out of memory");
		return NULL;
	}
	r->has_seed = has_seed;
	r->seed = seed;
	if (!virtio_init(&r->virtio, &rng_ops, m, 0, 1, 64, 0, err)) {
		free(r);
		return NULL;
	}
	return &r->virtio;
}

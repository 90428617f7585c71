// SPDX-License-Identifier: Apache-2.0
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "devices/htif.h"

enum { DEV_SYSCALL = 0, DEV_CONSOLE = 1 };
enum { CONSOLE_READ = 0, CONSOLE_WRITE = 1 };
/* riscv-pk's numbers */
enum { SYS_CLOSE = 57, SYS_READ = 63, SYS_WRITE = 64, SYS_EXIT = 93, SYS_EXIT_GROUP = 94, SYS_GETMAINVARS = 2011 };
enum { NO_SYSCALL = -38, BAD_FD = -9, BAD_ADDRESS = -14 };

#define OUT_SIZE   256
#define IN_SIZE	   64
#define WRITE_MAX  ((uint64_t)1 << 20)	/* bytes of one write system call that are done; the caller sees how many */
/*
 * A 64-bit request may come as two stores. The upper half completes it; when only the lower one is stored and nothing
 * follows, this time in ns ends the wait.
 */
#define HALF_DELAY 1000000

struct htif {
	struct device dev;
	struct htif_config config;
	uint64_t watched;		/* base of the watched pages */
	struct guest_timer *timer;
	pthread_mutex_t out_lock;	/* orders what is written to the console */
	uint8_t out[OUT_SIZE], in[IN_SIZE];
	uint32_t out_count, in_head, in_count;
	bool half;			/* the lower half was stored, the upper not yet */
	bool reading;			/* the guest waits for a console character */
	bool kick_wanted, ended;
	uint64_t code;			/* ended: with this */
	uint64_t big_at, big_size;	/* console output still in guest memory */
};

static void put64(struct htif *h, uint64_t at, uint64_t value)
{
	/* outside RAM nothing can be told */
	if (!phys_write(&h->dev.machine->phys, GPA(at), &value, sizeof(value)))
		device_guest_error(&h->dev, "0x%" PRIx64 " is not in RAM", at);
}

static void answer(struct htif *h, uint64_t value)
{
	put64(h, h->config.tohost, 0);
	if (h->config.fromhost)
		put64(h, h->config.fromhost, value);
}

static void end(struct htif *h, uint64_t code)
{
	h->ended = h->dev.flush_wanted = true;
	h->code = code;
}

static uint64_t do_write(struct htif *h, uint64_t fd, uint64_t at, uint64_t size)
{
	if (fd != 1 && fd != 2)
		return BAD_FD;
	if (size > WRITE_MAX)
		size = WRITE_MAX;
	/* page by page: RAM is several ranges here, with the watched one among them */
	for (uint64_t done = 0; done < size; done += PAGE_SIZE - (at + done) % PAGE_SIZE) {
		const struct phys_range *r = phys_find(&h->dev.machine->phys, GPA(at + done));
		if (!r || r->kind != PHYS_RAM)
			return BAD_ADDRESS;
	}
	h->big_at = at;
	h->big_size = size;
	h->dev.flush_wanted = true;
	return size;
}

/* Eight words at `at`: the number and its arguments; the result replaces the number. */
static void do_syscall(struct htif *h, uint64_t at)
{
	uint64_t word[8], result = NO_SYSCALL;
	if (!phys_read(&h->dev.machine->phys, GPA(at), word, sizeof(word))) {
		device_guest_error(&h->dev, "system call block at 0x%" PRIx64 " is not in RAM", at);
		answer(h, 1);
		return;
	}
	switch (word[0]) {
	case SYS_WRITE:
		result = do_write(h, word[1], word[2], word[3]);
		break;
	case SYS_READ:		/* standard input is at its end */
	case SYS_CLOSE:
		result = word[1] <= 2 ? 0 : BAD_FD;
		break;
	case SYS_EXIT:
	case SYS_EXIT_GROUP:
		end(h, word[1]);
		return;
	case SYS_GETMAINVARS: {
		/* argc 0 and an empty argv and envp */
		uint64_t vars[4] = { 0 }, size = word[2] < sizeof(vars) ? word[2] : sizeof(vars);
		result = phys_write(&h->dev.machine->phys, GPA(word[1]), vars, size) ? 0 : BAD_ADDRESS;
		break;
	}
	default:
		device_guest_error(&h->dev, "system call %" PRIu64 " is not known", word[0]);
	}
	put64(h, at, result);
	answer(h, 1);
}

static void answer_read(struct htif *h)
{
	if (!h->reading || !h->in_count)
		return;
	h->reading = false;
	uint8_t byte = h->in[h->in_head];
	h->in_head = (h->in_head + 1) % IN_SIZE;
	h->in_count--;
	if (h->kick_wanted)
		h->dev.flush_wanted = true;
	if (h->config.fromhost)
		put64(h, h->config.fromhost, (uint64_t)DEV_CONSOLE << 56 | (uint64_t)CONSOLE_READ << 48 | 0x100 | byte);
}

static void request(struct htif *h, uint64_t value)
{
	unsigned device = value >> 56, command = value >> 48 & 0xff;
	uint64_t payload = extract(value, 0, 48);
	h->half = false;
	guest_timer_set(h->timer, UINT64_MAX);
	if (device == DEV_SYSCALL && command == 0 && (payload & 1)) {
		end(h, payload >> 1);
	} else if (device == DEV_SYSCALL && command == 0) {
		do_syscall(h, payload);
	} else if (device == DEV_CONSOLE && command == CONSOLE_WRITE) {
		if (h->out_count < OUT_SIZE)
			h->out[h->out_count++] = payload;
		h->dev.flush_wanted = true;
		answer(h, (uint64_t)DEV_CONSOLE << 56 | (uint64_t)CONSOLE_WRITE << 48);
	} else if (device == DEV_CONSOLE && command == CONSOLE_READ) {
		h->reading = true;
		put64(h, h->config.tohost, 0);	/* fromhost follows when there is a character */
		answer_read(h);
	} else {
		device_guest_error(&h->dev, "request 0x%016" PRIx64 " is not known", value);
		answer(h, value >> 48 << 48);
	}
}

static uint64_t tohost(struct htif *h)
{
	uint64_t value = 0;
	if (!phys_read(&h->dev.machine->phys, GPA(h->config.tohost), &value, sizeof(value)))
		value = 0;
	return value;
}

/* After a store to the watched pages. */
static bool watch_write(void *opaque, uint64_t offset, unsigned size, uint64_t unused)
{
	struct htif *h = CONTAINER_OF(opaque, struct htif, dev);
	uint64_t at = h->watched + offset, word = h->config.tohost;
	if (at >= word + 8 || at + size <= word)
		return true;
	device_lock(&h->dev);
	uint64_t value = tohost(h);
	bool upper = at + size > word + 4, again = h->half && at <= word;
	/* A word of four bytes, a store that reaches the upper half, or a second one to the lower half (the loop in
	 * which riscv-tests ends): the request is whole. */
	if (!value)
		h->half = false;
	else if (upper || again || h->config.tohost_size == 4)
		request(h, h->config.tohost_size == 4 ? (uint32_t)value : value);
	else {
		h->half = true;
		guest_timer_set(h->timer, clock_now(h->dev.machine) + HALF_DELAY);
	}
	device_unlock(&h->dev);
	return true;
}

static bool watch_read(void *opaque, uint64_t offset, unsigned size, uint64_t *value)
{
	return false;	/* it is RAM: never asked */
}

const struct mmio_ops htif_watch = { .read = watch_read, .write = watch_write };

void htif_set_watched(struct device *htif, gpa_t base)
{
	CONTAINER_OF(htif, struct htif, dev)->watched = base.v;
}

static void half_expired(void *opaque)
{
	struct htif *h = opaque;
	device_lock(&h->dev);
	uint64_t value = tohost(h);
	if (h->half && value)
		request(h, value);
	device_unlock(&h->dev);
}

/* ---- console ---- */

static void write_big(struct htif *h, uint64_t at, uint64_t size)
{
	uint8_t part[1024];
	while (size) {
		uint64_t n = size < sizeof(part) ? size : sizeof(part), page = PAGE_SIZE - at % PAGE_SIZE;
		n = n < page ? n : page;
		if (!phys_read(&h->dev.machine->phys, GPA(at), part, n))
			return;
		h->config.console->write(h->config.console, part, n);
		at += n;
		size -= n;
	}
}

static void htif_flush(struct device *d)
{
	struct htif *h = CONTAINER_OF(d, struct htif, dev);
	uint8_t bytes[OUT_SIZE];
	pthread_mutex_lock(&h->out_lock);
	device_lock(d);
	unsigned n = h->out_count;
	uint64_t big_at = h->big_at, big_size = h->big_size, code = h->code;
	bool ended = h->ended, kick = h->kick_wanted && h->in_count < IN_SIZE;
	memcpy(bytes, h->out, n);
	h->out_count = 0;
	h->big_size = 0;
	h->ended = false;
	if (kick)
		h->kick_wanted = false;
	device_unlock(d);
	if (h->config.console) {
		if (n)
			h->config.console->write(h->config.console, bytes, n);
		write_big(h, big_at, big_size);
	}
	pthread_mutex_unlock(&h->out_lock);
	if (kick && h->config.console->kick)
		h->config.console->kick(h->config.console);
	if (ended && code)
		machine_end(d->machine, EXIT_CODE, code, "the guest ended with code %" PRIu64 " (tohost)", code);
	else if (ended)
		machine_end(d->machine, EXIT_POWEROFF, 0, "the guest ended (tohost)");
}

static unsigned can_receive(void *front)
{
	struct htif *h = front;
	device_lock(&h->dev);
	unsigned room = IN_SIZE - h->in_count;
	h->kick_wanted |= !room;
	device_unlock(&h->dev);
	return room;
}

static void receive(void *front, const uint8_t *bytes, unsigned n)
{
	struct htif *h = front;
	device_lock(&h->dev);
	for (unsigned i = 0; i < n && h->in_count < IN_SIZE; i++)
		h->in[(h->in_head + h->in_count++) % IN_SIZE] = bytes[i];
	answer_read(h);
	device_unlock(&h->dev);
}

static bool no_read(struct device *d, uint64_t offset, unsigned size, uint64_t *value)
{
	return false;
}

static bool no_write(struct device *d, uint64_t offset, unsigned size, uint64_t value)
{
	return false;
}

static void htif_reset(struct device *d)
{
	struct htif *h = CONTAINER_OF(d, struct htif, dev);
	h->out_count = h->in_head = h->in_count = 0;
	h->half = h->reading = h->ended = false;
	h->big_size = 0;
	h->dev.flush_wanted = h->kick_wanted;
	guest_timer_set(h->timer, UINT64_MAX);
}

static void htif_destroy(struct device *d)
{
	struct htif *h = CONTAINER_OF(d, struct htif, dev);
	guest_timer_free(h->timer);
	pthread_mutex_destroy(&h->out_lock);
	device_fini(d);
	free(h);
}

static const struct device_field htif_fields[] = {
	DEVICE_ARRAY(struct htif, in), DEVICE_FIELD(struct htif, in_head), DEVICE_FIELD(struct htif, in_count),
	DEVICE_FIELD(struct htif, half), DEVICE_FIELD(struct htif, reading),
};

static const struct device_ops htif_ops = {
	.type = "htif",
	.min_access = 1,
	.max_access = 8,
	.read = no_read,
	.write = no_write,
	.reset = htif_reset,
	.flush = htif_flush,
	.destroy = htif_destroy,
	.fields = htif_fields,
	.n_fields = ARRAY_SIZE(htif_fields),
};

struct device *htif_new(struct machine *m, const struct htif_config *config)
{
	struct htif *h = calloc(1, sizeof(*h));
	if (!h)
		return NULL;
	device_init(&h->dev, &htif_ops, m);
	pthread_mutex_init(&h->out_lock, NULL);
	h->config = *config;
	h->timer = guest_timer_new(m, half_expired, h);
	if (!h->timer) {
		htif_destroy(&h->dev);
		return NULL;
	}
	if (config->console && config->input) {
		config->console->front = h;
		config->console->can_receive = can_receive;
		config->console->receive = receive;
	}
	return &h->dev;
}

// SPDX-License-Identifier: Apache-2.0
/* Input and output in memory, for the public API and for tests. */
#include "src/serial/internal.h"
#include <stdlib.h>
#include <string.h>

struct mem {
	struct serial s;
	void (*output)(void *opaque, const uint8_t *bytes, unsigned n);
	void *opaque;
};

static void mem_output(struct serial *s, const uint8_t *bytes, unsigned n)
{
	struct mem *m = CONTAINER_OF(s, struct mem, s);
	if (m->output)
		m->output(m->opaque, bytes, n);
}

static void mem_destroy(struct serial *s)
{
	free(CONTAINER_OF(s, struct mem, s));
}

static const struct serial_ops mem_ops = { .output = mem_output, .destroy = mem_destroy };

struct chardev *serial_mem(void (*output)(void *opaque, const uint8_t *bytes, unsigned n), void *opaque, struct error *err)
{
	struct mem *m = malloc(sizeof(*m));
	if (!m) {
		error_set(err, ERROR_HOST, "serial: out of memory");
		return NULL;
	}
	if (!serial_init(&m->s, &mem_ops, err)) {
		free(m);
		return NULL;
	}
	m->output = output;
	m->opaque = opaque;
	return &m->s.c;
}

unsigned serial_mem_input(struct chardev *c, const void *bytes, unsigned n)
{
	struct serial *s = CONTAINER_OF(c, struct serial, c);
	pthread_mutex_lock(&s->in_lock);
	if (n > SERIAL_IN_MAX - s->in_count)
		n = SERIAL_IN_MAX - s->in_count;
	memcpy(s->in + s->in_count, bytes, n);
	s->in_count += n;
	pthread_mutex_unlock(&s->in_lock);
	if (n)
		c->kick(c);
	return n;
}

// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include "src/gdb/internal.h"

#define SEND_TIMEOUT_MS 10000	/* a debugger that takes nothing for so long is gone */

/* ---- bytes ---- */

static bool write_all(struct gdb_link *l, const char *bytes, unsigned n)
{
	while (n) {
		ssize_t done = send(l->fd, bytes, n, MSG_NOSIGNAL);
		if (done > 0) {
			bytes += done;
			n -= (unsigned)done;
		} else if (done < 0 && errno == EAGAIN) {
			struct pollfd p = { .fd = l->fd, .events = POLLOUT };
			if (poll(&p, 1, SEND_TIMEOUT_MS) <= 0)
				return false;
		} else if (done < 0 && errno != EINTR) {
			return false;
		}
	}
	return true;
}

/* The next byte; -1: none there, -2: closed */
static int next_byte(struct gdb_link *l)
{
	if (l->in_at == l->in_n) {
		ssize_t n;
		do
			n = recv(l->fd, l->in, sizeof l->in, 0);
		while (n < 0 && errno == EINTR);
		if (n < 0 && errno == EAGAIN)
			return -1;
		if (n <= 0)
			return -2;
		l->in_at = 0;
		l->in_n = (unsigned)n;
	}
	return l->in[l->in_at++];
}

static int wait_byte(struct gdb_link *l)
{
	int c;
	while ((c = next_byte(l)) == -1) {
		struct pollfd p = { .fd = l->fd, .events = POLLIN };
		if (poll(&p, 1, SEND_TIMEOUT_MS) <= 0)
			return -2;
	}
	return c;
}

static int hex_digit(int c)
{
	return c >= '0' && c <= '9'    ? c - '0'
		: c >= 'a' && c <= 'f' ? c - 'a' + 10
		: c >= 'A' && c <= 'F' ? c - 'A' + 10
				       : -1;
}

/* ---- packets ---- */

/* After '$': contents up to '#', and its checksum. A packet begins whole soon after its first byte. */
static enum gdb_input read_packet(struct gdb_link *l)
{
	uint8_t sum = 0;
	int c;
	l->packet_n = 0;
	while ((c = wait_byte(l)) != '#') {
		if (c < 0)
			return GDB_CLOSED;
		sum = (uint8_t)(sum + c);
		if (c == '}') {
			c = wait_byte(l);
			if (c < 0)
				return GDB_CLOSED;
			sum = (uint8_t)(sum + c);
			c ^= 0x20;
		}
		if (l->packet_n == GDB_PACKET)
			return GDB_CLOSED;	/* longer than we said we take */
		l->packet[l->packet_n++] = (char)c;
	}
	l->packet[l->packet_n] = 0;
	int high = hex_digit(wait_byte(l)), low = hex_digit(wait_byte(l));
	bool good = high >= 0 && low >= 0 && (high << 4 | low) == sum;
	if (!l->no_ack && !write_all(l, good ? "+" : "-", 1))
		return GDB_CLOSED;
	return good || l->no_ack ? GDB_PACKET_READY : GDB_NOTHING;
}

enum gdb_input gdb_receive(struct gdb_link *l)
{
	for (;;) {
		int c = next_byte(l);
		if (c == -1)
			return GDB_NOTHING;
		if (c == -2)
			return GDB_CLOSED;
		if (c == 3)
			return GDB_INTERRUPT;
		if (c == '$') {
			enum gdb_input got = read_packet(l);
			if (got != GDB_NOTHING)
				return got;
		}
		/* '+' and stray bytes say nothing here */
	}
}

void gdb_begin(struct gdb_link *l)
{
	l->reply_n = 1;
	l->reply[0] = '$';
}

/* Room that the checksum and its mark always have. */
#define REPLY_ROOM(l) ((unsigned)sizeof (l)->reply - 4 - (l)->reply_n)

void gdb_put(struct gdb_link *l, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(l->reply + l->reply_n, REPLY_ROOM(l), fmt, ap);
	va_end(ap);
	if (n > 0 && (unsigned)n < REPLY_ROOM(l))
		l->reply_n += (unsigned)n;
}

void gdb_put_hex(struct gdb_link *l, const void *bytes, unsigned n)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *b = bytes;
	for (unsigned i = 0; i < n && REPLY_ROOM(l) > 2; i++) {
		l->reply[l->reply_n++] = digits[b[i] >> 4];
		l->reply[l->reply_n++] = digits[b[i] & 15];
	}
}

void gdb_put_binary(struct gdb_link *l, const void *bytes, unsigned n)
{
	const char *b = bytes;
	for (unsigned i = 0; i < n && REPLY_ROOM(l) > 2; i++) {
		if (memchr("$#}*", b[i], 4)) {
			l->reply[l->reply_n++] = '}';
			l->reply[l->reply_n++] = b[i] ^ 0x20;
		} else {
			l->reply[l->reply_n++] = b[i];
		}
	}
}

bool gdb_send(struct gdb_link *l)
{
	uint8_t sum = 0;
	for (unsigned i = 1; i < l->reply_n; i++)
		sum = (uint8_t)(sum + (uint8_t)l->reply[i]);
	l->reply_n += (unsigned)sprintf(l->reply + l->reply_n, "#%02x", sum);
	for (unsigned tries = 0; tries < 3; tries++) {
		if (!write_all(l, l->reply, l->reply_n))
			return false;
		if (l->no_ack)
			return true;
		int c;
		do
			c = wait_byte(l);
		while (c >= 0 && c != '+' && c != '-');
		if (c != '-')
			return c == '+';
	}
	return false;
}

unsigned gdb_unhex(const char *text, uint8_t *bytes, unsigned max)
{
	unsigned n = 0;
	while (n < max && hex_digit(text[2 * n]) >= 0 && hex_digit(text[2 * n + 1]) >= 0) {
		bytes[n] = (uint8_t)(hex_digit(text[2 * n]) << 4 | hex_digit(text[2 * n + 1]));
		n++;
	}
	return n;
}

// SPDX-License-Identifier: Apache-2.0
/* One who is connected: lines in, lines out, neither ever waited for. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "src/ctl/internal.h"
#include "src/profile/names.h"

void client_open(struct ctl_client *c, int fd)
{
	*c = (struct ctl_client){ .fd = fd, .in = malloc(CTL_LINE) };
	if (!c->in)
		client_close(c);
}

void client_close(struct ctl_client *c)
{
	if (c->fd >= 0)
		close(c->fd);
	free(c->in);
	free(c->out);
	names_free(c->names);
	*c = (struct ctl_client){ .fd = -1 };
}

void client_receive(struct ctl_client *c)
{
	while (!c->ended && c->n_in < CTL_LINE) {
		ssize_t n = recv(c->fd, c->in + c->n_in, CTL_LINE - c->n_in, 0);
		if (n > 0)
			c->n_in += (size_t)n;
		else if (n == 0)
			c->ended = true;
		else if (errno == EAGAIN || errno == EWOULDBLOCK)
			return;
		else if (errno != EINTR)
			c->ended = c->hung_up = true;
	}
}

void client_flush(struct ctl_client *c)
{
	size_t done = 0;
	while (done < c->n_out) {
		ssize_t n = send(c->fd, c->out + done, c->n_out - done, MSG_NOSIGNAL);
		if (n > 0) {
			done += (size_t)n;
		} else if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
			break;
		} else if (n < 0 && errno != EINTR) {
			c->hung_up = true;
			done = c->n_out;
		}
	}
	if (done)
		memmove(c->out, c->out + done, c->n_out - done);
	c->n_out -= done;
}

void client_put(struct ctl_client *c, const char *text, size_t size)
{
	if (c->hung_up)
		return;
	if (c->n_out + size > c->room_out) {
		size_t room = (c->n_out + size) * 2;
		char *more = realloc(c->out, room);
		if (!more) {	/* a reply that is missing would have the client wait for ever */
			c->broken = true;
			return;
		}
		c->out = more;
		c->room_out = room;
	}
	memcpy(c->out + c->n_out, text, size);
	c->n_out += size;
}

static bool is_full(const struct ctl_client *c)
{
	return c->n_out > CTL_QUEUE;
}

void client_put_event(struct ctl_client *c, const char *text, size_t size)
{
	if (is_full(c)) {
		c->missed++;
		return;
	}
	if (c->missed) {
		char line[64];
		int n = snprintf(line, sizeof line, "{\"event\": \"missed\", \"count\": %" PRIu64 "}\n", c->missed);
		c->missed = 0;
		client_put(c, line, (size_t)n);
	}
	client_put(c, text, size);
}

/* ---- replies ---- */

bool reply_begin(struct ctl_reply *r, const char *id, const char *member)
{
	*r = (struct ctl_reply){ 0 };
	r->f = open_memstream(&r->text, &r->size);
	if (!r->f)
		return false;
	r->json.f = r->f;
	json_open(&r->json, NULL, '{');
	if (*id)
		json_literal(&r->json, "id", id);
	json_open(&r->json, member, '{');
	return true;
}

void reply_end(struct ctl_reply *r, struct ctl_client *c, bool wanted)
{
	if (wanted) {
		json_close(&r->json, '}');
		json_close(&r->json, '}');
	}
	if (fclose(r->f))
		c->broken = true;
	else if (wanted)
		client_put(c, r->text, r->size);
	free(r->text);
}

void reply_error(struct ctl_client *c, const char *id, const struct error *err)
{
	struct ctl_reply r;
	if (!reply_begin(&r, id, "error")) {
		c->broken = true;
		return;
	}
	json_string(&r.json, "code", err->code == ERROR_USAGE ? "usage" : "host");
	json_string(&r.json, "text", err->text);
	reply_end(&r, c, true);
}

/* ---- requests ---- */

static void carry_out(struct ctl *ctl, struct ctl_client *c, const struct ctl_request *q)
{
	struct error err = { 0 };
	struct ctl_reply r;
	if (q->command->there && !q->command->there(ctl)) {
		error_set(&err, ERROR_USAGE, "%s: this guest has no such command%s", q->command->name,
			  ctl_is_free(ctl) ? "" : ": its debugger (--gdb) is in charge of that");
		reply_error(c, q->id, &err);
		return;
	}
	if (!reply_begin(&r, q->id, "reply")) {
		c->broken = true;
		return;
	}
	struct ctl_call call = { .ctl = ctl, .client = c, .request = q, .json = &r.json };
	bool good = q->command->run(&call, &err);
	reply_end(&r, c, good && !call.later);
	if (!good)
		reply_error(c, q->id, &err);
}

static void take_line(struct ctl *ctl, struct ctl_client *c, const char *line, size_t size)
{
	struct ctl_request q;
	struct error err = { 0 };
	size_t blank = 0;
	while (blank < size && line[blank] && strchr(" \t\r\n", line[blank]))
		blank++;
	if (blank == size)	/* nothing is no request */
		return;
	if (ctl_request_parse(&q, line, size, &err))
		carry_out(ctl, c, &q);
	else
		reply_error(c, q.id, &err);
	ctl_request_free(&q);
}

/* Takes a line off the front. */
static void drop(struct ctl_client *c, size_t size)
{
	memmove(c->in, c->in + size, c->n_in - size);
	c->n_in -= size;
}

bool client_serve(struct ctl *ctl, struct ctl_client *c)
{
	struct error err = { 0 };
	char *end = c->n_in ? memchr(c->in, '\n', c->n_in) : NULL;
	if (c->broken || is_full(c))
		return false;
	if (end) {
		size_t size = (size_t)(end - c->in);
		if (!c->skipping)
			take_line(ctl, c, c->in, size + 1);
		c->skipping = false;
		drop(c, size + 1);
		return true;
	}
	if (c->n_in == CTL_LINE || (c->ended && c->n_in)) {
		error_set(&err, ERROR_USAGE, c->ended ? "the request of %zu bytes is cut short: a line ends with a newline"
						      : "the request is longer than %zu bytes", c->n_in);
		if (!c->skipping)
			reply_error(c, "", &err);
		c->skipping = true;
		c->n_in = 0;
		return true;
	}
	return false;
}

// SPDX-License-Identifier: Apache-2.0
#include "src/ctl/link.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "src/unix_socket.h"

struct ctl_link {
	int fd;
	FILE *in;
	char *line;
	size_t room;
};

/* ---- coming and going ---- */

static bool explain(const char *path, int error, struct error *err)
{
	if (error == ENOENT)
		return error_set(err, ERROR_USAGE, "%.200s: no such socket: is a guest running with --ctl %.100s?", path, path);
	if (error == ECONNREFUSED)
		return error_set(err, ERROR_USAGE, "%.200s: nobody listens there: its guest has gone, or it is no control socket", path);
	return error_set(err, ERROR_USAGE, "%.200s: %s", path, strerror(error));
}

static bool dial(struct ctl_link *l, const char *path, struct error *err)
{
	struct sockaddr_un a;
	if (!unix_address(&a, path, err))
		return error_prefix(err, "%.200s", path);
	l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (l->fd < 0 || connect(l->fd, (const struct sockaddr *)&a, sizeof a))
		return explain(path, errno, err);
	l->in = fdopen(l->fd, "r");
	return l->in || error_set(err, ERROR_HOST, "out of memory");
}

struct ctl_link *ctl_connect(const char *path, struct error *err)
{
	struct ctl_link *l = calloc(1, sizeof *l);
	if (!l) {
		error_set(err, ERROR_HOST, "out of memory");
		return NULL;
	}
	l->fd = -1;
	if (dial(l, path, err))
		return l;
	ctl_disconnect(l);
	return NULL;
}

void ctl_disconnect(struct ctl_link *l)
{
	if (!l)
		return;
	if (l->in)
		fclose(l->in);
	else if (l->fd >= 0)
		close(l->fd);
	free(l->line);
	free(l);
}

int ctl_link_fd(const struct ctl_link *l)
{
	return l->fd;
}

/* ---- lines ---- */

struct json_object *ctl_new_request(const char *command)
{
	struct json_object *o = json_object_new_object();
	if (o)
		json_object_object_add(o, "command", json_object_new_string(command));
	return o;
}

static bool send_all(int fd, const char *text, size_t size)
{
	while (size) {
		ssize_t n = send(fd, text, size, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		text += n;
		size -= (size_t)n;
	}
	return true;
}

bool ctl_send(struct ctl_link *l, struct json_object *request, struct error *err)
{
	const char *text = request ? json_object_to_json_string_ext(request, JSON_C_TO_STRING_PLAIN) : NULL;
	bool good = text && send_all(l->fd, text, strlen(text)) && send_all(l->fd, "\n", 1);
	json_object_put(request);
	return good || error_set(err, ERROR_HOST, text ? "the guest has gone" : "out of memory");
}

const char *ctl_next_line(struct ctl_link *l)
{
	ssize_t n = getline(&l->line, &l->room, l->in);
	if (n <= 0 || l->line[n - 1] != '\n')
		return NULL;
	l->line[n - 1] = 0;
	return l->line;
}

/* ---- replies ---- */

struct json_object *ctl_read_reply(const char *line, struct error *err)
{
	struct json_object *root = json_tokener_parse(line), *reply = NULL, *error;
	if (json_object_object_get_ex(root, "reply", &reply)) {
		json_object_get(reply);
	} else if (json_object_object_get_ex(root, "error", &error)) {
		const char *code = ctl_text(error, "code"), *text = ctl_text(error, "text");
		error_set(err, code && !strcmp(code, "host") ? ERROR_HOST : ERROR_USAGE, "%s", text ? text : "refused");
	} else {
		error_set(err, ERROR_HOST, "what answers is no control socket");
	}
	json_object_put(root);
	return reply;
}

struct json_object *ctl_wait_reply(struct ctl_link *l, struct error *err)
{
	const char *line;
	while ((line = ctl_next_line(l)))
		if (strncmp(line, "{\"event\"", 8))
			return ctl_read_reply(line, err);
	error_set(err, ERROR_HOST, "the guest has gone before it answered");
	return NULL;
}

struct json_object *ctl_ask(struct ctl_link *l, struct json_object *request, struct error *err)
{
	return ctl_send(l, request, err) ? ctl_wait_reply(l, err) : NULL;
}

const char *ctl_text(struct json_object *o, const char *name)
{
	struct json_object *value;
	return json_object_object_get_ex(o, name, &value) && json_object_is_type(value, json_type_string) ? json_object_get_string(value) : NULL;
}

uint64_t ctl_integer(struct json_object *o, const char *name)
{
	struct json_object *value;
	return json_object_object_get_ex(o, name, &value) && json_object_is_type(value, json_type_int) ? json_object_get_uint64(value) : 0;
}

uint64_t ctl_hex(struct json_object *o, const char *name)
{
	const char *text = ctl_text(o, name);
	return text ? strtoull(text, NULL, 16) : 0;
}

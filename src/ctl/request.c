// SPDX-License-Identifier: Apache-2.0
/* A request: one JSON object with the command's name, its arguments and perhaps an id, which the reply repeats. */
#include <json-c/json.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "src/ctl/request.h"
#include "src/options.h"

#define DEEPEST 8	/* arrays and objects in one another */

/* A string; NULL: it is none, or has a NUL in it. */
static const char *text_of(struct json_object *o)
{
	const char *text = json_object_is_type(o, json_type_string) ? json_object_get_string(o) : NULL;
	return text && strlen(text) == (size_t)json_object_get_string_len(o) ? text : NULL;
}

static bool take_number(struct ctl_value *v, struct json_object *from, struct error *err)
{
	if (!json_object_is_type(from, json_type_int) || json_object_get_int64(from) < 0)
		return error_set(err, ERROR_USAGE, "must be an integer that is not negative");
	v->number = json_object_get_uint64(from);
	return true;
}

/* ids are repeated as they came, so only what is one token */
static bool take_id(struct ctl_request *q, struct json_object *id, struct error *err)
{
	struct ctl_value number;
	const char *text = text_of(id);
	size_t n = text ? strlen(text) : 0;
	if (json_object_is_type(id, json_type_int) && take_number(&number, id, err)) {
		snprintf(q->id, sizeof q->id, "%" PRIu64, number.number);
		return true;
	}
	if (!text || n > CTL_ID_BYTES || strcspn(text, "\"\\") < n)
		return error_set(err, ERROR_USAGE, "id: an integer that is not negative, or a string of at most %u bytes without quotes and backslashes",
				 CTL_ID_BYTES);
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)text[i] < 32 || text[i] == 127)
			return error_set(err, ERROR_USAGE, "id: there are control characters in it");
	snprintf(q->id, sizeof q->id, "\"%s\"", text);
	return true;
}

static bool take_address(struct ctl_value *v, struct json_object *from, struct error *err)
{
	const char *text = text_of(from);
	if (text)
		return parse_number(text, UINT64_MAX, &v->number, err);
	return take_number(v, from, err) || error_set(err, ERROR_USAGE, "must be an address, as \"0x80200000\"");
}

static bool take_texts(struct ctl_value *v, struct json_object *from, struct error *err)
{
	v->n_texts = json_object_is_type(from, json_type_array) ? json_object_array_length(from) : 0;
	bool good = json_object_is_type(from, json_type_array) && v->n_texts <= CTL_TEXTS_MOST;
	for (size_t i = 0; good && i < v->n_texts; i++)
		good = (v->texts[i] = text_of(json_object_array_get_idx(from, i)));
	return good || error_set(err, ERROR_USAGE, "must be an array of at most %u strings", CTL_TEXTS_MOST);
}

static bool take_value(struct ctl_value *v, enum ctl_type type, struct json_object *from, struct error *err)
{
	v->given = true;
	switch (type) {
	case CTL_NUMBER:
		return take_number(v, from, err);
	case CTL_ADDRESS:
		return take_address(v, from, err);
	case CTL_TEXT:
		v->text = text_of(from);
		return v->text || error_set(err, ERROR_USAGE, "must be a string");
	case CTL_FLAG:
		v->number = json_object_get_boolean(from) != 0;
		return json_object_is_type(from, json_type_boolean) || error_set(err, ERROR_USAGE, "must be true or false");
	case CTL_TEXTS:
		return take_texts(v, from, err);
	}
	return false;
}

static unsigned count_args(const struct ctl_command *c)
{
	unsigned n = 0;
	while (n < CTL_ARGS && c->arg[n].name)
		n++;
	return n;
}

static bool unknown_arg(const struct ctl_command *c, const char *name, struct error *err)
{
	const char *names[CTL_ARGS], *near;
	unsigned n = count_args(c);
	for (unsigned i = 0; i < n; i++)
		names[i] = c->arg[i].name;
	near = nearest_name(name, names, n);
	if (near)
		return error_set(err, ERROR_USAGE, "%s has no argument %.60s: did you mean %s?", c->name, name, near);
	return error_set(err, ERROR_USAGE, "%s has no argument %.60s", c->name, name);
}

static bool take_args(struct ctl_request *q, struct error *err)
{
	const struct ctl_command *c = q->command;
	unsigned n = count_args(c);
	json_object_object_foreach(q->root, key, from) {
		unsigned i = 0;
		if (!strcmp(key, "id") || !strcmp(key, "command"))
			continue;
		while (i < n && strcmp(key, c->arg[i].name))
			i++;
		if (i == n)
			return unknown_arg(c, key, err);
		if (!take_value(&q->value[i], c->arg[i].type, from, err))
			return error_prefix(err, "%s", c->arg[i].name);
	}
	for (unsigned i = 0; i < n; i++)
		if (c->arg[i].required && !q->value[i].given)
			return error_set(err, ERROR_USAGE, "%s needs %s: %s", c->name, c->arg[i].name, c->arg[i].help);
	return true;
}

/* NULL: err. */
static struct json_object *parse(const char *line, size_t size, struct error *err)
{
	if (memchr(line, 0, size)) {
		error_set(err, ERROR_USAGE, "no JSON: there is a byte 0 in it");
		return NULL;
	}
	struct json_tokener *t = json_tokener_new_ex(DEEPEST);
	if (!t) {
		error_set(err, ERROR_HOST, "out of memory");
		return NULL;
	}
	json_tokener_set_flags(t, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	struct json_object *root = json_tokener_parse_ex(t, line, (int)size);
	enum json_tokener_error error = json_tokener_get_error(t);
	if (error == json_tokener_continue)
		error_set(err, ERROR_USAGE, "no JSON: it is not complete");
	else if (error != json_tokener_success)
		error_set(err, ERROR_USAGE, "no JSON: %.80s (byte %zu)", json_tokener_error_desc(error), json_tokener_get_parse_end(t));
	else if (!json_object_is_type(root, json_type_object))
		error_set(err, ERROR_USAGE, "a request is an object, as {\"command\": \"status\"}");
	json_tokener_free(t);
	if (json_object_is_type(root, json_type_object))
		return root;
	json_object_put(root);
	return NULL;
}

bool ctl_request_parse(struct ctl_request *q, const char *line, size_t size, struct error *err)
{
	struct json_object *id, *name = NULL;
	*q = (struct ctl_request){ .root = parse(line, size, err) };
	if (!q->root)
		return false;
	if (json_object_object_get_ex(q->root, "id", &id) && !take_id(q, id, err))
		return false;
	json_object_object_get_ex(q->root, "command", &name);
	if (!text_of(name))
		return error_set(err, ERROR_USAGE, "no command: a request is an object, as {\"command\": \"status\"}");
	q->command = ctl_find_command(text_of(name), err);
	return q->command && take_args(q, err);
}

void ctl_request_free(struct ctl_request *q)
{
	json_object_put(q->root);
	q->root = NULL;
}

const struct ctl_value *ctl_value(const struct ctl_request *q, const char *name)
{
	static const struct ctl_value none;
	for (unsigned i = 0; i < CTL_ARGS && q->command->arg[i].name; i++)
		if (!strcmp(q->command->arg[i].name, name))
			return &q->value[i];
	return &none;
}

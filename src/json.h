/* SPDX-License-Identifier: Apache-2.0 */
/* Writing JSON: a small state that knows where commas go. Strings are escaped; bytes that are no UTF-8 become U+FFFD.
 */
#pragma once
#include <stdio.h>
#include "runtime/util.h"

struct json {
	FILE *f;
	unsigned depth;
	uint64_t started;	/* bit per depth: something stands there already */
};

/* `name` is NULL in arrays and at the top. */
void json_open(struct json *j, const char *name, char bracket);
void json_close(struct json *j, char bracket);
void json_string(struct json *j, const char *name, const char *value);
void json_number(struct json *j, const char *name, uint64_t value);
/* With three digits behind the point. */
void json_seconds(struct json *j, const char *name, uint64_t ns);
void json_bool(struct json *j, const char *name, bool value);
/* "0x…": JSON numbers lose bits above 2^53 */
void json_hex(struct json *j, const char *name, uint64_t value);
/* A value that is JSON already. */
void json_literal(struct json *j, const char *name, const char *json);
/* Two hex digits each, in the order of their addresses. */
void json_bytes(struct json *j, const char *name, const void *bytes, size_t size);

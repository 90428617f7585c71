/* SPDX-License-Identifier: Apache-2.0 */
/* The other end of a control socket: asking a guest that runs. One thread at a time. */
#pragma once
#include <json-c/json.h>
#include "src/ctl/table.h"

struct ctl_link;
/* NULL: err says that and why nobody answers at this path. */
struct ctl_link *ctl_connect(const char *path, struct error *err);
/* May be NULL. */
void ctl_disconnect(struct ctl_link *l);
/* To be polled for lines to come. */
int ctl_link_fd(const struct ctl_link *l);

/* A request for a command, to which its arguments are added; NULL: out of memory. */
struct json_object *ctl_new_request(const char *command);
/* Sends a request, which it takes (NULL: out of memory). */
MUST_CHECK bool ctl_send(struct ctl_link *l, struct json_object *request, struct error *err);
/* The next line without its newline, until the next call; NULL: the guest's end. */
const char *ctl_next_line(struct ctl_link *l);
/*
 * Waits for the next reply, passing over events, and returns what is in it, to be given back with json_object_put. NULL: err is what the guest has
 * refused with, or says that it has gone.
 */
struct json_object *ctl_wait_reply(struct ctl_link *l, struct error *err);
/* The same for a reply that has come as a line. */
struct json_object *ctl_read_reply(const char *line, struct error *err);
/* ctl_send, and the reply. */
struct json_object *ctl_ask(struct ctl_link *l, struct json_object *request, struct error *err);

/* A member of a reply; NULL or 0 if it has none of this name and type. */
const char *ctl_text(struct json_object *o, const char *name);
uint64_t ctl_integer(struct json_object *o, const char *name);
/* Of a string "0x…". */
uint64_t ctl_hex(struct json_object *o, const char *name);

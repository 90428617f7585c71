/* SPDX-License-Identifier: Apache-2.0 */
/* A request to the control socket: a line of JSON, checked against the table of commands. */
#pragma once
#include "src/ctl/table.h"

#define CTL_ID_BYTES 64
#define CTL_TEXTS_MOST 32

struct ctl_value {
	bool given;
	uint64_t number;	/* CTL_NUMBER, CTL_ADDRESS, CTL_FLAG */
	const char *text;	/* CTL_TEXT; as long as the request, as are these: */
	const char *texts[CTL_TEXTS_MOST];
	size_t n_texts;
};

struct json_object;
struct ctl_request {
	char id[CTL_ID_BYTES + 3];	/* as JSON, or "" */
	const struct ctl_command *command;
	struct ctl_value value[CTL_ARGS];	/* in the order of the command's arguments */
	struct json_object *root;
};
/* A line with its newline. False: err; q->id is there if it could be read. Ends with ctl_request_free in both cases. */
MUST_CHECK bool ctl_request_parse(struct ctl_request *q, const char *line, size_t size, struct error *err);
void ctl_request_free(struct ctl_request *q);
/* The value of the command's argument of this name. */
const struct ctl_value *ctl_value(const struct ctl_request *q, const char *name);

/* SPDX-License-Identifier: Apache-2.0 */
/* The commands of the control socket, by name: what the server checks requests against and lists, and what `calque ctl` is made from. */
#pragma once
#include "runtime/error.h"
#include "runtime/util.h"

#define CTL_PROTOCOL 1		/* goes up when a client that knows the one before would misunderstand */
#define CTL_LINE ((size_t)256 << 10)	/* bytes of a request, its newline included */
#define CTL_MEMORY (64u << 10)	/* bytes of memory that one request reads or writes */
#define CTL_ARGS 10

enum ctl_type {
	CTL_NUMBER,	/* a JSON integer that is not negative */
	CTL_ADDRESS,	/* "0x80200000", or an integer */
	CTL_TEXT,
	CTL_FLAG,
	CTL_TEXTS,	/* an array of strings */
};

struct ctl_arg {
	const char *name;
	enum ctl_type type;
	bool required;
	const char *meta;	/* its value in help: "N"; NULL for flags */
	const char *help;
};

struct ctl;
struct ctl_call;
struct ctl_command {
	const char *name, *summary;
	unsigned n_operands;	/* how many of the first arguments `calque ctl` takes by their place */
	struct ctl_arg arg[CTL_ARGS];	/* an entry without name ends them */
	/* Writes the members of the reply, or sets call->later. False: err. */
	bool (*run)(struct ctl_call *call, struct error *err);
	bool (*there)(const struct ctl *ctl);	/* NULL: always */
};

extern const struct ctl_command ctl_commands[];
extern const unsigned n_ctl_commands;

/* NULL: there is none; err suggests one. */
const struct ctl_command *ctl_find_command(const char *name, struct error *err);

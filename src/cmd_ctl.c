// SPDX-License-Identifier: Apache-2.0
/* `calque ctl`: asks a running guest, or tells it what to do, through its control socket. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "src/command.h"
#include "src/ctl/show.h"

struct asking {
	const char *path;
	const struct ctl_command *command;
	struct json_object *request;
	unsigned n_operands;
	bool json, colour;
};

static const struct option ctl_options[] = {
	{ "json", 0, NULL, option_flag, offsetof(struct asking, json), "Replies and events as they come, one JSON object a line (docs/control.md)." },
};

/* ---- arguments: the table of commands has them ---- */

static struct json_object *to_json(enum ctl_type type, const char *text, struct error *err)
{
	uint64_t n;
	switch (type) {
	case CTL_NUMBER:
		return parse_number(text, INT64_MAX, &n, err) ? json_object_new_uint64(n) : NULL;
	case CTL_ADDRESS:	/* as text: the guest reads it as we do */
		return parse_number(text, UINT64_MAX, &n, err) ? json_object_new_string(text) : NULL;
	case CTL_FLAG:
		return json_object_new_boolean(true);
	default:
		return json_object_new_string(text);
	}
}

static bool add_arg(struct asking *a, unsigned i, const char *text, struct error *err)
{
	const struct ctl_arg *arg = &a->command->arg[i];
	struct json_object *value = to_json(arg->type, text, err), *list;
	if (!value)
		return false;
	if (arg->type != CTL_TEXTS) {
		json_object_object_add(a->request, arg->name, value);
		return true;
	}
	if (!json_object_object_get_ex(a->request, arg->name, &list)) {
		list = json_object_new_array();
		json_object_object_add(a->request, arg->name, list);
	}
	json_object_array_add(list, value);
	return true;
}

static bool set_arg(const struct option *o, void *target, const char *value, struct error *err)
{
	return add_arg(target, (unsigned)o->offset, value, err);
}

/* The first two operands are the socket and the command; they have been taken already. */
static bool take_operand(void *opaque, const char *text, struct error *err)
{
	struct asking *a = opaque;
	unsigned i = a->n_operands++;
	if (i < 2)
		return true;
	if (i - 2 < a->command->n_operands)
		return add_arg(a, i - 2, text, err) || error_prefix(err, "%s %.100s", a->command->arg[i - 2].meta, text);
	return error_set(err, ERROR_USAGE, "unexpected argument \"%.100s\": \"calque ctl %.100s help\" lists what %s takes", text, a->path,
			 a->command->name);
}

static unsigned make_options(const struct ctl_command *c, struct option options[CTL_ARGS])
{
	unsigned n = 0;
	for (; n < CTL_ARGS && c->arg[n].name; n++)
		options[n] = (struct option){ .name = c->arg[n].name, .arg = c->arg[n].meta, .set = set_arg, .offset = n, .help = c->arg[n].help };
	return n;
}

/* ---- asking ---- */

static bool follow(const struct asking *a, struct ctl_link *l)
{
	const char *line;
	while (!fflush(stdout) && (line = ctl_next_line(l))) {	/* command_finish says what is wrong with stdout */
		if (a->json)
			puts(line);
		else
			ctl_show_event(line, stdout);
	}
	return true;
}

static bool ask(struct asking *a, struct error *err)
{
	struct ctl_link *l = ctl_connect(a->path, err);
	if (!l)
		return false;
	struct json_object *request = a->request;
	a->request = NULL;
	const char *line = NULL;
	if (ctl_send(l, request, err) && !(line = ctl_next_line(l)))
		error_set(err, ERROR_HOST, "the guest has gone before it answered");
	struct json_object *reply = line ? ctl_read_reply(line, err) : NULL;
	if (reply && a->json)
		puts(line);
	else if (reply)
		ctl_show_reply(a->command, reply, a->colour, stdout);
	bool good = reply && (strcmp(a->command->name, "events") || follow(a, l));
	json_object_put(reply);
	ctl_disconnect(l);
	return good;
}

/* ---- the command ---- */

static const char notes[] =
	"Commands are those that the guest knows: \"calque ctl SOCK\" lists them. Their arguments are options behind them, the\n"
	"first ones also without their names.\n\n"
	"Examples:\n  calque run --ctl /tmp/guest.sock ...\n  calque ctl /tmp/guest.sock status\n"
	"  calque ctl /tmp/guest.sock mem 0xffffffff80200000 128 --vcpu 1\n"
	"  calque profile --vm /tmp/guest.sock --for 5s\n  calque lift --vm /tmp/guest.sock --at strlen\n";

/* The n-th argument that is no option, from 0 on; before the command no option has a value. */
static const char *operand(int argc, char **argv, int n)
{
	for (int i = 1; i < argc; i++)
		if (argv[i][0] != '-' && !n--)
			return argv[i];
	return NULL;
}

static bool prepare(struct asking *a, int argc, char **argv, struct error *err)
{
	const char *name = operand(argc, argv, 1);
	a->path = operand(argc, argv, 0);
	a->command = ctl_find_command(name ? name : "help", err);
	if (!a->command)
		return error_prefix(err, "%.100s", a->path);
	a->request = ctl_new_request(a->command->name);
	return a->request || error_set(err, ERROR_HOST, "out of memory");
}

int cmd_ctl(int argc, char **argv)
{
	struct asking a = { .colour = isatty(STDOUT_FILENO) && !getenv("NO_COLOR") };
	struct error err = { 0 };
	struct option args[CTL_ARGS];
	int status;
	struct command_syntax syntax = {
		.name = "ctl",
		.operands = "SOCK [COMMAND [ARGUMENT]...]",
		.summary = "Asks a guest that \"calque run --ctl SOCK\" runs, or tells it what to do.",
		.groups = { { "Output", ctl_options, ARRAY_SIZE(ctl_options), &a }, { "Arguments", args, 0, &a } },
		.n_groups = 1,
		.operand = take_operand,
		.opaque = &a,
		.notes = notes,
	};
	if (!prepare(&a, argc, argv, &err))
		return command_fail("ctl", &err);
	if (operand(argc, argv, 1)) {
		syntax.groups[1].n = make_options(a.command, args);
		syntax.n_groups = syntax.groups[1].n ? 2 : 1;
	}
	if (command_parse(&syntax, argc, argv, &status)) {
		if (!a.path)
			error_set(&err, ERROR_USAGE, "which guest? calque ctl SOCK COMMAND, where SOCK is what \"calque run --ctl\" was given");
		status = a.path && ask(&a, &err) ? command_finish("ctl", STATUS_OK) : command_fail("ctl", &err);
	}
	json_object_put(a.request);
	return status;
}

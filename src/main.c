// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>
#include "runtime/tuning.h"
#include "src/command.h"
#include "src/serial/serial.h"
#include "src/version.h"

const struct command commands[] = {
	{ "run", cmd_run, "Run a guest system: its console here, its disks and network as you say." },
	{ "profile", cmd_profile, "Run a guest and tell where it spends its time." },
	{ "annotate", cmd_annotate, "Run a guest and show a function with samples beside its instructions." },
	{ "ctl", cmd_ctl, "Ask a running guest, or tell it what to do." },
	{ "machine", cmd_machine, "Describe a board: memory map, interrupts, processor extensions, defaults." },
	{ "conform", cmd_conform, "Run bare-metal test programs and report which pass." },
	{ "lift", cmd_lift, "Show what the translator makes of a piece of guest code." },
	{ "cache", cmd_cache, "Look at, check or empty the cache of machine code on disk." },
	{ "doctor", cmd_doctor, "Check whether this host has all that Calque can use." },
};
const unsigned n_commands = ARRAY_SIZE(commands);

static const struct command *find_command(const char *name)
{
	for (unsigned i = 0; i < ARRAY_SIZE(commands); i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}

static int unknown_command(const char *name)
{
	const char *names[ARRAY_SIZE(commands) + 1];
	struct error err;
	for (unsigned i = 0; i < ARRAY_SIZE(commands); i++)
		names[i] = commands[i].name;
	names[ARRAY_SIZE(commands)] = "help";
	const char *near = nearest_name(name, names, ARRAY_SIZE(names));
	if (near)
		error_set(&err, ERROR_USAGE, "unknown command %.80s: did you mean %s?", name, near);
	else
		error_set(&err, ERROR_USAGE, "unknown command %.80s: \"calque help\" lists them", name);
	return command_fail(NULL, &err);
}

int calque_main(int argc, char **argv);

int calque_main(int argc, char **argv)
{
	serial_terminal_guard();
	if (argc < 2 || !strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
		overview_print(stdout);
		return command_finish(NULL, STATUS_OK);
	}
	if (!strcmp(argv[1], "--help=man")) {
		overview_manual(stdout);
		return command_finish(NULL, STATUS_OK);
	}
	if (!strcmp(argv[1], "--help=bash"))
		return command_finish(NULL, overview_completion(stdout));
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
		printf("calque %s\n", CALQUE_VERSION_TEXT);
		return command_finish(NULL, STATUS_OK);
	}
	if (!strcmp(argv[1], "help")) {
		if (argc == 2) {
			overview_print(stdout);
			return command_finish(NULL, STATUS_OK);
		}
		if (!strcmp(argv[2], "tune")) {
			tuning_print(stdout);
			return command_finish(NULL, STATUS_OK);
		}
		const struct command *c = find_command(argv[2]);
		char *help[] = { argv[2], (char[]){ "--help" }, NULL };
		return c ? c->run(2, help) : unknown_command(argv[2]);
	}
	const struct command *c = find_command(argv[1]);
	return c ? c->run(argc - 1, argv + 1) : unknown_command(argv[1]);
}

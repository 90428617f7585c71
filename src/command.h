/* SPDX-License-Identifier: Apache-2.0 */
/* The subcommands. Each gets its own name as argv[0] and returns the exit status. */
#pragma once
#include "src/options.h"

int cmd_run(int argc, char **argv);
int cmd_profile(int argc, char **argv);
int cmd_annotate(int argc, char **argv);
int cmd_machine(int argc, char **argv);
int cmd_cache(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
int cmd_conform(int argc, char **argv);
int cmd_lift(int argc, char **argv);
int cmd_ctl(int argc, char **argv);

/* The table of them, in src/main.c. */
struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *summary;	/* one sentence */
};
extern const struct command commands[];
extern const unsigned n_commands;

/* What `calque help` prints. */
void overview_print(FILE *f);
/* The manual page calque(1). */
void overview_manual(FILE *f);
/* The tables of src/completion.bash for all commands. Returns the exit status. */
int overview_completion(FILE *f);

enum { STATUS_OK = 0, STATUS_FAILED = 1, STATUS_USAGE = 2, STATUS_HOST = 3, STATUS_DIED = 4, STATUS_TIMEOUT = 124 };

/*
 * Parses the command line; true: go on. False: *status is the exit status, help or the error was printed.
 */
MUST_CHECK bool command_parse(const struct command_syntax *s, int argc, char **argv, int *status);
/* Prints "calque NAME: MESSAGE" on one line of stderr and returns the exit status. */
int command_fail(const char *name, const struct error *err);
/* Opens a file that `--option` names, to be written anew. NULL: err says which and why. */
FILE *command_output(const char *option, const char *path, struct error *err);
/* Flushes stdout; an error there (a full disk) turns status 0 into 3. */
int command_finish(const char *name, int status);

// SPDX-License-Identifier: Apache-2.0
/* `calque cache`: the machine code of hot regions that is kept on disk between runs (docs/cache.md). */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "backend/cache/store.h"
#include "backend/cache/store_dir.h"
#include "src/cache_dir.h"
#include "src/command.h"
#include "src/json.h"

struct cache_options {
	char *directory, *action;
	uint64_t size;
	bool json, remove;
	FILE *damaged;		/* where damaged records are named */
};

static bool set_size(const struct option *o, void *target, const char *value, struct error *err)
{
	return cache_size_parse(value, &((struct cache_options *)target)->size, err);
}

static bool take_action(void *opaque, const char *text, struct error *err)
{
	struct cache_options *o = opaque;
	if (o->action)
		return error_set(err, ERROR_USAGE, "one thing at a time: \"%.40s\" or \"%.40s\"", o->action, text);
	return replace_string(&o->action, text, err);
}

/* ---- what can be done ---- each returns the exit status */

static int do_stat(const struct cache_options *o, int dir, struct store_usage *u)
{
	store_dir_usage(dir, u);
	return STATUS_OK;
}

static void name_damaged(void *opaque, const char *name)
{
	const struct cache_options *o = opaque;
	if (o->damaged)
		fprintf(o->damaged, "damaged %s\n", name);
}

static int do_verify(const struct cache_options *o, int dir, struct store_usage *u)
{
	store_dir_verify(dir, o->remove, name_damaged, (void *)(uintptr_t)o, u);
	return u->damaged && !o->remove ? STATUS_FAILED : STATUS_OK;
}

static int do_prune(const struct cache_options *o, int dir, struct store_usage *u)
{
	store_dir_prune(dir, o->size, u);
	return STATUS_OK;
}

static int do_clear(const struct cache_options *o, int dir, struct store_usage *u)
{
	store_dir_prune(dir, 0, u);
	return STATUS_OK;
}

static const struct action {
	const char *name;
	int (*run)(const struct cache_options *o, int dir, struct store_usage *u);
} actions[] = { { "stat", do_stat }, { "verify", do_verify }, { "prune", do_prune }, { "clear", do_clear } };

static const struct action *find_action(const char *text, struct error *err)
{
	const char *names[ARRAY_SIZE(actions)];
	for (unsigned i = 0; text && i < ARRAY_SIZE(actions); i++) {
		if (!strcmp(actions[i].name, text))
			return &actions[i];
		names[i] = actions[i].name;
	}
	const char *near = text ? nearest_name(text, names, ARRAY_SIZE(names)) : NULL;
	error_set(err, ERROR_USAGE, "%s%.40s%s%s%s: there are stat, verify, prune and clear", text ? "\"" : "nothing to do", text ? text : "",
		  text ? "\"" : "", near ? ": did you mean " : "", near ? near : "");
	return NULL;
}

/* ---- what is told ---- */

static void print_human(const struct cache_options *o, const struct store_usage *u)
{
	printf("directory  %s\nregions    %" PRIu64 "\nsize       %.1f MiB\nversions   %" PRIu64 "\n", o->directory, u->records,
	       (double)u->bytes / (1 << 20), u->versions);
	if (!strcmp(o->action, "verify"))
		printf("damaged    %" PRIu64 "\n", u->damaged);
	if (strcmp(o->action, "stat"))
		printf("removed    %" PRIu64 ", %.1f MiB\n", u->removed, (double)u->removed_bytes / (1 << 20));
}

static void print_json(const struct cache_options *o, const struct store_usage *u)
{
	struct json j = { .f = stdout };
	json_open(&j, NULL, '{');
	json_string(&j, "directory", o->directory);
	json_number(&j, "regions", u->records);
	json_number(&j, "bytes", u->bytes);
	json_number(&j, "versions", u->versions);
	json_number(&j, "damaged", u->damaged);
	json_number(&j, "removed", u->removed);
	json_number(&j, "removed_bytes", u->removed_bytes);
	json_close(&j, '}');
}

static int cache(struct cache_options *o, struct error *err)
{
	struct store_usage u = { 0 };
	const struct action *action = find_action(o->action, err);
	bool missing = false;
	int status = STATUS_OK;
	if (!action)
		return command_fail("cache", err);
	if (!o->directory && !(o->directory = cache_directory())) {
		error_set(err, ERROR_USAGE, "no directory: $HOME is not set; give --cache DIR");
		return command_fail("cache", err);
	}
	if (!strcmp(o->directory, "off")) {
		error_set(err, ERROR_USAGE, "the cache is off; give --cache DIR");
		return command_fail("cache", err);
	}
	int dir = store_dir_open(o->directory, false, &missing, err);
	if (dir < 0 && !missing)	/* where nothing has been kept yet there is nothing, and that is no error */
		return command_fail("cache", err);
	if (dir >= 0) {
		o->damaged = o->json ? NULL : stdout;
		status = action->run(o, dir, &u);
		close(dir);
	}
	(o->json ? print_json : print_human)(o, &u);
	return command_finish("cache", status);
}

int cmd_cache(int argc, char **argv)
{
	static const struct option options[] = {
		{ "cache", 0, "DIR", option_string, offsetof(struct cache_options, directory),
		  "Its directory; default $CALQUE_DISK_CACHE, or calque in $XDG_CACHE_HOME or ~/.cache." },
		{ "cache-size", 0, "SIZE", set_size, 0, "prune: remove what was used longest ago until this much is left; default 256M." },
		{ "remove", 0, NULL, option_flag, offsetof(struct cache_options, remove), "verify: remove what is damaged." },
		{ "json", 0, NULL, option_flag, offsetof(struct cache_options, json), "As one JSON object." },
	};
	struct cache_options o = { .size = STORE_LIMIT_DEFAULT };
	struct error err = { 0 };
	int status;
	const struct command_syntax syntax = {
		.name = "cache",
		.operands = "stat|verify|prune|clear",
		.summary = "Looks at (stat), checks (verify), trims (prune) or empties (clear) the cache in which runs keep the machine\n"
			   "code of hot regions for later runs. All are safe while guests run.",
		.groups = { { "Options", options, ARRAY_SIZE(options), &o } },
		.n_groups = 1,
		.operand = take_action,
		.opaque = &o,
		.notes = "Exit status: 0; 1 verify found something damaged and left it; 2 a wrong command line; 3 the directory cannot\n"
			 "be read or is not safe.\n",
	};
	if (command_parse(&syntax, argc, argv, &status))
		status = cache(&o, &err);
	free(o.directory);
	free(o.action);
	return status;
}

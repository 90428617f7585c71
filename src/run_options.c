// SPDX-License-Identifier: Apache-2.0
#include "src/run_options.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "runtime/machine.h"

#define AT(field) offsetof(struct run_options, field)

bool option_seconds(const struct option *o, void *target, const char *value, struct error *err)
{
	char *end = NULL;
	double s = strspn(value, "0123456789.") == strlen(value) && *value ? strtod(value, &end) : 0;
	if (!end || *end || end == value)
		return error_set(err, ERROR_USAGE, "not a number of seconds: write 60 or 0.5");
	if (s <= 0 || s > 1e9)
		return error_set(err, ERROR_USAGE, "must be more than 0 and at most 1000000000 seconds");
	*(uint64_t *)((char *)target + o->offset) = (uint64_t)llround(s * 1e9);
	return true;
}

static bool set_json(const struct option *o, void *target, const char *value, struct error *err)
{
	struct run_options *r = target;
	r->json = true;
	return !value || replace_string(&r->json_path, value, err);
}

static const struct { const char *name; uint32_t bit; const char *help; } channels[] = {
	{ "exec", LOG_EXEC, "Each instruction that is executed." },
	{ "int", LOG_INT, "Exceptions and interrupts." },
	{ "mmu", LOG_MMU, "Translations of addresses." },
	{ "guest_errors", LOG_GUEST_ERRORS, "What a guest should not do." },
	{ "in_asm", LOG_BLOCKS, "Blocks as they are translated." },
};

static bool log_value(unsigned i, struct option_value *v)
{
	if (i >= ARRAY_SIZE(channels))
		return false;
	snprintf(v->word, sizeof v->word, "%s", channels[i].name);
	v->help = channels[i].help;
	return true;
}

static bool set_log(const struct option *o, void *target, const char *value, struct error *err)
{
	const char *names[ARRAY_SIZE(channels)];
	struct run_options *r = target;
	for (unsigned i = 0; i < ARRAY_SIZE(channels); i++)
		names[i] = channels[i].name;
	for (const char *at = value;; at++) {
		size_t len = strcspn(at, ",");
		unsigned i = 0;
		while (i < ARRAY_SIZE(channels) && (strlen(names[i]) != len || strncmp(names[i], at, len)))
			i++;
		if (i == ARRAY_SIZE(channels)) {
			char word[40];
			snprintf(word, sizeof word, "%.*s", (int)(len < 39 ? len : 39), at);
			const char *near = nearest_name(word, names, ARRAY_SIZE(channels));
			return error_set(err, ERROR_USAGE,
				"unknown log \"%s\"%s%s: there are exec, int, mmu, guest_errors and in_asm", word,
				near ? ", did you mean " : "", near ? near : "");
		}
		r->log |= channels[i].bit;
		at += len;
		if (!*at)
			return true;
	}
}

const struct option run_options_console[] = {
	{"serial", 0, "SPEC", option_string, AT(serial),
		"Where the first serial port goes: stdio (default; Ctrl-A x leaves, Ctrl-A h helps), pty, unix:PATH, "
                "file:PATH or none."},
	{"virtio-console", 0, "SPEC", option_string, AT(virtio_console),
		"Add a virtio console (hvc0 in Linux); SPEC as for --serial."},
};
const unsigned n_run_options_console = ARRAY_SIZE(run_options_console);

const struct option run_options_control[] = {
	{ "timeout", 0, "SECONDS", option_seconds, AT(timeout_ns), "Stop after so long, with exit status 124." },
	{ "no-reboot", 0, NULL, option_flag, AT(no_reboot), "End when the guest asks for a reboot." },
	{ "ctl", 0, "PATH", option_string, AT(ctl), "Make a Unix socket there through which \"calque ctl\" looks at the guest and controls it." },
	{ "json", 0, "[=FILE]", set_json, 0,
	  "Report the end as one JSON object, on stderr in place of the final line, or in FILE beside it." },
	{ "quiet", 0, NULL, option_flag, AT(quiet), "No final line." },
	{ "dump-dtb", 0, "FILE", option_string, AT(dump_dtb), "Write the device tree that the guest would get, and end." },
};
const unsigned n_run_options_control = ARRAY_SIZE(run_options_control);

const struct option run_options_debug[] = {
	{"gdb", 0, "PORT|HOST:PORT|unix:PATH", option_string, AT(gdb),
		"Let GDB come to this TCP port (0: any; of the loopback address, where no host is named) or Unix "
		"socket, at any time."},
	{"wait-gdb", 0, NULL, option_flag, AT(wait_gdb), "With --gdb: the guest starts when GDB says so."},
	{"debug", 'd', "LOG[,LOG]...", set_log, 0,
		"Log exec (each instruction), int (exceptions, interrupts), mmu (translations), guest_errors, in_asm "
                "(translated blocks).", log_value},
	{"log", 0, "FILE", option_string, AT(log_path), "Where -d logs go; default stderr."},
	{"stats", 0, NULL, option_flag, AT(stats), "Print the engine's counters at the end."},
};
const unsigned n_run_options_debug = ARRAY_SIZE(run_options_debug);

void run_options_init(struct run_options *r)
{
	*r = (struct run_options){ .timeout_ns = UINT64_MAX };
	vm_config_init(&r->config);
}

void run_options_free(struct run_options *r)
{
	free(r->serial);
	free(r->virtio_console);
	free(r->dump_dtb);
	free(r->log_path);
	free(r->json_path);
	free(r->gdb);
	free(r->ctl);
	vm_config_free(&r->config);
}

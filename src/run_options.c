// SPDX-License-Identifier: Apache-2.0
#include "src/run_options.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "src/log_channels.h"
#include "src/perf.h"

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

static bool set_log(const struct option *o, void *target, const char *value, struct error *err)
{
	struct run_options *r = target;
	r->log_help |= !strcmp(value, "help");
	return r->log_help || log_channels_parse(value, &r->log, err);
}

static bool set_perf(const struct option *o, void *target, const char *value, struct error *err)
{
	struct run_options *r = target;
	r->perf = !strcmp(value, "map") ? PERF_MAP : !strcmp(value, "jitdump") ? PERF_JITDUMP : PERF_NONE;
	return r->perf || error_set(err, ERROR_USAGE, "there are map and jitdump");
}

static bool add_symbols(const struct option *o, void *target, const char *value, struct error *err)
{
	struct run_options *r = target;
	if (!r->names && !(r->names = names_new()))
		return error_set(err, ERROR_HOST, "out of memory");
	return names_add_file(r->names, value, err);
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
		"Log insn, uop, ir, host (code as it is translated), exec, step (what is executed), int, mmu, dev or guest_errors; -d help says more.",
		log_channels_value},
	{"log", 0, "FILE", option_string, AT(log_path), "Where -d logs go; default stderr."},
	{"log-filter", 0, "RANGE[,RANGE]...", option_string, AT(log_filter),
		"Log only what is about these addresses: PLACE, PLACE..PLACE or PLACE+BYTES, where PLACE is an address or a symbol; a symbol alone is its function."},
	{"symbols", 0, "FILE[@ADDRESS]", add_symbols, 0,
		"Names for logs and reports from an ELF file or a System.map, beside those of the kernel; for a position-independent program with the "
		"address that it was loaded to. May be repeated."},
	{"crash-ring", 0, NULL, option_flag, AT(crash_ring),
		"Remember the last blocks for the report of a guest that dies; they are executed one by one then, some thirty times slower."},
	{"perf", 0, "map|jitdump", set_perf, 0,
		"Name generated code for the host's perf: in /tmp/perf-PID.map, or for perf inject in jit-PID.dump."},
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
	free(r->log_filter);
	names_free(r->names);
	free(r->json_path);
	free(r->gdb);
	free(r->ctl);
	vm_config_free(&r->config);
}

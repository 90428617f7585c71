/* SPDX-License-Identifier: Apache-2.0 */
/* What `calque run` adds to the options of a VM. */
#pragma once
#include "src/vm_options.h"

struct vm;
struct names;

struct run_options {
	struct vm_config config;
	char *serial, *virtio_console;
	char *dump_dtb, *log_path, *log_filter, *json_path, *gdb, *ctl;
	struct names *names;	/* of --symbols, or NULL */
	unsigned perf;		/* enum perf_form */
	uint64_t timeout_ns;	/* UINT64_MAX: none */
	bool no_reboot, stats, json, quiet, log_help, wait_gdb, crash_ring;
	uint32_t log;
};

extern const struct option run_options_console[], run_options_control[], run_options_debug[];
extern const unsigned n_run_options_console, n_run_options_control, n_run_options_debug;

void run_options_init(struct run_options *r);
void run_options_free(struct run_options *r);

/* Who watches a guest while `calque run` runs it. */
struct run_watch {
	const char *name;	/* of the subcommand, for messages */
	uint64_t for_ns;	/* the guest is stopped after so long; UINT64_MAX: not */
	/* The VM is complete and paused, about to run. False: err; the guest does not run, and stop is not called. */
	bool (*start)(void *opaque, struct vm *vm, struct error *err);
	/* Called if start was, also where the guest could not be run after all. It is paused and does not run again; the report of its end has been printed. False: err, which becomes the exit status. */
	bool (*stop)(void *opaque, struct vm *vm, struct error *err);
	void *opaque;
};
/* `calque run` with these arguments, argv[0] aside. watch may be NULL. Returns the exit status. */
int run_guest(int argc, char **argv, const struct run_watch *watch);

/* "1.5": seconds in ns; also for `calque conform`. */
option_fn option_seconds;

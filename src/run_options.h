/* SPDX-License-Identifier: Apache-2.0 */
/* What `calque run` adds to the options of a VM. */
#pragma once
#include "src/vm_options.h"

struct run_options {
	struct vm_config config;
	char *serial, *virtio_console;
	char *dump_dtb, *log_path, *json_path, *gdb;
	uint64_t timeout_ns;	/* UINT64_MAX: none */
	bool no_reboot, stats, json, quiet;
	uint32_t log;
};

extern const struct option run_options_console[], run_options_control[], run_options_debug[];
extern const unsigned n_run_options_console, n_run_options_control, n_run_options_debug;

void run_options_init(struct run_options *r);
void run_options_free(struct run_options *r);

/* "1.5": seconds in ns; also for `calque conform`. */
option_fn option_seconds;

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The logs of -d that tell what a guest executes and what translation makes of it (docs/logging.md). They hold nothing that differs between two
 * deterministic runs.
 */
#pragma once
#include "src/profile/names.h"
#include "src/vm.h"

struct trace;
/*
 * By the machine's log bits, to its log file, about what `filter` says (log_filter.h; NULL: everything). The machine is paused; names stay the caller's.
 * NULL: err.
 */
struct trace *trace_start(struct vm *vm, const struct names *names, const char *filter, struct error *err);
/* When the VM has been destroyed: its threads may write until then. May be NULL. */
void trace_free(struct trace *t);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the host's perf needs to name generated code after the guest's: a map that `perf report` reads (/tmp/perf-PID.map: an address, a size and a name a
 * line), or a jitdump, from which `perf inject --jit` makes an object for each piece of code, with its bytes and the guest's instructions as its lines.
 */
#pragma once
#include "src/profile/names.h"

enum perf_form { PERF_NONE, PERF_MAP, PERF_JITDUMP };

struct perf_out;
/*
 * Begins before the VM runs for the first time. path: where the map is to go, NULL: where perf looks for it; a jitdump is jit-PID.dump in the current
 * folder, beside the guest's instructions as text (jit-PID.s). A jitdump has lines if the VM was made with vm_config.profile. NULL: err.
 */
struct perf_out *perf_start(struct vm *vm, const struct names *names, enum perf_form form, const char *path, struct error *err);
/* When the VM has been destroyed: its threads may write until then. The files stay. May be NULL. False: err, not all could be written. */
MUST_CHECK bool perf_end(struct perf_out *p, struct error *err);

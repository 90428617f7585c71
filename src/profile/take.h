/* SPDX-License-Identifier: Apache-2.0 */
/* Taking a profile of a VM, whoever made it and whatever it is doing. */
#pragma once
#include "src/profile/profile.h"

struct taking;
/*
 * Starts: samples at `rate` a second, or, with `exact`, counts of blocks, which all run in the interpreter from now on. The VM is paused and was
 * made with vm_config.profile. NULL: err.
 */
struct taking *profile_start(struct vm *vm, unsigned rate, bool exact, struct error *err);
/*
 * Ends and fills in *p but for p->names; the VM is paused. p->tally is the caller's then (tally_free), and p refers to vm.
 */
void profile_stop(struct taking *t, struct profile *p);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control socket of `calque run --ctl`: requests, replies and events as lines of JSON (docs/control.md), served by a thread of its own to
 * several clients at once.
 */
#pragma once
#include "src/vm.h"

struct ctl;
struct ctl_config {
	const char *path;	/* of the socket, which must not be in use */
	bool reboots;		/* a guest that asks for a reboot gets it: that is not its end */
	bool debugged;		/* a debugger starts and stops the guest: nobody else does */
};
/* Listens and begins to serve. The VM is complete and paused, and was made with vm_config.profile. NULL: err, without the name of the option. */
struct ctl *ctl_start(struct vm *vm, const struct ctl_config *config, struct error *err);
/*
 * Finishes what is under way, hands out what is left (waiting a second at most for who does not read), hangs up and removes the socket. The VM
 * is paused and does not run again.
 */
void ctl_stop(struct ctl *ctl);

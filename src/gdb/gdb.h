/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server of GDB's remote protocol (all-stop; threads are vCPUs) on a thread of its own. Breakpoints, watchpoints and
 * steps are runtime/debug.h's; docs/debugging.md is the guide.
 */
#pragma once
#include "src/vm.h"

struct gdb;
/*
 * Listens on TCP ("1234", of the loopback address; "HOST:1234"; port 0 takes a free one) or on "unix:PATH", and says on
 * stderr where; the machine is paused. `wait`: it is to stay so until a debugger lets it go. NULL: err, without the name
 * of the option.
 */
struct gdb *gdb_open(struct vm *vm, const char *spec, bool wait, struct error *err);
/* Debuggers are served from now on, one after the other. The machine runs, unless it waits. */
MUST_CHECK bool gdb_serve(struct gdb *g, struct error *err);
/* Tells the debugger how the guest ended, if it did, and hangs up. */
void gdb_close(struct gdb *g);

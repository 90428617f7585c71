/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server of GDB's remote protocol (all-stop; threads are vCPUs) on a thread of its own. While breakpoints are set,
 * guest code is stepped instruction by instruction through the observer.
 */
#pragma once
#include "src/vm.h"

struct gdb;
/*
 * Listens on a TCP port of the loopback address ("1234"; "0" takes a free one) or on "unix:PATH", and says on stderr
 * where. The machine stays paused until a debugger lets it go. NULL: err, without the name of the option.
 */
struct gdb *gdb_start(struct vm *vm, const char *spec, struct error *err);
/* Tells the debugger how the guest ended, if it did, and hangs up. */
void gdb_stop(struct gdb *g);

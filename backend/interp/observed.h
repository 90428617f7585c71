/* SPDX-License-Identifier: Apache-2.0 */
/* The interpreter for those who watch it: one block at a time (observer.block), and where a signal has met it. */
#pragma once
#include "backend/cache/finder.h"

/* Tells the observer of the block at cpu->pc and interprets it. In place of the engine's own loop: cpu->pc and icount are exact afterwards. */
void interp_run_observed(struct finder *x);

/*
 * The micro-op that the interrupted thread was interpreting. The interpreter keeps it nowhere but in a register, or, while it calls something,
 * on the stack: it is the one there whose handler is the code that runs. NULL: there is none. In signal handlers.
 */
const void *interp_position(const struct codecache *cc, const struct code_handlers *h, const struct interrupted *host);
/* Where that is. Any thread. */
bool interp_locate(struct codecache *cc, const void *at, struct code_place *place);

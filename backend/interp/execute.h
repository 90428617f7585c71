/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "backend/cache/codecache.h"

/* Why the dispatch loop was left; *at says where. */
enum interp_exit {
	INTERP_LEAVE,		/* cpu->pc is where to go on: deadline, or a block that asked for the run loop */
	INTERP_LOOKUP,		/* cpu->pc is where to go on: not in the virtual-PC cache */
	INTERP_LINK,		/* *at is the `miss` of a near exit that has not been linked */
	INTERP_FAULT,		/* *at is the micro-op that faulted; cpu->exception is pending */
};

/* A dispatch loop. Runs from u on. With cpu NULL: only fills *handlers. */
typedef enum interp_exit interp_execute_fn(struct vcpu *cpu, const struct uop *u, const struct uop **at, struct code_handlers *handlers);
interp_execute_fn interp_execute;

/* SPDX-License-Identifier: Apache-2.0 */
/* A machine of one bare hart with time by instructions, for programs that bring their devices along. */
#pragma once
#include "runtime/machine.h"

struct hart {
	struct machine m;
	struct cpu_config *config;
	bool ended;	/* under m.lock */
};

/* A machine without memory, of the default processor; the engine and all that it looks at is still to be set. False: hart_end is to be called all the same. */
MUST_CHECK bool hart_begin(struct hart *h, const struct exec_ops *engine, uint64_t ram, struct error *err);
/* Adds RAM at `base` with an image, and makes the hart, which begins there. */
MUST_CHECK bool hart_load(struct hart *h, uint64_t base, uint64_t ram, const void *image, uint64_t size, struct error *err);
/* Runs until the machine ends, or `limit` instructions are over; paused then. */
MUST_CHECK bool hart_run(struct hart *h, uint64_t limit, struct error *err);
void hart_end(struct hart *h);

/* SPDX-License-Identifier: Apache-2.0 */
/* A guest's call stack by its frame pointers. */
#pragma once
#include "runtime/vcpu.h"

#define UNWIND_FRAMES 48

struct unwound {
	uint64_t caller;	/* the return address register */
	unsigned n;
	uint64_t frame[UNWIND_FRAMES];	/* return addresses on the stack, the innermost first */
};

/*
 * Follows the chain as far as it holds: aligned, upwards, mapped, and leading to code of the same address half. Code that was built without frame
 * pointers ends it, or, where its register happens to point into the stack, may add a wrong frame. Changes nothing; on the vCPU's thread, in a
 * signal handler too, or while it is parked.
 */
void unwind(struct vcpu *cpu, struct unwound *out);

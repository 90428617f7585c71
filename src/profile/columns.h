/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "src/profile/profile.h"

/* How often the guest instruction at pc was met. */
typedef uint64_t columns_count(const void *of, uint64_t pc);

/*
 * A block in columns: its instructions with their counts, what executes them (LLVM's IR, after its passes, of a region that begins with the block;
 * micro-ops for other tiers), and the machine code made of that. It is made anew from the guest's memory, as `calque lift` does; cpu: through whose page
 * tables it is read, parked. False: err.
 */
MUST_CHECK bool profile_columns(const struct profile *p, const struct row *block, struct vcpu *cpu, columns_count *count, const void *of, FILE *f,
				struct error *err);

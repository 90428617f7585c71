/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "src/lift/source.h"
#include "src/profile/profile.h"

/* How often the guest instruction at pc was met. */
typedef uint64_t columns_count(const void *of, uint64_t pc);

/*
 * A block in columns: its instructions with their counts, what executes them (LLVM's IR, after its passes, of a region that begins with the block;
 * micro-ops for other tiers), and the machine code made of that. It is made anew of the code, as `calque lift` does. False: err.
 */
MUST_CHECK bool profile_columns(const struct profile *p, const struct row *block, const struct lift_source *code, columns_count *count, const void *of,
				FILE *f, struct error *err);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compiles regions to look at what becomes of them: the same lowering, passes and code generator as for those that run (compile.h), with debug locations
 * that tell which instruction of the guest each instruction of LLVM's IR and of the host comes from. Nothing is executed.
 *
 *	inspect_begin, inspect_add for each region, inspect_finish
 */
#pragma once
#include "backend/listing.h"
#include "backend/llvm/region.h"
#include "backend/stencil/abi.h"

struct inspection {
	struct listing llvm, optimised;	/* whole modules, which LLVM's tools accept */
	struct listing host;
	uint64_t lower_ns, optimise_ns, codegen_ns;
};

struct inspect;
struct inspect *inspect_begin(const uint8_t pins[STENCIL_PINS], struct error *err);
/*
 * Adds a region as a function. Listings give its ways in and out the row `first`; each of its blocks has the next row, for its beginning, and
 * then one for each of its instructions.
 */
void inspect_add(struct inspect *i, const struct region *r, const char *name, unsigned first);
/* Compiles all with a list of passes, as opt takes it; NULL: those that regions are compiled with. On failure too, `out` is to be freed. */
MUST_CHECK bool inspect_finish(struct inspect *i, const char *passes, bool intel, struct inspection *out, struct error *err);
void inspect_destroy(struct inspect *i);
void inspection_free(struct inspection *out);	/* its listings */

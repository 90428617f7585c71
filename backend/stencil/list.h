/* SPDX-License-Identifier: Apache-2.0 */
/* The machine code of stencils as text. */
#pragma once
#include "backend/listing.h"
#include "backend/stencil/emit.h"

/*
 * Translates a block and appends its code, disassembled. Its beginning has the row `first`, its instructions have those behind. The way out to C of accesses
 * and exits is left out; *cold: its bytes. False: err, there is no room or no memory.
 */
MUST_CHECK bool stencil_list(struct stencil_arena *s, struct code_block *b, unsigned first, bool intel, struct listing *host, uint64_t *cold,
			     struct error *err);

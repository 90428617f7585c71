/* SPDX-License-Identifier: Apache-2.0 */
/* Memory for machine code, mapped twice so that no page is writable and executable at once. */
#pragma once
#include "runtime/error.h"
#include "runtime/util.h"

struct code_memory {
	uint8_t *write;		/* NULL: none */
	uint64_t to_exec;	/* code runs at write + to_exec */
	uint64_t size;
};

/* Reserves `bytes` under a name that /proc shows. On failure errno says why, and code_memory_unmap is still to be called. */
MUST_CHECK bool code_memory_map(struct code_memory *m, const char *name, uint64_t bytes);
void code_memory_unmap(struct code_memory *m);

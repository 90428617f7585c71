/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory for machine code, mapped twice so that no page is writable and executable at once. It is anonymous: profilers of the host look only code
 * without a file up in /tmp/perf-PID.map.
 */
#pragma once
#include "runtime/error.h"
#include "runtime/util.h"

struct code_memory {
	uint8_t *write;		/* NULL: none */
	uint64_t to_exec;	/* code runs at write + to_exec */
	uint64_t size;
};

/* Reserves `bytes`. On failure errno says why, and code_memory_unmap is still to be called. */
MUST_CHECK bool code_memory_map(struct code_memory *m, uint64_t bytes);
void code_memory_unmap(struct code_memory *m);

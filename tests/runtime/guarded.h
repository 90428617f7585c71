/* SPDX-License-Identifier: Apache-2.0 */
/* "Generated code": accesses to any host address whose faults go to a handler of the test's (runtime/process.h). */
#pragma once
#include "runtime/process.h"

/* Whether the access was done; false: the handler answered that it was to be left (guarded_leave). */
bool guarded_load(uint64_t host, unsigned size, uint64_t *value);
bool guarded_store(uint64_t host, unsigned size, uint64_t value);
/* For handlers: the access ends, and the function returns false. */
void guarded_leave(struct process_fault *f);
/* The code of the accesses. */
extern const char guarded_begin[], guarded_end[];

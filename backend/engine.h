/* SPDX-License-Identifier: Apache-2.0 */
/* The execution engines that this build has. */
#pragma once
#include "runtime/machine.h"

/* All engines, NULL at the end; the first is the default. */
extern const struct exec_ops *const engines[];
const struct exec_ops *engine_find(const char *name);

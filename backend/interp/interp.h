/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "runtime/machine.h"

/* The interpreter: micro-ops with direct handler pointers, threaded dispatch, blocks chained. */
extern const struct exec_ops interp_engine;

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "runtime/machine.h"

/* Machine code from stencils, at once or after a block's first executions in the interpreter; what is hot, or all, in regions that LLVM compiles. */
extern const struct exec_ops stencil_engine, auto_engine, llvm_engine;

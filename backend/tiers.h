/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdio.h>
#include "runtime/machine.h"

/* Machine code from stencils, at once or after a block's first executions in the interpreter; what is hot, or all, in regions that LLVM compiles. */
extern const struct exec_ops stencil_engine, auto_engine, llvm_engine;
/* Stencils at once, and regions of what is hot, for which the vCPU waits: the same run compiles the same regions. */
extern const struct exec_ops hot_engine;
/* Prints the IR of the regions that hot_engine has made of the block at pa. On the vCPU's thread, outside generated code. */
void tiers_print_region(struct machine *m, uint64_t pa, uint32_t mode, FILE *f);

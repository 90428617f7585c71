/* SPDX-License-Identifier: Apache-2.0 */
/* LLVM's code generator for this host, as regions are compiled with it. */
#pragma once
#include <llvm-c/TargetMachine.h>

/* What pays on hot loops; more passes cost several times the compile time and gain nothing (docs/performance.md). */
#define TARGET_PASSES "function(mem2reg,early-cse,simplifycfg)"
/* x86-64-v3, which all executors take for granted */
#define TARGET_CPU "x86-64-v3"

/* Starts LLVM when it is called first. The caller's to dispose of; NULL: LLVM has no code generator for this host. */
LLVMTargetMachineRef target_machine_create(void);
/* An empty module with the target's data layout and triple. */
LLVMModuleRef target_module(LLVMContextRef ctx, LLVMTargetMachineRef tm, const char *name);

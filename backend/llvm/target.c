// SPDX-License-Identifier: Apache-2.0
#include "backend/llvm/target.h"
#include <llvm-c/Core.h>
#include <llvm-c/Support.h>
#include <llvm-c/Target.h>
#include <pthread.h>
#include "runtime/util.h"

static void start_llvm(void)
{
	LLVMInitializeX86TargetInfo();
	LLVMInitializeX86Target();
	LLVMInitializeX86TargetMC();
	LLVMInitializeX86AsmPrinter();
	LLVMInitializeX86AsmParser();
	/* it makes sums of some guest registers of others, which the side table then needs beside them */
	static const char *const options[] = { "calque", "-disable-lsr" };
	LLVMParseCommandLineOptions(ARRAY_SIZE(options), options, NULL);
}

LLVMTargetMachineRef target_machine_create(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, start_llvm);
	LLVMTargetRef target;
	char *message = NULL, *triple = LLVMGetDefaultTargetTriple();
	LLVMTargetMachineRef tm = NULL;
	if (LLVMGetTargetFromTriple(triple, &target, &message))
		LLVMDisposeMessage(message);
	else
		tm = LLVMCreateTargetMachine(target, triple, TARGET_CPU, "", LLVMCodeGenLevelLess, LLVMRelocPIC, LLVMCodeModelSmall);
	LLVMDisposeMessage(triple);
	return tm;
}

LLVMModuleRef target_module(LLVMContextRef ctx, LLVMTargetMachineRef tm, const char *name)
{
	LLVMModuleRef module = LLVMModuleCreateWithNameInContext(name, ctx);
	LLVMTargetDataRef layout = LLVMCreateTargetDataLayout(tm);
	LLVMSetModuleDataLayout(module, layout);
	LLVMDisposeTargetData(layout);
	char *triple = LLVMGetTargetMachineTriple(tm);
	LLVMSetTarget(module, triple);
	LLVMDisposeMessage(triple);
	return module;
}

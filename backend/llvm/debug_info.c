// SPDX-License-Identifier: Apache-2.0
#include "backend/llvm/debug_info.h"
#include <llvm-c/Core.h>
#include <stdbool.h>
#include <string.h>

void debug_info_begin(struct debug_info *d, LLVMModuleRef module)
{
	static const char name[] = "Debug Info Version";
	LLVMTypeRef type = LLVMInt32TypeInContext(LLVMGetModuleContext(module));
	LLVMMetadataRef version = LLVMValueAsMetadata(LLVMConstInt(type, LLVMDebugMetadataVersion(), false));
	LLVMAddModuleFlag(module, LLVMModuleFlagBehaviorWarning, name, sizeof name - 1, version);
	d->builder = LLVMCreateDIBuilder(module);
	d->file = LLVMDIBuilderCreateFile(d->builder, "guest", 5, "", 0);
	LLVMDIBuilderCreateCompileUnit(d->builder, LLVMDWARFSourceLanguageC, d->file, "calque", 6, true, "", 0, 0, "", 0,
				       LLVMDWARFEmissionLineTablesOnly, 0, false, false, "", 0, "", 0);
	d->type = LLVMDIBuilderCreateSubroutineType(d->builder, d->file, NULL, 0, LLVMDIFlagZero);
}

LLVMMetadataRef debug_info_function(struct debug_info *d, const char *name, unsigned line)
{
	size_t length = strlen(name);
	return LLVMDIBuilderCreateFunction(d->builder, d->file, name, length, name, length, d->file, line, d->type, false, true, line,
					   LLVMDIFlagZero, true);
}

void debug_info_end(struct debug_info *d)
{
	if (!d->builder)
		return;
	LLVMDIBuilderFinalize(d->builder);
	LLVMDisposeDIBuilder(d->builder);
	d->builder = NULL;
}

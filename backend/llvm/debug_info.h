/* SPDX-License-Identifier: Apache-2.0 */
/* Debug information for a module of regions: as little as carries lines (lower.h) through passes and code generator. */
#pragma once
#include <llvm-c/DebugInfo.h>

struct debug_info {
	LLVMDIBuilderRef builder;	/* NULL: none begun */
	LLVMMetadataRef file, type;	/* of all functions */
};

void debug_info_begin(struct debug_info *d, LLVMModuleRef module);
/* What the lines of a function are in; its own is `line`. */
LLVMMetadataRef debug_info_function(struct debug_info *d, const char *name, unsigned line);
/* The module's functions are complete. Again, or without a beginning, it does nothing. */
void debug_info_end(struct debug_info *d);

// SPDX-License-Identifier: Apache-2.0
#include "backend/llvm/disassemble.h"
#include <llvm-c/Core.h>
#include <llvm-c/Disassembler.h>
#include <llvm-c/Target.h>
#include <llvm-c/TargetMachine.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "backend/llvm/target.h"
#include "runtime/llvm_load.h"

struct disassembler {
	LLVMDisasmContextRef llvm;
	host_place *place;
	void *opaque;
};

/* With NULL as the answer LLVM prints where a branch leads; without this function, how far. */
static const char *symbol(void *opaque, uint64_t value, uint64_t *type, uint64_t pc, const char **name)
{
	struct disassembler *d = opaque;
	bool branch = *type == LLVMDisassembler_ReferenceType_In_Branch;
	*type = LLVMDisassembler_ReferenceType_InOut_None;
	*name = NULL;
	return branch ? d->place(d->opaque, value) : NULL;
}

struct disassembler *disassembler_create(bool intel, host_place *place, void *opaque)
{
	struct error err;
	if (!llvm_load(&err))
		return NULL;
	LLVMInitializeX86TargetInfo();
	LLVMInitializeX86TargetMC();
	LLVMInitializeX86Disassembler();
	struct disassembler *d = calloc(1, sizeof *d);
	if (!d)
		return NULL;
	char *triple = LLVMGetDefaultTargetTriple();
	*d = (struct disassembler){ LLVMCreateDisasmCPU(triple, TARGET_CPU, d, 0, NULL, symbol), place, opaque };
	LLVMDisposeMessage(triple);
	if (!d->llvm) {
		free(d);
		return NULL;
	}
	if (intel)	/* first: it makes a new printer */
		LLVMSetDisasmOptions(d->llvm, LLVMDisassembler_Option_AsmPrinterVariant);
	LLVMSetDisasmOptions(d->llvm, LLVMDisassembler_Option_PrintImmHex);
	return d;
}

void disassembler_destroy(struct disassembler *d)
{
	if (d)
		LLVMDisasmDispose(d->llvm);
	free(d);
}

unsigned disassemble_one(struct disassembler *d, const uint8_t *code, size_t size, uint64_t address, char *text, size_t text_size)
{
	char line[256];
	/* LLVM takes bytes that it may change */
	size_t n = LLVMDisasmInstruction(d->llvm, (uint8_t *)(uintptr_t)code, size, address, line, sizeof line);
	if (!n) {
		snprintf(text, text_size, ".byte   0x%02x", *code);
		return 1;
	}
	/* "\tmnemonic\toperands" */
	const char *name = line + strspn(line, "\t "), *tab = strchr(name, '\t');
	if (tab)
		snprintf(text, text_size, "%-7.*s %s", (int)(tab - name), name, tab + 1);
	else
		snprintf(text, text_size, "%s", name);
	return (unsigned)n;
}

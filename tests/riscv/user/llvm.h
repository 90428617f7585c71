/* SPDX-License-Identifier: Apache-2.0 */
/* LLVM's disassembler as the oracle of which encodings exist. */
#pragma once
#include <llvm-c/Disassembler.h>
#include <llvm-c/Target.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "frontends/riscv/user/decode.h"
#include "runtime/llvm_load.h"

static const char *const ext_names[EXT_COUNT] = {
#define EXT(id, name, on) [EXT_##id] = name,
	RISCV_EXTENSIONS(EXT)
#undef EXT
};
#define EXT_ALL (((uint64_t)1 << EXT_COUNT) - 1)
#define EXT_BIT(e) ((uint64_t)1 << EXT_##e)

static LLVMDisasmContextRef llvm_open(uint64_t ext)
{
	char features[1024] = "+64bit";
	size_t n = strlen(features);
	struct error err;

	if (!llvm_load(&err)) {
		fprintf(stderr, "%s\n", err.text);
		abort();
	}
	LLVMInitializeRISCVTargetInfo();
	LLVMInitializeRISCVTargetMC();
	LLVMInitializeRISCVDisassembler();
	for (unsigned e = 0; e < EXT_COUNT; e++)
		if (ext >> e & 1)
			n += (size_t)snprintf(features + n, sizeof(features) - n, ",+%s", ext_names[e]);
	return LLVMCreateDisasmCPUFeatures("riscv64-unknown-linux-gnu", "generic-rv64", features, NULL, 0, NULL, NULL);
}

/* Whether LLVM knows the instruction; its text. */
static bool llvm_legal(LLVMDisasmContextRef llvm, uint32_t bits, char *text, size_t size)
{
	uint8_t bytes[4];

	memcpy(bytes, &bits, sizeof(bytes));
	return LLVMDisasmInstruction(llvm, bytes, insn_size((uint16_t)bits), 0, text, size) != 0;
}

// SPDX-License-Identifier: Apache-2.0
/*
 * Disassembly through LLVM's MC C API. Making a context costs as much as thousands of instructions, so each thread keeps one
 * for the extensions that it last saw; it is freed when the thread ends.
 */
#include "frontends/riscv/user/decode.h"
#include <llvm-c/Disassembler.h>
#include <llvm-c/Target.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "runtime/llvm_load.h"

struct context {
	LLVMDisasmContextRef llvm;
	uint64_t ext;
};

/* LLVM's targets register themselves once a process; the key belongs to the same once. */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static bool key_made;

static void context_free(void *opaque)
{
	struct context *c = opaque;

	if (c->llvm)
		LLVMDisasmDispose(c->llvm);
	free(c);
}

static void start(void)
{
	struct error err;
	if (!llvm_load(&err))
		return;
	LLVMInitializeRISCVTargetInfo();
	LLVMInitializeRISCVTargetMC();
	LLVMInitializeRISCVDisassembler();
	key_made = !pthread_key_create(&key, context_free);
}

static LLVMDisasmContextRef open_llvm(uint64_t ext)
{
	static const char *const names[EXT_COUNT] = {
#define EXT(id, name, on) [EXT_##id] = name,
		RISCV_EXTENSIONS(EXT)
#undef EXT
	};
	char features[EXT_COUNT * 16] = "+64bit";
	size_t n = strlen(features);

	/* LLVM 19 does not know Svvptc, which has no instructions, and would say so on stderr */
	for (unsigned e = 0; e < EXT_COUNT; e++)
		if (ext >> e & 1 && e != EXT_SVVPTC)
			n += (size_t)snprintf(features + n, sizeof(features) - n, ",+%s", names[e]);
	return LLVMCreateDisasmCPUFeatures("riscv64-unknown-linux-gnu", "generic-rv64", features, NULL, 0, NULL, NULL);
}

/* This thread's LLVM context for these extensions, or NULL. */
static LLVMDisasmContextRef context_get(uint64_t ext)
{
	struct context *c;

	pthread_once(&once, start);
	if (!key_made)
		return NULL;
	c = pthread_getspecific(key);
	if (!c) {
		c = calloc(1, sizeof(*c));
		if (!c)
			return NULL;
		if (pthread_setspecific(key, c)) {
			free(c);
			return NULL;
		}
	}
	if (c->llvm && c->ext == ext)
		return c->llvm;
	if (c->llvm)
		LLVMDisasmDispose(c->llvm);
	c->llvm = open_llvm(ext);
	c->ext = ext;
	return c->llvm;
}

/* LLVM writes "\tmnemonic\toperands"; we write "mnemonic  operands" in columns. */
static void columns(const char *llvm, char *text, unsigned size)
{
	const char *tab;

	llvm += strspn(llvm, "\t ");
	tab = strchr(llvm, '\t');
	if (tab)
		snprintf(text, size, "%-7.*s %s", (int)(tab - llvm), llvm, tab + 1);
	else
		snprintf(text, size, "%s", llvm);
}

/* Where the instruction leads, which LLVM prints relative to itself. */
static bool direct_target(const struct insn *i, uint64_t pc, uint64_t *target)
{
	switch (i->kind) {
	case INSN_JAL: case INSN_AUIPC: case INSN_BEQ: case INSN_BNE:
	case INSN_BLT: case INSN_BGE: case INSN_BLTU: case INSN_BGEU:
		*target = pc + (uint64_t)(int64_t)i->imm;
		return true;
	}
	return false;
}

unsigned riscv_disassemble(const struct cpu_config *config, uint64_t pc, const uint8_t *code, unsigned size, char *text,
			   unsigned text_size)
{
	uint8_t bytes[4] = { 0 };
	uint32_t bits;
	unsigned length;
	uint64_t target;
	char line[160];
	LLVMDisasmContextRef llvm;
	struct insn i;

	if (size < 2) {
		snprintf(text, text_size, "(no bytes)");
		return 2;
	}
	memcpy(bytes, code, size < 4 ? size : 4);
	memcpy(&bits, bytes, sizeof(bits));
	length = insn_size((uint16_t)bits);
	if (size < length) {	/* the second half is missing */
		snprintf(text, text_size, ".2byte  0x%04x", (unsigned)(bits & 0xffff));
		return 2;
	}
	i = riscv_decode(bits, config->ext);
	/* LLVM prints some reserved encodings that are illegal; all zeros it calls unimp */
	llvm = i.kind || !bits ? context_get(config->ext) : NULL;
	if (llvm && LLVMDisasmInstruction(llvm, bytes, length, pc, line, sizeof(line)) == length) {
		columns(line, text, text_size);
		if (direct_target(&i, pc, &target)) {
			size_t n = strlen(text);

			snprintf(text + n, n < text_size ? text_size - n : 0, " # 0x%llx", (unsigned long long)target);
		}
	} else {
		snprintf(text, text_size, ".%ubyte  0x%0*x", length, (int)length * 2, i.raw);
	}
	return length;
}

// SPDX-License-Identifier: Apache-2.0
#include "backend/llvm/compile.h"
#include <llvm-c/Analysis.h>
#include <llvm-c/Error.h>
#include <llvm-c/LLJIT.h>
#include <llvm-c/Orc.h>
#include <llvm-c/OrcEE.h>
#include <llvm-c/Transforms/PassBuilder.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "backend/llvm/lower.h"
#include "backend/llvm/sites.h"
#include "backend/llvm/target.h"
#include "runtime/clock.h"

/* More than any object takes: a region's instructions at a hundred times their usual size */
#define ROOM (1 << 19)
_Static_assert(ROOM < CODE_CACHE_MIN, "the smallest arena holds a region");

struct compiler {
	uint8_t pins[STENCIL_PINS];
	LLVMContextRef ctx;
	LLVMTargetMachineRef tm;
	LLVMPassBuilderOptionsRef options;
	LLVMOrcLLJITRef jit;
	bool failed;			/* the backend has reported an error for the object that it is making */
	struct code_memory memory;
	uint64_t used;
	struct compiled made;		/* what is being linked … */
	struct region_links *links;	/* … and its links */
	struct compiler_stats stats;
};

/* ---- memory ---- */

static void *memory_begin(void *opaque) { return opaque; }
static void memory_end(void *opaque) {}
static LLVMBool memory_finalize(void *opaque, char **err) { return 0; }
static void memory_destroy(void *opaque) {}

/* There is room: compiler_compile has looked. */
static uint8_t *take(struct compiler *c, uint64_t bytes, uint64_t align)
{
	if (align < 16)
		align = 16;
	uint64_t at = (c->used + align - 1) & ~(align - 1);
	c->used = at + bytes;
	return c->memory.write + at;
}

static uint8_t *memory_code(void *opaque, uintptr_t bytes, unsigned align, unsigned id, const char *section)
{
	struct compiler *c = opaque;
	uint8_t *at = take(c, bytes, align);
	c->made.begin = (const char *)at + c->memory.to_exec;
	c->made.end = c->made.begin + bytes;
	return at;
}

static uint8_t *memory_data(void *opaque, uintptr_t bytes, unsigned align, unsigned id, const char *section, LLVMBool read_only)
{
	struct compiler *c = opaque;
	uint8_t *at = take(c, bytes, align);
	if (!strcmp(section, SITE_SECTION)) {
		c->made.sites = (const char *)at;
		c->made.sites_end = c->made.sites + bytes;
	} else if (!strcmp(section, LINK_SECTION)) {
		c->links = (struct region_links *)(void *)at;
	}
	return at;
}

static LLVMOrcObjectLayerRef make_layer(void *opaque, LLVMOrcExecutionSessionRef session, const char *triple)
{
	return LLVMOrcCreateRTDyldObjectLinkingLayerWithMCJITMemoryManagerLikeCallbacks(session, opaque, memory_begin, memory_end, memory_code,
											memory_data, memory_finalize, memory_destroy);
}

/* ---- compiling ---- */

static void note_diagnostic(LLVMDiagnosticInfoRef info, void *opaque)
{
	if (LLVMGetDiagInfoSeverity(info) == LLVMDSError)
		((struct compiler *)opaque)->failed = true;
}

/* Whether there was no error; frees it. */
static bool succeeded(LLVMErrorRef err)
{
	if (err)
		LLVMConsumeError(err);
	return !err;
}

/* The region's object file, NULL if LLVM reports an error. */
static LLVMMemoryBufferRef make_object(struct compiler *c, LLVMModuleRef module)
{
	LLVMMemoryBufferRef object = NULL;
	char *message = NULL;
	c->failed = false;
	if (!succeeded(LLVMRunPasses(module, TARGET_PASSES, c->tm, c->options)))
		return NULL;
	if (LLVMTargetMachineEmitToMemoryBuffer(c->tm, module, LLVMObjectFile, &message, &object)) {
		LLVMDisposeMessage(message);
		return NULL;
	}
	if (!c->failed)
		return object;
	LLVMDisposeMemoryBuffer(object);
	return NULL;
}

/* Takes the object. Its sections take less than the file; the linker adds less than a page. */
static const void *link_object(struct compiler *c, LLVMMemoryBufferRef object, const char *name)
{
	LLVMOrcExecutorAddress address;
	if (LLVMGetBufferSize(object) + 4096 > ROOM) {
		LLVMDisposeMemoryBuffer(object);
		return NULL;
	}
	if (!succeeded(LLVMOrcLLJITAddObjectFile(c->jit, LLVMOrcLLJITGetMainJITDylib(c->jit), object)) ||
	    !succeeded(LLVMOrcLLJITLookup(c->jit, &address, name)))
		return NULL;
	return (const char *)(uintptr_t)address + c->memory.to_exec;
}

static void fill_links(struct region_links *links, const struct region *r)
{
	for (const struct region_block *rb = r->block; rb < r->block + r->n_blocks; rb++)
		*links++ = (struct region_links){ rb->bound, { rb->exit[0].code, rb->exit[1].code } };
}

bool compiler_compile(struct compiler *c, const struct region *r, struct compiled *compiled)
{
	char name[32];
	uint64_t start = clock_host_now(), used = c->used;
	snprintf(name, sizeof name, "region%llu", (unsigned long long)c->stats.regions + c->stats.failed);
	LLVMModuleRef module = target_module(c->ctx, c->tm, name);
	lower_region(module, r, c->pins, name, NULL);
	LLVMMemoryBufferRef object = make_object(c, module);
	c->made = (struct compiled){ 0 };
	c->links = NULL;
	const void *code = object ? link_object(c, object, name) : NULL;
	if (code && !c->links)
		code = NULL;
	if (code)
		fill_links(c->links, r);
	LLVMDisposeModule(module);
	c->stats.ns += clock_host_now() - start;
	if (!code) {
		c->stats.failed++;
		return false;
	}
	*compiled = c->made;
	compiled->entry = code;
	c->stats.regions++;
	c->stats.blocks += r->n_blocks;
	c->stats.insns += r->n_insns;
	c->stats.bytes += c->used - used;
	return true;
}

void compiler_print(struct compiler *c, const struct region *r, FILE *f)
{
	LLVMModuleRef module = target_module(c->ctx, c->tm, "region");
	lower_region(module, r, c->pins, "region", NULL);
	char *text = LLVMPrintModuleToString(module);
	fputs(text, f);
	LLVMDisposeMessage(text);
	LLVMDisposeModule(module);
}

/* ---- life ---- */

static bool make_jit(struct compiler *c)
{
	LLVMOrcLLJITBuilderRef builder = LLVMOrcCreateLLJITBuilder();
	LLVMOrcLLJITBuilderSetObjectLinkingLayerCreator(builder, make_layer, c);
	return succeeded(LLVMOrcCreateLLJIT(&c->jit, builder));
}

struct compiler *compiler_create(const uint8_t pins[STENCIL_PINS], const struct code_memory *memory, struct error *err)
{
	struct compiler *c = calloc(1, sizeof *c);
	if (!c) {
		error_set(err, ERROR_HOST, "compiler: out of memory");
		return NULL;
	}
	memcpy(c->pins, pins, sizeof c->pins);
	c->ctx = LLVMContextCreate();
	LLVMContextSetDiagnosticHandler(c->ctx, note_diagnostic, c);
	c->options = LLVMCreatePassBuilderOptions();
	c->tm = target_machine_create();
	c->memory = *memory;
	if (c->tm && make_jit(c))
		return c;
	error_set(err, ERROR_HOST, "LLVM has no code generator for this host; --engine stencil needs none");
	compiler_destroy(c);
	return NULL;
}

bool compiler_has_room(const struct compiler *c)
{
	return c->memory.size - c->used >= ROOM;
}

void compiler_reset(struct compiler *c)
{
	c->used = 0;
	succeeded(LLVMOrcJITDylibClear(LLVMOrcLLJITGetMainJITDylib(c->jit)));
}

void compiler_get_stats(const struct compiler *c, struct compiler_stats *s)
{
	*s = c->stats;
}

void compiler_destroy(struct compiler *c)
{
	if (!c)
		return;
	if (c->jit)
		succeeded(LLVMOrcDisposeLLJIT(c->jit));
	if (c->tm)
		LLVMDisposeTargetMachine(c->tm);
	LLVMDisposePassBuilderOptions(c->options);
	LLVMContextDispose(c->ctx);
	free(c);
}

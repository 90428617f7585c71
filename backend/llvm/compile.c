// SPDX-License-Identifier: Apache-2.0
#include "backend/llvm/compile.h"
#include <llvm-c/Analysis.h>
#include <llvm-c/Error.h>
#include <llvm-c/Transforms/PassBuilder.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include "backend/llvm/debug_info.h"
#include "backend/llvm/lower.h"
#include "backend/llvm/target.h"
#include "runtime/clock.h"
#include "runtime/llvm_load.h"

struct compiler {
	uint8_t pins[STENCIL_PINS];
	struct linker *linker;
	LLVMContextRef ctx;
	LLVMTargetMachineRef tm;
	LLVMPassBuilderOptionsRef options;
	bool failed;			/* the backend has reported an error for the object that it is making */
	struct compiler_stats stats;
};

/* ---- starting LLVM ---- */

static void note_diagnostic(LLVMDiagnosticInfoRef info, void *opaque)
{
	if (LLVMGetDiagInfoSeverity(info) == LLVMDSError)
		((struct compiler *)opaque)->failed = true;
}

static bool start(struct compiler *c)
{
	struct error err;
	if (!c->ctx && llvm_load(&err)) {
		c->ctx = LLVMContextCreate();
		LLVMContextSetDiagnosticHandler(c->ctx, note_diagnostic, c);
		c->options = LLVMCreatePassBuilderOptions();
		c->tm = target_machine_create();
	}
	return c->tm;
}

/* ---- compiling ---- */

/* The module's text without its debug information. */
static char *print_plain(LLVMModuleRef module)
{
	LLVMModuleRef plain = LLVMCloneModule(module);
	LLVMStripModuleDebugInfo(plain);
	char *text = LLVMPrintModuleToString(plain);
	LLVMDisposeModule(plain);
	return text;
}

/* The region's object file, NULL if LLVM reports an error. */
static LLVMMemoryBufferRef make_object(struct compiler *c, LLVMModuleRef module, char **ir)
{
	LLVMMemoryBufferRef object = NULL;
	char *message = NULL;
	c->failed = false;
	LLVMErrorRef error = LLVMRunPasses(module, TARGET_PASSES, c->tm, c->options);
	if (error) {
		LLVMConsumeError(error);
		return NULL;
	}
	if (ir)		/* now: the code generator changes it */
		*ir = print_plain(module);
	if (LLVMTargetMachineEmitToMemoryBuffer(c->tm, module, LLVMObjectFile, &message, &object)) {
		LLVMDisposeMessage(message);
		return NULL;
	}
	if (!c->failed)
		return object;
	LLVMDisposeMemoryBuffer(object);
	return NULL;
}

static void lower(struct compiler *c, LLVMModuleRef module, const struct region *r, const char *name)
{
	struct debug_info debug = { 0 };
	struct lower_lines lines = { .first = REGION_LINE };
	if (r->lines) {
		debug_info_begin(&debug, module);
		lines.scope = debug_info_function(&debug, name, lines.first);
	}
	lower_region(module, r, c->pins, name, r->lines ? &lines : NULL);
	debug_info_end(&debug);
}

static LLVMMemoryBufferRef compile(struct compiler *c, const struct region *r, const char *name, struct line_table *lines,
				   char **ir)
{
	if (!start(c))
		return NULL;
	LLVMModuleRef module = target_module(c->ctx, c->tm, name);
	lower(c, module, r, name);
	LLVMMemoryBufferRef object = make_object(c, module, r->text ? ir : NULL);
	if (object && r->lines && !line_table_read(lines, LLVMGetBufferStart(object), LLVMGetBufferSize(object)))
		line_table_free(lines);
	LLVMDisposeModule(module);
	return object;
}

bool compiler_compile(struct compiler *c, const struct region *r, struct compiled *compiled)
{
	static _Atomic unsigned counter;
	struct line_table lines = { 0 };
	char name[32], *ir = NULL;
	uint64_t begin = clock_host_now();
	snprintf(name, sizeof name, "region%u", atomic_fetch_add(&counter, 1));
	bool good = linker_link(c->linker, r, compile(c, r, name, &lines, &ir), name, compiled);
	c->stats.ns += clock_host_now() - begin;
	compiled->lines = lines;
	compiled->ir = ir;
	if (!good) {
		compiled_free(compiled);
		c->stats.failed++;
		return false;
	}
	c->stats.regions++;
	c->stats.blocks += r->n_blocks;
	c->stats.insns += r->n_insns;
	c->stats.bytes += compiled->size;
	return true;
}

void compiler_print(struct compiler *c, const struct region *r, FILE *f)
{
	if (!start(c))
		return;
	LLVMModuleRef module = target_module(c->ctx, c->tm, "region");
	lower_region(module, r, c->pins, "region", NULL);
	char *text = LLVMPrintModuleToString(module);
	fputs(text, f);
	LLVMDisposeMessage(text);
	LLVMDisposeModule(module);
}

/* ---- life ---- */

struct compiler *compiler_create(const uint8_t pins[STENCIL_PINS], struct linker *linker, struct error *err)
{
	struct compiler *c = calloc(1, sizeof *c);
	if (!c) {
		error_set(err, ERROR_HOST, "compiler: out of memory");
		return NULL;
	}
	memcpy(c->pins, pins, sizeof c->pins);
	c->linker = linker;
	return c;
}

bool compiler_describe(char *text, size_t size, struct error *err)
{
	unsigned major, minor, patch;
	if (!llvm_load(err))
		return false;
	LLVMGetVersion(&major, &minor, &patch);
	snprintf(text, size, "LLVM %u.%u.%u " TARGET_CPU " " TARGET_PASSES, major, minor, patch);
	return true;
}

const struct compiler_stats *compiler_stats(const struct compiler *c)
{
	return &c->stats;
}

void compiler_stats_add(struct compiler_stats *sum, const struct compiler_stats *s)
{
	sum->regions += s->regions;
	sum->blocks += s->blocks;
	sum->insns += s->insns;
	sum->bytes += s->bytes;
	sum->failed += s->failed;
	sum->ns += s->ns;
}

void compiler_destroy(struct compiler *c)
{
	if (!c)
		return;
	if (c->tm)
		LLVMDisposeTargetMachine(c->tm);
	if (c->ctx) {
		LLVMDisposePassBuilderOptions(c->options);
		LLVMContextDispose(c->ctx);
	}
	free(c);
}

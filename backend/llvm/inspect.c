// SPDX-License-Identifier: Apache-2.0
#include "backend/llvm/inspect.h"
#include <llvm-c/Analysis.h>
#include <llvm-c/Error.h>
#include <llvm-c/Transforms/PassBuilder.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "backend/llvm/debug_info.h"
#include "backend/llvm/lower.h"
#include "backend/llvm/object.h"
#include "backend/llvm/target.h"
#include "runtime/clock.h"
#include "runtime/llvm_load.h"

struct inspect {
	uint8_t pins[STENCIL_PINS];
	LLVMContextRef ctx;
	LLVMTargetMachineRef tm;
	LLVMModuleRef module;
	struct debug_info debug;
	struct error failed;		/* what the backend has reported; code 0: nothing */
	uint64_t lower_ns;
};

/* ---- listings of modules ---- */

/* The rows of the module's instructions in the order of its text, malloc'd. */
static unsigned *rows_of(LLVMModuleRef module, size_t *n)
{
	size_t room = 0;
	unsigned *rows = NULL;
	*n = 0;
	for (LLVMValueRef f = LLVMGetFirstFunction(module); f; f = LLVMGetNextFunction(f))
		for (LLVMBasicBlockRef bb = LLVMGetFirstBasicBlock(f); bb; bb = LLVMGetNextBasicBlock(bb))
			for (LLVMValueRef v = LLVMGetFirstInstruction(bb); v; v = LLVMGetNextInstruction(v)) {
				if (*n == room) {
					room = room ? 2 * room : 1024;
					unsigned *more = realloc(rows, room * sizeof *more);
					if (!more) {
						free(rows);
						return NULL;
					}
					rows = more;
				}
				LLVMMetadataRef at = LLVMInstructionGetDebugLoc(v);
				rows[(*n)++] = at ? LLVMDILocationGetLine(at) : 0;
			}
	return rows;
}

/* Whether a line of a module's text begins an instruction: those are indented, but for what continues one (switch). */
static bool begins_insn(const char *line)
{
	return line[0] == ' ' && line[1] == ' ' && line[2] != ' ' && line[2] != ']';
}

/* Whether it is a label, with which a block of the module begins: "hit:    ; preds = %body" */
static bool is_label(const char *line, size_t length)
{
	size_t word = strcspn(line, " \n");
	return length && line[0] != '!' && line[0] != ';' && line[word - 1] == ':';
}

/* The text of a module without its debug information, whose place the rows take. */
static bool list_module(LLVMModuleRef module, struct listing *out)
{
	size_t n, next = 0;
	unsigned row = 0, *rows = rows_of(module, &n);
	if (!rows)
		return false;
	LLVMModuleRef plain = LLVMCloneModule(module);
	LLVMStripModuleDebugInfo(plain);
	char *text = LLVMPrintModuleToString(plain);
	for (const char *line = text; *line;) {
		size_t length = strcspn(line, "\n");	/* others continue the instruction before them */
		bool insn = begins_insn(line);
		if (insn)
			row = next < n ? rows[next++] : 0;
		else if (*line != ' ')	/* a label belongs to what it stands before */
			row = is_label(line, length) && next < n ? rows[next] : 0;
		listing_add(out, row, insn, line, length);
		line += length + (line[length] == '\n');
	}
	LLVMDisposeMessage(text);
	LLVMDisposeModule(plain);
	free(rows);
	return !out->failed && next == n;
}

/* ---- compiling ---- */

static void note_diagnostic(LLVMDiagnosticInfoRef info, void *opaque)
{
	struct inspect *i = opaque;
	char *text = LLVMGetDiagInfoDescription(info);
	if (LLVMGetDiagInfoSeverity(info) == LLVMDSError)
		error_set(&i->failed, ERROR_HOST, "LLVM: %s", text);
	LLVMDisposeMessage(text);
}

/* For opt and llc, which take a function's processor from here. */
static void set_processor(struct inspect *i, const char *name)
{
	LLVMAttributeRef cpu = LLVMCreateStringAttribute(i->ctx, "target-cpu", 10, TARGET_CPU, sizeof TARGET_CPU - 1);
	LLVMAddAttributeAtIndex(LLVMGetNamedFunction(i->module, name), LLVMAttributeFunctionIndex, cpu);
}

void inspect_add(struct inspect *i, const struct region *r, const char *name, unsigned first)
{
	struct lower_lines lines = { debug_info_function(&i->debug, name, first), first };
	uint64_t start = clock_host_now();
	lower_region(i->module, r, i->pins, name, &lines);
	i->lower_ns += clock_host_now() - start;
	set_processor(i, name);
}

static bool optimise(struct inspect *i, const char *passes, struct error *err)
{
	LLVMPassBuilderOptionsRef options = LLVMCreatePassBuilderOptions();
	LLVMErrorRef failed = LLVMRunPasses(i->module, passes ? passes : TARGET_PASSES, i->tm, options);
	LLVMDisposePassBuilderOptions(options);
	if (!failed)
		return true;
	char *message = LLVMGetErrorMessage(failed);
	error_set(err, ERROR_USAGE, "--passes: LLVM says \"%s\"; write a list as opt-19 -passes= takes it", message);
	LLVMDisposeErrorMessage(message);
	return false;
}

static LLVMMemoryBufferRef generate(struct inspect *i, struct error *err)
{
	LLVMMemoryBufferRef object = NULL;
	char *message = NULL;
	if (LLVMTargetMachineEmitToMemoryBuffer(i->tm, i->module, LLVMObjectFile, &message, &object)) {
		error_set(err, ERROR_HOST, "LLVM: %s", message);
		LLVMDisposeMessage(message);
		return NULL;
	}
	if (!i->failed.code)
		return object;
	*err = i->failed;
	LLVMDisposeMemoryBuffer(object);
	return NULL;
}

bool inspect_finish(struct inspect *i, const char *passes, bool intel, struct inspection *out, struct error *err)
{
	char *message = NULL;
	*out = (struct inspection){ .lower_ns = i->lower_ns };
	debug_info_end(&i->debug);
	if (LLVMVerifyModule(i->module, LLVMReturnStatusAction, &message)) {
		error_set(err, ERROR_HOST, "LLVM's verifier: %s", message);
		LLVMDisposeMessage(message);
		return false;
	}
	LLVMDisposeMessage(message);
	if (!list_module(i->module, &out->llvm))
		return error_set(err, ERROR_HOST, "LLVM's text of the module cannot be read");
	uint64_t start = clock_host_now();
	if (!optimise(i, passes, err))
		return false;
	out->optimise_ns = clock_host_now() - start;
	if (!list_module(i->module, &out->optimised))
		return error_set(err, ERROR_HOST, "LLVM's text of the optimised module cannot be read");
	start = clock_host_now();
	LLVMMemoryBufferRef object = generate(i, err);
	if (!object)
		return false;
	out->codegen_ns = clock_host_now() - start;
	bool good = object_list(LLVMGetBufferStart(object), LLVMGetBufferSize(object), intel, &out->host, err);
	LLVMDisposeMemoryBuffer(object);
	return good;
}

/* ---- life ---- */

struct inspect *inspect_begin(const uint8_t pins[STENCIL_PINS], struct error *err)
{
	if (!llvm_load(err))
		return NULL;
	struct inspect *i = calloc(1, sizeof *i);
	if (!i) {
		error_set(err, ERROR_HOST, "out of memory");
		return NULL;
	}
	memcpy(i->pins, pins, sizeof i->pins);
	i->ctx = LLVMContextCreate();
	LLVMContextSetDiagnosticHandler(i->ctx, note_diagnostic, i);
	i->tm = target_machine_create();
	if (!i->tm) {
		error_set(err, ERROR_HOST, "LLVM has no code generator for this host");
		inspect_destroy(i);
		return NULL;
	}
	i->module = target_module(i->ctx, i->tm, "calque");
	debug_info_begin(&i->debug, i->module);
	return i;
}

void inspect_destroy(struct inspect *i)
{
	if (!i)
		return;
	debug_info_end(&i->debug);
	if (i->module)
		LLVMDisposeModule(i->module);
	if (i->tm)
		LLVMDisposeTargetMachine(i->tm);
	LLVMContextDispose(i->ctx);
	free(i);
}

void inspection_free(struct inspection *out)
{
	listing_free(&out->llvm);
	listing_free(&out->optimised);
	listing_free(&out->host);
}

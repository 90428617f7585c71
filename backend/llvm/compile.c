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
#include "backend/llvm/debug_info.h"
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
	uint64_t used;			/* from its beginning, by what is compiled */
	uint64_t promised;		/* what `used` may come to be while a region is compiled */
	uint64_t loaded;		/* where that begins which has been loaded, to the end */
	struct compiled made;		/* what is being linked */
	struct compiler_stats stats;
};

/* ---- memory ---- */

static void *memory_begin(void *opaque) { return opaque; }
static void memory_end(void *opaque) {}
static LLVMBool memory_finalize(void *opaque, char **err) { return 0; }
static void memory_destroy(void *opaque) {}

/* There is room: compiler_begin has looked. */
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
		c->made.links = (struct region_links *)(void *)at;
	}
	return at;
}

static LLVMOrcObjectLayerRef make_layer(void *opaque, LLVMOrcExecutionSessionRef session, const char *triple)
{
	return LLVMOrcCreateRTDyldObjectLinkingLayerWithMCJITMemoryManagerLikeCallbacks(session, opaque, memory_begin, memory_end, memory_code,
											memory_data, memory_finalize, memory_destroy);
}

/* ---- starting LLVM ---- */

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

static bool make_jit(struct compiler *c)
{
	LLVMOrcLLJITBuilderRef builder = LLVMOrcCreateLLJITBuilder();
	LLVMOrcLLJITBuilderSetObjectLinkingLayerCreator(builder, make_layer, c);
	return succeeded(LLVMOrcCreateLLJIT(&c->jit, builder));
}

static bool start(struct compiler *c)
{
	if (!c->ctx) {
		c->ctx = LLVMContextCreate();
		LLVMContextSetDiagnosticHandler(c->ctx, note_diagnostic, c);
		c->options = LLVMCreatePassBuilderOptions();
		c->tm = target_machine_create();
	}
	return c->tm && (c->jit || make_jit(c));
}

/* ---- compiling ---- */

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

/* The place of the next image. */
static uint8_t *begin_image(struct compiler *c)
{
	return take(c, 0, IMAGE_ALIGN);
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
		*links++ = (struct region_links){ rb->bound, { rb->exit[0].code, rb->exit[1].code }, rb->code };
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

bool compiler_compile(struct compiler *c, const struct region *r, struct compiled *compiled)
{
	char name[32];
	if (!start(c)) {
		c->stats.failed++;
		return false;
	}
	uint64_t begin = clock_host_now(), used = c->used;
	snprintf(name, sizeof name, "region%llu", (unsigned long long)c->stats.regions + c->stats.failed);
	LLVMModuleRef module = target_module(c->ctx, c->tm, name);
	lower(c, module, r, name);
	LLVMMemoryBufferRef object = make_object(c, module);
	bool suits = object && image_object_suits(LLVMGetBufferStart(object), LLVMGetBufferSize(object));
	c->made = (struct compiled){ .image = begin_image(c) };
	if (object && r->lines && !line_table_read(&c->made.lines, LLVMGetBufferStart(object), LLVMGetBufferSize(object)))
		line_table_free(&c->made.lines);
	const void *code = object ? link_object(c, object, name) : NULL;
	if (code && !c->made.links)
		code = NULL;
	if (code)
		fill_links(c->made.links, r);
	LLVMDisposeModule(module);
	c->stats.ns += clock_host_now() - begin;
	if (!code) {
		line_table_free(&c->made.lines);
		c->stats.failed++;
		return false;
	}
	*compiled = c->made;
	compiled->entry = code;
	compiled->image_size = (uint32_t)(c->memory.write + c->used - compiled->image);
	if (!suits)
		compiled->image = NULL;
	c->stats.regions++;
	c->stats.blocks += r->n_blocks;
	c->stats.insns += r->n_insns;
	c->stats.bytes += c->used - used;
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

/* ---- images ---- */

bool compiler_get_image(const struct compiler *c, const struct compiled *compiled, struct image *image)
{
	const uint8_t *at = compiled->image;
	if (!at)
		return false;
	const char *exec = (const char *)at + c->memory.to_exec;
	*image = (struct image){
		.bytes = at, .size = compiled->image_size, .entry = (uint32_t)((const char *)compiled->entry - exec),
		.begin = (uint32_t)(compiled->begin - exec), .end = (uint32_t)(compiled->end - exec),
		.sites = compiled->sites ? (uint32_t)(compiled->sites - (const char *)at) : 0,
		.sites_size = (uint32_t)(compiled->sites_end - compiled->sites),
		.links = (uint32_t)((const uint8_t *)compiled->links - at),
	};
	return true;
}

bool compiler_load(struct compiler *c, const struct region *r, const struct image *image, struct compiled *compiled)
{
	if (c->loaded - c->promised < image->size + IMAGE_ALIGN)
		return false;
	c->loaded = (c->loaded - image->size) & ~(uint64_t)(IMAGE_ALIGN - 1);
	uint8_t *at = c->memory.write + c->loaded;
	const char *exec = (const char *)at + c->memory.to_exec;
	memcpy(at, image->bytes, image->size);
	*compiled = (struct compiled){
		.entry = exec + image->entry, .begin = exec + image->begin, .end = exec + image->end,
		.sites = (const char *)at + image->sites, .sites_end = (const char *)at + image->sites + image->sites_size,
		.links = (struct region_links *)(void *)(at + image->links), .image = at, .image_size = image->size,
	};
	fill_links(compiled->links, r);
	return true;
}

/* ---- life ---- */

struct compiler *compiler_create(const uint8_t pins[STENCIL_PINS], const struct code_memory *memory, struct error *err)
{
	struct compiler *c = calloc(1, sizeof *c);
	if (!c) {
		error_set(err, ERROR_HOST, "compiler: out of memory");
		return NULL;
	}
	memcpy(c->pins, pins, sizeof c->pins);
	c->memory = *memory;
	c->loaded = memory->size;
	return c;
}

void compiler_describe(char *text, size_t size)
{
	unsigned major, minor, patch;
	LLVMGetVersion(&major, &minor, &patch);
	snprintf(text, size, "LLVM %u.%u.%u " TARGET_CPU " " TARGET_PASSES, major, minor, patch);
}

bool compiler_begin(struct compiler *c)
{
	if (c->loaded - c->used < ROOM)
		return false;
	c->promised = c->used + ROOM;
	return true;
}

void compiler_drop_loaded(struct compiler *c)
{
	c->loaded = c->memory.size;
}

void compiler_reset(struct compiler *c)
{
	c->used = c->promised = 0;
	if (c->jit)
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
	if (c->ctx) {
		LLVMDisposePassBuilderOptions(c->options);
		LLVMContextDispose(c->ctx);
	}
	free(c);
}

// SPDX-License-Identifier: Apache-2.0
#include "backend/llvm/linker.h"
#include <llvm-c/Error.h>
#include <llvm-c/LLJIT.h>
#include <llvm-c/Orc.h>
#include <llvm-c/OrcEE.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "backend/llvm/sites.h"

/* More than any object takes: a region's instructions at a hundred times their usual size */
#define ROOM (1 << 19)
_Static_assert(ROOM < CODE_CACHE_MIN, "the smallest arena holds a region");

struct linker {
	struct code_memory memory;
	pthread_mutex_t lock;		/* of what follows */
	LLVMOrcLLJITRef jit;		/* made when it is needed first */
	unsigned promises;
	bool stale;			/* `used` is nobody's any more, once no promise is left */
	uint64_t used;			/* from the memory's beginning, by what has been linked */
	uint64_t loaded;		/* where that begins which has been loaded, to the end */
	struct compiled *made;		/* what is being linked */
};

/* ---- memory ---- */

static void *memory_begin(void *opaque) { return opaque; }
static void memory_end(void *opaque) {}
static LLVMBool memory_finalize(void *opaque, char **err) { return 0; }
static void memory_destroy(void *opaque) {}

/* There is room: it was promised. */
static uint8_t *take(struct linker *l, uint64_t bytes, uint64_t align)
{
	if (align < 16)
		align = 16;
	uint64_t at = (l->used + align - 1) & ~(align - 1);
	l->used = at + bytes;
	return l->memory.write + at;
}

static uint8_t *memory_code(void *opaque, uintptr_t bytes, unsigned align, unsigned id, const char *section)
{
	struct linker *l = opaque;
	uint8_t *at = take(l, bytes, align);
	l->made->begin = (const char *)at + l->memory.to_exec;
	l->made->end = l->made->begin + bytes;
	return at;
}

static uint8_t *memory_data(void *opaque, uintptr_t bytes, unsigned align, unsigned id, const char *section, LLVMBool read_only)
{
	struct linker *l = opaque;
	uint8_t *at = take(l, bytes, align);
	if (!strcmp(section, SITE_SECTION)) {
		l->made->sites = (const char *)at;
		l->made->sites_end = l->made->sites + bytes;
	} else if (!strcmp(section, LINK_SECTION)) {
		l->made->links = (struct region_links *)(void *)at;
	}
	return at;
}

static LLVMOrcObjectLayerRef make_layer(void *opaque, LLVMOrcExecutionSessionRef session, const char *triple)
{
	return LLVMOrcCreateRTDyldObjectLinkingLayerWithMCJITMemoryManagerLikeCallbacks(session, opaque, memory_begin, memory_end, memory_code,
											memory_data, memory_finalize, memory_destroy);
}

/* Whether there was no error; frees it. */
static bool succeeded(LLVMErrorRef err)
{
	if (err)
		LLVMConsumeError(err);
	return !err;
}

bool linker_promise(struct linker *l)
{
	pthread_mutex_lock(&l->lock);
	bool room = l->loaded - l->used >= (uint64_t)ROOM * (l->promises + 1);
	l->promises += room;
	pthread_mutex_unlock(&l->lock);
	return room;
}

static void rewind_memory(struct linker *l)
{
	if (!l->stale || l->promises)
		return;
	if (l->jit)
		succeeded(LLVMOrcJITDylibClear(LLVMOrcLLJITGetMainJITDylib(l->jit)));
	l->used = 0;
	l->stale = false;
}

void linker_done(struct linker *l)
{
	pthread_mutex_lock(&l->lock);
	l->promises--;
	rewind_memory(l);
	pthread_mutex_unlock(&l->lock);
}

void linker_reset(struct linker *l)
{
	pthread_mutex_lock(&l->lock);
	l->loaded = l->memory.size;
	l->stale = true;
	rewind_memory(l);
	pthread_mutex_unlock(&l->lock);
}

/* ---- linking ---- */

static bool start(struct linker *l)
{
	if (l->jit)
		return true;
	LLVMOrcLLJITBuilderRef builder = LLVMOrcCreateLLJITBuilder();
	LLVMOrcLLJITBuilderSetObjectLinkingLayerCreator(builder, make_layer, l);
	return succeeded(LLVMOrcCreateLLJIT(&l->jit, builder));
}

/* Takes the object. Its sections take less than the file; the linker adds less than a page. */
static const void *link_object(struct linker *l, LLVMMemoryBufferRef object, const char *name)
{
	LLVMOrcExecutorAddress address;
	if (LLVMGetBufferSize(object) + 4096 > ROOM || !start(l)) {
		LLVMDisposeMemoryBuffer(object);
		return NULL;
	}
	if (!succeeded(LLVMOrcLLJITAddObjectFile(l->jit, LLVMOrcLLJITGetMainJITDylib(l->jit), object)) ||
	    !succeeded(LLVMOrcLLJITLookup(l->jit, &address, name)))
		return NULL;
	return (const char *)(uintptr_t)address + l->memory.to_exec;
}

static void fill_links(struct region_links *links, const struct region *r)
{
	for (const struct region_block *rb = r->block; rb < r->block + r->n_blocks; rb++)
		*links++ = (struct region_links){ rb->bound, { rb->exit[0].code, rb->exit[1].code }, rb->code };
}

bool linker_link(struct linker *l, const struct region *r, LLVMMemoryBufferRef object, const char *name, struct compiled *compiled)
{
	bool suits = object && image_object_suits(LLVMGetBufferStart(object), LLVMGetBufferSize(object));
	*compiled = (struct compiled){ 0 };
	pthread_mutex_lock(&l->lock);
	l->made = compiled;
	const uint8_t *image = take(l, 0, IMAGE_ALIGN);
	const void *code = object ? link_object(l, object, name) : NULL;
	compiled->size = (uint32_t)(l->memory.write + l->used - image);
	pthread_mutex_unlock(&l->lock);
	if (!code || !compiled->links)
		return false;
	fill_links(compiled->links, r);
	compiled->entry = code;
	compiled->image = suits ? image : NULL;
	return true;
}

void compiled_free(struct compiled *compiled)
{
	line_table_free(&compiled->lines);
	if (compiled->ir)
		LLVMDisposeMessage(compiled->ir);
	compiled->ir = NULL;
}

/* ---- images ---- */

bool linker_get_image(const struct linker *l, const struct compiled *compiled, struct image *image)
{
	const uint8_t *at = compiled->image;
	if (!at)
		return false;
	const char *exec = (const char *)at + l->memory.to_exec;
	*image = (struct image){
		.bytes = at, .size = compiled->size, .entry = (uint32_t)((const char *)compiled->entry - exec),
		.begin = (uint32_t)(compiled->begin - exec), .end = (uint32_t)(compiled->end - exec),
		.sites = compiled->sites ? (uint32_t)(compiled->sites - (const char *)at) : 0,
		.sites_size = (uint32_t)(compiled->sites_end - compiled->sites),
		.links = (uint32_t)((const uint8_t *)compiled->links - at),
	};
	return true;
}

/* Room at the end, NULL: there is none. */
static uint8_t *take_end(struct linker *l, uint64_t bytes)
{
	uint8_t *at = NULL;
	pthread_mutex_lock(&l->lock);
	if (l->loaded - l->used >= (uint64_t)ROOM * l->promises + bytes + IMAGE_ALIGN) {
		l->loaded = (l->loaded - bytes) & ~(uint64_t)(IMAGE_ALIGN - 1);
		at = l->memory.write + l->loaded;
	}
	pthread_mutex_unlock(&l->lock);
	return at;
}

bool linker_load(struct linker *l, const struct region *r, const struct image *image, struct compiled *compiled)
{
	uint8_t *at = take_end(l, image->size);
	if (!at)
		return false;
	const char *exec = (const char *)at + l->memory.to_exec;
	memcpy(at, image->bytes, image->size);
	*compiled = (struct compiled){
		.entry = exec + image->entry, .begin = exec + image->begin, .end = exec + image->end,
		.sites = (const char *)at + image->sites, .sites_end = (const char *)at + image->sites + image->sites_size,
		.links = (struct region_links *)(void *)(at + image->links), .image = at, .size = image->size,
	};
	fill_links(compiled->links, r);
	return true;
}

/* ---- life ---- */

struct linker *linker_create(const struct code_memory *memory, struct error *err)
{
	struct linker *l = calloc(1, sizeof *l);
	if (!l) {
		error_set(err, ERROR_HOST, "linker: out of memory");
		return NULL;
	}
	pthread_mutex_init(&l->lock, NULL);
	l->memory = *memory;
	l->loaded = memory->size;
	return l;
}

void linker_destroy(struct linker *l)
{
	if (!l)
		return;
	if (l->jit)
		succeeded(LLVMOrcDisposeLLJIT(l->jit));
	pthread_mutex_destroy(&l->lock);
	free(l);
}

// SPDX-License-Identifier: Apache-2.0
#include "src/lift/blocks.h"
#include <stdlib.h>
#include <string.h>
#include "backend/cache/codecache.h"
#include "backend/interp/execute.h"
#include "ir/ir.h"
#include "ir/op_info.h"
#include "runtime/clock.h"
#include "runtime/machine.h"
#include "runtime/window.h"
#ifdef HAVE_STENCILS
#include "backend/stencil/list.h"
#endif

/* Most of it is never touched */
#define ARENA CODE_CACHE_DEFAULT

struct lift_blocks {
	const struct lift_source *source;
	const struct lift_options *options;
	struct vcpu *cpu;		/* as far as the lifter looks at it: mode and extensions */
	struct codecache *cache;	/* virtual addresses stand in for physical ones */
	uint64_t next_page;		/* of the block being lifted */
#ifdef HAVE_STENCILS
	struct code_memory memory;
	struct stencil_arena *arena;
#endif
};

static const uint8_t *next_page(void *opaque)
{
	struct lift_blocks *x = opaque;
	unsigned size;
	/* where the code ends within a page nothing continues it */
	const uint8_t *bytes = x->next_page & (PAGE_SIZE - 1) ? NULL : x->source->bytes(x->source, x->next_page, &size);
	return bytes && size >= 2 ? bytes : NULL;
}

static void note_exits(struct lift_block *b)
{
	enum uop_op end = b->ir.uop[b->ir.n_uops - 1].op;
	b->n_exits = op_info[end].format == F_BR ? 2 : end == UOP_jmp ? 1 : 0;
	for (unsigned i = 0; i < 2; i++) {
		b->target[i] = (b->va & PAGE_MASK) + (uint64_t)b->ir.target[i];
		b->inside[i] = -1;
	}
}

struct lift_block *blocks_lift(struct lift_blocks *x, uint64_t va, uint64_t size, unsigned max_insns, struct error *err)
{
	const struct frontend *frontend = x->source->frontend;
	unsigned here = 0;
	const uint8_t *code = x->source->bytes(x->source, va, &here);
	if (!code || here < 2) {	/* the shortest instructions have two */
		error_set(err, ERROR_USAGE, code ? "0x%llx: a single byte there is no instruction" : "0x%llx: there is no code", (unsigned long long)va);
		return NULL;
	}
	struct lift_block *b = calloc(1, sizeof *b);
	if (!b) {
		error_set(err, ERROR_HOST, "out of memory");
		return NULL;
	}
	b->va = va;
	struct lift_request request = { .cpu = x->cpu, .mode = x->cpu->mode, .va = va, .code = code, .size = size && size < here ? (unsigned)size : here,
					.next_page = next_page, .opaque = x, .max_insns = max_insns };
	x->next_page = va + request.size;
	uint64_t start = clock_host_now();
	bool good = frontend->lift(&request, &b->ir);
	if (!good && request.size < here) {	/* the instruction is longer than what was asked for */
		x->next_page = va + (request.size = here);
		request.max_insns = 1;
		good = frontend->lift(&request, &b->ir);
	}
	if (!good) {
		error_set(err, ERROR_USAGE, "0x%llx: the instruction there is cut short: the code ends at 0x%llx", (unsigned long long)va,
			  (unsigned long long)(va + request.size));
		free(b);
		return NULL;
	}
	ir_optimise(&b->ir, frontend->helpers);
	b->lift_ns = clock_host_now() - start;
	note_exits(b);
	/* of the second page only that it is another one */
	b->bound = codecache_find(x->cache, va, x->options->mode->mode);
	if (!b->bound)
		b->bound = codecache_add(x->cache, &b->ir, va, va, b->ir.crosses_page ? (va & PAGE_MASK) + PAGE_SIZE : CODE_NO_PAGE, x->options->mode->mode,
					 (struct phys_page *[2]){ NULL, NULL });
	if (b->bound)
		return b;
	error_set(err, ERROR_USAGE, "too much code to lift at once: say less with --insns");
	free(b);
	return NULL;
}

/* ---- machine code ---- */

#ifdef HAVE_STENCILS
static enum uop_op op_of(const void *opaque, const struct uop *bound)
{
	return stencil_op_of(opaque, bound);
}

static bool make_arena(struct lift_blocks *x, const struct code_handlers *handlers, struct error *err)
{
	if (!code_memory_map(&x->memory, ARENA))
		return error_set(err, ERROR_HOST, "no memory for machine code");
	x->arena = stencil_arena_create(x->source->frontend->pinned_slots, handlers, &x->memory, err);
	return x->arena;
}

bool blocks_translate(struct lift_blocks *x, struct lift_block *b, struct listing *host, uint64_t *cold, struct error *err)
{
	if (host)
		return stencil_list(x->arena, b->bound, b->row, x->options->intel, host, cold, err);
	return b->bound->code || stencil_translate(x->arena, b->bound) || error_set(err, ERROR_HOST, "no room for more machine code: lift less at once");
}

/* Other pages stand where they are. */
struct surroundings { struct codecache *cache; const struct code_block *head; };

static struct code_block *find_far(const void *opaque, int64_t position)
{
	const struct surroundings *s = opaque;
	return codecache_find(s->cache, (s->head->pa & PAGE_MASK) + (uint64_t)position, s->head->mode);
}

bool blocks_form(struct lift_blocks *x, const struct lift_block *head, bool alone, struct region *r)
{
	struct tuning tuning = tuning_default;
	const struct surroundings surroundings = { x->cache, head->bound };
	if (alone)
		tuning.region_blocks = 1;
	r->windows = x->options->windows;
	r->home = head->va >> WINDOW_BITS;	/* data is expected where the code is */
	const struct region_former former = {
		.cache = x->cache, .tuning = &tuning, .frontend = x->source->frontend, .op_of = op_of, .arena = x->arena,
		.far = { find_far, &surroundings },
	};
	return region_form(r, &former, head->bound);
}
#else
static bool make_arena(struct lift_blocks *x, const struct code_handlers *handlers, struct error *err)
{
	return true;
}
#endif

/* ---- life ---- */

struct lift_blocks *blocks_create(const struct lift_source *s, const struct lift_options *o, struct error *err)
{
	struct lift_blocks *x = calloc(1, sizeof *x);
	struct code_handlers handlers;
	if (!x || !(x->cpu = aligned_alloc(64, (sizeof *x->cpu + 63) & ~(size_t)63))) {
		free(x);
		error_set(err, ERROR_HOST, "out of memory");
		return NULL;
	}
	memset(x->cpu, 0, sizeof *x->cpu);
	x->source = s;
	x->options = o;
	x->cpu->mode = o->mode->mode;
	interp_execute(NULL, NULL, NULL, &handlers);
	if (s->frontend->vcpu_init(x->cpu, o->config, err) && (x->cache = codecache_create(NULL, &handlers, NULL, ARENA, err)) &&
	    make_arena(x, &handlers, err))
		return x;
	blocks_destroy(x);
	return NULL;
}

void blocks_destroy(struct lift_blocks *x)
{
	if (!x)
		return;
#ifdef HAVE_STENCILS
	stencil_arena_destroy(x->arena);
	code_memory_unmap(&x->memory);
#endif
	if (x->cache)
		codecache_destroy(x->cache);
	x->source->frontend->vcpu_destroy(x->cpu);
	free(x->cpu);
	free(x);
}

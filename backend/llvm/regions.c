// SPDX-License-Identifier: Apache-2.0
#include "backend/llvm/regions.h"
#include <fenv.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>
#include "backend/llvm/installed.h"
#include "backend/llvm/recall.h"
#include "backend/llvm/requests.h"
#include "backend/llvm/sites.h"
#include "frontends/frontend.h"
#include "runtime/clock.h"

#define QUEUE_SIZE 32	/* what is hot and waits to be compiled */
#define FREE_FAULTS 200	/* that no region is reproached with: its working set, once */
#define COMPILE_NICE 10	/* the compiling thread's */
#define STALE 1000	/* requests whose block has not been found in as many samples are dropped */

struct regions {
	struct regions_config config;
	struct compiler *compiler;
	struct region forming;		/* the compiling thread's; in synchronous mode guarded by the cache's lock … */
	struct region recalled;		/* … and the recalling thread's */
	struct installed_list installed;	/* under the cache's lock */
	bool compiler_stale;		/* under the cache's lock: everything has been flushed since it was used last */
	struct regions_stats stats;	/* under the cache's lock, as what follows: a copy of the compiler's */
	struct compiler_stats compiled;

	struct requests hot, known;	/* known: to earlier runs */
	pthread_t compiling, recalling;
	bool compiles, recalls;		/* the threads run */
};

enum uop_op regions_op_of(const void *opaque, const struct uop *bound)
{
	return stencil_op_of(opaque, bound);
}

void regions_drop(struct regions *r, struct code_block *b)
{
	installed_drop(&r->installed, b);
}

void regions_flush(struct regions *r)
{
	installed_flush(&r->installed);
	compiler_drop_loaded(r->compiler);
	r->compiler_stale = true;
}

/* ---- faults of accesses through windows ---- */

struct installed *regions_find(struct regions *r, struct vcpu *cpu, const struct process_fault *f, const struct uop **u)
{
	const char *pc = (const char *)*f->pc;
	struct installed *region;
	struct site site;
	codecache_lock(r->config.cache);
	for (region = r->installed.first; region; region = region->next)
		if (pc >= region->code.begin && pc < region->code.end &&
		    site_find(region->code.sites, region->code.sites_end, pc, r->config.memory.to_exec, &site))
			break;
	codecache_unlock(r->config.cache);
	if (region) {
		*u = &region->use[site.block].block->uop[site.uop];
		site_restore(&site, f, cpu);
	}
	return region;
}

/* The micro-op at which the code for an address belongs: what has no line of its own (shared ways out, spills) goes with what stands before it. */
static bool find_line(const struct installed *region, uint64_t at, const struct code_block **b, unsigned *uop)
{
	const struct line_row *row = line_table_at(&region->code.lines, at);
	while (row && row->line <= REGION_LINE)
		row = row > region->code.lines.row ? row - 1 : NULL;
	if (!row)
		return false;
	unsigned line = REGION_LINE + 1;	/* of the block's beginning */
	for (unsigned i = 0; i < region->n_blocks; i++) {
		const struct code_block *block = region->use[i].block;
		unsigned n = row->line - line;	/* instructions are counted from 1 */
		if (n <= block->n_insns) {
			*b = block;
			*uop = n ? block->insn[n - 1].first_uop : 0;
			return true;
		}
		line += block->n_insns + 1u;
	}
	return false;
}

bool regions_find_line(struct regions *r, uint64_t address, const struct code_block **b, unsigned *uop, uint32_t *size)
{
	const char *pc = (const char *)(uintptr_t)address;
	for (const struct installed *region = r->installed.first; region; region = region->next) {
		const struct compiled *code = &region->code;
		if (pc < code->begin || pc >= code->end)
			continue;
		*size = (uint32_t)(code->end - code->begin);
		return find_line(region, (uint64_t)(pc - code->begin), b, uop);
	}
	return false;
}

void regions_count_fault(struct regions *r, struct installed *region, bool filled, uint64_t icount)
{
	codecache_lock(r->config.cache);
	if (filled)
		r->stats.fills++;
	else
		r->stats.leaves++;
	if (!region->faults++)
		region->first_fault = icount;
	if (r->config.may_give_up && region->faults > FREE_FAULTS + (icount - region->first_fault) / r->config.tuning->window_fault_insns) {
		installed_retire(&r->installed, region);
		region->head->no_windows = true;
		region->head->heat = 0;
	}
	codecache_unlock(r->config.cache);
}

/* ---- forming ---- */

static const struct sighting nowhere;

/* What the virtual-PC cache of the vCPU that has been seen knows of the page's surroundings. */
static struct code_block *find_far(const void *opaque, int64_t position)
{
	const struct sighting *seen = opaque;
	uint64_t va = seen->page + (uint64_t)position;
	const struct jump_cache_entry *j = JUMP_CACHE_ENTRY(seen->cpu, va);
	return j->pc == va && __atomic_load_n(&j->key, __ATOMIC_RELAXED) == seen->key[va >> 63] ? j->block : NULL;
}

static struct region_far around(const struct sighting *seen)
{
	return (struct region_far){ seen->cpu ? find_far : NULL, seen };
}

static bool form(struct regions *r, struct code_block *head, const struct sighting *seen)
{
	const struct region_former former = {
		.cache = r->config.cache, .tuning = r->config.tuning, .frontend = r->config.frontend, .poll_all = r->config.poll_all,
		.op_of = regions_op_of, .arena = r->config.arena, .far = around(seen),
	};
	if (!region_form(&r->forming, &former, head))
		return false;
	r->forming.windows = r->config.windows && !head->no_windows;
	r->forming.lines = r->config.lines;
	return true;
}

/*
 * Forms the region in which a block is hot. It begins at the head of the block's loop, since a loop that is entered in its midst makes worse code, and
 * since many of its blocks may be found hot; if that has a region, which does without the block, at the block. *seen becomes the region's. NULL: there is
 * none.
 */
static struct code_block *form_around(struct regions *r, struct code_block *b, struct sighting *seen)
{
	struct region_loops loops;
	if (!form(r, b, seen))
		return NULL;
	region_find_loops(&r->forming, &loops);
	const struct region_block *first = &r->forming.block[region_innermost_head(&r->forming, &loops, 0)];
	struct sighting there = *seen;
	there.page += (uint64_t)region_page(first->position);
	struct code_block *head = first->block;
	if (head == b || !head->code || installed_at(head))
		return b;
	if (form(r, head, &there) && region_has(&r->forming, b)) {
		*seen = there;
		return head;
	}
	return form(r, b, seen) ? b : NULL;
}

/* ---- compiling ---- */

/* Until everything is flushed there may be no room. */
static bool begin_compile(struct regions *r)
{
	if (r->compiler_stale)
		compiler_reset(r->compiler);
	r->compiler_stale = false;
	return compiler_begin(r->compiler);
}

/*
 * Installs a region of an earlier run that begins at head. With the cache's lock, which `unlocked` lets go while files are read. False: there is
 * none.
 */
static bool recall(struct regions *r, struct code_block *head, const struct sighting *seen, bool unlocked)
{
	const struct region_far far = around(seen);
	struct codecache *cache = r->config.cache;
	struct record_name name[RECALL_CHOICES];
	struct compiled code;
	struct image image;
	uint64_t epoch = codecache_epoch(cache), begin = clock_host_now();
	unsigned n = r->config.recall ? recall_find(r->config.recall, head, name) : 0;
	bool found = false;
	for (unsigned i = 0; i < n && !found; i++) {
		if (unlocked)
			codecache_unlock(cache);
		found = recall_read(r->config.recall, name[i]);
		if (unlocked)
			codecache_lock(cache);
		if (epoch != codecache_epoch(cache))
			return true;
		found = found && recall_form(r->config.recall, &r->recalled, head, &far, &image) &&
			compiler_load(r->compiler, &r->recalled, &image, &code);
	}
	if (found)
		installed_add(&r->installed, &r->recalled, &code, seen, r->stats.samples);
	r->stats.recalled += found;
	r->stats.lost += n && !found;
	r->stats.recall_ns += clock_host_now() - begin;
	return found;
}

/* Compiles what has been formed, and keeps it for later runs. On a vCPU's thread the host's floating-point status is the guest's. */
static bool make_code(struct regions *r, struct compiled *code)
{
	struct image image;
	fenv_t status;
	fegetenv(&status);
	fesetenv(FE_DFL_ENV);
	bool good = compiler_compile(r->compiler, &r->forming, code);
	if (good && r->config.recall && compiler_get_image(r->compiler, code, &image))
		recall_keep(r->config.recall, &r->forming, &image);
	fesetenv(&status);
	return good;
}

/* Whether everything that the region was made from is still there. */
static bool holds(const struct regions *r, const struct region *formed)
{
	bool same = formed->epoch == codecache_epoch(r->config.cache);
	for (unsigned i = 0; same && i < formed->n_blocks; i++)
		same = !formed->block[i].block->dead;
	return same;
}

/* What has been formed. With the cache's lock, which `unlocked` lets go while LLVM works. */
static void compile(struct regions *r, struct code_block *head, const struct sighting *seen, bool unlocked)
{
	struct codecache *cache = r->config.cache;
	struct compiled code;
	/* what is left again at once costs more to enter than it saves */
	if (unlocked && !r->forming.loops) {
		r->stats.straight++;
		return;
	}
	if (!begin_compile(r))
		return;
	if (r->config.recall)
		recall_note(r->config.recall, &r->forming);
	if (unlocked)
		codecache_unlock(cache);
	bool good = make_code(r, &code);
	if (unlocked)
		codecache_lock(cache);
	compiler_get_stats(r->compiler, &r->compiled);
	if (good && holds(r, &r->forming)) {
		installed_add(&r->installed, &r->forming, &code, seen, r->stats.samples);
	} else if (good) {
		line_table_free(&code.lines);
		r->stats.stale++;
	} else if (r->forming.windows) {	/* what LLVM refuses with windows it may compile with the TLB */
		head->no_windows = true;
		head->heat = 0;
	}
}

void regions_print(struct regions *r, const struct code_block *b, FILE *f)
{
	for (const struct region_use *use = b->regions; use; use = use->next) {
		const struct installed *region = use->region;
		if (!region->live || !form(r, region->head, &region->seen))
			continue;
		fprintf(f, "; region of %u blocks at physical 0x%" PRIx64 "%s\n", region->n_blocks, region->head->pa,
			r->forming.n_blocks == region->n_blocks ? "" : ", formed anew with other blocks than it was compiled of");
		compiler_print(r->compiler, &r->forming, f);
	}
}

void regions_compile_now(struct regions *r, struct code_block *b)
{
	if (recall(r, b, &nowhere, false))
		return;
	if (form(r, b, &nowhere))
		compile(r, b, &nowhere, false);
	else
		r->stats.failed++;
}

/* The same where the block has been found hot. */
static void compile_around(struct regions *r, struct code_block *b, struct sighting seen, bool unlocked)
{
	struct code_block *head = form_around(r, b, &seen);
	if (head)
		compile(r, head, &seen, unlocked);
	else
		r->stats.failed++;
}

/* Compiles what is hot. */
static void *compile_thread(void *opaque)
{
	struct regions *r = opaque;
	struct request request;
	/* a vCPU that wants the processor gets it; where that cannot be had, compiling just competes */
	(void)!setpriority(PRIO_PROCESS, (id_t)gettid(), COMPILE_NICE);
	while (requests_next(&r->hot, &request)) {
		codecache_lock(r->config.cache);
		if (request.epoch != codecache_epoch(r->config.cache) || r->stats.samples - request.sample >= STALE)
			r->stats.stale++;
		else if (installed_since(request.block, request.sample))
			request.block->heat = 0;	/* perhaps it is not, by now */
		else if (!installed_at(request.block))
			compile_around(r, request.block, request.seen, true);
		codecache_unlock(r->config.cache);
	}
	return NULL;
}

static struct request request_for(const struct regions *r, struct code_block *b, const struct sighting *seen)
{
	return (struct request){ b, *seen, codecache_epoch(r->config.cache), r->stats.samples, b->heat };
}

/* Installs what earlier runs have compiled. Each takes microseconds, and none waits for the other thread's milliseconds. */
static void *recall_thread(void *opaque)
{
	struct regions *r = opaque;
	struct request request;
	while (requests_next(&r->known, &request)) {
		codecache_lock(r->config.cache);
		struct code_block *b = request.block;
		bool there = request.epoch == codecache_epoch(r->config.cache);
		if (there && !installed_at(b) && !recall(r, b, &request.seen, true) && b->heat >= r->config.tuning->heat)
			requests_add(&r->hot, request_for(r, b, &request.seen));
		codecache_unlock(r->config.cache);
	}
	return NULL;
}

void regions_ready(struct regions *r, struct code_block *b)
{
	if (r->config.recall && recall_knows(r->config.recall, b))
		requests_add(&r->known, request_for(r, b, &nowhere));
}

/* A block that remains hot asks as often as its heat doubles: what it leads to may be another then, or room in the queue. */
static bool asks_again(const struct regions *r, unsigned heat)
{
	return heat == r->config.tuning->heat || !(heat & (heat - 1));
}

void regions_sample(struct regions *r, const struct vcpu *cpu, struct code_block *b)
{
	const struct sighting seen = { cpu, cpu->pc & PAGE_MASK, { cpu->jump_key[0], cpu->jump_key[1] } };
	codecache_lock(r->config.cache);
	r->stats.samples++;
	r->stats.beside += b && installed_since(b, 0);
	if (!b) {
		r->stats.inside++;
	} else if (!b->dead && b->code && b->heat < UINT16_MAX && ++b->heat >= r->config.tuning->heat && asks_again(r, b->heat) &&
		   !installed_at(b)) {
		if (!r->config.synchronous)
			requests_add(r->config.recall && recall_knows(r->config.recall, b) ? &r->known : &r->hot,
				     request_for(r, b, &seen));
		else if (!recall(r, b, &seen, false))
			compile_around(r, b, seen, false);
	}
	codecache_unlock(r->config.cache);
}

/* ---- life ---- */

struct regions *regions_create(const struct regions_config *config, struct error *err)
{
	struct regions *r = calloc(1, sizeof *r);
	if (!r) {
		recall_close(config->recall);
		error_set(err, ERROR_HOST, "regions: out of memory");
		return NULL;
	}
	r->config = *config;
	r->installed.arena = config->arena;
	r->compiler = compiler_create(config->frontend->pinned_slots, &config->memory, err);
	requests_init(&r->hot, QUEUE_SIZE);
	requests_init(&r->known, REQUESTS_MAX);
	if (!r->compiler)
		goto fail;
	if (!config->synchronous) {
		r->compiles = !pthread_create(&r->compiling, NULL, compile_thread, r);
		r->recalls = r->compiles && config->recall && !pthread_create(&r->recalling, NULL, recall_thread, r);
	}
	if (config->synchronous || (r->compiles && (r->recalls || !config->recall)))
		return r;
	error_set(err, ERROR_HOST, "threads that make regions: the host has no more; --engine stencil needs none");
fail:
	regions_destroy(r);
	return NULL;
}

void regions_get_stats(struct regions *r, struct regions_stats *s)
{
	codecache_lock(r->config.cache);
	*s = r->stats;
	s->regions = r->compiled.regions;
	s->blocks = r->compiled.blocks;
	s->insns = r->compiled.insns;
	s->bytes = r->compiled.bytes;
	s->failed += r->compiled.failed;
	s->ns = r->compiled.ns;
	s->dropped = r->installed.dropped;
	codecache_unlock(r->config.cache);
}

bool regions_get_store_stats(struct regions *r, struct store_stats *s)
{
	if (r->config.recall)
		recall_get_stats(r->config.recall, s);
	return r->config.recall;
}

void regions_destroy(struct regions *r)
{
	if (!r)
		return;
	requests_end(&r->hot);
	requests_end(&r->known);
	if (r->compiles)
		pthread_join(r->compiling, NULL);
	if (r->recalls)
		pthread_join(r->recalling, NULL);
	if (r->compiler)
		regions_flush(r);
	compiler_destroy(r->compiler);
	recall_close(r->config.recall);
	requests_destroy(&r->hot);
	requests_destroy(&r->known);
	free(r);
}

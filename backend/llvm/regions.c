// SPDX-License-Identifier: Apache-2.0
#include "backend/llvm/regions.h"
#include <fenv.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>
#include "backend/llvm/compile.h"
#include "backend/llvm/sites.h"
#include "frontends/frontend.h"

#define QUEUE_SIZE 32
#define FREE_FAULTS 200	/* that no region is reproached with: its working set, once */
#define COMPILE_NICE 10	/* the compiling thread's */
#define STALE 1000	/* requests whose block has not been found in as many samples are dropped */

/* A compiled region, and its membership in the lists of its blocks. */
struct region_use {
	struct region_use *next;	/* in the block's list */
	struct installed *region;
	struct code_block *block;
};
struct installed {
	struct installed *next;
	struct code_block *head;
	bool live;			/* its head leads to it */
	uint64_t original;		/* what the head's code began with */
	struct compiled code;
	unsigned faults;		/* host faults of its accesses */
	uint64_t first_fault;		/* icount */
	unsigned n_blocks;
	struct region_use use[];
};

struct request { struct code_block *block; uint64_t epoch, sample; unsigned heat; };

struct regions {
	struct regions_config config;
	struct compiler *compiler;
	struct region forming;		/* the compiling thread's; in synchronous mode guarded by the cache's lock */
	struct installed *installed;	/* under the cache's lock */
	bool compiler_stale;		/* under the cache's lock: everything has been flushed since it was used last */
	struct regions_stats stats;	/* under the cache's lock, as what follows: a copy of the compiler's */
	struct compiler_stats compiled;

	pthread_t thread;
	bool started;
	pthread_mutex_t lock;		/* of what follows; taken inside the cache's lock */
	pthread_cond_t changed;
	struct request queue[QUEUE_SIZE];
	unsigned queued;
	bool end;
};

static enum uop_op op_of(const void *opaque, const struct uop *bound)
{
	return stencil_op_of(opaque, bound);
}

/* ---- installing ---- all with the cache's lock */

static struct installed *installed_at(const struct code_block *b)
{
	for (struct region_use *use = b->regions; use; use = use->next)
		if (use->region->live && use->region->head == b)
			return use->region;
	return NULL;
}

static void retire(struct regions *r, struct installed *region)
{
	if (!region->live)
		return;
	region->live = false;
	stencil_redirect(r->config.arena, region->head, NULL, &region->original);
	r->stats.dropped++;
}

/* Whether everything that the region was made from is still there. */
static bool holds(const struct regions *r, const struct region *formed)
{
	bool same = formed->epoch == codecache_epoch(r->config.cache);
	for (unsigned i = 0; same && i < formed->n_blocks; i++)
		same = !formed->block[i].block->dead;
	return same;
}

static void install(struct regions *r, const struct region *formed, const struct compiled *code)
{
	struct code_block *head = formed->block[0].block;
	struct installed *region, *old = installed_at(head);	/* `llvm`: of the block alone */
	region = calloc(1, sizeof *region + formed->n_blocks * sizeof *region->use);
	if (!region)
		return;
	if (old)
		retire(r, old);
	region->head = head;
	region->code = *code;
	region->n_blocks = formed->n_blocks;
	region->live = true;
	for (unsigned i = 0; i < formed->n_blocks; i++) {
		region->use[i] = (struct region_use){ formed->block[i].block->regions, region, formed->block[i].block };
		formed->block[i].block->regions = &region->use[i];
	}
	region->next = r->installed;
	r->installed = region;
	stencil_redirect(r->config.arena, head, code->entry, &region->original);
}

void regions_drop(struct regions *r, struct code_block *b)
{
	for (struct region_use *use = b->regions; use; use = use->next)
		retire(r, use->region);
}

void regions_flush(struct regions *r)
{
	while (r->installed) {
		struct installed *region = r->installed;
		r->installed = region->next;
		free(region);
	}
	r->compiler_stale = true;
}

/* ---- faults of accesses through windows ---- */

struct installed *regions_find(struct regions *r, struct vcpu *cpu, const struct process_fault *f, const struct uop **u)
{
	const char *pc = (const char *)*f->pc;
	struct installed *region;
	struct site site;
	codecache_lock(r->config.cache);
	for (region = r->installed; region; region = region->next)
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
		retire(r, region);
		region->head->no_windows = true;
		region->head->heat = 0;
	}
	codecache_unlock(r->config.cache);
}

/* ---- compiling ---- */

/* With the cache's lock, which `unlocked` lets go while LLVM works. */
static void compile(struct regions *r, struct code_block *head, bool unlocked)
{
	struct codecache *cache = r->config.cache;
	struct error err;
	if (!r->compiler)
		r->compiler = compiler_create(r->config.frontend->pinned_slots, &r->config.memory, &err);
	if (!r->compiler || !region_form(&r->forming, cache, head, r->config.tuning, r->config.frontend, r->config.poll_all, op_of, r->config.arena)) {
		r->stats.failed++;
		return;
	}
	/* what is left again at once costs more to enter than it saves */
	if (unlocked && !r->forming.loops) {
		r->stats.straight++;
		return;
	}
	r->forming.windows = r->config.windows && !head->no_windows;
	if (r->compiler_stale)
		compiler_reset(r->compiler);
	r->compiler_stale = false;
	if (!compiler_has_room(r->compiler))	/* until everything is flushed */
		return;
	/* on a vCPU's thread the host's floating-point status is the guest's */
	fenv_t status;
	fegetenv(&status);
	fesetenv(FE_DFL_ENV);
	if (unlocked)
		codecache_unlock(cache);
	struct compiled code;
	bool good = compiler_compile(r->compiler, &r->forming, &code);
	fesetenv(&status);
	if (unlocked)
		codecache_lock(cache);
	compiler_get_stats(r->compiler, &r->compiled);
	if (good && holds(r, &r->forming))
		install(r, &r->forming, &code);
	else if (good)
		r->stats.stale++;
}

void regions_print(struct regions *r, const struct code_block *b, FILE *f)
{
	for (const struct region_use *use = b->regions; use; use = use->next) {
		const struct installed *region = use->region;
		if (!region->live || !region_form(&r->forming, r->config.cache, region->head, r->config.tuning, r->config.frontend, r->config.poll_all, op_of,
						  r->config.arena))
			continue;
		r->forming.windows = r->config.windows && !region->head->no_windows;
		fprintf(f, "; region of %u blocks at physical 0x%" PRIx64 "%s\n", region->n_blocks, region->head->pa,
			r->forming.n_blocks == region->n_blocks ? "" : ", formed anew with other blocks than it was compiled of");
		compiler_print(r->compiler, &r->forming, f);
	}
}

void regions_compile_now(struct regions *r, struct code_block *b)
{
	compile(r, b, false);
}

/* The hottest request. Sleeps while there is none; false: the end. */
static bool next_request(struct regions *r, struct request *request)
{
	pthread_mutex_lock(&r->lock);
	while (!r->queued && !r->end)
		pthread_cond_wait(&r->changed, &r->lock);
	bool go_on = !r->end;
	if (go_on) {
		unsigned hottest = 0;
		for (unsigned i = 1; i < r->queued; i++)
			if (r->queue[i].heat > r->queue[hottest].heat)
				hottest = i;
		*request = r->queue[hottest];
		r->queue[hottest] = r->queue[--r->queued];
	}
	pthread_mutex_unlock(&r->lock);
	return go_on;
}

static void *compile_thread(void *opaque)
{
	struct regions *r = opaque;
	struct request request;
	/* a vCPU that wants the processor gets it; where that cannot be had, compiling just competes */
	(void)!setpriority(PRIO_PROCESS, (id_t)gettid(), COMPILE_NICE);
	while (next_request(r, &request)) {
		codecache_lock(r->config.cache);
		if (request.epoch == codecache_epoch(r->config.cache) && r->stats.samples - request.sample < STALE)
			compile(r, request.block, true);
		else
			r->stats.stale++;
		codecache_unlock(r->config.cache);
	}
	return NULL;
}

/* Where a request for b is to stand: in the place of an older one for it, of none, or of a colder one. NULL: all are hotter. */
static struct request *place_for(struct regions *r, const struct code_block *b)
{
	struct request *coldest = r->queue;
	for (struct request *q = r->queue; q < r->queue + r->queued; q++) {
		if (q->block == b)
			return q;
		if (q->heat < coldest->heat)
			coldest = q;
	}
	return r->queued < QUEUE_SIZE ? &r->queue[r->queued++] : coldest->heat < b->heat ? coldest : NULL;
}

static void enqueue(struct regions *r, struct code_block *b)
{
	pthread_mutex_lock(&r->lock);
	struct request *q = place_for(r, b);
	if (q)
		*q = (struct request){ b, codecache_epoch(r->config.cache), r->stats.samples, b->heat };
	pthread_cond_signal(&r->changed);
	pthread_mutex_unlock(&r->lock);
}

/* A block that remains hot asks as often as its heat doubles: what it leads to may be another then, or room in the queue. */
static bool asks_again(const struct regions *r, unsigned heat)
{
	return heat == r->config.tuning->heat || !(heat & (heat - 1));
}

void regions_sample(struct regions *r, struct code_block *b)
{
	codecache_lock(r->config.cache);
	r->stats.samples++;
	if (!b) {
		r->stats.inside++;
	} else if (!b->dead && b->code && b->heat < UINT16_MAX && ++b->heat >= r->config.tuning->heat && asks_again(r, b->heat) &&
		   !installed_at(b)) {
		if (r->config.synchronous)
			compile(r, b, false);
		else
			enqueue(r, b);
	}
	codecache_unlock(r->config.cache);
}

/* ---- life ---- */

struct regions *regions_create(const struct regions_config *config, struct error *err)
{
	struct regions *r = calloc(1, sizeof *r);
	if (!r) {
		error_set(err, ERROR_HOST, "regions: out of memory");
		return NULL;
	}
	r->config = *config;
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->changed, NULL);
	if (!config->synchronous && pthread_create(&r->thread, NULL, compile_thread, r)) {
		error_set(err, ERROR_HOST, "thread that compiles regions: the host has no more threads; --engine stencil needs none");
		regions_destroy(r);
		return NULL;
	}
	r->started = !config->synchronous;
	return r;
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
	codecache_unlock(r->config.cache);
}

void regions_destroy(struct regions *r)
{
	if (!r)
		return;
	pthread_mutex_lock(&r->lock);
	r->end = true;
	pthread_cond_signal(&r->changed);
	pthread_mutex_unlock(&r->lock);
	if (r->started)
		pthread_join(r->thread, NULL);
	regions_flush(r);
	compiler_destroy(r->compiler);
	pthread_mutex_destroy(&r->lock);
	pthread_cond_destroy(&r->changed);
	free(r);
}

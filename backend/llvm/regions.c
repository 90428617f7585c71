// SPDX-License-Identifier: Apache-2.0
#include "backend/llvm/regions.h"
#include <fenv.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>
#include "backend/llvm/announce.h"
#include "backend/llvm/forming.h"
#include "backend/llvm/installed.h"
#include "backend/llvm/recall.h"
#include "backend/llvm/requests.h"
#include "backend/llvm/sites.h"
#include "runtime/clock.h"
#include "runtime/llvm_load.h"
#include "runtime/thread.h"
#include "runtime/window.h"

#define QUEUE_SIZE 32	/* what is hot and waits to be compiled */
#define FREE_FAULTS 200	/* that no region is reproached with: its working set, once */
#define COMPILE_NICE 10	/* of threads that compile, where vCPUs want all of the host's processors */
#define STALE 1000	/* requests whose block has not been found in as many samples are dropped */

/* What makes one region at a time: a thread; in synchronous mode whoever has the cache's lock. */
struct worker {
	struct regions *regions;
	struct compiler *compiler;
	struct recall_writer *writer;	/* NULL: nothing is kept on disk */
	struct region forming;
	struct compiler_stats done;	/* under the cache's lock, as what follows: a copy of the compiler's */
	const struct code_block *head;	/* of what is being compiled, NULL: nothing is */
	pthread_t thread;
	bool runs;
};

struct regions {
	struct regions_config config;
	struct linker *linker;
	struct region recalled;		/* the recalling thread's; in synchronous mode guarded by the cache's lock */
	struct installed_list installed;	/* under the cache's lock */
	struct regions_stats stats;	/* under the cache's lock */
	struct requests hot, known;	/* known: to earlier runs */
	pthread_t recalling;
	bool recalls;			/* the thread runs */
	unsigned n_workers;
	struct worker worker[];
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
	linker_reset(r->linker);
}

/* ---- ways out that only the side table knows ---- */

struct installed *regions_find(struct regions *r, struct vcpu *cpu, const char *pc, const struct host_registers *host, const struct uop **u)
{
	struct installed *region;
	struct site site;
	codecache_lock(r->config.cache);
	region = installed_with(&r->installed, pc);
	if (region && !site_find(region->code.sites, region->code.sites_end, pc, r->config.memory.to_exec, &site))
		region = NULL;
	codecache_unlock(r->config.cache);
	if (region) {
		*u = &region->use[site.block].block->uop[site.uop];
		site_restore(&site, host, cpu);
	}
	return region;
}

bool regions_find_line(struct regions *r, uint64_t address, const struct code_block **b, unsigned *uop, uint32_t *size)
{
	const char *pc = (const char *)(uintptr_t)address;
	const struct installed *region = installed_with(&r->installed, pc);
	if (region)
		*size = (uint32_t)(region->code.end - region->code.begin);
	return region && installed_find_line(region, pc, b, uop);
}

/* What a region may cost: its working set, once, and then in proportion to the time that is spent in it. */
static bool faults_too_much(const struct regions *r, const struct installed *region)
{
	const struct tuning *t = r->config.tuning;
	return region->faults > FREE_FAULTS + region->samples * t->sample_period / t->window_fault_insns;
}

void regions_count_fault(struct regions *r, struct installed *region, bool filled)
{
	codecache_lock(r->config.cache);
	if (filled)
		r->stats.fills++;
	else
		r->stats.leaves++;
	region->faults++;
	if (r->config.may_give_up && faults_too_much(r, region)) {
		installed_retire(&r->installed, region);
		region->head->no_windows = true;
		region->head->heat = 0;
	}
	codecache_unlock(r->config.cache);
}

/* ---- compiling ---- */

static const struct sighting nowhere;

static void install(struct regions *r, const struct region *formed, struct compiled *code, const struct sighting *seen)
{
	const struct installed *region = installed_add(&r->installed, formed, code, seen, r->stats.samples);
	if (region && machine_wants_generated(r->config.machine))
		installed_announce(region, r->config.machine);
}

/*
 * Installs a region of an earlier run that begins at head. With the cache's lock, which `unlocked` lets go while files are read. False: there is
 * none.
 */
static bool recall(struct regions *r, struct code_block *head, const struct sighting *seen, bool unlocked)
{
	const struct region_far far = sighting_far(seen);
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
			linker_load(r->linker, &r->recalled, &image, &code);
	}
	if (found)
		install(r, &r->recalled, &code, seen);
	r->stats.recalled += found;
	r->stats.lost += n && !found;
	r->stats.recall_ns += clock_host_now() - begin;
	return found;
}

/* Compiles what has been formed, and keeps it for later runs. On a vCPU's thread the host's floating-point status is the guest's. */
static bool make_code(struct worker *w, struct compiled *code)
{
	struct image image;
	fenv_t status;
	fegetenv(&status);
	fesetenv(FE_DFL_ENV);
	bool good = compiler_compile(w->compiler, &w->forming, code);
	if (good && w->writer && linker_get_image(w->regions->linker, code, &image))
		recall_keep(w->writer, &w->forming, &image);
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

/* Whether another thread is making a region that begins with the block. */
static bool is_in_work(const struct regions *r, const struct code_block *head)
{
	unsigned i = 0;
	while (i < r->n_workers && r->worker[i].head != head)
		i++;
	return i < r->n_workers;
}

/* Takes in what has been compiled, or not. With the cache's lock. */
static void finish(struct worker *w, struct code_block *head, const struct sighting *seen, struct compiled *code, bool good)
{
	struct regions *r = w->regions;
	bool there = w->forming.epoch == codecache_epoch(r->config.cache);
	w->done = *compiler_stats(w->compiler);
	if (good && holds(r, &w->forming)) {
		install(r, &w->forming, code, seen);
	} else if (good) {
		compiled_free(code);
		r->stats.stale++;
	} else if (there && w->forming.windows) {	/* what LLVM refuses with windows it may compile with the TLB */
		head->no_windows = true;
		head->heat = 0;
	}
}

/* What has been formed. With the cache's lock, which `unlocked` lets go while LLVM works. */
static void compile(struct worker *w, struct code_block *head, const struct sighting *seen, bool unlocked)
{
	struct regions *r = w->regions;
	struct compiled code;
	/* what is left again at once costs more to enter than it saves */
	if (unlocked && !w->forming.loops) {
		r->stats.straight++;
		return;
	}
	if (is_in_work(r, head) || !linker_promise(r->linker))	/* until everything is flushed there may be no room */
		return;
	if (w->writer)
		recall_note(w->writer, &w->forming);
	w->head = head;
	if (unlocked)
		codecache_unlock(r->config.cache);
	bool good = make_code(w, &code);
	if (unlocked)
		codecache_lock(r->config.cache);
	w->head = NULL;
	finish(w, head, seen, &code, good);
	linker_done(r->linker);
}

void regions_print(struct regions *r, const struct code_block *b, FILE *f)
{
	for (const struct region_use *use = b->regions; use; use = use->next) {
		const struct installed *region = use->region;
		struct worker *w = r->worker;
		if (!region->live || !forming_of(&r->config, &w->forming, region->head, &region->seen))
			continue;
		fprintf(f, "; region of %u blocks at physical 0x%" PRIx64 "%s\n", region->n_blocks, region->head->pa,
			w->forming.n_blocks == region->n_blocks ? "" : ", formed anew with other blocks than it was compiled of");
		compiler_print(w->compiler, &w->forming, f);
	}
}

void regions_compile_now(struct regions *r, struct code_block *b)
{
	if (recall(r, b, &nowhere, false))
		return;
	if (forming_of(&r->config, &r->worker->forming, b, &nowhere))
		compile(r->worker, b, &nowhere, false);
	else
		r->stats.failed++;
}

/* The same where the block has been found hot. */
static void compile_around(struct worker *w, struct code_block *b, struct sighting seen, bool unlocked)
{
	struct regions *r = w->regions;
	struct code_block *head = forming_around(&r->config, &w->forming, b, &seen);
	if (head)
		compile(w, head, &seen, unlocked);
	else
		r->stats.failed++;
}

/* Compiles what is hot. */
static void *compile_thread(void *opaque)
{
	struct worker *w = opaque;
	struct regions *r = w->regions;
	struct request request;
	if (r->config.yields)	/* where that cannot be had, compiling just competes */
		(void)!setpriority(PRIO_PROCESS, (id_t)gettid(), COMPILE_NICE);
	while (requests_next(&r->hot, &request)) {
		codecache_lock(r->config.cache);
		if (request.epoch != codecache_epoch(r->config.cache) || r->stats.samples - request.sample >= STALE)
			r->stats.stale++;
		else if (installed_since(request.block, request.sample))
			request.block->heat = 0;	/* perhaps it is not, by now */
		else if (!installed_at(request.block))
			compile_around(w, request.block, request.seen, true);
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

/* A block of stencils has been found. */
static void heat(struct regions *r, const struct vcpu *cpu, struct code_block *b)
{
	r->stats.beside += installed_since(b, 0);
	if (b->dead || !b->code || b->heat == UINT16_MAX || ++b->heat < r->config.tuning->heat || !asks_again(r, b->heat) || installed_at(b))
		return;
	const struct sighting seen = { cpu, cpu->pc & PAGE_MASK, { cpu->jump_key[0], cpu->jump_key[1] }, window_home(cpu) };
	if (!r->config.synchronous)
		requests_add(r->config.recall && recall_knows(r->config.recall, b) ? &r->known : &r->hot, request_for(r, b, &seen));
	else if (!recall(r, b, &seen, false))
		compile_around(r->worker, b, seen, false);
}

void regions_sample(struct regions *r, const struct vcpu *cpu, struct code_block *b, bool from_region)
{
	codecache_lock(r->config.cache);
	r->stats.samples++;
	r->stats.inside += from_region;
	if (b && from_region)
		installed_sample(b);
	else if (b)
		heat(r, cpu, b);
	codecache_unlock(r->config.cache);
}

/* ---- life ---- */

static bool start_worker(struct regions *r, struct worker *w, struct error *err)
{
	if (r->config.synchronous && !llvm_load(err))	/* a thread loads it when it has something to compile */
		return false;
	w->regions = r;
	w->compiler = compiler_create(r->config.frontend->pinned_slots, r->linker, err);
	w->writer = r->config.recall ? recall_writer_create(r->config.recall) : NULL;
	if (!w->compiler)
		return false;
	if (r->config.recall && !w->writer)
		return error_set(err, ERROR_HOST, "regions: out of memory");
	w->runs = !r->config.synchronous && !thread_start(&w->thread, compile_thread, w, "jit%u", (unsigned)(w - r->worker));
	return w->runs || r->config.synchronous || error_set(err, ERROR_HOST, "threads that make regions: the host has no more; --engine stencil needs none");
}

struct regions *regions_create(const struct regions_config *config, struct error *err)
{
	unsigned n = config->synchronous ? 1 : config->threads;
	struct regions *r = calloc(1, sizeof *r + n * sizeof *r->worker);
	if (!r) {
		recall_close(config->recall);
		error_set(err, ERROR_HOST, "regions: out of memory");
		return NULL;
	}
	r->config = *config;
	r->installed.arena = config->arena;
	requests_init(&r->hot, QUEUE_SIZE);
	requests_init(&r->known, REQUESTS_MAX);
	r->linker = linker_create(&config->memory, err);
	bool good = r->linker;
	while (good && r->n_workers < n)
		good = start_worker(r, &r->worker[r->n_workers++], err);
	if (good && config->recall && !config->synchronous) {
		r->recalls = !thread_start(&r->recalling, recall_thread, r, "recall");
		good = r->recalls || error_set(err, ERROR_HOST, "a thread that looks regions up: the host has no more; --cache off needs none");
	}
	if (good)
		return r;
	regions_destroy(r);
	return NULL;
}

void regions_get_stats(struct regions *r, struct regions_stats *s)
{
	struct compiler_stats done = { 0 };
	codecache_lock(r->config.cache);
	*s = r->stats;
	for (unsigned i = 0; i < r->n_workers; i++)
		compiler_stats_add(&done, &r->worker[i].done);
	s->dropped = r->installed.dropped;
	codecache_unlock(r->config.cache);
	s->regions = done.regions;
	s->blocks = done.blocks;
	s->insns = done.insns;
	s->bytes = done.bytes;
	s->failed += done.failed;
	s->ns = done.ns;
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
	for (struct worker *w = r->worker; w < r->worker + r->n_workers; w++) {
		if (w->runs)
			pthread_join(w->thread, NULL);
		compiler_destroy(w->compiler);
		free(w->writer);
	}
	if (r->recalls)
		pthread_join(r->recalling, NULL);
	installed_flush(&r->installed);
	linker_destroy(r->linker);
	recall_close(r->config.recall);
	requests_destroy(&r->hot);
	requests_destroy(&r->known);
	free(r);
}

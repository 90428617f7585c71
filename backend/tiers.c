// SPDX-License-Identifier: Apache-2.0
/*
 * The engines that run machine code. Blocks are lifted and bound as for the interpreter, which runs those that have no machine code: single
 * steps, blocks that are not kept, and in `auto` each block's first executions.
 */
#include "backend/tiers.h"
#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "backend/cache/finder.h"
#include "backend/interp/execute.h"
#include "backend/interp/observed.h"
#include "backend/llvm/recall.h"
#include "backend/llvm/regions.h"
#include "backend/llvm/tripped.h"
#include "backend/stencil/announce.h"
#include "backend/stencil/emit.h"
#include "backend/stencil/lines.h"
#include "backend/stencil/slow.h"
#include "ir/op_info.h"
#include "runtime/fp.h"
#include "runtime/process.h"
#include "runtime/softfp.h"
#include "runtime/window.h"

/* How the engines differ. */
struct policy {
	bool interprets;	/* blocks are interpreted first */
	bool regions;		/* hot ones become regions … */
	bool at_once;		/* … and every block does, alone, when it is translated */
	bool recalls;		/* regions are kept on disk for later runs, and those of earlier ones used */
	bool waits;		/* vCPUs wait while their regions are compiled: the same run compiles the same ones */
};
static const struct policy policy_stencil = { 0 };
static const struct policy policy_auto = { .interprets = true, .regions = true, .recalls = true };
static const struct policy policy_llvm = { .regions = true, .at_once = true, .recalls = true, .waits = true };
static const struct policy policy_hot = { .regions = true, .waits = true };

/* What the vCPUs share. */
struct tiers {
	const struct policy *policy;
	const struct tuning *tuning;
	struct code_memory memory;	/* stencils in its lower half, if there are regions */
	struct codecache *cache;
	struct stencil_arena *arena;
	struct regions *regions;	/* NULL: none */
	bool catches;			/* faults of the regions' code come to host_fault */
	const struct machine *machine;
	bool profile;			/* lines are kept */
	struct lines lines;		/* of stencils */
};

/* One vCPU's part. */
struct tier {
	struct stencil_calls calls;	/* first: what stencils find behind cpu->exec */
	struct tiers *shared;
	struct finder finder;
	/* For signal handlers: the micro-op that `service` works for, NULL: none; the top of the host's stack while machine code runs */
	const struct uop *_Atomic serving;
	uint64_t stack_top;
	const struct code_block *next;	/* to be interpreted when generated code has been left; NULL: back to the run loop */
	uint64_t services, interpreted;
};

/* ---- what the code cache tells ---- */

static bool translate(struct tiers *t, struct code_block *b)
{
	uint32_t mark[BLOCK_MAX_UOPS + 1];
	bool told = machine_wants_generated(t->machine);
	if (!t->profile && !told)
		return stencil_translate(t->arena, b);
	if (!stencil_translate_marked(t->arena, b, mark))
		return false;
	if (t->profile)
		lines_add(&t->lines, b, mark);
	if (told)
		stencil_announce(t->arena, t->machine, b, mark);
	return true;
}

static bool prepare(void *opaque, struct code_block *b)
{
	struct tiers *t = opaque;
	if (b->mode & MODE_SINGLE_STEP || (t->policy->interprets && b->uses++ < t->tuning->uses_before_code))
		return true;
	if (!translate(t, b))
		return false;
	if (t->policy->at_once)
		regions_compile_now(t->regions, b);
	else if (t->regions)
		regions_ready(t->regions, b);
	return true;
}

static void link_code(void *opaque, struct code_exit *exit, const struct code_block *to)
{
	stencil_link(((struct tiers *)opaque)->arena, exit, to);
}

static void unlink_code(void *opaque, struct code_exit *exit)
{
	stencil_unlink(((struct tiers *)opaque)->arena, exit);
}

static void drop_block(void *opaque, struct code_block *b)
{
	struct tiers *t = opaque;
	if (t->regions)
		regions_drop(t->regions, b);
}

static void flush_code(void *opaque)
{
	struct tiers *t = opaque;
	stencil_arena_reset(t->arena);
	lines_reset(&t->lines);
	if (t->regions)
		regions_flush(t->regions);
}

/* ---- what generated code calls ---- */

/* The machine code of a block, NULL if it has none and is to be interpreted. */
static const void *code_for(const struct tier *t, const struct code_block *b)
{
	return b && !finder_is_once(&t->finder, b) ? code_of(b) : NULL;
}

/* Goes on in block b, which may be NULL with an exception pending. */
static const void *go_to(struct tier *t, const struct code_block *b)
{
	const void *code = code_for(t, b);
	if (code)
		return code;
	t->next = b;
	return stencil_leave(t->shared->arena);
}

static const void *leave_at(struct vcpu *cpu, uint64_t pc)
{
	struct tier *t = cpu->exec;
	cpu->pc = pc;
	return stencil_leave(t->shared->arena);
}

static bool tripped(const struct vcpu *cpu)
{
	return cpu->icount >= atomic_load_explicit(&cpu->deadline, memory_order_relaxed);
}

static const void *look_up(struct vcpu *cpu)
{
	struct tier *t = cpu->exec;
	return tripped(cpu) ? stencil_leave(t->shared->arena) : go_to(t, finder_look_up(&t->finder, cpu->pc));
}

/* An exit that has not been linked: links it if its target has code and lies within the page. */
static const void *follow(struct vcpu *cpu, const struct stencil_site *site)
{
	struct tier *t = cpu->exec;
	struct code_block *from = site->block;
	struct code_exit *exit = &code_exits(&from->uop[from->n_uops - 1])[site->exit];
	uint64_t pc = cpu->reg[SLOT_PAGE] + (uint64_t)(int64_t)exit->miss.imm, epoch = codecache_epoch(t->shared->cache);
	if (tripped(cpu))
		return leave_at(cpu, pc);
	struct code_block *to = finder_look_up(&t->finder, pc);
	if (code_for(t, to) && !finder_link(&t->finder, exit, to, epoch)) {
		codecache_lock(t->shared->cache);
		if (epoch == codecache_epoch(t->shared->cache))
			stencil_link_far(t->shared->arena, exit);
		codecache_unlock(t->shared->cache);
	}
	return go_to(t, to);
}

/* The exact state at a fault; icount already counts the whole block. */
static const void *fault(struct vcpu *cpu, const struct stencil_site *site)
{
	struct tier *t = cpu->exec;
	const struct code_block *b = site->block;
	cpu->icount -= b->n_insns;
	finder_locate_fault(cpu, b, &b->uop[site->uop]);
	return stencil_leave(t->shared->arena);
}

static const void *miss(struct vcpu *cpu, const struct stencil_site *site)
{
	struct tier *t = cpu->exec;
	struct code_block *b = site->block;
	const struct uop *u = &b->uop[site->uop];
	uint64_t va = cpu->reg[u->a] + (uint64_t)(int64_t)u->imm;
	cpu->icount -= b->n_insns;	/* devices see the time at which the block began, as in the interpreter */
	bool good = slow_execute(cpu, u, stencil_op_of(t->shared->arena, u));
	cpu->icount += b->n_insns;
	if (unlikely(va >> 63 != MODE_NEAR_HALF(b->mode)) && good && !b->both_halves)
		codecache_widen(t->shared->cache, b);
	return good ? stencil_resume(t->shared->arena, site, cpu) : fault(cpu, site);
}

/* ---- what regions call ---- */

static void region_fault(struct vcpu *cpu, const struct uop *u)
{
	struct tier *t = cpu->exec;
	const struct code_block *b = codecache_owner(t->shared->cache, u);
	cpu->icount -= b->n_insns;
	finder_locate_fault(cpu, b, u);
}

static bool region_execute(struct vcpu *cpu, const struct uop *u)
{
	struct tier *t = cpu->exec;
	const struct code_block *b = codecache_owner(t->shared->cache, u);
	cpu->icount -= b->n_insns;
	bool good = slow_execute(cpu, u, stencil_op_of(t->shared->arena, u));
	cpu->icount += b->n_insns;
	if (!good)
		region_fault(cpu, u);
	return good;
}

static const void *region_tripped(struct vcpu *cpu, const struct host_registers *r, const char *at)
{
	struct tier *t = cpu->exec;
	const struct uop *u;
	if (!regions_find(t->shared->regions, cpu, at, r, &u))
		abort();	/* only regions poll so */
	t->calls.in_region = 1;
	cpu->pc = cpu->reg[SLOT_PAGE] + (codecache_owner(t->shared->cache, u)->pa & (PAGE_SIZE - 1));
	return stencil_leave(t->shared->arena);
}

/*
 * A host fault in a region's code: the page is mapped and the access done again, or the region is left with the state of the instruction's
 * beginning, which then goes through the soft MMU. In a signal handler, but what faulted holds no lock, so anything may be called.
 */
static bool host_fault(void *opaque, struct process_fault *f)
{
	struct tiers *shared = opaque;
	struct vcpu *cpu = vcpu_current();
	struct tier *t = cpu ? cpu->exec : NULL;
	const struct uop *u;
	struct host_registers registers;
	process_fault_registers(f, &registers);
	struct installed *region = t ? regions_find(shared->regions, cpu, (const char *)*f->pc, &registers, &u) : NULL;
	if (!region)
		return false;
	bool filled = f->located && window_fault(cpu, f->address, f->write) == WINDOW_RETRY;
	if (!filled) {
		/* perhaps a segment without a window: for next time */
		const struct op_info *info = &op_info[stencil_op_of(shared->arena, u)];
		uint64_t va = cpu->reg[u->a] + (uint64_t)(int64_t)u->imm;
		if (u->a < SLOT_TEMP || u->a >= SLOT_TEMP_END)
			(void)!window_fault_at(cpu, va, info->format == F_STORE);
	}
	regions_count_fault(shared->regions, region, filled);
	if (!filled) {
		region_fault(cpu, u);
		*f->sp = t->calls.entry_sp;
		*f->pc = (uint64_t)(uintptr_t)stencil_leave(shared->arena);
	}
	return true;
}

static const void *serve(struct vcpu *cpu, const struct stencil_site *site)
{
	switch ((enum stencil_site_kind)site->kind) {
	case SITE_CHECK:
		return leave_at(cpu, cpu->reg[SLOT_PAGE] + (site->block->pa & (PAGE_SIZE - 1)));
	case SITE_EXIT:
		return follow(cpu, site);
	case SITE_MISS:
		return miss(cpu, site);
	case SITE_FAULT:
		return fault(cpu, site);
	}
	abort();
}

static const void *service(struct vcpu *cpu, uint64_t number)
{
	struct tier *t = cpu->exec;
	t->services++;
	if (!number)
		return look_up(cpu);
	const struct stencil_site *site = stencil_site(t->shared->arena, number);
	atomic_store_explicit(&t->serving, &site->block->uop[site->uop], memory_order_relaxed);
	const void *code = serve(cpu, site);
	atomic_store_explicit(&t->serving, NULL, memory_order_relaxed);
	return code;
}

/* ---- run ---- */

/* Interprets one block; returns the next one, NULL if the run loop is to look. */
static const struct code_block *interpret(struct vcpu *cpu, const struct code_block *b)
{
	struct tier *t = cpu->exec;
	const struct uop *at = NULL;
	t->interpreted++;
	/* the virtual-PC cache leads to machine code: keep the interpreter from finding anything there */
	cpu->jump_key[0] = cpu->jump_key[1] = ~(uint64_t)0;
	enum vcpu_tier was = vcpu_doing(cpu, TIER_INTERP);
	enum interp_exit e = interp_execute(cpu, b->uop, &at, NULL);
	vcpu_doing(cpu, was);
	finder_set_keys(&t->finder);
	switch (e) {
	case INTERP_LEAVE:
		break;
	case INTERP_LOOKUP:
		return finder_look_up(&t->finder, cpu->pc);
	case INTERP_LINK:
		return finder_look_up(&t->finder, cpu->reg[SLOT_PAGE] + (uint64_t)(int64_t)at->imm);
	case INTERP_FAULT:
		finder_locate_fault(cpu, finder_owner(&t->finder, at), at);
		break;
	}
	return NULL;
}

/* Tells the regions where the vCPU is. */
static void sample(struct vcpu *cpu)
{
	struct tier *t = cpu->exec;
	cpu->sample_icount = cpu->icount + t->shared->tuning->sample_period;
	uint64_t epoch = codecache_epoch(t->shared->cache);
	struct code_block *b = finder_look_up(&t->finder, cpu->pc);
	bool kept = b && !finder_is_once(&t->finder, b) && epoch == codecache_epoch(t->shared->cache);
	regions_sample(t->shared->regions, cpu, kept ? b : NULL, t->calls.in_region);
}

static void enter(struct vcpu *cpu, const void *code)
{
	struct tier *t = cpu->exec;
	vcpu_doing(cpu, TIER_HELPER);
	stencil_enter(t->shared->arena, cpu, stencil_past_check(code));
	vcpu_doing(cpu, TIER_RUNTIME);
}

/* One block, which somebody is told of. The deadline has tripped for all that follow, and behind its check a block's own code stands, whatever region
 * may have taken its place. */
static void run_observed(struct vcpu *cpu)
{
	struct tier *t = cpu->exec;
	const struct code_block *b = finder_look_up(&t->finder, cpu->pc);
	const void *code = code_for(t, b);
	if (!b)
		return;
	vcpu_doing(cpu, code ? TIER_STENCIL : TIER_INTERP);
	finder_observe(&t->finder, b);
	fp_load_control(cpu->fp_control);
	if (code)
		enter(cpu, code);
	else
		interpret(cpu, b);
	vcpu_doing(cpu, TIER_RUNTIME);
	vcpu_fp_fold(cpu);
}

static void run(struct vcpu *cpu)
{
	struct tier *t = cpu->exec;
	finder_set_keys(&t->finder);
	t->stack_top = (uint64_t)(uintptr_t)__builtin_frame_address(0);
	if (unlikely(cpu->machine->observer.block)) {
		run_observed(cpu);
		return;
	}
	if (cpu->icount >= cpu->sample_icount && !cpu->single_step)
		sample(cpu);
	t->calls.in_region = 0;
	if (cpu->exception.pending)
		return;
	if (cpu->single_step)
		vcpu_trip(cpu);
	fp_load_control(cpu->fp_control);
	const void *code = finder_probe(cpu, cpu->pc);
	t->next = code ? NULL : finder_look_up(&t->finder, cpu->pc);
	while (code || t->next) {
		const struct code_block *b = t->next;
		if (b)
			code = code_for(t, b);
		t->next = NULL;
		if (code)
			enter(cpu, code);
		else
			t->next = interpret(cpu, b);
		code = NULL;
	}
	vcpu_fp_fold(cpu);
}

/* ---- for samplers ---- */

/* Code of blocks or of regions, without the routines that they share. */
static bool is_code(const struct tiers *t, uint64_t address)
{
	uint64_t regions = (uint64_t)(uintptr_t)t->memory.write + t->memory.to_exec + t->memory.size / 2;
	return stencil_holds(t->arena, address) || (t->regions && address - regions < t->memory.size / 2);
}

/* Where machine code has called C: the outermost return address that leads to it. */
static const void *calling_code(const struct tier *t, uint64_t sp)
{
	const uint64_t *word = (const uint64_t *)(uintptr_t)(t->stack_top & ~(uint64_t)7);
	while ((uint64_t)(uintptr_t)word > sp) {
		uint64_t address = interrupted_word(--word);
		if (is_code(t->shared, address))
			return (const void *)(uintptr_t)(address - 1);
	}
	return NULL;
}

static void interrupted(struct vcpu *cpu, const struct interrupted *host, struct code_mark *mark)
{
	const struct tier *t = cpu->exec;
	if (is_code(t->shared, host->pc)) {
		*mark = (struct code_mark){ TIER_STENCIL, (const void *)(uintptr_t)host->pc };
	} else if (mark->tier == TIER_INTERP) {
		mark->at = interp_position(t->shared->cache, &t->finder.handlers, host);
	} else if (mark->tier == TIER_HELPER || mark->tier == TIER_DEVICE) {
		mark->at = atomic_load_explicit(&t->serving, memory_order_relaxed);
		if (!mark->at)
			mark->at = calling_code(t, host->sp);
		if (!mark->at && mark->tier == TIER_DEVICE)
			mark->at = interp_position(t->shared->cache, &t->finder.handlers, host);
	}
}

static bool locate(struct machine *m, const void *at, struct code_place *place)
{
	struct tiers *t = m->exec_state;
	const struct code_block *b = NULL;
	uint64_t address = (uint64_t)(uintptr_t)at;
	unsigned uop;
	if (!is_code(t, address))
		return interp_locate(t->cache, at, place);
	codecache_lock(t->cache);
	bool stencil = stencil_holds(t->arena, address);
	bool found = stencil ? lines_find(&t->lines, at, &b, &uop, &place->host_bytes)
			     : regions_find_line(t->regions, address, &b, &uop, &place->host_bytes);
	if (found) {
		place->tier = stencil ? TIER_STENCIL : TIER_REGION;
		codecache_place(b, uop, place);
	}
	codecache_unlock(t->cache);
	return found;
}

/* ---- life ---- */

static void tiers_destroy(struct tiers *t)
{
	if (!t)
		return;
	regions_destroy(t->regions);
	if (t->catches)
		process_remove_code(t->memory.write + t->memory.to_exec + t->memory.size / 2);
	stencil_arena_destroy(t->arena);
	codecache_destroy(t->cache);
	lines_free(&t->lines);
	code_memory_unmap(&t->memory);
	free(t);
}

/* NULL: none, and if there should be one, m->cache_error says why. A log of what is translated is to show what is executed, and all of it;
 * a profile needs lines, which code from disk has none of. */
static struct recall *make_recall(struct tiers *t, struct machine *m, bool windows)
{
	const struct recall_config config = {
		.machine = m, .cache = t->cache, .tuning = t->tuning, .op_of = regions_op_of, .arena = t->arena, .poll_all = m->deterministic,
		.at_once = t->policy->at_once, .windows = windows, .only = windows && m->memory == MEMORY_WINDOWS,
	};
	bool wanted = m->cache && t->policy->recalls && !(m->log & LOG_CODE) && !m->profile;
	return wanted ? recall_open(m->cache, m->cache_bytes, &config, &m->cache_error) : NULL;
}

/* By default one for each processor of the host that vCPUs leave free. */
static unsigned jit_threads(const struct machine *m, unsigned cpus)
{
	unsigned spare = cpus > m->n_vcpus ? cpus - m->n_vcpus : 1;
	return m->jit_threads ? m->jit_threads : spare < 4 ? spare : 4;
}

static bool make_regions(struct tiers *t, struct machine *m, uint64_t bytes, struct error *err)
{
	bool windows = m->memory != MEMORY_TLB && m->arch->probe;
	const uint8_t *code = t->memory.write + t->memory.to_exec + bytes;
	if (windows && (!window_enable(m, err) || !(t->catches = process_add_code(code, code + bytes, host_fault, t, err)))) {
		if (m->memory == MEMORY_WINDOWS)
			return false;
		windows = false;
	}
	cpu_set_t cpus;
	unsigned n_cpus = sched_getaffinity(0, sizeof cpus, &cpus) ? 1 : (unsigned)CPU_COUNT(&cpus), threads = jit_threads(m, n_cpus);
	const struct regions_config config = {
		.machine = m, .cache = t->cache, .arena = t->arena, .memory = { t->memory.write + bytes, t->memory.to_exec, bytes }, .frontend = m->frontend,
		.tuning = t->tuning, .synchronous = t->policy->waits, .threads = threads, .yields = n_cpus < m->n_vcpus + threads,
		.poll_all = m->deterministic, .lines = m->profile, .windows = windows, .may_give_up = m->memory == MEMORY_AUTO,
		.recall = make_recall(t, m, windows),
	};
	t->regions = regions_create(&config, err);
	return t->regions;
}

static struct tiers *tiers_create(struct machine *m, const struct code_handlers *handlers, const struct policy *policy, struct error *err)
{
	struct tiers *t = calloc(1, sizeof *t);
	if (!t) {
		error_set(err, ERROR_HOST, "engine %s: out of memory", m->exec->name);
		return NULL;
	}
	const struct code_hooks hooks = { prepare, link_code, unlink_code, drop_block, flush_code, t };
	uint64_t bytes = m->code_cache_bytes;
	t->policy = policy;
	t->machine = m;
	t->tuning = &m->tuning;
	t->profile = m->profile;
	if (!code_memory_map(&t->memory, policy->regions ? 2 * bytes : bytes)) {
		error_set(err, ERROR_HOST, "machine code arena of %llu MiB: %s; with --engine interp none is needed",
			  (unsigned long long)bytes >> 20, strerror(errno));
		goto fail;
	}
	t->arena = stencil_arena_create(m->frontend->pinned_slots, handlers, &(struct code_memory){ t->memory.write, t->memory.to_exec, bytes },
					err);
	t->cache = t->arena ? codecache_create(m, handlers, &hooks, bytes, err) : NULL;
	if (t->cache && (!policy->regions || make_regions(t, m, bytes, err)))
		return t;
fail:
	tiers_destroy(t);
	return NULL;
}

static bool init(struct vcpu *cpu, const struct policy *policy, struct error *err)
{
	struct machine *m = cpu->machine;
	struct tier *t = aligned_alloc(64, (sizeof *t + 63) / 64 * 64);
	if (!t)
		return error_set(err, ERROR_HOST, "engine %s, vCPU %u: out of memory", m->exec->name, cpu->index);
	struct code_handlers handlers;
	interp_execute(NULL, NULL, NULL, &handlers);
	if (!m->exec_state)
		m->exec_state = tiers_create(m, &handlers, policy, err);
	cpu->exec = t;
	t->calls = (struct stencil_calls){
		.service = service, .softfp_run = softfp_run, .helpers = m->frontend->helpers, .execute = region_execute, .fault = region_fault,
		.tripped = region_tripped };
	cpu->tripped = region_trip;
	t->shared = m->exec_state;
	t->next = NULL;
	t->serving = NULL;
	t->services = t->interpreted = 0;
	if (!t->shared)
		return false;
	stencil_routines(t->shared->arena, &t->calls);
	if (policy->regions)
		cpu->sample_icount = cpu->icount + m->tuning.sample_period;
	finder_init(&t->finder, cpu, t->shared->cache, &handlers);
	return true;
}

static bool init_stencil(struct vcpu *cpu, struct error *err)
{
	return init(cpu, &policy_stencil, err);
}

static bool init_auto(struct vcpu *cpu, struct error *err)
{
	return init(cpu, &policy_auto, err);
}

static bool init_hot(struct vcpu *cpu, struct error *err)
{
	return init(cpu, &policy_hot, err);
}

static bool init_llvm(struct vcpu *cpu, struct error *err)
{
	return init(cpu, &policy_llvm, err);
}

static void destroy(struct vcpu *cpu)
{
	struct machine *m = cpu->machine;
	free(cpu->exec);
	cpu->exec = NULL;
	if (cpu->index == 0) {		/* the machine's vCPUs go together */
		tiers_destroy(m->exec_state);
		m->exec_state = NULL;
	}
}

static void invalidate(struct machine *m, struct phys_page *page, uint64_t granules)
{
	codecache_invalidate(((struct tiers *)m->exec_state)->cache, page, granules);
}

static void flush(struct machine *m)
{
	codecache_flush(((struct tiers *)m->exec_state)->cache);
}

static void print_store_stats(const struct tiers *t, const struct regions_stats *r, FILE *file)
{
	struct store_stats s;
	if (!regions_get_store_stats(t->regions, &s))
		return;
	uint64_t all = r->regions + r->recalled;
	fprintf(file, "cache: %" PRIu64 " regions known at the start; %" PRIu64 " of %" PRIu64 " from disk (%" PRIu64 " %%), %" PRIu64
		" look-ups in vain, %" PRIu64 " damaged, %" PRIu64 " KiB read, %" PRIu64 " us; %" PRIu64 " written, %" PRIu64 " KiB, %" PRIu64
		" not written\n", s.known, r->recalled, all, all ? 100 * r->recalled / all : 0, r->lost, s.damaged, s.read_bytes >> 10,
		r->recall_ns / 1000, s.written, s.written_bytes >> 10, s.unwritten);
}

static double per(uint64_t n, uint64_t of) { return of ? (double)n / (double)of : 0; }

static void print_stats(struct machine *m, void *file)
{
	struct tiers *shared = m->exec_state;
	struct codecache_stats c;
	struct stencil_stats s;
	codecache_get_stats(shared->cache, &c);
	stencil_arena_stats(shared->arena, &s);
	fprintf(file, "lifted: %" PRIu64 " blocks, %" PRIu64 " instructions, %" PRIu64 " micro-ops, %" PRIu64 " KiB, "
		"%" PRIu64 " dropped, %" PRIu64 " flushes\n", c.blocks, c.insns, c.uops, c.arena >> 10, c.invalidated, c.flushes);
	fprintf(file, "stencils: %" PRIu64 " blocks, %" PRIu64 " instructions, %" PRIu64 " loops with pins of their own, %" PRIu64 " KiB hot, %"
		PRIu64 " KiB cold; each op has a stencil of its own\n", s.blocks, s.insns, s.loops, s.hot_bytes >> 10, s.cold_bytes >> 10);
	if (shared->regions) {
		struct regions_stats r;
		regions_get_stats(shared->regions, &r);
		if (r.fills + r.leaves)
			fprintf(file, "windows: %" PRIu64 " pages mapped for regions, %" PRIu64 " times left\n", r.fills, r.leaves);
		fprintf(file, "regions: %" PRIu64 ", %.1f blocks and %.1f instructions each, %" PRIu64 " KiB, %" PRIu64 " dropped, %" PRIu64 " stale, %"
			PRIu64 " without a loop, %" PRIu64 " failed, %" PRIu64 " ms compiling\n", r.regions, per(r.blocks, r.regions), per(r.insns, r.regions),
			r.bytes >> 10, r.dropped, r.stale, r.straight, r.failed, r.ns / 1000000);
		fprintf(file, "samples: %" PRIu64 ", %.1f %% in regions, each of which has its loop, %.1f %% outside in a block of one\n", r.samples,
			100 * per(r.inside, r.samples), 100 * per(r.beside, r.samples));
		print_store_stats(shared, &r, file);
	}
	uint64_t ns = 0;
	for (unsigned i = 0; i < m->n_vcpus; i++)
		ns += ((const struct tier *)m->vcpu[i]->exec)->finder.translate_ns;
	if (ns && c.insns)
		fprintf(file, "translation: %" PRIu64 " ms, %" PRIu64 " ns per instruction\n", ns / 1000000, ns / c.insns);
	for (unsigned i = 0; i < m->n_vcpus; i++) {
		const struct tier *t = m->vcpu[i]->exec;
		fprintf(file, "vcpu%u: %" PRIu64 " instructions, %" PRIu64 " look-ups, %" PRIu64 " calls from machine code, %" PRIu64
			" blocks interpreted\n", i, m->vcpu[i]->icount, t->finder.lookups, t->services, t->interpreted);
	}
}

void tiers_print_region(struct machine *m, uint64_t pa, uint32_t mode, FILE *f)
{
	struct tiers *t = m->exec_state;
	codecache_lock(t->cache);
	const struct code_block *b = codecache_find(t->cache, pa, mode);
	if (b && t->regions)
		regions_print(t->regions, b, f);
	codecache_unlock(t->cache);
}

#define ENGINE(engine_name, engine_summary, engine_init) { \
	.name = engine_name, .summary = engine_summary, .vcpu_init = engine_init, .vcpu_destroy = destroy, .run = run, .invalidate = invalidate, .flush = flush, \
	.print_stats = print_stats, .interrupted = interrupted, .locate = locate, \
}
const struct exec_ops stencil_engine = ENGINE("stencil", "Machine code copied from stencils, from the first execution on.", init_stencil);
const struct exec_ops llvm_engine = ENGINE("llvm",
	"Each block compiled by LLVM as it is first executed: slow to begin with, for tests.", init_llvm);
const struct exec_ops hot_engine = ENGINE("llvm", NULL, init_hot);
const struct exec_ops auto_engine = ENGINE("auto",
	"The interpreter for what is cold, stencils for what is warm, LLVM for what is hot. The default.", init_auto);

// SPDX-License-Identifier: Apache-2.0
#include "backend/cache/finder.h"
#include "ir/ir.h"
#include "runtime/clock.h"
#include "runtime/debug.h"

static uint32_t mode_of(const struct vcpu *cpu)
{
	return cpu->mode | (cpu->single_step ? MODE_SINGLE_STEP : 0);
}

void finder_init(struct finder *x, struct vcpu *cpu, struct codecache *cache, const struct code_handlers *handlers)
{
	x->cache = cache;
	x->handlers = *handlers;
	x->cpu = cpu;
	x->lookups = x->translate_ns = 0;
}

void finder_set_keys(struct finder *x)
{
	struct vcpu *cpu = x->cpu;
	for (unsigned half = 0; half < 2; half++)
		cpu->jump_key[half] = (uint64_t)mmu_code_id(cpu, half) << 32 | mode_of(cpu);
}

static const uint8_t *fetch_next_page(void *opaque)
{
	struct finder *x = opaque;
	struct mmu_code code;
	if (!mmu_fetch(x->cpu, x->second_va, &code))
		return NULL;
	x->second_pa = code.pa;
	x->second_page = code.page;
	x->second_host = code.host;
	return code.host;
}

static bool lift(struct finder *x, uint64_t va, const struct mmu_code *code, unsigned max_insns)
{
	struct vcpu *cpu = x->cpu;
	unsigned extent = code->leaf_bits < PAGE_BITS ? 1u << code->leaf_bits : (unsigned)PAGE_SIZE;
	unsigned size = extent - (unsigned)(va & (extent - 1));
	x->second_va = va + size;
	x->second_pa = CODE_NO_PAGE;
	x->second_page = NULL;
	struct lift_request req = { .cpu = cpu, .mode = cpu->mode, .va = va, .code = code->host, .size = size, .next_page = fetch_next_page, .opaque = x,
				    .max_insns = max_insns };
	if (!cpu->machine->frontend->lift(&req, &x->lifted))
		return false;
	ir_optimise(&x->lifted, cpu->machine->frontend->helpers);
	if (unlikely(cpu->machine->observer.translated))
		cpu->machine->observer.translated(cpu->machine->observer.opaque, cpu, va, &x->lifted);
	return true;
}

/* A block that nobody finds again. */
static struct code_block *translate_once(struct finder *x, uint64_t va, const struct mmu_code *code)
{
	if (!lift(x, va, code, 1))
		return NULL;
	vcpu_trip(x->cpu);	/* its exits must not be linked */
	return codecache_bind(&x->handlers, &x->lifted, code->pa, mode_of(x->cpu), x->once, sizeof x->once);
}

/* Drops everything: the arena is full. Called and returns with the lock held. */
static void make_room(struct finder *x)
{
	codecache_unlock(x->cache);
	codecache_flush(x->cache);
	codecache_lock(x->cache);
}

/* With the lock held; NULL: an exception is pending or, with none, the caller is to start again. */
static struct code_block *translate_locked(struct finder *x, uint64_t va, const struct mmu_code *code, uint32_t mode)
{
	struct vcpu *cpu = x->cpu;
	if (!lift(x, va, code, mode & MODE_SINGLE_STEP ? 1 : BLOCK_MAX_INSNS))
		return NULL;
	if (x->lifted.crosses_page && !atomic_load(&x->second_page->code)) {
		/* The second page must be marked before its bytes are read: once more with both. */
		codecache_unlock(x->cache);
		mmu_protect_code(cpu, x->second_page, (const uint8_t *)((uintptr_t)x->second_host & PAGE_MASK));
		codecache_lock(x->cache);
		return NULL;
	}
	struct phys_page *const pages[2] = { code->page, x->lifted.crosses_page ? x->second_page : NULL };
	struct code_block *b = codecache_add(x->cache, &x->lifted, va, code->pa, pages[1] ? x->second_pa : CODE_NO_PAGE, mode, pages);
	if (!b)
		make_room(x);
	return b;
}

/* Whether a block that crosses its page still continues where it did. False with an exception pending: the fetch faults. */
static bool second_page_holds(struct finder *x, const struct code_block *b, uint64_t va)
{
	struct mmu_code next;
	return b->second_pa == CODE_NO_PAGE ||
	       (mmu_fetch(x->cpu, (va & PAGE_MASK) + PAGE_SIZE, &next) && next.pa == b->second_pa);
}

/* `probed`: the virtual-PC cache may have it */
static void note_code(struct finder *x, uint64_t va, const struct mmu_code *code, struct code_block *b, bool probed)
{
	struct vcpu *cpu = x->cpu;
	mmu_note_code(cpu, va, code->leaf_bits);
	if (b->second_pa != CODE_NO_PAGE)
		mmu_note_code(cpu, va + b->bytes - 1, PAGE_BITS);
	if (b->code && probed) {
		struct jump_cache_entry *j = JUMP_CACHE_ENTRY(cpu, va);
		j->pc = va;
		j->code = b->code;
		j->block = b;
		__atomic_store_n(&j->key, cpu->jump_key[va >> 63], __ATOMIC_RELAXED);
	}
}

const void *finder_probe(struct vcpu *cpu, uint64_t va)
{
	const struct jump_cache_entry *j = JUMP_CACHE_ENTRY(cpu, va);
	if (j->pc != va || __atomic_load_n(&j->key, __ATOMIC_RELAXED) != cpu->jump_key[va >> 63])
		return NULL;
	cpu->reg[SLOT_PAGE] = va & PAGE_MASK;
	return j->code;
}

/* A trap handler that cannot be fetched is looked for time and again. */
static void note_jump(struct vcpu *cpu, uint64_t va)
{
	const struct vcpu_jump *last = &cpu->trail[(cpu->n_trail - 1) % VCPU_TRAIL];
	if (last->to != va || last->icount != cpu->icount)
		cpu->trail[cpu->n_trail++ % VCPU_TRAIL] = (struct vcpu_jump){ cpu->icount, va };
}

static struct code_block *find_block(struct finder *x, uint64_t va)
{
	struct vcpu *cpu = x->cpu;
	cpu->reg[SLOT_PAGE] = va & PAGE_MASK;
	cpu->pc = va;
	x->lookups++;
	note_jump(cpu, va);
	bool breaks = unlikely(cpu->machine->debug) && debug_breaks_page(cpu->machine->debug, va);
	if (breaks && debug_stops_at(cpu, va))
		return NULL;
	for (;;) {
		uint32_t mode = mode_of(cpu) | (breaks ? MODE_SINGLE_STEP : 0);
		struct mmu_code code;
		if (!mmu_fetch(cpu, va, &code))
			return NULL;
		finder_set_keys(x);	/* the walk may have given this context tables of its own */
		if (code.leaf_bits < PAGE_BITS)
			return translate_once(x, va, &code);
		if (!atomic_load(&code.page->code)) {
			uint32_t id = mmu_code_id(cpu, va >> 63);
			mmu_protect_code(cpu, code.page, (const uint8_t *)((uintptr_t)code.host & PAGE_MASK));
			if (id != mmu_code_id(cpu, va >> 63))	/* another vCPU flushed this one's TLB while it waited */
				continue;
		}
		codecache_lock(x->cache);
		struct code_block *b = codecache_find(x->cache, code.pa, mode);
		if (b && b->second_pa != CODE_NO_PAGE && !second_page_holds(x, b, va)) {
			codecache_unlock(x->cache);
			if (cpu->exception.pending)
				return NULL;
			return translate_once(x, va, &code);
		}
		bool measure = cpu->machine->measure && !(b && b->code);
		uint64_t start = measure ? clock_host_now() : 0;
		if (!b && atomic_load(&code.page->code))
			b = translate_locked(x, va, &code, mode);
		if (b && !codecache_prepare(x->cache, b)) {
			make_room(x);
			b = NULL;
		}
		if (measure)
			x->translate_ns += clock_host_now() - start;
		if (b)
			note_code(x, va, &code, b, !breaks);
		codecache_unlock(x->cache);
		if (b || cpu->exception.pending)
			return b;
	}
}

struct code_block *finder_look_up(struct finder *x, uint64_t va)
{
	enum vcpu_tier was = vcpu_doing(x->cpu, TIER_TRANSLATE);
	struct code_block *b = find_block(x, va);
	vcpu_doing(x->cpu, was);
	return b;
}

void finder_observe(struct finder *x, const struct code_block *b)
{
	struct vcpu *cpu = x->cpu;
	const struct observer *o = &cpu->machine->observer;
	o->block(o->opaque, cpu, b->n_insns, b->bytes);
	vcpu_trip(cpu);
}

bool finder_link(struct finder *x, struct code_exit *exit, struct code_block *to, uint64_t epoch)
{
	/* instructions that stand alone are looked up each time: there may be a breakpoint */
	if (finder_is_once(x, to) || to->mode & MODE_SINGLE_STEP || !code_of(to))
		return false;
	codecache_lock(x->cache);
	/* one that crosses must be looked up each time: its second page depends on the context */
	bool can = epoch == codecache_epoch(x->cache) && to->second_pa == CODE_NO_PAGE;
	if (can)
		codecache_link(x->cache, exit, to);
	codecache_unlock(x->cache);
	return can;
}

const struct code_block *finder_owner(struct finder *x, const struct uop *u)
{
	bool once = (const char *)u >= x->once && (const char *)u < x->once + sizeof x->once;
	return once ? (const struct code_block *)x->once : codecache_owner(x->cache, u);
}

void finder_locate_fault(struct vcpu *cpu, const struct code_block *b, const struct uop *u)
{
	unsigned at = (unsigned)(u - b->uop), i = b->n_insns - 1u;
	while (b->insn[i].first_uop > at)
		i--;
	cpu->pc = cpu->reg[SLOT_PAGE] + (b->pa & (PAGE_SIZE - 1)) + b->insn[i].offset;
	cpu->icount += i;
}

// SPDX-License-Identifier: Apache-2.0
#include "backend/interp/interp.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include "backend/interp/execute.h"
#include "ir/ir.h"
#include "runtime/fp.h"

/* Bound on the memory for decoded blocks. A boot of Debian to the shell takes about 20 MiB. */
#define ARENA_BYTES ((uint64_t)64 << 20)

/* Set in a block's mode while single-stepping: such blocks hold one instruction. No frontend uses this bit. */
#define MODE_SINGLE_STEP ((uint32_t)1 << 31)

/* One vCPU's part. */
struct interp {
	struct codecache *cache;
	struct code_handlers handlers;
	struct vcpu *cpu;
	struct ir_block lifted;
	/* Room for one block of one instruction whose page has permissions finer than a page, and which is therefore not kept. */
	_Alignas(16) char once[8192];
	/* the page that the instruction being lifted continues in */
	uint64_t second_va, second_pa;
	struct phys_page *second_page;
	const uint8_t *second_host;
	uint64_t lookups;
};

/* ---- translate ---- */

static uint32_t mode_of(const struct vcpu *cpu)
{
	return cpu->mode | (cpu->single_step ? MODE_SINGLE_STEP : 0);
}

static void set_keys(struct vcpu *cpu)
{
	for (unsigned half = 0; half < 2; half++)
		cpu->jump_key[half] = (uint64_t)mmu_code_id(cpu, half) << 32 | mode_of(cpu);
}

static const uint8_t *fetch_next_page(void *opaque)
{
	struct interp *x = opaque;
	struct mmu_code code;
	if (!mmu_fetch(x->cpu, x->second_va, &code))
		return NULL;
	x->second_pa = code.pa;
	x->second_page = code.page;
	x->second_host = code.host;
	return code.host;
}

static bool lift(struct interp *x, uint64_t va, const struct mmu_code *code, unsigned max_insns)
{
	struct vcpu *cpu = x->cpu;
	unsigned extent = code->leaf_bits < PAGE_BITS ? 1u << code->leaf_bits : (unsigned)PAGE_SIZE;
	unsigned size = extent - (unsigned)(va & (extent - 1));
	x->second_va = va + size;
	x->second_pa = CODE_NO_PAGE;
	x->second_page = NULL;
	struct lift_request req = { .cpu = cpu, .va = va, .code = code->host, .size = size, .next_page = fetch_next_page, .opaque = x,
				    .max_insns = max_insns };
	if (!cpu->machine->frontend->lift(&req, &x->lifted))
		return false;
	ir_optimise(&x->lifted, cpu->machine->frontend->helpers);
	if (unlikely(cpu->machine->observer.translated))
		cpu->machine->observer.translated(cpu->machine->observer.opaque, cpu, va, &x->lifted);
	return true;
}

/* A block that nobody finds again. */
static const struct uop *translate_once(struct interp *x, uint64_t va, const struct mmu_code *code)
{
	if (!lift(x, va, code, 1))
		return NULL;
	vcpu_trip(x->cpu);	/* its exits must not be linked */
	return codecache_bind(&x->handlers, &x->lifted, code->pa, mode_of(x->cpu), x->once, sizeof x->once)->uop;
}

/* With the lock held; NULL: an exception is pending or, with none, the caller is to start again. */
static struct code_block *translate_locked(struct interp *x, uint64_t va, const struct mmu_code *code)
{
	struct vcpu *cpu = x->cpu;
	if (!lift(x, va, code, cpu->single_step ? 1 : BLOCK_MAX_INSNS))
		return NULL;
	if (x->lifted.crosses_page && !atomic_load(&x->second_page->code)) {
		/* The second page must be marked before its bytes are read: once more with both. */
		codecache_unlock(x->cache);
		mmu_protect_code(cpu, x->second_page, (const uint8_t *)((uintptr_t)x->second_host & PAGE_MASK));
		codecache_lock(x->cache);
		return NULL;
	}
	struct phys_page *const pages[2] = { code->page, x->lifted.crosses_page ? x->second_page : NULL };
	struct code_block *b = codecache_add(x->cache, &x->lifted, code->pa, pages[1] ? x->second_pa : CODE_NO_PAGE, mode_of(cpu), pages);
	if (!b) {
		codecache_unlock(x->cache);
		codecache_flush(x->cache);
		codecache_lock(x->cache);
	}
	return b;
}

/* Whether a block that crosses its page still continues where it did. False with an exception pending: the fetch faults. */
static bool second_page_holds(struct interp *x, const struct code_block *b, uint64_t va)
{
	struct mmu_code next;
	return b->second_pa == CODE_NO_PAGE ||
	       (mmu_fetch(x->cpu, (va & PAGE_MASK) + PAGE_SIZE, &next) && next.pa == b->second_pa);
}

/* The block for va in the current mode and context, NULL with an exception pending. */
static const struct uop *look_up(struct interp *x, uint64_t va)
{
	struct vcpu *cpu = x->cpu;
	cpu->reg[SLOT_PAGE] = va & PAGE_MASK;
	cpu->pc = va;
	x->lookups++;
	for (;;) {
		struct mmu_code code;
		if (!mmu_fetch(cpu, va, &code))
			return NULL;
		set_keys(cpu);		/* the walk may have given this context tables of its own */
		if (code.leaf_bits < PAGE_BITS)
			return translate_once(x, va, &code);
		if (!atomic_load(&code.page->code)) {
			uint32_t id = mmu_code_id(cpu, va >> 63);
			mmu_protect_code(cpu, code.page, (const uint8_t *)((uintptr_t)code.host & PAGE_MASK));
			if (id != mmu_code_id(cpu, va >> 63))	/* another vCPU flushed this one's TLB while it waited */
				continue;
		}
		codecache_lock(x->cache);
		struct code_block *b = codecache_find(x->cache, code.pa, mode_of(cpu));
		if (b && b->second_pa != CODE_NO_PAGE && !second_page_holds(x, b, va)) {
			codecache_unlock(x->cache);
			if (cpu->exception.pending)
				return NULL;
			return translate_once(x, va, &code);
		}
		if (!b && atomic_load(&code.page->code))
			b = translate_locked(x, va, &code);
		if (b) {
			mmu_note_code(cpu, va, code.leaf_bits);
			if (b->second_pa != CODE_NO_PAGE)
				mmu_note_code(cpu, va + b->bytes - 1, PAGE_BITS);
			cpu->jump_cache[va >> 1 & (JUMP_CACHE_SIZE - 1)] =
				(struct jump_cache_entry){ va, cpu->jump_key[va >> 63], b };
		}
		codecache_unlock(x->cache);
		if (b || cpu->exception.pending)
			return b ? b->uop : NULL;
	}
}

/* Goes on through a near exit, linked from now on. */
static const struct uop *link_exit(struct interp *x, const struct uop *miss)
{
	struct code_exit *exit = CONTAINER_OF(miss, struct code_exit, miss);
	uint64_t epoch = codecache_epoch(x->cache);
	const struct uop *u = look_up(x, x->cpu->reg[SLOT_PAGE] + (uint64_t)(int64_t)miss->imm);
	if (!u)
		return NULL;
	struct code_block *to = CONTAINER_OF(u, struct code_block, uop);
	if ((const char *)to == x->once)
		return u;
	codecache_lock(x->cache);
	if (epoch == codecache_epoch(x->cache)) {
		if (to->second_pa == CODE_NO_PAGE)
			codecache_link(x->cache, exit, to);
		else	/* must be looked up each time: its second page depends on the context */
			__atomic_store_n(&exit->miss.handler, x->handlers.far, __ATOMIC_RELEASE);
	}
	codecache_unlock(x->cache);
	return u;
}

/* ---- run ---- */

static const struct uop *find_or_look_up(struct interp *x, uint64_t va)
{
	struct vcpu *cpu = x->cpu;
	const struct jump_cache_entry *j = &cpu->jump_cache[va >> 1 & (JUMP_CACHE_SIZE - 1)];
	if (j->pc != va || j->key != cpu->jump_key[va >> 63])
		return look_up(x, va);
	cpu->reg[SLOT_PAGE] = va & PAGE_MASK;
	return ((const struct code_block *)j->block)->uop;
}

/* The exact state at a fault: the instruction's address, and the instructions of its block before it. */
static void locate_fault(struct interp *x, const struct uop *u)
{
	struct vcpu *cpu = x->cpu;
	bool once = (const char *)u >= x->once && (const char *)u < x->once + sizeof x->once;
	const struct code_block *b = once ? (const struct code_block *)x->once : codecache_owner(x->cache, u);
	unsigned at = (unsigned)(u - b->uop), i = b->n_insns - 1u;
	while (b->insn[i].first_uop > at)
		i--;
	cpu->pc = cpu->reg[SLOT_PAGE] + (b->pa & (PAGE_SIZE - 1)) + b->insn[i].offset;
	cpu->icount += i;
}

static void run(struct vcpu *cpu)
{
	struct interp *x = cpu->exec;
	set_keys(cpu);
	if (cpu->single_step)
		vcpu_trip(cpu);
	fp_load_control(cpu->fp_control);
	const struct uop *u = find_or_look_up(x, cpu->pc), *at = NULL;
	while (u) {
		switch (interp_execute(cpu, u, &at, NULL)) {
		case INTERP_LEAVE:
			u = NULL;
			break;
		case INTERP_LOOKUP:
			u = look_up(x, cpu->pc);
			break;
		case INTERP_LINK:
			u = link_exit(x, at);
			break;
		case INTERP_FAULT:
			locate_fault(x, at);
			u = NULL;
			break;
		}
	}
	vcpu_fp_fold(cpu);
}

/* ---- life ---- */

static bool init(struct vcpu *cpu, struct error *err)
{
	struct machine *m = cpu->machine;
	struct interp *x = aligned_alloc(64, (sizeof *x + 63) / 64 * 64);
	if (!x)
		return error_set(err, ERROR_HOST, "interpreter of vCPU %u: out of memory", cpu->index);
	interp_execute(NULL, NULL, NULL, &x->handlers);
	if (!m->exec_state)
		m->exec_state = codecache_create(m, &x->handlers, ARENA_BYTES, err);
	x->cache = m->exec_state;
	x->cpu = cpu;
	x->lookups = 0;
	cpu->exec = x;
	return x->cache != NULL;
}

static void destroy(struct vcpu *cpu)
{
	struct machine *m = cpu->machine;
	free(cpu->exec);
	cpu->exec = NULL;
	if (cpu->index == 0) {		/* the machine's vCPUs go together */
		codecache_destroy(m->exec_state);
		m->exec_state = NULL;
	}
}

static void invalidate(struct machine *m, struct phys_page *page, uint64_t granules)
{
	codecache_invalidate(m->exec_state, page, granules);
}

static void flush(struct machine *m)
{
	codecache_flush(m->exec_state);
}

static void print_stats(struct machine *m, void *file)
{
	struct codecache_stats s;
	codecache_get_stats(m->exec_state, &s);
	fprintf(file, "interp: %" PRIu64 " blocks, %" PRIu64 " instructions, %" PRIu64 " micro-ops, %" PRIu64 " KiB decoded, "
		"%" PRIu64 " dropped, %" PRIu64 " flushes\n", s.blocks, s.insns, s.uops, s.arena >> 10, s.invalidated, s.flushes);
	for (unsigned i = 0; i < m->n_vcpus; i++)
		fprintf(file, "vcpu%u: %" PRIu64 " instructions, %" PRIu64 " look-ups\n", i, m->vcpu[i]->icount,
			((struct interp *)m->vcpu[i]->exec)->lookups);
}

const struct exec_ops interp_engine = {
	.name = "interp",
	.vcpu_init = init,
	.vcpu_destroy = destroy,
	.run = run,
	.invalidate = invalidate,
	.flush = flush,
	.print_stats = print_stats,
};

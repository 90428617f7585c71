// SPDX-License-Identifier: Apache-2.0
/*
 * Regions of one block behind mini_run, as LLVM compiles them. Compiling takes milliseconds, so that code is kept: vectors differ in
 * their values, seldom in their code.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "backend/interp/execute.h"
#include "backend/llvm/compile.h"
#include "backend/stencil/emit.h"
#include "backend/stencil/slow.h"
#include "runtime/fp.h"
#include "runtime/softfp.h"
#include "tests/ir/mini_bound.h"

const char *const mini_name = "llvm";

/* What cpu->exec points to. */
struct llvm_run {
	struct stencil_calls calls;
	struct stencil_arena *arena;
	struct mini *m;
	const struct ir_block *b;
	const struct code_block *block;
};

/* ---- what regions call ---- */

static void fault(struct vcpu *cpu, const struct uop *u)
{
	struct llvm_run *run = cpu->exec;
	run->m->end = MINI_FAULT;
	run->m->pc = mini_offset(run->b, (unsigned)(u - run->block->uop));
}

static bool execute(struct vcpu *cpu, const struct uop *u)
{
	struct llvm_run *run = cpu->exec;
	if (slow_execute(cpu, u, stencil_op_of(run->arena, u)))
		return true;
	fault(cpu, u);
	return false;
}

static const void *service(struct vcpu *cpu, uint64_t number)
{
	struct llvm_run *run = cpu->exec;
	if (number)
		abort();	/* no stencils but the shared routines run here */
	run->m->end = mini_end_of(run->b);
	return stencil_leave(run->arena);
}

/* ---- compiled blocks ---- */

struct kept {
	struct kept *next;
	uint32_t mode;
	const struct helper *helpers;
	struct ir_block b;
	const void *code;
	_Alignas(16) char bound[MINI_BOUND_SIZE];
};

static struct kept *all_kept[4096];
static struct linker *linker;
static struct compiler *compiler;
static struct code_memory memory;	/* the first CODE_CACHE_MIN bytes for stencils */

static unsigned hash(const struct ir_block *b)
{
	uint64_t h = b->n_uops;
	const unsigned char *byte = (const unsigned char *)b->uop;
	for (size_t i = 0; i < b->n_uops * sizeof *b->uop; i++)
		h = (h ^ byte[i]) * 0x100000001b3;
	return (unsigned)(h >> 20) % ARRAY_SIZE(all_kept);
}

static bool same(const struct kept *c, const struct ir_block *b)
{
	return c->b.n_uops == b->n_uops && c->b.n_insns == b->n_insns && !memcmp(c->b.uop, b->uop, b->n_uops * sizeof *b->uop) &&
	       !memcmp(c->b.target, b->target, sizeof b->target);
}

static struct kept *compile(const struct ir_block *b, const struct helper *helpers, uint32_t mode, const struct code_handlers *handlers,
				const uint8_t pins[STENCIL_PINS])
{
	static struct region r;
	struct error err;
	struct kept **at = &all_kept[hash(b)], *c;
	for (c = *at; c; c = c->next)
		if (c->mode == mode && c->helpers == helpers && same(c, b))
			return c;
	c = aligned_alloc(16, (sizeof *c + 15) & ~15u);
	if (!compiler && (!(linker = linker_create(&(struct code_memory){ memory.write + CODE_CACHE_MIN, memory.to_exec, memory.size - CODE_CACHE_MIN }, &err)) ||
			  !(compiler = compiler_create(pins, linker, &err)))) {
		fprintf(stderr, "%s\n", err.text);
		exit(1);
	}
	*c = (struct kept){ .next = *at, .mode = mode, .helpers = helpers, .b = *b };
	*at = c;
	struct code_block *block = mini_bind(c->bound, &c->b, handlers);
	r = (struct region){ .mode = mode, .n_blocks = 1, .n_insns = b->n_insns, .helpers = helpers };
	r.block[0] = (struct region_block){ .block = block, .bound = block->uop, .uop = c->b.uop, .n_uops = b->n_uops, .n_insns = b->n_insns,
					    .reached = true };
	for (unsigned i = 0; i < 2; i++)
		r.block[0].exit[i] = (struct region_exit){ .way = WAY_LOOKUP, .target = (int32_t)b->target[i] };
	struct compiled compiled;
	if (!linker_promise(linker) || !compiler_compile(compiler, &r, &compiled)) {
		fprintf(stderr, "LLVM failed\n");
		exit(1);
	}
	linker_done(linker);
	c->code = compiled.entry;
	return c;
}

void mini_run(struct mini *m, const struct ir_block *b)
{
	/* slots that blocks name, so that arguments and slots are both used */
	static const uint8_t pins[STENCIL_PINS] = { 1, 2, 3, 40 };
	static struct stencil_arena *arena;
	static struct jump_cache_entry nowhere[JUMP_CACHE_SIZE];
	static struct code_handlers handlers;
	static unsigned runs;
	struct tlb_entry tlb[2];
	struct error err;

	if (!arena) {
		interp_execute(NULL, NULL, NULL, &handlers);
		if (!code_memory_map(&memory, CODE_CACHE_DEFAULT))
			abort();
		arena = stencil_arena_create(pins, &handlers, &(struct code_memory){ memory.write, memory.to_exec, CODE_CACHE_MIN }, &err);
		if (!arena)
			abort();
	}
	const struct kept *c = compile(b, m->helpers, runs++ % 2 ? MODE_LOW_HALF : 0, &handlers, pins);
	struct llvm_run run = { { .service = service, .softfp_run = softfp_run, .helpers = m->helpers, .execute = execute, .fault = fault },
				arena, m, b, (const struct code_block *)c->bound };
	stencil_routines(arena, &run.calls);
	mini_map(m, tlb);
	m->cpu.exec = &run;
	m->cpu.deadline = UINT64_MAX;
	m->cpu.icount = 0;
	m->cpu.jump_cache = nowhere;
	m->cpu.jump_key[0] = m->cpu.jump_key[1] = 1;
	m->end = MINI_LEAVE;
	fp_load_control(m->cpu.fp_control);
	stencil_enter(arena, &m->cpu, c->code);
	m->cpu.fp_flags |= fp_take_flags();
	fp_load_control(FP_CONTROL_DEFAULT);
	if (m->end != MINI_FAULT)
		m->pc = m->end == MINI_TARGET ? m->cpu.pc - m->cpu.reg[SLOT_PAGE] : m->cpu.pc;
}

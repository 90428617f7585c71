// SPDX-License-Identifier: Apache-2.0
/*
 * Stencils behind mini_run. Which of the block's slots are pinned changes from run to run, so that the vectors go through the stencils for all
 * combinations of places; blocks with and without addresses of the upper half in line take turns.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "backend/interp/execute.h"
#include "backend/stencil/emit.h"
#include "backend/stencil/slow.h"
#include "ir/op_info.h"
#include "runtime/fp.h"
#include "runtime/softfp.h"
#include "tests/ir/mini_bound.h"

const char *const mini_name = "stencil";

/* What cpu->exec points to. */
struct stencil_run {
	struct stencil_calls calls;
	struct stencil_arena *arena;
	struct mini *m;
	const struct ir_block *b;
	unsigned added;		/* micro-ops before b's first */
};

/* ---- pins ---- */

/* An arena for each choice of pinned slots that has come up. */
static struct { uint8_t pins[STENCIL_PINS]; struct stencil_arena *arena; } arenas[4096];
static unsigned n_arenas;

static struct stencil_arena *arena_for(const uint8_t pins[STENCIL_PINS], const struct code_handlers *h)
{
	struct error err;
	for (unsigned i = 0; i < n_arenas; i++)
		if (!memcmp(arenas[i].pins, pins, STENCIL_PINS))
			return arenas[i].arena;
	if (n_arenas == ARRAY_SIZE(arenas))
		abort();
	memcpy(arenas[n_arenas].pins, pins, STENCIL_PINS);
	arenas[n_arenas].arena = stencil_arena_create(pins, h, CODE_CACHE_MIN, &err);
	if (!arenas[n_arenas].arena) {
		fprintf(stderr, "%s\n", err.text);
		exit(1);
	}
	return arenas[n_arenas++].arena;
}

/* Slots of the block's first micro-op, each in the place that this run's number says, or in none. */
static void choose_pins(const struct ir_block *b, unsigned run, uint8_t pins[STENCIL_PINS])
{
	const struct uop *u = &b->uop[0];
	const struct op_info *info = &op_info[u->op];
	const unsigned slot[3] = { info->has_d ? u->d : 0, info->has_a ? u->a : 0, info->has_b ? u->b : 0 };
	for (unsigned i = 0; i < STENCIL_PINS; i++)
		pins[i] = (uint8_t)(200 + i);	/* slots that no block here names */
	for (unsigned i = 0; i < 3; i++, run /= STENCIL_PLACES) {
		unsigned place = run % STENCIL_PLACES;
		bool taken = slot[i] < 1 || slot[i] >= SLOT_TEMP_END;
		for (unsigned k = 0; k < i; k++)
			taken |= slot[k] == slot[i];
		if (place && place <= STENCIL_PINS && !taken && pins[place - 1] >= 200)
			pins[place - 1] = (uint8_t)slot[i];
	}
}

/* ---- what stencils call ---- */

static const void *service(struct vcpu *cpu, uint64_t number)
{
	struct stencil_run *run = cpu->exec;
	struct mini *m = run->m;
	const struct stencil_site *site = stencil_site(run->arena, number);
	const struct uop *u = number ? &site->block->uop[site->uop] : NULL;
	if (!number) {
		m->end = mini_end_of(run->b);
	} else if (site->kind == SITE_MISS && slow_execute(cpu, u, stencil_op_of(run->arena, u))) {
		return stencil_resume(run->arena, site, cpu);
	} else if (site->kind == SITE_MISS || site->kind == SITE_FAULT) {
		m->end = MINI_FAULT;
		m->pc = mini_offset(run->b, site->uop - run->added);
	}
	return stencil_leave(run->arena);
}

/*
 * Blocks of a single op, as the vectors are, get an op before it that writes one of its sources without changing it, so that acc or facc
 * repeats that source. Returns the number of micro-ops put in.
 */
static unsigned repeat_source(const struct ir_block *b, struct ir_block *with, unsigned run)
{
	const struct uop *u = &b->uop[0];
	const struct op_info *info = &op_info[u->op];
	const uint8_t source[4] = { 0, info->has_a ? u->a : 0, info->has_b ? u->b : 0, info->has_c ? u->c : 0 };
	uint8_t slot = source[run % 4];
	*with = *b;
	if (!slot || slot >= SLOT_TEMP || b->n_insns != 1 || b->n_uops != 2)
		return 0;
	memmove(&with->uop[1], &with->uop[0], b->n_uops * sizeof *with->uop);
	with->uop[0] = (struct uop){ .op = UOP_or, .d = slot, .a = slot, .b = SLOT_ZERO };
	with->n_uops++;
	return 1;
}

void mini_run(struct mini *m, const struct ir_block *b)
{
	static struct ir_block with;
	_Alignas(16) static char bound[MINI_BOUND_SIZE];
	static struct jump_cache_entry nowhere[JUMP_CACHE_SIZE];
	static unsigned runs;
	struct tlb_entry tlb[2];
	struct code_handlers handlers;
	uint8_t pins[STENCIL_PINS];

	interp_execute(NULL, NULL, NULL, &handlers);
	choose_pins(b, runs, pins);
	unsigned added = repeat_source(b, &with, runs / 3);
	struct stencil_run run = { { service, softfp_run, m->helpers, 0, 0 }, arena_for(pins, &handlers), m, b, added };
	stencil_arena_reset(run.arena);
	struct code_block *block = mini_bind(bound, &with, &handlers);
	block->mode = runs++ / 2 % 2 ? MODE_LOW_HALF : 0;
	if (!stencil_translate(run.arena, block))
		abort();
	mini_map(m, tlb);
	m->cpu.exec = &run;
	m->cpu.deadline = UINT64_MAX;
	m->cpu.icount = 0;
	m->cpu.jump_cache = nowhere;
	m->cpu.jump_key[0] = m->cpu.jump_key[1] = 1;
	m->end = MINI_LEAVE;
	fp_load_control(m->cpu.fp_control);
	stencil_enter(run.arena, &m->cpu, block->code);
	m->cpu.fp_flags |= fp_take_flags();
	fp_load_control(FP_CONTROL_DEFAULT);
	if (m->end != MINI_FAULT)
		m->pc = m->end == MINI_TARGET ? m->cpu.pc - m->cpu.reg[SLOT_PAGE] : m->cpu.pc;
}

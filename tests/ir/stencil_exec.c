// SPDX-License-Identifier: Apache-2.0
/*
 * Stencils behind mini_run. Which of the block's slots are pinned changes from run to run, so that the vectors go through the stencils for all
 * combinations of places; so do what acc and facc hold, and whether addresses of the upper half are in line.
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
#include "tests/ir/random.h"

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
	struct code_memory memory;
	for (unsigned i = 0; i < n_arenas; i++)
		if (!memcmp(arenas[i].pins, pins, STENCIL_PINS))
			return arenas[i].arena;
	if (n_arenas == ARRAY_SIZE(arenas))
		abort();
	memcpy(arenas[n_arenas].pins, pins, STENCIL_PINS);
	if (!code_memory_map(&memory, CODE_CACHE_MIN))
		abort();
	arenas[n_arenas].arena = stencil_arena_create(pins, h, &memory, &err);
	if (!arenas[n_arenas].arena) {
		fprintf(stderr, "%s\n", err.text);
		exit(1);
	}
	return arenas[n_arenas++].arena;
}

/* Slots of the block's first micro-op, each in some place or in none. */
static void choose_pins(const struct ir_block *b, uint8_t pins[STENCIL_PINS])
{
	const struct uop *u = &b->uop[0];
	const struct op_info *info = &op_info[u->op];
	const unsigned slot[4] = { info->has_d ? u->d : 0, info->has_a ? u->a : 0, info->has_b ? u->b : 0, info->has_c ? u->c : 0 };
	for (unsigned i = 0; i < STENCIL_PINS; i++)
		pins[i] = (uint8_t)(200 + i);	/* slots that no block here names */
	for (unsigned i = 0; i < 4; i++) {
		unsigned place = random_below(STENCIL_PLACES);
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

/* ---- what acc and facc hold ---- */

/* Slots that no block here names: 1.0, the value of a source, and one that is pinned unless the op's are (choose_pins) */
enum { ONE = 190, COPY, BESIDE = 200 + STENCIL_PINS - 1 };

static void put_op(struct ir_block *b, enum uop_op op, unsigned d, unsigned x, unsigned y)
{
	b->uop[b->n_uops++] = (struct uop){ .op = op, .d = (uint8_t)d, .a = (uint8_t)x, .b = (uint8_t)y };
}

static bool is_boxed(uint64_t v)
{
	return v >> 32 == UINT32_MAX;
}

/*
 * Blocks of a single op, as the vectors are, get ops before it that leave its sources as they are, but have acc or facc repeat one of them,
 * or singles known to be boxed; after other values were there. Then perhaps an access that is performed in C. Returns the number of
 * micro-ops put in.
 */
static unsigned repeat_source(struct mini *m, const struct ir_block *b, struct ir_block *with)
{
	const struct uop *u = &b->uop[0];
	const struct op_info *info = &op_info[u->op];
	const uint8_t source[3] = { info->has_a ? u->a : 0, info->has_b ? u->b : 0, info->has_c ? u->c : 0 };
	const uint8_t slot = source[random_below(3)];
	uint64_t *reg = m->cpu.reg, v = reg[slot];
	*with = *b;
	if (!slot || slot >= SLOT_TEMP || b->n_insns != 1 || b->n_uops != 2)
		return 0;
	reg[ONE] = 0x3ff0000000000000;
	reg[COPY] = v;
	with->n_uops = 0;
	put_op(with, UOP_fmul_d, slot, ONE, ONE);
	put_op(with, UOP_box32, slot, ONE, 0);
	switch (random_below(3)) {
	case 0:
		put_op(with, UOP_or, slot, COPY, SLOT_ZERO);
		break;
	case 1:		/* keeps all but NaNs */
		put_op(with, v << 1 > 0xffe0000000000000 ? UOP_or : UOP_fmul_d, slot, COPY, v << 1 > 0xffe0000000000000 ? SLOT_ZERO : ONE);
		break;
	case 2:
		put_op(with, is_boxed(v) ? UOP_box32 : UOP_mov, slot, COPY, 0);
		for (unsigned i = 0; i < 3; i++)
			if (source[i] && source[i] < SLOT_TEMP && source[i] != slot && is_boxed(reg[source[i]]))
				put_op(with, UOP_box32, source[i], source[i], 0);
		break;
	}
	if (random_below(2)) {	/* misaligned */
		put_op(with, UOP_ld_u16, BESIDE, SLOT_ZERO, 0);
		with->uop[with->n_uops - 1].imm = MINI_BASE + 1;
	}
	unsigned added = with->n_uops;
	memcpy(&with->uop[added], b->uop, b->n_uops * sizeof *b->uop);
	with->n_uops += b->n_uops;
	return added;
}

void mini_run(struct mini *m, const struct ir_block *b)
{
	static struct ir_block with;
	_Alignas(16) static char bound[MINI_BOUND_SIZE];
	static struct jump_cache_entry nowhere[JUMP_CACHE_SIZE];
	struct tlb_entry tlb[2];
	struct code_handlers handlers;
	uint8_t pins[STENCIL_PINS];

	interp_execute(NULL, NULL, NULL, &handlers);
	/* at random: the vectors have periods of their own */
	choose_pins(b, pins);
	unsigned added = repeat_source(m, b, &with);
	struct stencil_run run = { { .service = service, .softfp_run = softfp_run, .helpers = m->helpers }, arena_for(pins, &handlers), m, b, added };
	stencil_arena_reset(run.arena);
	struct code_block *block = mini_bind(bound, &with, &handlers);
	m->cpu.mode = block->mode = random_below(2) ? MODE_LOW_HALF : 0;
	block->both_halves = random_below(2);
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

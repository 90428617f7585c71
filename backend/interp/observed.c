// SPDX-License-Identifier: Apache-2.0
#include "backend/interp/observed.h"
#include "backend/interp/execute.h"
#include "ir/ir.h"
#include "runtime/fp.h"

void interp_run_observed(struct finder *x)
{
	struct vcpu *cpu = x->cpu;
	const struct uop *at = NULL;
	const struct code_block *b = finder_look_up(x, cpu->pc);
	if (!b)
		return;
	enum vcpu_tier was = vcpu_doing(cpu, TIER_INTERP);
	finder_observe(x, b);
	fp_load_control(cpu->fp_control);
	if (interp_execute(cpu, b->uop, &at, NULL) == INTERP_FAULT)
		finder_locate_fault(cpu, b, at);
	vcpu_doing(cpu, was);
	vcpu_fp_fold(cpu);
}

#define STACK_WORDS 64		/* how far up something the interpreter calls may have put its registers */
#define HANDLER_BYTES 4096	/* that a handler takes at most */

/* How far host code at pc is into the handler of the micro-op at `at`; HANDLER_BYTES or more: it is not in there. */
static uint64_t distance(const struct codecache *cc, uint64_t at, uint64_t pc)
{
	if (at % _Alignof(struct uop) || !codecache_holds(cc, at) || !codecache_holds(cc, at + sizeof(struct uop)))
		return UINT64_MAX;
	return pc - (uint64_t)(uintptr_t)((const struct uop *)(uintptr_t)at)->handler;
}

const void *interp_position(const struct codecache *cc, const struct code_handlers *h, const struct interrupted *host)
{
	const uint64_t *stack = (const uint64_t *)(uintptr_t)(host->sp & ~(uint64_t)7);
	uint64_t low = UINT64_MAX, size = 0, pc = host->pc, best = HANDLER_BYTES, at = 0;
	for (unsigned op = 0; op < UOP_COUNT; op++)
		low = (uint64_t)(uintptr_t)h->op[op] < low ? (uint64_t)(uintptr_t)h->op[op] : low;
	for (unsigned op = 0; op < UOP_COUNT; op++)
		size = (uint64_t)(uintptr_t)h->op[op] - low > size ? (uint64_t)(uintptr_t)h->op[op] - low : size;
	size += HANDLER_BYTES;
	/* in what a handler has called: where that returns to, with the registers saved on the way */
	unsigned n_stack = pc - low < size ? 0 : STACK_WORDS;
	for (unsigned i = 0; i < n_stack && pc - low >= size; i++)
		pc = interrupted_word(&stack[i]);
	uint64_t next = 0;
	for (unsigned i = 0; i < host->n_regs + n_stack; i++) {
		uint64_t word = i < host->n_regs ? host->reg[i] : interrupted_word(&stack[i - host->n_regs]), own = distance(cc, word, pc);
		uint64_t before = own >= HANDLER_BYTES ? distance(cc, word - sizeof(struct uop), pc) : HANDLER_BYTES;
		if (own < best || before < best) {	/* a handler's last instructions have the next micro-op already */
			best = own < before ? own : before;
			at = own < before ? word : word - sizeof(struct uop);
		} else if (!next && own != UINT64_MAX && pc - own - low < size) {
			next = word;
		}
	}
	return (const void *)(uintptr_t)(at ? at : next);
}

bool interp_locate(struct codecache *cc, const void *at, struct code_place *place)
{
	codecache_lock(cc);
	const struct code_block *b = codecache_block_at(cc, at);
	ptrdiff_t offset = b ? (const char *)at - (const char *)b->uop : 0;
	if (b) {
		place->tier = TIER_INTERP;
		codecache_place(b, offset > 0 ? (unsigned)((size_t)offset / sizeof(struct uop)) : 0, place);
	}
	codecache_unlock(cc);
	return b;
}

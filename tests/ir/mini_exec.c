// SPDX-License-Identifier: Apache-2.0
#include <string.h>
#include "ir/uop_math.h"
#include "tests/ir/mini_exec.h"

const char *const mini_name = FP_X86 ? "switch" : "portable";

#define A cpu->reg[u->a]
#define B cpu->reg[u->b]
#define C cpu->reg[u->c]
#define IMM ((int64_t)u->imm)
#define D(v) (cpu->reg[u->d] = (v))
#define NEXT continue
#define END(kind, where) do { \
	m->end = (kind); \
	m->pc = (uint64_t)(where); \
	return; \
} while (0)
#define FAULT END(MINI_FAULT, mini_offset(b, i))
#define ACCESS(p, T, va, write, aligned) void *p = mini_access(m, va, sizeof(T), write, aligned); if (!p) FAULT
#define LOAD(v, T, va) { ACCESS(p_, T, va, false, false); T t_; memcpy(&t_, p_, sizeof(T)); v = (uint64_t)t_; }
#define STORE(T, va, v) { ACCESS(p_, T, va, true, false); T t_ = (T)(v); memcpy(p_, &t_, sizeof(T)); }
#define HOST_RW(p, T, va) { ACCESS(p_, T, va, true, true); p = p_; }
#define HOST_RD(p, T, va) { ACCESS(p_, T, va, false, true); p = p_; }
#define INDEX_C u->c
#define HELPER(n) m->helpers[n].fn
#define RAISE(c, v) cpu->exception = (struct exception){ (c), (v), true }; FAULT
#define TAKEN END(MINI_TARGET, b->target[0])
#define NOT_TAKEN END(MINI_TARGET, b->target[1])
#define JUMP END(MINI_TARGET, b->target[0])
#define INDIRECT(va) END(MINI_INDIRECT, va)
#define LEAVE END(MINI_LEAVE, (uint64_t)b->target[0] + cpu->reg[SLOT_PAGE])
#define LEAVE_TO(va) END(MINI_LEAVE, va)

static void execute(struct mini *m, const struct ir_block *b)
{
	struct vcpu *cpu = &m->cpu;

	for (unsigned i = 0; i < b->n_uops; i++) {
		const struct uop *u = &b->uop[i];
		switch (u->op) {
#define UOP(name) case UOP_##name:
#include "ir/uops_int.inc"
#include "ir/uops_bits.inc"
#include "ir/uops_mem.inc"
#include "ir/uops_atomic.inc"
#include "ir/uops_fp.inc"
#include "ir/uops_ctl.inc"
		default:
			END(MINI_BAD, 0);
		}
	}
	m->end = MINI_BAD;
}

void mini_run(struct mini *m, const struct ir_block *b)
{
	fp_load_control(m->cpu.fp_control);
	execute(m, b);
	m->cpu.fp_flags |= fp_take_flags();
	fp_load_control(FP_CONTROL_DEFAULT);
}

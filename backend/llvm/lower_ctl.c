// SPDX-License-Identifier: Apache-2.0
/* Helper calls, exceptions and block ends as LLVM IR; ir/uops_ctl.inc says what they do. */
#include "backend/llvm/lower.h"

/* What cpu->exception says is pending: leaves for good with the state of the instruction's beginning. */
static void fault(struct lowering *l)
{
	LLVMTypeRef params[2] = { l->ptr, l->ptr };
	LLVMTypeRef type = LLVMFunctionType(LLVMVoidTypeInContext(l->ctx), params, 2, false);
	lower_store(l, LLVMBuildLoad2(l->b, l->i64, l->icount, ""), VCPU(icount));
	LLVMBuildCall2(l->b, type, CALLS(fault), (value[]){ l->cpu, lower_self(l) }, 2, "");
	LLVMBuildBr(l->b, l->ret);
}

LOWER(helper)
{
	const struct helper *h = &l->region->helpers[u->c];
	value a = A, b = B;
	lower_flush(l);
	/* a helper sees icount as it was when the block began */
	value icount = LLVMBuildLoad2(l->b, l->i64, l->icount, "");
	lower_store(l, BIN(Sub, icount, K(l->block->n_insns)), VCPU(icount));
	LLVMTypeRef params[5] = { l->ptr, l->i64, l->i64, l->i32, l->ptr };
	LLVMTypeRef type = LLVMFunctionType(l->i8, params, 5, false);
	value fn = lower_load(l, l->ptr, FIELD(CALLS(helpers), u->c * sizeof *h + offsetof(struct helper, fn)));
	lower_store(l, K(0), l->result);
	value good = LLVMBuildCall2(l->b, type, fn, (value[]){ l->cpu, a, b, K32(u->imm), l->result }, 5, "");
	LLVMBasicBlockRef done = lower_block(l, "done"), failed = lower_block(l, "failed");
	lower_likely(l, CMP(NE, good, LLVMConstInt(l->i8, 0, 0)), done, failed);
	lower_at(l, failed);
	fault(l);
	lower_at(l, done);
	if (h->effects & HELPER_WRITES_REGS)
		lower_reload(l);
	D(LLVMBuildLoad2(l->b, l->i64, l->result, ""));
}

LOWER(raise)
{
	value v = A;
	lower_flush(l);
	lower_store(l, K(IMM), VCPU(exception.cause));
	lower_store(l, v, VCPU(exception.value));
	lower_store(l, LLVMConstInt(l->i8, 1, 0), VCPU(exception.pending));
	fault(l);
}

LOWER(jmp)
{
	lower_write_through(l);
	lower_exit(l, 0);
}

/* How often an exit of the block is taken, as far as can be told: loops go round some times. */
static unsigned frequency(const struct lowering *l, unsigned n)
{
	const struct region_exit *exit = &l->block->exit[n];
	unsigned here = lower_index(l);
	unsigned loops = exit->way == WAY_INSIDE ? region_shared_loops(&l->loops, here, exit->to) : 0;
	return 1u << 4 * (loops < 6 ? loops : 6);
}

static void branch(struct lowering *l, const struct uop *u, LLVMIntPredicate cond)
{
	LLVMBasicBlockRef taken = lower_block(l, "taken"), not_taken = lower_block(l, "not_taken");
	value c = LLVMBuildICmp(l->b, cond, A, B, "");
	lower_write_through(l);
	unsigned to_taken = frequency(l, 0), to_not_taken = frequency(l, 1);
	lower_weighed(l, c, taken, not_taken, to_taken, to_not_taken);
	lower_at(l, taken);
	lower_exit(l, 0);
	lower_at(l, not_taken);
	lower_exit(l, 1);
}

LOWER(beq)	{ branch(l, u, LLVMIntEQ); }
LOWER(bne)	{ branch(l, u, LLVMIntNE); }
LOWER(blt)	{ branch(l, u, LLVMIntSLT); }
LOWER(bge)	{ branch(l, u, LLVMIntSGE); }
LOWER(bltu)	{ branch(l, u, LLVMIntULT); }
LOWER(bgeu)	{ branch(l, u, LLVMIntUGE); }

LOWER(jr)
{
	value pc = BIN(And, BIN(Add, A, K(IMM)), K(~(uint64_t)1));
	lower_write_through(l);
	/* to blocks of the region, or anywhere */
	unsigned to[REGION_MAX_NEXT], n = region_next(l->region, (unsigned)(l->block - l->region->block), to);
	LLVMBasicBlockRef other = lower_block(l, "other");
	value position = BIN(Sub, pc, slot_get(l, SLOT_PAGE)), choice = LLVMBuildSwitch(l->b, position, other, n);
	for (unsigned i = 0; i < n; i++) {
		LLVMBasicBlockRef here = lower_block(l, "here");
		LLVMAddCase(choice, K((int64_t)l->region->block[to[i]].position), here);
		lower_at(l, here);
		lower_store_for(l, to[i]);
		LLVMBuildBr(l->b, l->entries[to[i]]);
	}
	lower_at(l, other);
	lower_indirect(l, pc);
}

LOWER(leave)
{
	lower_flush(l);
	lower_leave(l, lower_target(l, 0));
}

LOWER(leave_jr)
{
	value pc = BIN(Add, A, K(IMM));
	lower_flush(l);
	lower_leave(l, pc);
}

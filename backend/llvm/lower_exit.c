// SPDX-License-Identifier: Apache-2.0
/* What leaves a region: calls of C, and ways out to other code. */
#include "backend/llvm/lower.h"
#include "ir/op_info.h"

#define CC_PRESERVE_MOST 14

/* ---- C ---- */

static value load_link(struct lowering *l, size_t member)
{
	size_t block = (size_t)(l->block - l->region->block);
	return lower_load(l, l->ptr, FIELD(l->links, block * sizeof(struct region_links) + member));
}

value lower_self(struct lowering *l)
{
	return FIELD(load_link(l, offsetof(struct region_links, bound)), (l->bound - l->block->bound) * (ptrdiff_t)sizeof *l->bound);
}

value lower_slow(struct lowering *l, const struct uop *u)
{
	const struct op_info *info = &op_info[u->op];
	if (info->has_a && slot_is_temporary(u->a))
		lower_store(l, A, VCPU(reg[u->a]));
	if (info->has_b && slot_is_temporary(u->b))
		lower_store(l, B, VCPU(reg[u->b]));
	lower_store(l, LLVMBuildLoad2(l->b, l->i64, l->icount, ""), VCPU(icount));
	LLVMTypeRef params[2] = { l->ptr, l->ptr };
	value call = LLVMBuildCall2(l->b, LLVMFunctionType(l->i1, params, 2, false), CALLS(slow), (value[]){ l->cpu, lower_self(l) }, 2, "");
	LLVMSetInstructionCallConv(call, CC_PRESERVE_MOST);
	return call;
}

/* ---- other code ---- */

value lower_target(struct lowering *l, unsigned n)
{
	return BIN(Add, slot_get(l, SLOT_PAGE), K((int64_t)l->block->exit[n].target));
}

/* Jumps to other generated code at the beginning of a block. */
static void jump(struct lowering *l, value code)
{
	value arg[N_ARGS] = { l->cpu, lower_load(l, l->i64, l->icount) };
	for (unsigned i = 0; i < STENCIL_PINS; i++)
		arg[ARG_PINS + i] = slot_get(l, l->pins[i]);
	arg[ARG_ACC] = arg[ARG_SITE] = LLVMGetPoison(l->i64);
	arg[ARG_TLB] = lower_load(l, l->ptr, VCPU(tlb[0].entries));
	arg[ARG_MASK] = lower_load(l, l->i64, VCPU(tlb[0].mask));
	arg[ARG_FACC] = LLVMGetPoison(l->f64);
	value call = LLVMBuildCall2(l->b, l->fn_type, code, arg, N_ARGS, "");
	LLVMSetInstructionCallConv(call, CC_PRESERVE_NONE);
	LLVMSetTailCallKind(call, LLVMTailCallKindMustTail);
	LLVMBuildRetVoid(l->b);
}

void lower_leave(struct lowering *l, value pc)
{
	LLVMBuildStore(l->b, pc, l->leave_pc);
	LLVMBuildBr(l->b, l->leave);
}

/* The virtual-PC cache's entry for pc (JUMP_CACHE_ENTRY); goes on where it holds pc in the current context, and looks pc up otherwise. */
static value probe(struct lowering *l, value pc)
{
	value at = BIN(Mul, BIN(And, BIN(LShr, pc, K(1)), K(JUMP_CACHE_SIZE - 1)), K(sizeof(struct jump_cache_entry)));
	value entry = LLVMBuildInBoundsGEP2(l->b, l->i8, lower_load(l, l->ptr, VCPU(jump_cache)), &at, 1, "");
	value half = BIN(Mul, BIN(LShr, pc, K(63)), K(sizeof(uint64_t)));
	value key = lower_load(l, l->i64, LLVMBuildInBoundsGEP2(l->b, l->i8, VCPU(jump_key), &half, 1, ""));
	value entry_key = lower_load(l, l->i64, FIELD(entry, offsetof(struct jump_cache_entry, key)));
	LLVMSetOrdering(entry_key, LLVMAtomicOrderingMonotonic);
	LLVMSetAlignment(entry_key, 8);
	value same = BIN(And, CMP(EQ, lower_load(l, l->i64, FIELD(entry, offsetof(struct jump_cache_entry, pc))), pc), CMP(EQ, entry_key, key));
	LLVMBasicBlockRef found = lower_block(l, "found"), lost = lower_block(l, "lost");
	lower_likely(l, same, found, lost);
	lower_at(l, lost);
	lower_store(l, pc, VCPU(pc));
	jump(l, CALLS(lookup));
	lower_at(l, found);
	value page = BIN(And, pc, K(PAGE_MASK));
	lower_store(l, page, VCPU(reg[SLOT_PAGE]));
	return lower_load(l, l->ptr, FIELD(entry, offsetof(struct jump_cache_entry, code)));
}

void lower_indirect(struct lowering *l, value pc)
{
	lower_store_dirty(l);
	jump(l, probe(l, pc));
}

void lower_exit(struct lowering *l, unsigned n)
{
	const struct region_exit *exit = &l->block->exit[n];
	switch (exit->way) {
	case WAY_INSIDE:
		lower_store_for(l, exit->to);
		LLVMBuildBr(l->b, l->entries[exit->to]);
		break;
	case WAY_CODE:
		lower_store_dirty(l);
		jump(l, load_link(l, offsetof(struct region_links, code[n])));
		break;
	case WAY_LOOKUP:
		lower_indirect(l, lower_target(l, n));
		break;
	}
}

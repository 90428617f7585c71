// SPDX-License-Identifier: Apache-2.0
/* What leaves a region: calls of C, and ways out to other code. */
#include "backend/llvm/lower_site.h"
#include "ir/op_info.h"

#define CC_PRESERVE_MOST 14

/* ---- C ---- */

static value load_link(struct lowering *l, size_t block, size_t member)
{
	return lower_load(l, l->ptr, FIELD(l->links, block * sizeof(struct region_links) + member));
}

value lower_self(struct lowering *l)
{
	return FIELD(load_link(l, lower_index(l), offsetof(struct region_links, bound)), (l->bound - l->block->bound) * (ptrdiff_t)sizeof *l->bound);
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

value lower_here(struct lowering *l)
{
	return BIN(Add, slot_get(l, SLOT_PAGE), K((int64_t)l->block->position));
}

/* Jumps to other generated code at the beginning of a block. */
static void jump(struct lowering *l, value code)
{
	value arg[N_ARGS] = { l->cpu, lower_load(l, l->i64, l->icount) };
	for (unsigned i = 0; i < STENCIL_PINS; i++)
		arg[ARG_PINS + i] = slot_get(l, l->pins[i]);
	arg[ARG_ACC] = arg[ARG_SITE] = LLVMGetPoison(l->i64);
	unsigned near = MODE_NEAR_HALF(l->region->mode);
	arg[ARG_TLB] = lower_load(l, l->ptr, VCPU(tlb[near].entries));
	arg[ARG_MASK] = lower_load(l, l->i64, VCPU(tlb[near].mask));
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

/*
 * The code that the virtual-PC cache has for pc (JUMP_CACHE_ENTRY) in the current context, or what looks cpu->pc up, which is pc then. As text,
 * since there are many: LLVM takes several times as long for the same as instructions of its own.
 */
static value code_at(struct lowering *l, value pc)
{
	struct site_asm x = { 0 };
	LLVMTypeRef types[2] = { l->ptr, l->i64 };
	unsigned code = site_output(&x, "=&r"), other = site_output(&x, "=&r"), to = site_operand(&x, pc, "r"), cpu = site_operand(&x, l->cpu, "r");
	_Static_assert(sizeof(struct jump_cache_entry) == 1 << 5, "");
	site_text(&x, "movq $%u, $%u\nshrq $$63, $%u\nmovq %u($%u,$%u,8), $%u\n", to, code, code, (unsigned)offsetof(struct vcpu, jump_key), cpu, code, other);
	site_text(&x, "movq $%u, $%u\nshlq $$4, $%u\nandl $$%u, ${%u:k}\n", to, code, code, (JUMP_CACHE_SIZE - 1) << 5, code);
	site_text(&x, "addq %u($%u), $%u\n", (unsigned)offsetof(struct vcpu, jump_cache), cpu, code);
	site_text(&x, "cmpq $%u, %u($%u)\njne 4f\n", to, (unsigned)offsetof(struct jump_cache_entry, pc), code);
	site_text(&x, "cmpq $%u, %u($%u)\njne 4f\n", other, (unsigned)offsetof(struct jump_cache_entry, key), code);
	site_text(&x, "movq %u($%u), $%u\n", (unsigned)offsetof(struct jump_cache_entry, code), code, code);
	site_text(&x, "movq $%u, $%u\nandq $$%d, $%u\nmovq $%u, %u($%u)\n5:\n", to, other, -(int)PAGE_SIZE, other, other,
		  (unsigned)offsetof(struct vcpu, reg[SLOT_PAGE]), cpu);
	site_text(&x, ".subsection 1\n4: movq $%u, %u($%u)\n", to, (unsigned)offsetof(struct vcpu, pc), cpu);
	site_text(&x, "movq %u($%u), $%u\n", (unsigned)offsetof(struct vcpu, exec), cpu, code);
	site_text(&x, "movq %u($%u), $%u\njmp 5b\n.subsection 0", (unsigned)offsetof(struct stencil_calls, lookup), code, code);
	value both = site_build(l, &x, LLVMStructTypeInContext(l->ctx, types, 2, false), true);
	return LLVMBuildExtractValue(l->b, both, 0, "");
}

void lower_indirect(struct lowering *l, value pc)
{
	lower_store_dirty(l);
	jump(l, code_at(l, pc));
}

static unsigned first_in_page(const struct region *r, int32_t page)
{
	unsigned i = 0;
	while (region_page(r->block[i].position) != page)
		i++;
	return i;
}

void lower_make_mapped(struct lowering *l)
{
	for (unsigned i = 1; i < l->region->n_blocks; i++) {
		int32_t page = region_page(l->region->block[i].position);
		if (!page || first_in_page(l->region, page) != i)
			continue;
		l->mapped[i] = LLVMBuildAlloca(l->b, l->i1, "mapped");
		LLVMBuildStore(l->b, LLVMConstInt(l->i1, 0, 0), l->mapped[i]);
	}
}

/* What has been found of a page holds until the region is left, as it does for the head's page: a change is seen by a poll. */
void lower_arrive(struct lowering *l, LLVMBasicBlockRef inside, LLVMBasicBlockRef elsewhere)
{
	int32_t page = region_page(l->block->position);
	lower_store(l, BIN(Add, slot_get(l, SLOT_PAGE), K((int64_t)page)), VCPU(reg[SLOT_PAGE]));
	if (!page) {
		LLVMBuildBr(l->b, inside);
		return;
	}
	value mapped = l->mapped[first_in_page(l->region, page)];
	LLVMBasicBlockRef look = lower_block(l, "look"), found = lower_block(l, "found");
	lower_likely(l, LLVMBuildLoad2(l->b, l->i1, mapped, ""), inside, look);
	lower_at(l, look);
	value own = load_link(l, lower_index(l), offsetof(struct region_links, own));
	lower_likely(l, CMP(EQ, code_at(l, lower_here(l)), own), found, elsewhere);
	lower_at(l, found);
	LLVMBuildStore(l->b, LLVMConstInt(l->i1, 1, 0), mapped);
	LLVMBuildBr(l->b, inside);
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
		jump(l, load_link(l, lower_index(l), offsetof(struct region_links, code[n])));
		break;
	case WAY_LOOKUP:
		lower_indirect(l, lower_target(l, n));
		break;
	}
}

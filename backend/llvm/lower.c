// SPDX-License-Identifier: Apache-2.0
#include "backend/llvm/lower.h"
#include "backend/llvm/lower_window.h"
#include <llvm-c/DebugInfo.h>
#include <stdarg.h>
#include <string.h>
#include "backend/llvm/lower_fp.h"
#include "backend/llvm/lower_site.h"
#include "ir/op_info.h"

/* ---- small pieces ---- */

value lower_field(struct lowering *l, value base, int64_t offset)
{
	value at = K(offset);
	return LLVMBuildInBoundsGEP2(l->b, l->i8, base, &at, 1, "");
}

value lower_load(struct lowering *l, LLVMTypeRef type, value p)
{
	return LLVMBuildLoad2(l->b, type, p, "");
}

value lower_store(struct lowering *l, value v, value p)
{
	value store = LLVMBuildStore(l->b, v, p);
	LLVMSetVolatile(store, true);
	return store;
}

LLVMBasicBlockRef lower_block(struct lowering *l, const char *name)
{
	return LLVMAppendBasicBlockInContext(l->ctx, l->fn, name);
}

void lower_at(struct lowering *l, LLVMBasicBlockRef bb)
{
	LLVMPositionBuilderAtEnd(l->b, bb);
}

void lower_metadata(struct lowering *l, value v, const char *kind, value node)
{
	LLVMSetMetadata(v, LLVMGetMDKindIDInContext(l->ctx, kind, (unsigned)strlen(kind)), node);
}

static value make_weights(struct lowering *l, unsigned then, unsigned otherwise)
{
	LLVMMetadataRef node[3] = {
		LLVMMDStringInContext2(l->ctx, "branch_weights", strlen("branch_weights")),
		LLVMValueAsMetadata(K32(then)), LLVMValueAsMetadata(K32(otherwise)),
	};
	return LLVMMetadataAsValue(l->ctx, LLVMMDNodeInContext2(l->ctx, node, 3));
}

void lower_weighed(struct lowering *l, value c, LLVMBasicBlockRef then, LLVMBasicBlockRef otherwise, unsigned n_then, unsigned n_otherwise)
{
	lower_metadata(l, LLVMBuildCondBr(l->b, c, then, otherwise), "prof", make_weights(l, n_then, n_otherwise));
}

void lower_likely(struct lowering *l, value c, LLVMBasicBlockRef usual, LLVMBasicBlockRef rare)
{
	lower_metadata(l, LLVMBuildCondBr(l->b, c, usual, rare), "prof", l->likely);
}

value lower_phi(struct lowering *l, LLVMTypeRef type, value v0, LLVMBasicBlockRef b0, value v1, LLVMBasicBlockRef b1)
{
	value phi = LLVMBuildPhi(l->b, type, "");
	LLVMAddIncoming(phi, (value[]){ v0, v1 }, (LLVMBasicBlockRef[]){ b0, b1 }, 2);
	return phi;
}

value lower_intrinsic(struct lowering *l, const char *name, LLVMTypeRef type, unsigned n, ...)
{
	value arg[8];
	va_list ap;
	va_start(ap, n);
	for (unsigned i = 0; i < n; i++)
		arg[i] = va_arg(ap, value);
	va_end(ap);
	unsigned id = LLVMLookupIntrinsicID(name, strlen(name)), types = type ? 1 : 0;
	value fn = LLVMGetIntrinsicDeclaration(l->module, id, &type, types);
	return LLVMBuildCall2(l->b, LLVMIntrinsicGetType(l->ctx, id, &type, types), fn, arg, n, "");
}

value lower_sext32(struct lowering *l, value v)
{
	return CAST(SExt, CAST(Trunc, v, i32), i64);
}

/* ---- regions ---- */

static lower_fn *const lower_of[UOP_COUNT] = {
#define OP(name, format, effects) [UOP_##name] = lower_op_##name,
#include "ir/ops.def"
};

/* Where what is built from now on comes from. */
static void set_line(struct lowering *l, unsigned line)
{
	if (l->lines)
		LLVMSetCurrentDebugLocation2(l->b, LLVMDIBuilderCreateDebugLocation(l->ctx, line, 0, l->lines->scope, NULL));
}

static void set_uop_line(struct lowering *l, unsigned uop)
{
	unsigned n = 0;
	if (!l->lines)
		return;
	while (n < l->block->n_insns && l->block->block->insn[n].first_uop <= uop)
		n++;
	set_line(l, l->line + n);
}

/*
 * The way out to the run loop at a block's beginning: at once, or if the deadline has come, as interrupts, budget and kicks have it. It calls
 * vcpu->tripped, which does not come back. A branch of LLVM's would make it compile what stores the guest's state, once for each block.
 */
static void trip(struct lowering *l, bool at_once)
{
	struct site_asm x = { 0 };
	unsigned cpu = site_operand(&x, l->cpu, "r");
	site_state(l, &x);
	if (!at_once)
		site_text(&x, "cmpq %u($%u), $%u\njae 4f\n.subsection 1\n4: ", (unsigned)offsetof(struct vcpu, deadline), cpu, x.first);
	site_text(&x, "call *%u($%u)\n1: ud2", (unsigned)offsetof(struct vcpu, tripped), cpu);
	if (!at_once)
		site_text(&x, "\n.subsection 0");
	site_entry(l, &x, 0, false);
	site_build(l, &x, LLVMVoidTypeInContext(l->ctx), true);
}

/* Leaves for the run loop if the block's page is not mapped where the region has it. */
static void arrive(struct lowering *l)
{
	LLVMBasicBlockRef inside = lower_block(l, "inside"), elsewhere = lower_block(l, "elsewhere");
	lower_arrive(l, inside, elsewhere);
	lower_at(l, elsewhere);
	trip(l, true);
	LLVMBuildUnreachable(l->b);
	lower_at(l, inside);
}

static void lower_one_block(struct lowering *l, unsigned index)
{
	l->line += index ? l->block->n_insns + 1 : 0;
	l->block = &l->region->block[index];
	set_line(l, l->line);
	if (!l->block->reached) {	/* behind a call that does not return within the region */
		lower_at(l, l->entries[index]);
		LLVMBuildUnreachable(l->b);
		return;
	}
	lower_at(l, l->entries[index]);
	memcpy(l->dirty, l->dirty_at[index], sizeof l->dirty);
	memcpy(l->form, l->form_at[index], sizeof l->form);
	windows_begin_block(l, index);
	if (l->block->arrives)
		arrive(l);
	if (l->block->polls)
		trip(l, false);
	LLVMBuildStore(l->b, BIN(Add, lower_load(l, l->i64, l->icount), K(l->block->n_insns)), l->icount);
	for (unsigned i = 0; i < l->block->n_uops; i++) {
		l->bound = &l->block->bound[i];
		set_uop_line(l, i);
		lower_of[l->block->uop[i].op](l, &l->block->uop[i]);
		if (op_info[l->block->uop[i].op].has_d)
			l->form[l->block->uop[i].d] = (uint8_t)lower_form(l, &l->block->uop[i]);
		windows_behind(l, &l->block->uop[i]);
	}
}

static void make_slot(struct lowering *l, unsigned slot)
{
	if (!l->slot[slot] && slot != SLOT_ZERO && slot != SLOT_SINK)
		l->slot[slot] = LLVMBuildAlloca(l->b, slot_is_float(l, slot) ? l->f64 : l->i64, "");
}

/* The function's beginning: slots become values. */
static void begin_region(struct lowering *l)
{
	lower_at(l, lower_block(l, "entry"));
	set_line(l, l->lines ? l->lines->first : 0);
	for (unsigned i = 0; i < l->region->n_blocks; i++)
		l->entries[i] = lower_block(l, "block");
	l->leave = lower_block(l, "leave");
	l->ret = lower_block(l, "ret");
	l->icount = LLVMBuildAlloca(l->b, l->i64, "icount");
	l->result = LLVMBuildAlloca(l->b, l->i64, "result");
	l->leave_pc = LLVMBuildAlloca(l->b, l->i64, "leave_pc");
	fp_make_raw(l);
	kept_choose(l);
	windows_begin_region(l);
	lower_make_mapped(l);
	make_slot(l, SLOT_PAGE);
	for (unsigned i = 0; i < STENCIL_PINS; i++)
		make_slot(l, l->pins[i]);
	for (unsigned i = 0; i < l->region->n_blocks; i++)
		for (const struct uop *u = l->region->block[i].uop; u < l->region->block[i].uop + l->region->block[i].n_uops; u++) {
			const struct op_info *info = &op_info[u->op];
			if (info->has_d)
				make_slot(l, u->d);
			if (info->has_a)
				make_slot(l, u->a);
			if (info->has_b)
				make_slot(l, u->b);
			if (info->has_c)
				make_slot(l, u->c);
		}
	LLVMBuildStore(l->b, LLVMGetParam(l->fn, ARG_ICOUNT), l->icount);
	LLVMBuildStore(l->b, lower_load(l, l->i64, VCPU(reg[SLOT_PAGE])), l->slot[SLOT_PAGE]);
	lower_reload(l);
	for (unsigned i = 0; i < STENCIL_PINS; i++)
		slot_set(l, l->pins[i], LLVMGetParam(l->fn, ARG_PINS + i));
	lower_flush(l);
	windows_enter_region(l);
	value sp = lower_intrinsic(l, "llvm.addressofreturnaddress", l->ptr, 0);
	lower_store(l, sp, FIELD(lower_load(l, l->ptr, VCPU(exec)), offsetof(struct stencil_calls, entry_sp)));
	LLVMBuildBr(l->b, l->entries[0]);
}

/* The shared ways out. All slots have been stored. */
static void end_region(struct lowering *l)
{
	lower_at(l, l->leave);
	set_line(l, l->lines ? l->lines->first : 0);
	lower_store(l, LLVMBuildLoad2(l->b, l->i64, l->leave_pc, ""), VCPU(pc));
	lower_store(l, LLVMBuildLoad2(l->b, l->i64, l->icount, ""), VCPU(icount));
	LLVMBuildBr(l->b, l->ret);
	lower_at(l, l->ret);
	LLVMBuildRetVoid(l->b);
}

static void add_attribute(struct lowering *l, const char *name)
{
	LLVMAttributeRef a = LLVMCreateEnumAttribute(l->ctx, LLVMGetEnumAttributeKindForName(name, strlen(name)), 0);
	LLVMAddAttributeAtIndex(l->fn, LLVMAttributeFunctionIndex, a);
}

static void make_types(struct lowering *l)
{
	LLVMTypeRef params[N_ARGS];
	l->i1 = LLVMInt1TypeInContext(l->ctx);
	l->i8 = LLVMInt8TypeInContext(l->ctx);
	l->i16 = LLVMInt16TypeInContext(l->ctx);
	l->i32 = LLVMInt32TypeInContext(l->ctx);
	l->i64 = LLVMInt64TypeInContext(l->ctx);
	l->i128 = LLVMInt128TypeInContext(l->ctx);
	l->f32 = LLVMFloatTypeInContext(l->ctx);
	l->f64 = LLVMDoubleTypeInContext(l->ctx);
	l->ptr = LLVMPointerTypeInContext(l->ctx, 0);
	for (unsigned i = 0; i < N_ARGS; i++)
		params[i] = i == ARG_CPU || i == ARG_TLB ? l->ptr : i == ARG_FACC ? l->f64 : l->i64;
	l->fn_type = LLVMFunctionType(LLVMVoidTypeInContext(l->ctx), params, N_ARGS, false);
}

static value make_links(struct lowering *l)
{
	LLVMTypeRef type = LLVMArrayType2(l->i8, l->region->n_blocks * sizeof(struct region_links));
	value links = LLVMAddGlobal(l->module, type, "links");
	LLVMSetInitializer(links, LLVMConstNull(type));
	LLVMSetExternallyInitialized(links, true);
	LLVMSetLinkage(links, LLVMInternalLinkage);
	LLVMSetSection(links, LINK_SECTION);
	LLVMSetAlignment(links, _Alignof(struct region_links));
	return links;
}

void lower_region(LLVMModuleRef module, const struct region *region, const uint8_t pins[STENCIL_PINS], const char *name, const struct lower_lines *lines)
{
	struct lowering lowering = { .ctx = LLVMGetModuleContext(module), .module = module, .region = region, .lines = lines }, *l = &lowering;
	l->line = lines ? lines->first + 1 : 0;
	l->b = LLVMCreateBuilderInContext(l->ctx);
	make_types(l);
	l->likely = make_weights(l, 1 << 20, 1);
	region_find_loops(region, &l->loops);
	l->links = make_links(l);
	for (unsigned i = 0; i < STENCIL_PINS; i++)
		l->pins[i] = pins[i];
	l->fn = LLVMAddFunction(l->module, name, l->fn_type);
	LLVMSetFunctionCallConv(l->fn, CC_PRESERVE_NONE);
	add_attribute(l, "nounwind");
	add_attribute(l, "strictfp");
	l->cpu = LLVMGetParam(l->fn, ARG_CPU);
	if (lines)
		LLVMSetSubprogram(l->fn, lines->scope);
	begin_region(l);
	for (unsigned i = 0; i < region->n_blocks; i++)
		lower_one_block(l, i);
	end_region(l);
	windows_end_region(l);
	kept_forget(l);
	LLVMDisposeBuilder(l->b);
}

// SPDX-License-Identifier: Apache-2.0
/*
 * Accesses through direct windows (runtime/window.h): host = guest address + what the window's table says of its segment. The table is looked
 * at once for a base slot, not at each access: one entry serves whatever is near an address that it was looked up for, or that has been
 * accessed since with success. How far a slot may be from such an address is followed through the region.
 */
#include "backend/llvm/lower_window.h"
#include <stdlib.h>
#include <string.h>
#include "ir/op_info.h"
#include "runtime/window.h"

#define UNKNOWN UINT32_MAX
/* Beyond this a slot counts as unknown; the rest of the guard is for displacements. */
#define FAR (WINDOW_GUARD / 2)

/* ---- how far each slot may be from an address of its entry ---- */

static uint64_t magnitude(int32_t v)
{
	return v < 0 ? -(uint64_t)v : (uint64_t)v;
}

static bool reaches_memory(const struct uop *u)
{
	enum op_format format = op_info[u->op].format;
	return format == F_LOAD || format == F_STORE;
}

static uint32_t moved(uint32_t distance, int32_t by)
{
	return distance == UNKNOWN || distance + magnitude(by) > FAR ? UNKNOWN : distance + (uint32_t)magnitude(by);
}

/* The entry of slot a then serves slot d too. */
static bool passes_on(const struct lowering *l, const struct uop *u)
{
	return (u->op == UOP_add_i || u->op == UOP_mov) && l->addend[u->d] && l->addend[u->a];
}

static void step(const struct lowering *l, uint32_t distance[VCPU_SLOTS], const struct uop *u)
{
	const struct op_info *info = &op_info[u->op];
	if (u->op == UOP_helper) {	/* may flush, and change the context */
		for (unsigned slot = 0; slot < VCPU_SLOTS; slot++)
			distance[slot] = UNKNOWN;
		return;
	}
	if (reaches_memory(u) && l->addend[u->a])
		distance[u->a] = moved(0, u->imm);
	if (info->has_d)
		distance[u->d] = passes_on(l, u) ? moved(distance[u->a], u->op == UOP_mov ? 0 : u->imm) : UNKNOWN;
}

/* Takes what is known at the end of one block into the beginning of another. */
static bool join(struct lowering *l, unsigned to, const uint32_t distance[VCPU_SLOTS], bool widen)
{
	uint32_t *at = l->near[to];
	bool changed = false;
	for (unsigned slot = 0; slot < VCPU_SLOTS; slot++)
		if (l->addend[slot] && distance[slot] != UNKNOWN && at[slot] == NOT_REACHED) {
			at[slot] = distance[slot];
			changed = true;
		} else if (l->addend[slot] && at[slot] != UNKNOWN && distance[slot] > at[slot]) {
			at[slot] = widen ? UNKNOWN : distance[slot];
			changed = true;
		}
	return changed;
}

static bool flow_block(struct lowering *l, unsigned index, bool widen)
{
	const struct region_block *rb = &l->region->block[index];
	enum uop_op end = rb->uop[rb->n_uops - 1].op;
	uint32_t distance[VCPU_SLOTS];
	bool changed = false;
	memcpy(distance, l->near[index], sizeof distance);
	for (unsigned slot = 0; slot < VCPU_SLOTS; slot++)
		if (l->addend[slot] && distance[slot] == NOT_REACHED)
			return false;
	for (unsigned i = 0; i < rb->n_uops; i++)
		step(l, distance, &rb->uop[i]);
	for (unsigned n = 0; n < 2; n++)
		if (rb->exit[n].way == WAY_INSIDE)
			changed |= join(l, rb->exit[n].to, distance, widen);
	for (unsigned i = 0; end == UOP_jr && i < l->region->n_blocks; i++)
		if (l->region->block[i].behind_call)
			changed |= join(l, i, distance, widen);
	return changed;
}

/* Distances only grow; those that go on growing round a loop become unknown. */
static void flow(struct lowering *l)
{
	bool changed = true;
	for (unsigned round = 0; changed; round++) {
		changed = false;
		for (unsigned i = 0; i < l->region->n_blocks; i++)
			changed |= flow_block(l, i, round > 3);
	}
}

/* ---- lowering ---- */

static value table_entry(struct lowering *l, value va)
{
	value at = BIN(Mul, BIN(And, BIN(LShr, va, K(WINDOW_BITS)), K(WINDOW_ENTRIES - 1)), K(sizeof(uint64_t)));
	value table = lower_load(l, l->ptr, VCPU(window_table));
	return lower_load(l, l->i64, LLVMBuildInBoundsGEP2(l->b, l->i8, table, &at, 1, ""));
}

void windows_begin_region(struct lowering *l)
{
	const struct region *r = l->region;
	if (!r->windows)
		return;
	l->near = malloc(r->n_blocks * sizeof *l->near);
	if (!l->near)
		abort();
	for (unsigned i = 0; i < r->n_blocks; i++)
		for (const struct uop *u = r->block[i].uop; u < r->block[i].uop + r->block[i].n_uops; u++)
			if (reaches_memory(u) && u->a != SLOT_ZERO && !l->addend[u->a])
				l->addend[u->a] = LLVMBuildAlloca(l->b, l->i64, "addend");
	for (unsigned i = 0; i < r->n_blocks; i++)
		for (unsigned slot = 0; slot < VCPU_SLOTS; slot++)
			l->near[i][slot] = i ? NOT_REACHED : 0;
}

/* Slots have been loaded: the entries for the addresses that base slots hold now, whether or not they are addresses. */
void windows_enter_region(struct lowering *l)
{
	if (!l->region->windows)
		return;
	for (unsigned slot = 0; slot < VCPU_SLOTS; slot++)
		if (l->addend[slot])
			LLVMBuildStore(l->b, table_entry(l, slot_get(l, slot)), l->addend[slot]);
	value sp = lower_intrinsic(l, "llvm.addressofreturnaddress", l->ptr, 0);
	lower_store(l, sp, FIELD(lower_load(l, l->ptr, VCPU(exec)), offsetof(struct stencil_calls, entry_sp)));
	flow(l);
}

void windows_end_region(struct lowering *l)
{
	free(l->near);
}

void windows_begin_block(struct lowering *l, unsigned index)
{
	for (unsigned slot = 0; l->region->windows && slot < VCPU_SLOTS; slot++)
		l->distance[slot] = l->near[index][slot] == NOT_REACHED ? UNKNOWN : l->near[index][slot];
	l->counted = false;
}

void windows_before(struct lowering *l, const struct uop *u)
{
	if (l->region->windows && op_info[u->op].has_d && passes_on(l, u) && l->distance[u->a] != UNKNOWN && u->a != u->d)
		LLVMBuildStore(l->b, lower_load(l, l->i64, l->addend[u->a]), l->addend[u->d]);
}

void windows_behind(struct lowering *l, const struct uop *u)
{
	if (l->region->windows)
		step(l, l->distance, u);
}

value windows_address(struct lowering *l, const struct uop *u)
{
	/* what a fault finds in struct vcpu */
	lower_flush(l);
	if (!l->counted)
		lower_store(l, lower_load(l, l->i64, l->icount), VCPU(icount));
	l->counted = true;
	value base = A, va = BIN(Add, base, K(IMM));
	if (!l->addend[u->a])
		return CAST(IntToPtr, BIN(Add, va, table_entry(l, va)), ptr);
	if (l->distance[u->a] == UNKNOWN || l->distance[u->a] + magnitude(u->imm) + sizeof(uint64_t) > WINDOW_GUARD)
		LLVMBuildStore(l->b, table_entry(l, va), l->addend[u->a]);
	value host = BIN(Add, BIN(Add, base, lower_load(l, l->i64, l->addend[u->a])), K(IMM));
	return CAST(IntToPtr, host, ptr);
}

/*
 * Keeps an instruction that uses a loaded value from becoming one with the load, which would lose its place in the side table. An empty asm that
 * takes the value and gives it back.
 */
value windows_loaded(struct lowering *l, value v)
{
	LLVMTypeRef type = LLVMTypeOf(v), fn = LLVMFunctionType(type, &type, 1, false);
	const char *places = type == l->f64 || type == l->f32 ? "=x,0" : "=r,0";
	value nothing = LLVMGetInlineAsm(fn, "", 0, places, strlen(places), false, false, LLVMInlineAsmDialectATT, false);
	return LLVMBuildCall2(l->b, fn, nothing, &v, 1, "");
}

value windows_access(struct lowering *l, value access)
{
	l->n_sites++;
	unsigned block = (unsigned)(l->block - l->region->block), uop = (unsigned)(l->bound - l->block->bound);
	LLVMMetadataRef number = LLVMValueAsMetadata(K32(SITE_MARK | block << SITE_UOP_BITS | uop));
	LLVMMetadataRef node[2] = {
		LLVMMDStringInContext2(l->ctx, SITE_SECTION, sizeof SITE_SECTION - 1), LLVMMDNodeInContext2(l->ctx, &number, 1),
	};
	lower_metadata(l, access, "pcsections", LLVMMetadataAsValue(l->ctx, LLVMMDNodeInContext2(l->ctx, node, 2)));
	LLVMSetVolatile(access, true);
	LLVMSetAlignment(access, 1);
	return access;
}

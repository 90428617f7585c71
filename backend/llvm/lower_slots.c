// SPDX-License-Identifier: Apache-2.0
/* Slots while a region runs: what they hold, and when struct vcpu is told. */
#include "backend/llvm/lower_fp.h"
#include <string.h>

value slot_held(struct lowering *l, unsigned slot)
{
	if (slot == SLOT_ZERO)
		return K(0);
	if (l->form[slot] != FORM_BITS)
		return fp_formed(l, slot);
	return LLVMBuildLoad2(l->b, slot_is_float(l, slot) ? l->f64 : l->i64, l->slot[slot], "");
}

value slot_get(struct lowering *l, unsigned slot)
{
	return LLVMBuildBitCast(l->b, slot_held(l, slot), l->i64, "");
}

static void put(struct lowering *l, unsigned slot, value v)
{
	LLVMBuildStore(l->b, LLVMBuildBitCast(l->b, v, slot_is_float(l, slot) ? l->f64 : l->i64, ""), l->slot[slot]);
	fp_follow(l, slot, LLVMBuildBitCast(l->b, v, l->i64, ""));
	l->form[slot] = FORM_BITS;
}

void slot_set(struct lowering *l, unsigned slot, value v)
{
	if (slot == SLOT_SINK)
		return;
	put(l, slot, v);
	l->dirty[slot] = !slot_is_temporary(slot);
}

value slot_told(struct lowering *l, unsigned slot)
{
	switch (l->form[slot]) {
	case FORM_DOUBLE:
		return lower_load(l, l->f64, l->raw64[slot]);
	case FORM_SINGLE:
	case FORM_LOADED:
		return lower_load(l, l->f32, l->raw32[slot]);
	default:
		return slot_held(l, slot);
	}
}

void lower_store_dirty(struct lowering *l)
{
	for (unsigned slot = 0; slot < VCPU_SLOTS; slot++)
		if (l->dirty[slot])
			lower_store(l, slot_held(l, slot), VCPU(reg[slot]));
}

void lower_store_for(struct lowering *l, unsigned to)
{
	for (unsigned slot = 0; slot < VCPU_SLOTS; slot++)
		if (l->dirty[slot] && !l->kept[to][slot])
			lower_store(l, slot_held(l, slot), VCPU(reg[slot]));
}

void lower_flush(struct lowering *l)
{
	lower_store_dirty(l);
	memset(l->dirty, 0, sizeof l->dirty);
}

void lower_write_through(struct lowering *l)
{
	unsigned here = lower_index(l);
	lower_store_for(l, here);
	for (unsigned slot = 0; slot < VCPU_SLOTS; slot++)
		l->dirty[slot] &= l->kept[here][slot];
}

void lower_reload(struct lowering *l)
{
	for (unsigned slot = 1; slot < VCPU_SLOTS; slot++)
		if (l->slot[slot] && !slot_is_temporary(slot) && slot != SLOT_PAGE)
			put(l, slot, lower_load(l, l->i64, VCPU(reg[slot])));
}

// SPDX-License-Identifier: Apache-2.0
/*
 * Kept slots. With direct windows a fault finds guest registers in the host's, by the side table (sites.h), so that a slot need not be stored
 * before each access. There are fewer host registers than slots: a block keeps those that its innermost loop writes most, all others are stored
 * before the next access (written through). A kept slot is stored on the way to a block that does not keep it, and out of the region.
 */
#include "backend/llvm/lower.h"
#include <stdlib.h>
#include <string.h>
#include "ir/op_info.h"

/* More would not leave enough host registers to the access itself and what else is live. */
#define KEPT_INTEGERS 7
#define KEPT_FLOATS 10

static void keep_heaviest(struct lowering *l, bool kept[VCPU_SLOTS], const unsigned weight[VCPU_SLOTS], bool floats, unsigned most)
{
	for (unsigned n = 0; n < most; n++) {
		unsigned best = SLOT_ZERO;
		for (unsigned slot = 1; slot < SLOT_TEMP; slot++)
			if (!kept[slot] && slot_is_float(l, slot) == floats && weight[slot] > weight[best])
				best = slot;
		if (!weight[best])
			return;
		kept[best] = true;
	}
}

static void choose(struct lowering *l, const struct region_loops *loops, unsigned block)
{
	const struct region *r = l->region;
	for (unsigned i = 0; i < block; i++)
		if (!memcmp(loops->of[i], loops->of[block], sizeof loops->of[0])) {
			memcpy(l->kept[block], l->kept[i], sizeof l->kept[0]);
			return;
		}
	unsigned weight[VCPU_SLOTS] = { 0 };
	for (unsigned i = 0; i < r->n_blocks; i++) {
		if (region_shared_loops(loops, block, i) < region_shared_loops(loops, block, block))
			continue;
		for (const struct uop *u = r->block[i].uop; u < r->block[i].uop + r->block[i].n_uops; u++)
			if (op_info[u->op].has_d)
				weight[u->d]++;
	}
	weight[SLOT_ZERO] = 0;
	keep_heaviest(l, l->kept[block], weight, false, KEPT_INTEGERS);
	keep_heaviest(l, l->kept[block], weight, true, KEPT_FLOATS);
}

/* Whether the micro-op's lowering stores everything. */
static bool flushes(const struct uop *u)
{
	return u->op == UOP_helper || op_info[u->op].format == F_ATOM;
}

/* What is so at the end of block `from`. */
static void flow_through(const struct lowering *l, unsigned from, bool dirty[VCPU_SLOTS], uint8_t form[VCPU_SLOTS])
{
	const struct region_block *rb = &l->region->block[from];
	memcpy(dirty, l->dirty_at[from], sizeof *l->dirty_at);
	memcpy(form, l->form_at[from], sizeof *l->form_at);
	for (const struct uop *u = rb->uop; u < rb->uop + rb->n_uops; u++) {
		if (flushes(u))
			memset(dirty, 0, sizeof *l->dirty_at);
		if (u->op == UOP_helper)
			memset(form, FORM_BITS, sizeof *l->form_at);
		if (op_info[u->op].has_d) {
			dirty[u->d] = l->kept[from][u->d];
			form[u->d] = (uint8_t)lower_form(l, u);
		}
	}
}

/* Takes it to the blocks behind. Slots only become dirty, and forms bits. */
static bool flow_block(struct lowering *l, unsigned from)
{
	bool dirty[VCPU_SLOTS], changed = false;
	uint8_t form[VCPU_SLOTS];
	unsigned to[REGION_MAX_NEXT];
	if (l->form_at[from][0] == FORM_UNKNOWN)
		return false;
	flow_through(l, from, dirty, form);
	for (unsigned n = region_next(l->region, from, to); n-- > 0;) {
		bool *dirty_at = l->dirty_at[to[n]];
		uint8_t *form_at = l->form_at[to[n]];
		for (unsigned slot = 0; slot < VCPU_SLOTS; slot++) {
			bool spreads = dirty[slot] && l->kept[to[n]][slot] && !dirty_at[slot];
			bool mixes = form_at[slot] != form[slot] && form_at[slot] != FORM_BITS;
			dirty_at[slot] |= spreads;
			if (mixes)
				form_at[slot] = form_at[slot] == FORM_UNKNOWN ? form[slot] : FORM_BITS;
			changed |= spreads || mixes;
		}
	}
	return changed;
}

void kept_choose(struct lowering *l)
{
	const struct region *r = l->region;
	l->dirty_at = calloc(r->n_blocks, sizeof *l->dirty_at);
	l->form_at = calloc(r->n_blocks, sizeof *l->form_at);
	l->kept = calloc(r->n_blocks, sizeof *l->kept);
	if (!l->dirty_at || !l->form_at || !l->kept)
		abort();
	for (unsigned i = 0; i < r->n_blocks; i++)
		memset(l->form_at[i], i ? FORM_UNKNOWN : FORM_BITS, sizeof *l->form_at);
	for (unsigned i = 0; r->windows && i < r->n_blocks; i++)
		choose(l, &l->loops, i);
	bool changed = true;
	while (changed) {
		changed = false;
		for (unsigned i = 0; i < r->n_blocks; i++)
			changed |= flow_block(l, i);
	}
}

void kept_forget(struct lowering *l)
{
	free(l->dirty_at);
	free(l->form_at);
	free(l->kept);
}

// SPDX-License-Identifier: Apache-2.0
#include "backend/stencil/choose.h"
#include "backend/stencil/stencil_choice.h"
#include "ir/op_info.h"

enum {
	/* What it reads, and what it writes, is in facc where PLACE_ACC says so, and not in acc (pass_fp.h) */
	FACC_IN = 1, FACC_OUT = 2,
	/* NaN boxes: what an op has boxed need not be unboxed with a check by the next. Stencils of the second form take operands for boxed. */
	SINGLES_IN = 4, SINGLE_OUT = 8,
};
static const uint8_t fp_places[UOP_COUNT] = {
#define IN_OUT (FACC_IN | FACC_OUT)
	[UOP_fadd_d] = IN_OUT, [UOP_fsub_d] = IN_OUT, [UOP_fmul_d] = IN_OUT, [UOP_fdiv_d] = IN_OUT, [UOP_fmadd_d] = IN_OUT, [UOP_fsqrt_d] = IN_OUT,
	[UOP_feq_d] = FACC_IN, [UOP_flt_d] = FACC_IN, [UOP_fle_d] = FACC_IN, [UOP_fcvtz_w_d] = FACC_IN, [UOP_fcvtz_l_d] = FACC_IN,
	[UOP_fcvt_d_w] = FACC_OUT, [UOP_fcvt_d_l] = FACC_OUT,
	[UOP_fcvt_s_d] = FACC_IN | SINGLE_OUT, [UOP_fcvt_d_s] = FACC_OUT | SINGLES_IN,
#undef IN_OUT
#define IN_OUT (SINGLES_IN | SINGLE_OUT)
	[UOP_fadd_s] = IN_OUT, [UOP_fsub_s] = IN_OUT, [UOP_fmul_s] = IN_OUT, [UOP_fdiv_s] = IN_OUT, [UOP_fmadd_s] = IN_OUT, [UOP_fsqrt_s] = IN_OUT,
	[UOP_fsgnj_s] = IN_OUT, [UOP_fsgnjn_s] = IN_OUT, [UOP_fsgnjx_s] = IN_OUT,
	[UOP_feq_s] = SINGLES_IN, [UOP_flt_s] = SINGLES_IN, [UOP_fle_s] = SINGLES_IN,
	[UOP_fmin_s] = SINGLE_OUT, [UOP_fmax_s] = SINGLE_OUT, [UOP_fcvt_s_w] = SINGLE_OUT, [UOP_fcvt_s_wu] = SINGLE_OUT,
	[UOP_fcvt_s_l] = SINGLE_OUT, [UOP_fcvt_s_lu] = SINGLE_OUT, [UOP_fcvt_s_h] = SINGLE_OUT, [UOP_box32] = SINGLE_OUT,
	[UOP_ld_box32] = SINGLE_OUT,
#undef IN_OUT
};

static bool is_boxed(const struct places *p, unsigned slot)
{
	return p->boxed[slot / 64] >> slot % 64 & 1;
}

/* Where a slot's value is to be read; acc: the slot that is in the register that PLACE_ACC is, which is not pinned. Without branches, as none
 * of them can be predicted. */
static unsigned place_of(const struct places *p, bool used, unsigned slot, unsigned acc)
{
	unsigned in_acc = (slot == acc) & (acc != 0);
	return (p->pins->of[slot] | in_acc * PLACE_ACC) & -(unsigned)used;
}

unsigned choose_stencil(const struct places *p, const struct uop *u, enum uop_op op, bool near, unsigned d)
{
	const struct op_info *info = &op_info[op];
	bool singles = fp_places[op] & SINGLES_IN;
	unsigned acc = fp_places[op] & FACC_IN ? p->facc : p->acc, a = place_of(p, info->has_a, u->a, acc),
		 b = place_of(p, info->has_b, u->b, acc), c = place_of(p, info->has_c, u->c, acc);
	if (c && c != PLACE_ACC)
		return 0;
	bool one_half = near && info->effects & (EFFECT_LOAD | EFFECT_STORE);
	bool boxed = singles && is_boxed(p, u->a) && (!info->has_b || is_boxed(p, u->b)) && (!info->has_c || is_boxed(p, u->c));
	return stencil_of[op][one_half || boxed || (c && !singles)][d][a][b];
}

unsigned choose_plain(enum uop_op op)
{
	return stencil_of[op][0][0][0][0];
}

void places_write(struct places *p, const struct uop *u, enum uop_op op, unsigned d)
{
	if (!op_info[op].has_d)
		return;
	uint64_t bit = (uint64_t)1 << u->d % 64, *word = &p->boxed[u->d / 64];
	*word = fp_places[op] & SINGLE_OUT || (op == UOP_mov && is_boxed(p, u->a)) ? *word | bit : *word & ~bit;
	if (p->acc == u->d)
		p->acc = 0;
	if (p->facc == u->d)
		p->facc = 0;
	if (d == PLACE_ACC)
		*(fp_places[op] & FACC_OUT ? &p->facc : &p->acc) = u->d;
}

void places_forget(struct places *p)
{
	*p = (struct places){ .pins = p->pins };
}

/* ---- loops ---- */

/* How much a pin is worth to each slot: a use by an op that has stencils for it, and more for a value that is carried round. */
static void weigh_slots(const struct stencil_arena *s, const struct code_block *b, int weight[VCPU_SLOTS])
{
	bool written[VCPU_SLOTS] = { 0 }, carried[VCPU_SLOTS] = { 0 };
	for (unsigned i = 0; i < b->n_uops; i++) {
		const struct uop *u = &b->uop[i];
		enum uop_op op = stencil_op_of(s, u);
		const struct op_info *info = &op_info[op];
		const unsigned d = info->has_d ? PLACE_ACC : 0;
		if (info->has_a) {
			weight[u->a] += stencil_of[op][0][d][1][0] ? 1 : -1;
			carried[u->a] |= !written[u->a];
		}
		if (info->has_b) {
			weight[u->b] += stencil_of[op][0][d][0][1] ? 1 : -1;
			carried[u->b] |= !written[u->b];
		}
		if (info->has_c)
			weight[u->c]--;
		if (info->has_d && !(info->effects & EFFECT_END)) {
			weight[u->d] += stencil_of[op][0][1][0][0] ? 1 : -1;
			written[u->d] = true;
		}
	}
	for (unsigned slot = 0; slot < VCPU_SLOTS; slot++)
		if (weight[slot] > 0 && carried[slot] && written[slot])
			weight[slot] += 4;
	weight[SLOT_ZERO] = weight[SLOT_SINK] = weight[SLOT_PAGE] = 0;
}

bool choose_loop_pins(const struct stencil_arena *s, const struct code_block *b, const struct pins *common, struct pins *pins)
{
	int weight[VCPU_SLOTS] = { 0 };
	bool changed = false;
	weigh_slots(s, b, weight);
	*pins = *common;
	for (;;) {
		unsigned best = 0, worst = 0;
		for (unsigned slot = 1; slot < VCPU_SLOTS; slot++)
			if (!pins->of[slot] && weight[slot] > weight[best])
				best = slot;
		for (unsigned i = 1; i < STENCIL_PINS; i++)
			if (weight[pins->slot[i]] < weight[pins->slot[worst]])
				worst = i;
		if (!best || weight[best] <= weight[pins->slot[worst]] + 1)
			return changed;
		pins->of[pins->slot[worst]] = 0;
		pins->slot[worst] = (uint8_t)best;
		pins->of[best] = (uint8_t)(worst + 1);
		changed = true;
	}
}

// SPDX-License-Identifier: Apache-2.0
#include "backend/stencil/choose.h"
#include "backend/stencil/stencil_choice.h"
#include "ir/op_info.h"

/* ---- NaN boxes: what an op has boxed need not be unboxed with a check by the next ---- */

/* Ops whose stencils of the second form take all their operands for boxed */
static bool reads_singles(enum uop_op op)
{
	switch (op) {
	case UOP_fadd_s: case UOP_fsub_s: case UOP_fmul_s: case UOP_fdiv_s: case UOP_fmadd_s: case UOP_fsqrt_s: case UOP_feq_s: case UOP_flt_s:
	case UOP_fle_s: case UOP_fsgnj_s: case UOP_fsgnjn_s: case UOP_fsgnjx_s: case UOP_fcvt_d_s:
		return true;
	default:
		return false;
	}
}

/* Whether the op writes a boxed single. */
static bool writes_single(const struct places *p, const struct uop *u, enum uop_op op)
{
	switch (op) {
	case UOP_fadd_s: case UOP_fsub_s: case UOP_fmul_s: case UOP_fdiv_s: case UOP_fmadd_s: case UOP_fsqrt_s: case UOP_fmin_s: case UOP_fmax_s:
	case UOP_fsgnj_s: case UOP_fsgnjn_s: case UOP_fsgnjx_s: case UOP_fcvt_s_w: case UOP_fcvt_s_wu: case UOP_fcvt_s_l: case UOP_fcvt_s_lu:
	case UOP_fcvt_s_d: case UOP_fcvt_s_h: case UOP_box32: case UOP_ld_box32:
		return true;
	case UOP_mov:
		return p->boxed[u->a];
	default:
		return false;
	}
}

/* ---- places ---- */

/* Whether what an op reads, and what it writes, is in facc where PLACE_ACC says so, and not in acc (pass_fp.h). */
static void in_facc(enum uop_op op, bool *reads, bool *writes)
{
	*reads = *writes = false;
	switch (op) {
	case UOP_fadd_d: case UOP_fsub_d: case UOP_fmul_d: case UOP_fdiv_d: case UOP_fmadd_d: case UOP_fsqrt_d:
		*reads = *writes = true;
		break;
	case UOP_feq_d: case UOP_flt_d: case UOP_fle_d: case UOP_fcvtz_w_d: case UOP_fcvtz_l_d: case UOP_fcvt_s_d:
		*reads = true;
		break;
	case UOP_fcvt_d_w: case UOP_fcvt_d_l: case UOP_fcvt_d_s:
		*writes = true;
		break;
	default:
		break;
	}
}

/* Where a slot's value is to be read; acc: the slot that is in the register that PLACE_ACC is. */
static unsigned place_of(const struct places *p, bool used, unsigned slot, unsigned acc)
{
	return !used ? 0 : p->pins->of[slot] ? p->pins->of[slot] : slot && slot == acc ? PLACE_ACC : 0;
}

/* The stencil of op for operands in these places. What is in acc is also in struct vcpu: that may do where no stencil for acc exists. */
static unsigned variant(enum uop_op op, unsigned form, unsigned *d, unsigned a, unsigned b)
{
	const unsigned a_places[2] = { a, a == PLACE_ACC ? 0 : a }, b_places[2] = { b, b == PLACE_ACC ? 0 : b },
		       d_places[2] = { *d, *d == PLACE_ACC ? 0 : *d };
	for (unsigned i = 0; i < 8; i++) {
		*d = d_places[i >> 2];
		unsigned id = stencil_of[op][form][*d][a_places[i & 1]][b_places[i >> 1 & 1]];
		if (id)
			return id;
	}
	return 0;
}

unsigned choose_stencil(const struct places *p, const struct uop *u, enum uop_op op, uint32_t mode, unsigned *d)
{
	const struct op_info *info = &op_info[op];
	bool fp_in, fp_out;
	in_facc(op, &fp_in, &fp_out);
	unsigned acc = fp_in ? p->facc : p->acc, a = place_of(p, info->has_a, u->a, acc), b = place_of(p, info->has_b, u->b, acc),
		 c = place_of(p, info->has_c, u->c, acc), wanted = *d;
	bool low = info->effects & (EFFECT_LOAD | EFFECT_STORE) && mode & MODE_LOW_HALF;
	bool boxed = reads_singles(op) && p->boxed[u->a] && (!info->has_b || p->boxed[u->b]) && (!info->has_c || p->boxed[u->c]);
	if (c && c != PLACE_ACC)
		return 0;
	unsigned id = low || boxed || (c && !reads_singles(op)) ? variant(op, 1, d, a, b) : 0;
	if (!id) {
		*d = wanted;
		id = variant(op, 0, d, a, b);
	}
	return id;
}

unsigned choose_plain(enum uop_op op)
{
	return stencil_of[op][0][0][0][0];
}

void places_write(struct places *p, const struct uop *u, enum uop_op op, unsigned d)
{
	bool fp_in, fp_out;
	if (!op_info[op].has_d)
		return;
	p->boxed[u->d] = writes_single(p, u, op);
	if (p->acc == u->d)
		p->acc = 0;
	if (p->facc == u->d)
		p->facc = 0;
	in_facc(op, &fp_in, &fp_out);
	if (d == PLACE_ACC)
		*(fp_out ? &p->facc : &p->acc) = u->d;
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
		if (info->has_a) {
			weight[u->a] += stencil_of[op][0][0][1][0] ? 1 : -1;
			carried[u->a] |= !written[u->a];
		}
		if (info->has_b) {
			weight[u->b] += stencil_of[op][0][0][0][1] ? 1 : -1;
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

// SPDX-License-Identifier: Apache-2.0
#include "ir/ir.h"
#include "runtime/softfp.h"

struct checker {
	const struct ir_block *b;
	const struct helper *helpers;
	unsigned n_helpers;
	struct error *err;
};

static bool is_temp(unsigned slot)
{
	return slot >= SLOT_TEMP && slot < SLOT_TEMP_END;
}

/* What an op may do, in terms of helper effects, whether it is a helper or not */
static unsigned effects_of(const struct checker *c, const struct uop *u)
{
	unsigned e = op_info[u->op].effects;

	if (op_info[u->op].format == F_CALL)
		return c->helpers[u->c].effects;
	return (e & (EFFECT_FAULT | EFFECT_RAISE) ? HELPER_MAY_FAULT : 0) | (e & EFFECT_STORE ? HELPER_WRITES_MEMORY : 0) |
	       (e & EFFECT_FP ? HELPER_READS_FP : 0);
}

static bool bad(const struct checker *c, unsigned i, const char *what)
{
	const struct uop *u = &c->b->uop[i];

	return error_set(c->err, ERROR_USAGE, "micro-op %u (%s): %s", i, u->op < UOP_COUNT ? op_info[u->op].name : "?", what);
}

static bool check_read(const struct checker *c, unsigned i, unsigned slot, uint32_t temps)
{
	if (slot == SLOT_SINK)
		return bad(c, i, "reads SLOT_SINK, which is only written");
	if (is_temp(slot) && !(temps >> (slot - SLOT_TEMP) & 1))
		return bad(c, i, "reads a temporary that this instruction has not written");
	return true;
}

/* Op, slots and immediate of one micro-op by themselves; temps has a bit per temporary written so far. */
static bool check_uop(const struct checker *c, unsigned i, uint32_t *temps)
{
	const struct uop *u = &c->b->uop[i];

	if (u->op >= UOP_COUNT)
		return bad(c, i, "unknown op");
	const struct op_info *info = &op_info[u->op];
	bool last = i == c->b->n_uops - 1, ends = info->effects & EFFECT_END;
	if (ends != last)
		return bad(c, i, ends ? "ends the block but is not its last" : "is the last but does not end the block");
	for (unsigned k = 0; k < op_targets(u->op); k++)
		if (c->b->target[k] != (int32_t)c->b->target[k])
			return bad(c, i, "target out of range (32 bits, signed)");
	if (info->format == F_CALL && u->c >= c->n_helpers)
		return bad(c, i, "unknown helper");
	if (u->op == UOP_fsoft && ((u->imm & 0xff) >= FSOFT_COUNT || (u->imm >> 8 & 7) > SOFTFP_RMM || u->imm & ~0x37ff))
		return bad(c, i, "immediate is no FSOFT(op, rm, negate)");
	if (u->op == UOP_fp_round && u->imm != 7 && (u->imm < 0 || u->imm > 3))
		return bad(c, i, "rounding mode is none of 0 to 3 and 7");
	if ((info->has_a && !check_read(c, i, u->a, *temps)) || (info->has_b && !check_read(c, i, u->b, *temps)) ||
	    (info->has_c && !check_read(c, i, u->c, *temps)))
		return false;
	if (info->has_d) {
		if (u->d == SLOT_ZERO || u->d == SLOT_PAGE)
			return bad(c, i, u->d ? "writes SLOT_PAGE" : "writes SLOT_ZERO");
		if (is_temp(u->d))
			*temps |= 1u << (u->d - SLOT_TEMP);
	}
	return true;
}

/* One instruction: micro-ops first to end - 1. */
static bool check_insn(const struct checker *c, unsigned first, unsigned end)
{
	const struct ir_block *b = c->b;
	uint32_t temps = 0;
	bool rounding = false;
	unsigned last_fault = first;

	for (unsigned i = first; i < end; i++) {
		const struct uop *u = &b->uop[i];
		if (!check_uop(c, i, &temps))
			return false;
		if (effects_of(c, u) & HELPER_MAY_FAULT)
			last_fault = i;
		if (u->op == UOP_fp_round)
			rounding = u->imm != 7;
		if (rounding && (i == end - 1 || op_info[u->op].effects & EFFECT_END))
			return bad(c, i, "ends the instruction with a rounding mode that is not the guest's (fp_round 7)");
	}
	for (unsigned i = first; i < last_fault; i++) {
		const struct uop *u = &b->uop[i];
		unsigned e = effects_of(c, u);
		if (op_info[u->op].has_d && !is_temp(u->d) && u->d != SLOT_SINK)
			return bad(c, i, "writes a guest slot before the instruction's last micro-op that can fault");
		if (e & (HELPER_WRITES_MEMORY | HELPER_WRITES_REGS))
			return bad(c, i, "writes guest state before the instruction's last micro-op that can fault");
		if (e & HELPER_READS_FP)
			return bad(c, i, "touches FP status before the instruction's last micro-op that can fault");
	}
	return true;
}

bool ir_verify(const struct ir_block *b, const struct helper *helpers, unsigned n_helpers, struct error *err)
{
	struct checker c = { b, helpers, n_helpers, err };

	if (!b->n_uops || b->n_uops > BLOCK_MAX_UOPS)
		return error_set(err, ERROR_USAGE, "block of %u micro-ops: 1 to %u are allowed", b->n_uops, BLOCK_MAX_UOPS);
	if (!b->n_insns || b->n_insns > BLOCK_MAX_INSNS)
		return error_set(err, ERROR_USAGE, "block of %u instructions: 1 to %u are allowed", b->n_insns, BLOCK_MAX_INSNS);
	if (b->insn[0].first_uop || b->insn[0].offset)
		return error_set(err, ERROR_USAGE, "instruction 0 begins neither at micro-op 0 nor at offset 0");

	for (unsigned i = 0; i < b->n_insns; i++) {
		const struct insn_info *insn = &b->insn[i];
		bool last = i + 1 == b->n_insns;
		unsigned end = last ? b->n_uops : insn[1].first_uop, end_offset = last ? b->bytes : insn[1].offset;
		if (!insn->size || insn->offset + insn->size > end_offset)
			return error_set(err, ERROR_USAGE, "instruction %u: %u bytes from +%u overlap what follows at +%u", i,
					 insn->size, insn->offset, end_offset);
		if (end < insn->first_uop || end > b->n_uops)
			return error_set(err, ERROR_USAGE, "instruction %u: micro-ops out of order", i);
		if (!check_insn(&c, insn->first_uop, end))
			return false;
	}
	return true;
}

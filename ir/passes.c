// SPDX-License-Identifier: Apache-2.0
/*
 * The passes run on each block that is lifted, with some 40 ns per guest instruction for lifting and them together: one walk
 * forward, one backward, small tables on the stack, no growth of the block.
 *
 * Forward: what is known of slots is a sum `base + constant`, the base being SLOT_ZERO (a constant) or SLOT_PAGE (an address
 * relative to the block's page), neither of which is ever written; and a short list of slots that are copies of others. So PC-relative address
 * arithmetic folds into accesses and jumps though the page's address is unknown.
 *
 * Backward: a micro-op without effects whose result nobody reads goes. Guest slots are read by everything that can fault, and
 * by the end of the block.
 */
#include <string.h>
#include "ir/fold.h"
#include "ir/ir.h"

#define MAX_COPIES 8

enum known { UNKNOWN, CONSTANT, PAGE_RELATIVE };

struct state {
	uint8_t known[VCPU_SLOTS];
	uint64_t value[VCPU_SLOTS];	/* where known */
	struct { uint8_t slot, of; } copy[MAX_COPIES];
	unsigned n_copies;
};

static bool fits(uint64_t v)
{
	return (uint64_t)(int64_t)(int32_t)(uint32_t)v == v;
}

static bool is_temp(unsigned slot)
{
	return slot >= SLOT_TEMP && slot < SLOT_TEMP_END;
}

static unsigned effects_of(const struct uop *u, const struct helper *helpers)
{
	return op_info[u->op].format == F_CALL ? helpers[u->c].effects :
	       op_info[u->op].effects & (EFFECT_FAULT | EFFECT_RAISE) ? HELPER_MAY_FAULT : 0;
}

/* ---- forward ---- */

static void forget(struct state *s, unsigned slot)
{
	s->known[slot] = UNKNOWN;
	for (unsigned i = 0; i < s->n_copies;) {
		if (s->copy[i].slot == slot || s->copy[i].of == slot)
			s->copy[i] = s->copy[--s->n_copies];
		else
			i++;
	}
}

static void forget_all(struct state *s)
{
	memset(s->known, UNKNOWN, sizeof(s->known));
	s->known[SLOT_ZERO] = CONSTANT;
	s->known[SLOT_PAGE] = PAGE_RELATIVE;
	s->n_copies = 0;
}

static uint8_t original(const struct state *s, uint8_t slot)
{
	for (unsigned i = 0; i < s->n_copies; i++)
		if (s->copy[i].slot == slot)
			return s->copy[i].of;
	return slot;
}

/* The form of a two-slot op with an immediate for b; those of `commutes` may swap a and b first. */
static bool immediate_form(uint64_t op, uint64_t *form, bool *commutes)
{
	*commutes = false;
	switch (op) {
#define FORM(name) case UOP_##name: *form = UOP_##name##_i; return true;
	FORM(shl) FORM(shr) FORM(sar) FORM(slt) FORM(sltu) FORM(shlw) FORM(shrw) FORM(sarw) FORM(ror) FORM(rorw)
	FORM(bclr) FORM(bset) FORM(binv) FORM(bext)
#undef FORM
#define FORM(name) case UOP_##name: *form = UOP_##name##_i; *commutes = true; return true;
	FORM(add) FORM(and) FORM(or) FORM(xor) FORM(addw)
#undef FORM
	default:
		return false;
	}
}

/* Whether op d = a, 0 is d = a */
static bool zero_is_neutral(uint64_t op)
{
	switch (op) {
	case UOP_add_i: case UOP_or_i: case UOP_xor_i: case UOP_shl_i: case UOP_shr_i: case UOP_sar_i: case UOP_ror_i:
		return true;
	default:
		return false;
	}
}

static void use_immediate(const struct state *s, struct uop *u)
{
	bool commutes;
	uint64_t form;

	if (u->op == UOP_sub && s->known[u->b] == CONSTANT && fits(-s->value[u->b])) {
		u->op = UOP_add_i;
		u->imm = (int32_t)(uint32_t)-s->value[u->b];
		u->b = 0;
		return;
	}
	if (!immediate_form(u->op, &form, &commutes))
		return;
	if (commutes && s->known[u->a] == CONSTANT && s->known[u->b] != CONSTANT) {
		uint8_t t = u->a;
		u->a = u->b;
		u->b = t;
	}
	if (s->known[u->b] == CONSTANT && fits(s->value[u->b])) {
		u->op = form;
		u->imm = (int32_t)(uint32_t)s->value[u->b];
		u->b = 0;
	}
}

/* [a + imm] with a known base + constant becomes [base + (constant + imm)]. */
static void fold_address(const struct state *s, struct uop *u)
{
	if (s->known[u->a] == UNKNOWN)
		return;
	uint64_t sum = s->value[u->a] + (uint64_t)(int64_t)u->imm;
	if (!fits(sum))
		return;
	u->a = s->known[u->a] == CONSTANT ? SLOT_ZERO : SLOT_PAGE;
	u->imm = (int32_t)(uint32_t)sum;
}

/* What an op without effects leaves in d, if that is known; u is simplified to say so where one micro-op can. */
static enum known evaluate(const struct state *s, struct uop *u, uint64_t *value)
{
	const struct op_info *info = &op_info[u->op];

	if (u->op == UOP_mov && s->known[u->a] == PAGE_RELATIVE) {
		*value = s->value[u->a];
	} else if (u->op == UOP_add_i && s->known[u->a] == PAGE_RELATIVE) {
		*value = s->value[u->a] + (uint64_t)(int64_t)u->imm;
	} else {
		if ((info->has_a && s->known[u->a] != CONSTANT) || (info->has_b && s->known[u->b] != CONSTANT) ||
		    !ir_fold(u, s->value[u->a], s->value[u->b], value))
			return UNKNOWN;
		if (fits(*value))
			*u = (struct uop){ .op = UOP_li, .d = u->d, .imm = (int32_t)(uint32_t)*value };
		else if (!(uint32_t)*value)
			*u = (struct uop){ .op = UOP_lih, .d = u->d, .imm = (int32_t)(*value >> 32) };
		return CONSTANT;
	}
	if (fits(*value))
		*u = (struct uop){ .op = UOP_add_i, .d = u->d, .a = SLOT_PAGE, .imm = (int32_t)(uint32_t)*value };
	return PAGE_RELATIVE;
}

/* A branch whose way is known, and an indirect jump within reach of the page, become direct jumps. */
static void fold_end(const struct state *s, struct uop *u, int64_t target[2])
{
	if (s->known[u->a] == UNKNOWN)
		return;
	bool known = s->known[u->a] == s->known[u->b], taken = false;
	uint64_t a = s->value[u->a], b = known ? s->value[u->b] : 0;

	switch (u->op) {
	case UOP_beq:
		taken = a == b;
		break;
	case UOP_bne:
		taken = a != b;
		break;
	/* the order of two addresses depends on the page: they might wrap */
	case UOP_blt:
		known = known && s->known[u->a] == CONSTANT;
		taken = (int64_t)a < (int64_t)b;
		break;
	case UOP_bge:
		known = known && s->known[u->a] == CONSTANT;
		taken = (int64_t)a >= (int64_t)b;
		break;
	case UOP_bltu:
		known = known && s->known[u->a] == CONSTANT;
		taken = a < b;
		break;
	case UOP_bgeu:
		known = known && s->known[u->a] == CONSTANT;
		taken = a >= b;
		break;
	case UOP_jr:
		if (s->known[u->a] != PAGE_RELATIVE || !fits(a + (uint64_t)(int64_t)u->imm))
			return;
		target[0] = (int64_t)((a + (uint64_t)(int64_t)u->imm) & ~(uint64_t)1);
		*u = (struct uop){ .op = UOP_jmp };
		return;
	default:
		return;
	}
	if (known) {
		target[0] = target[!taken];
		*u = (struct uop){ .op = UOP_jmp };
	}
}

/*
 * Two shifts of one slot, of which the second undoes part of the first, are how code without Zba and Zbb extends a narrow value: they
 * become one micro-op, and the first goes. Nothing can see the slot between them: neither faults, and they are neighbours.
 */
static void fuse_shifts(struct uop *first, struct uop *second)
{
	if (first->op != UOP_shl_i || second->a != first->d || second->d != first->d)
		return;
	unsigned left = first->imm & 63, right = second->imm & 63;
	struct uop fused = { .d = first->d, .a = first->a };

	if (second->op == UOP_shr_i && left == 32 && right == 32)
		fused.op = UOP_zext32;
	else if (second->op == UOP_shr_i && left == 32 && right < 32)
		fused.op = UOP_shl_uw_i;
	else if (second->op == UOP_shr_i && left == 48 && right == 48)
		fused.op = UOP_zext16;
	else if (second->op == UOP_sar_i && left == right && (left == 48 || left == 56))
		fused.op = left == 48 ? UOP_sext16 : UOP_sext8;
	else
		return;
	if (fused.op == UOP_shl_uw_i)
		fused.imm = (int32_t)(32 - right);
	first->op = UOP_COUNT;
	*second = fused;
}

/* Returns false if the micro-op changes nothing. */
static bool forward_uop(struct state *s, struct uop *u, int64_t target[2])
{
	const struct op_info *info = &op_info[u->op];

	if (s->n_copies) {
		if (info->has_a)
			u->a = original(s, u->a);
		if (info->has_b)
			u->b = original(s, u->b);
		if (info->has_c)
			u->c = original(s, u->c);
	}
	if (info->effects) {
		if (info->format == F_LOAD || info->format == F_STORE)
			fold_address(s, u);
		else if (info->effects & EFFECT_END)
			fold_end(s, u, target);
		if (info->has_d)
			forget(s, u->d);
		return true;
	}

	uint64_t value = 0;
	use_immediate(s, u);
	if (u->imm == 0 && zero_is_neutral(u->op))
		u->op = UOP_mov;
	enum known known = evaluate(s, u, &value);
	/* a temporary's value is known from the instruction before, but is no longer there */
	if (known && s->known[u->d] == known && s->value[u->d] == value && !is_temp(u->d))
		return false;
	if (u->op == UOP_mov && u->a == u->d)
		return false;
	forget(s, u->d);
	s->known[u->d] = known;
	s->value[u->d] = value;
	/* no copies of temporaries: the slot outlives the instruction, they do not */
	if (u->op == UOP_mov && s->n_copies < MAX_COPIES && !is_temp(u->a)) {
		s->copy[s->n_copies].slot = u->d;
		s->copy[s->n_copies++].of = u->a;
	}
	return true;
}

/* ---- backward ---- */

#define LIVE_WORDS (VCPU_SLOTS / 64)

struct live {
	uint64_t bits[LIVE_WORDS];
};

/* Temporaries lie within one word */
#define TEMP_WORD (SLOT_TEMP / 64)
#define TEMP_BITS ((((uint64_t)1 << (SLOT_TEMP_END - SLOT_TEMP)) - 1) << SLOT_TEMP % 64)
_Static_assert((SLOT_TEMP_END - 1) / 64 == TEMP_WORD, "temporaries lie within one word");

static void live_guest(struct live *l)
{
	uint64_t temps = l->bits[TEMP_WORD] & TEMP_BITS;

	for (unsigned i = 0; i < LIVE_WORDS; i++)
		l->bits[i] = ~(uint64_t)0;
	l->bits[TEMP_WORD] = ~TEMP_BITS | temps;
	l->bits[SLOT_SINK / 64] &= ~((uint64_t)1 << SLOT_SINK % 64);
}

static void live_add(struct live *l, unsigned slot)
{
	l->bits[slot / 64] |= (uint64_t)1 << slot % 64;
}

/* Marks what is dead by op = UOP_COUNT; returns whether there was something. */
static bool backward(struct ir_block *b, const struct helper *helpers)
{
	struct live live = { 0 };
	unsigned insn = b->n_insns;
	bool found = false;

	live_guest(&live);
	for (unsigned i = b->n_uops; i--;) {
		struct uop *u = &b->uop[i];
		/* what comes later belongs to another instruction, which has temporaries of its own */
		while (insn && b->insn[insn - 1].first_uop > i) {
			insn--;
			live.bits[TEMP_WORD] &= ~TEMP_BITS;
		}
		if (u->op == UOP_COUNT) {
			found = true;
			continue;
		}
		const struct op_info *info = &op_info[u->op];
		if (info->has_d) {
			uint64_t bit = (uint64_t)1 << u->d % 64;
			if (!info->effects && !(live.bits[u->d / 64] & bit)) {
				u->op = UOP_COUNT;
				found = true;
				continue;
			}
			live.bits[u->d / 64] &= ~bit;
		}
		if (info->effects && effects_of(u, helpers) & (HELPER_MAY_FAULT | HELPER_WRITES_REGS))
			live_guest(&live);
		if (info->has_a)
			live_add(&live, u->a);
		if (info->has_b)
			live_add(&live, u->b);
		if (info->has_c)
			live_add(&live, u->c);
	}
	return found;
}

static void compact(struct ir_block *b)
{
	unsigned to = 0, insn = 0;

	for (unsigned i = 0; i < b->n_uops; i++) {
		for (; insn < b->n_insns && b->insn[insn].first_uop <= i; insn++)
			b->insn[insn].first_uop = (uint16_t)to;
		if (b->uop[i].op != UOP_COUNT)
			b->uop[to++] = b->uop[i];
	}
	for (; insn < b->n_insns; insn++)
		b->insn[insn].first_uop = (uint16_t)to;
	b->n_uops = to;
}

void ir_optimise(struct ir_block *b, const struct helper *helpers)
{
	struct state s;

	forget_all(&s);
	s.value[SLOT_ZERO] = s.value[SLOT_PAGE] = 0;
	for (unsigned i = 0; i < b->n_uops; i++) {
		struct uop *u = &b->uop[i];
		if (i)
			fuse_shifts(u - 1, u);
		if (!forward_uop(&s, u, b->target))
			u->op = UOP_COUNT;
		else if (op_info[u->op].format == F_CALL && helpers[u->c].effects & HELPER_WRITES_REGS)
			forget_all(&s);
	}
	/* a fused first shift is found by the walk backward, like what is dead */
	if (backward(b, helpers))
		compact(b);
}

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
	uint64_t known[VCPU_SLOTS / 32];	/* two bits each: little to clear for each block */
	uint64_t value[VCPU_SLOTS];	/* where known */
	struct { uint8_t slot, of; } copy[MAX_COPIES];
	unsigned n_copies;
	uint64_t words[VCPU_SLOTS / 64];	/* bit n: slot n holds its own low half, sign-extended */
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

static enum known known_of(const struct state *s, unsigned slot)
{
	return s->known[slot / 32] >> slot % 32 * 2 & 3;
}

static void set_known(struct state *s, unsigned slot, enum known known)
{
	unsigned shift = slot % 32 * 2;
	s->known[slot / 32] = (s->known[slot / 32] & ~((uint64_t)3 << shift)) | (uint64_t)known << shift;
}

static bool is_word(const struct state *s, unsigned slot)
{
	return s->words[slot / 64] >> slot % 64 & 1;
}

static void set_word(struct state *s, unsigned slot, bool word)
{
	s->words[slot / 64] = (s->words[slot / 64] & ~((uint64_t)1 << slot % 64)) | (uint64_t)word << slot % 64;
}

static void forget(struct state *s, unsigned slot)
{
	set_known(s, slot, UNKNOWN);
	for (unsigned i = 0; i < s->n_copies;) {
		if (s->copy[i].slot == slot || s->copy[i].of == slot)
			s->copy[i] = s->copy[--s->n_copies];
		else
			i++;
	}
}

static void forget_all(struct state *s)
{
	memset(s->known, 0, sizeof(s->known));
	memset(s->words, 0, sizeof(s->words));
	set_word(s, SLOT_ZERO, true);
	set_known(s, SLOT_ZERO, CONSTANT);
	set_known(s, SLOT_PAGE, PAGE_RELATIVE);
	s->n_copies = 0;
}

static uint8_t original(const struct state *s, uint8_t slot)
{
	for (unsigned i = 0; i < s->n_copies; i++)
		if (s->copy[i].slot == slot)
			return s->copy[i].of;
	return slot;
}

/* What the walk forward asks of each op, one byte each */
enum {
	COMMUTES = 1,	/* a and b may be swapped for the immediate form */
	NEUTRAL = 2,	/* d = a, 0 is d = a */
};
static const uint8_t traits[UOP_COUNT] = {
	[UOP_add] = COMMUTES, [UOP_and] = COMMUTES, [UOP_or] = COMMUTES, [UOP_xor] = COMMUTES, [UOP_addw] = COMMUTES,
	[UOP_add_i] = NEUTRAL, [UOP_or_i] = NEUTRAL, [UOP_xor_i] = NEUTRAL, [UOP_shl_i] = NEUTRAL, [UOP_shr_i] = NEUTRAL,
	[UOP_sar_i] = NEUTRAL, [UOP_ror_i] = NEUTRAL,
};
/* The form of a two-slot op with an immediate for b; 0: none */
static const uint8_t immediate_form[UOP_COUNT] = {
#define FORM(name) [UOP_##name] = UOP_##name##_i,
	FORM(shl) FORM(shr) FORM(sar) FORM(slt) FORM(sltu) FORM(shlw) FORM(shrw) FORM(sarw) FORM(ror) FORM(rorw)
	FORM(bclr) FORM(bset) FORM(binv) FORM(bext) FORM(add) FORM(and) FORM(or) FORM(xor) FORM(addw)
#undef FORM
};
_Static_assert(UOP_COUNT <= UINT8_MAX + 1, "an op fits into a byte");

static void use_immediate(const struct state *s, struct uop *u)
{
	if (u->op == UOP_sub && known_of(s, u->b) == CONSTANT && fits(-s->value[u->b])) {
		u->op = UOP_add_i;
		u->imm = (int32_t)(uint32_t)-s->value[u->b];
		u->b = 0;
		return;
	}
	if (!immediate_form[u->op])
		return;
	if (traits[u->op] & COMMUTES && known_of(s, u->a) == CONSTANT && known_of(s, u->b) != CONSTANT) {
		uint8_t t = u->a;
		u->a = u->b;
		u->b = t;
	}
	if (known_of(s, u->b) == CONSTANT && fits(s->value[u->b])) {
		u->op = immediate_form[u->op];
		u->imm = (int32_t)(uint32_t)s->value[u->b];
		u->b = 0;
	}
}

/* [a + imm] with a known base + constant becomes [base + (constant + imm)]. */
static void fold_address(const struct state *s, struct uop *u)
{
	if (known_of(s, u->a) == UNKNOWN)
		return;
	uint64_t sum = s->value[u->a] + (uint64_t)(int64_t)u->imm;
	if (!fits(sum))
		return;
	u->a = known_of(s, u->a) == CONSTANT ? SLOT_ZERO : SLOT_PAGE;
	u->imm = (int32_t)(uint32_t)sum;
}

/* What an op without effects leaves in d, if that is known; u is simplified to say so where one micro-op can. */
static enum known evaluate(const struct state *s, struct uop *u, uint64_t *value)
{
	const struct op_info *info = &op_info[u->op];

	if (u->op == UOP_li) {
		*value = (uint64_t)(int64_t)u->imm;
		return CONSTANT;
	}
	if (u->op == UOP_mov && known_of(s, u->a) == PAGE_RELATIVE) {
		*value = s->value[u->a];
	} else if (u->op == UOP_add_i && known_of(s, u->a) == PAGE_RELATIVE) {
		*value = s->value[u->a] + (uint64_t)(int64_t)u->imm;
	} else {
		if ((info->has_a && known_of(s, u->a) != CONSTANT) || (info->has_b && known_of(s, u->b) != CONSTANT) ||
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
	if (known_of(s, u->a) == UNKNOWN)
		return;
	bool known = known_of(s, u->a) == known_of(s, u->b), taken = false;
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
		known = known && known_of(s, u->a) == CONSTANT;
		taken = (int64_t)a < (int64_t)b;
		break;
	case UOP_bge:
		known = known && known_of(s, u->a) == CONSTANT;
		taken = (int64_t)a >= (int64_t)b;
		break;
	case UOP_bltu:
		known = known && known_of(s, u->a) == CONSTANT;
		taken = a < b;
		break;
	case UOP_bgeu:
		known = known && known_of(s, u->a) == CONSTANT;
		taken = a >= b;
		break;
	case UOP_jr:
		if (known_of(s, u->a) != PAGE_RELATIVE || !fits(a + (uint64_t)(int64_t)u->imm))
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

/* Whether the op leaves the sign-extended low half of its result: extending that once more is then a copy. */
static bool makes_word(const struct state *s, const struct uop *u)
{
	switch (u->op) {
	case UOP_addw: case UOP_addw_i: case UOP_subw: case UOP_shlw: case UOP_shlw_i: case UOP_shrw: case UOP_shrw_i: case UOP_sarw: case UOP_sarw_i:
	case UOP_mulw: case UOP_divw: case UOP_divuw: case UOP_remw: case UOP_remuw: case UOP_sext8: case UOP_sext16: case UOP_sext32: case UOP_zext16:
	case UOP_slt: case UOP_slt_i: case UOP_sltu: case UOP_sltu_i: case UOP_li:
	case UOP_ld_u8: case UOP_ld_s8: case UOP_ld_u16: case UOP_ld_s16: case UOP_ld_s32:
		return true;
	case UOP_and: case UOP_or: case UOP_xor:
		return is_word(s, u->a) && is_word(s, u->b);
	case UOP_and_i:
		return u->imm >= 0 || is_word(s, u->a);
	case UOP_or_i: case UOP_xor_i: case UOP_mov:
		return is_word(s, u->a);
	default:
		return false;
	}
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
		if (info->has_d) {
			forget(s, u->d);
			set_word(s, u->d, makes_word(s, u));
		}
		return true;
	}

	uint64_t value = 0;
	use_immediate(s, u);
	if (u->imm == 0 && (traits[u->op] & NEUTRAL || ((u->op == UOP_addw_i || u->op == UOP_sext32) && is_word(s, u->a))))
		u->op = UOP_mov;
	enum known known = evaluate(s, u, &value);
	/* a temporary's value is known from the instruction before, but is no longer there */
	if (known && known_of(s, u->d) == known && s->value[u->d] == value && !is_temp(u->d))
		return false;
	if (u->op == UOP_mov && u->a == u->d)
		return false;
	bool word = makes_word(s, u);
	forget(s, u->d);
	set_word(s, u->d, word);
	set_known(s, u->d, known);
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

static void live_add(struct live *l, bool used, unsigned slot)
{
	l->bits[slot / 64] |= (uint64_t)used << slot % 64;
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
		live_add(&live, info->has_a, u->a);
		live_add(&live, info->has_b, u->b);
		live_add(&live, info->has_c, u->c);
	}
	return found;
}

static void compact(struct ir_block *b)
{
	unsigned to = 0, insn = 0;

	for (unsigned i = 0; i < b->n_uops; i++) {
		for (; insn < b->n_insns && b->insn[insn].first_uop <= i; insn++)
			b->insn[insn].first_uop = to;
		if (b->uop[i].op != UOP_COUNT)
			b->uop[to++] = b->uop[i];
	}
	for (; insn < b->n_insns; insn++)
		b->insn[insn].first_uop = to;
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

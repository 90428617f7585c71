// SPDX-License-Identifier: Apache-2.0
/*
 * Software floating point (IEEE 754-2008 with RISC-V's NaN rules, tininess detected after rounding). Every finite number is
 * unpacked to sign, exponent and a 64-bit significand with its top bit set; operations compute 128 exact bits of which the last is sticky,
 * and round_pack rounds once to the format asked for.
 */
#include "runtime/softfp.h"
#include "runtime/fp.h"
#include "runtime/vcpu.h"

__extension__ typedef unsigned __int128 uint128;

struct format {
	unsigned bits, fraction;
	int bias;
};
enum { HALF, SINGLE, DOUBLE };
static const struct format formats[] = {
	[HALF] = { 16, 10, 15 },
	[SINGLE] = { 32, 23, 127 },
	[DOUBLE] = { 64, 52, 1023 },
};

enum kind { ZERO, FINITE, INFINITE, NAN_QUIET, NAN_SIGNALLING };

/* FINITE: (-1)^sign * significand * 2^(exp - 63), 1 <= significand / 2^63 < 2 */
struct number {
	enum kind kind;
	bool sign;
	int exp;
	uint64_t significand;
};

/* ---- unpacking and packing ---- */

static struct number unpack(const struct format *f, uint64_t slot)
{
	uint64_t v = f->bits == 16 ? fp_unbox16(slot) : f->bits == 32 ? fp_unbox32(slot) : slot;
	unsigned exp_max = (1u << (f->bits - 1 - f->fraction)) - 1;
	unsigned exp = extract(v, f->fraction, f->bits - 1 - f->fraction);
	uint64_t fraction = extract(v, 0, f->fraction);
	struct number n = { .sign = v >> (f->bits - 1) & 1 };

	if (exp == exp_max) {
		n.kind = !fraction ? INFINITE : fraction >> (f->fraction - 1) ? NAN_QUIET : NAN_SIGNALLING;
	} else if (exp == 0 && fraction == 0) {
		n.kind = ZERO;
	} else {
		n.kind = FINITE;
		n.exp = (exp ? (int)exp : 1) - f->bias;
		n.significand = (fraction | (uint64_t)(exp != 0) << f->fraction) << (63 - f->fraction);
		unsigned shift = __builtin_clzll(n.significand);
		n.significand <<= shift;
		n.exp -= (int)shift;
	}
	return n;
}

static uint64_t box(const struct format *f, uint64_t v)
{
	return f->bits == 64 ? v : v | ~(uint64_t)0 << f->bits;
}

static uint64_t pack(const struct format *f, bool sign, unsigned exp, uint64_t fraction)
{
	return box(f, (uint64_t)sign << (f->bits - 1) | (uint64_t)exp << f->fraction | fraction);
}

static uint64_t pack_nan(const struct format *f)
{
	return pack(f, false, (1u << (f->bits - 1 - f->fraction)) - 1, (uint64_t)1 << (f->fraction - 1));
}

static uint64_t pack_infinity(const struct format *f, bool sign)
{
	return pack(f, sign, (1u << (f->bits - 1 - f->fraction)) - 1, 0);
}

static uint64_t pack_zero(const struct format *f, bool sign)
{
	return pack(f, sign, 0, 0);
}

/* v / 2^n with what is lost ORed into the lowest bit */
static uint128 shift_right_sticky(uint128 v, unsigned n)
{
	if (n == 0)
		return v;
	if (n >= 128)
		return v != 0;
	return v >> n | ((v << (128 - n)) != 0);
}

/* Whether to add one to the kept bits: `rest` is what was cut off, as a fraction of one unit in 128 bits. */
static bool round_up(enum softfp_rm rm, bool sign, bool odd, uint128 rest)
{
	const uint128 half = (uint128)1 << 127;

	switch (rm) {
	case SOFTFP_RNE:
		return rest > half || (rest == half && odd);
	case SOFTFP_RTZ:
		return false;
	case SOFTFP_RDN:
		return sign && rest;
	case SOFTFP_RUP:
		return !sign && rest;
	case SOFTFP_RMM:
		return rest >= half;
	}
	return false;
}

/* Rounds (-1)^sign * v * 2^(exp - 127), v not 0, its last bit sticky. */
static uint64_t round_pack(const struct format *f, enum softfp_rm rm, bool sign, int exp, uint128 v, uint32_t *flags)
{
	int exp_max = f->bias;	/* the largest exponent; 1 - bias is the least of a normal number */
	unsigned shift = (unsigned)__builtin_clzll((uint64_t)(v >> 64) | !(v >> 64));

	if (!(v >> 64)) {
		v <<= 64;
		exp -= 64;
		shift = (unsigned)__builtin_clzll((uint64_t)(v >> 64));
	}
	v <<= shift;
	exp -= (int)shift;

	unsigned keep = f->fraction + 1, cut = 128 - keep;
	bool tiny = false;
	if (exp < 1 - f->bias) {
		/* tiny unless rounding as if the exponent had no bound carries to the least normal number */
		uint128 whole = v >> cut;
		bool carries = exp == -f->bias && whole + 1 == (uint128)1 << keep && round_up(rm, sign, whole & 1, v << keep);
		tiny = !carries;
		v = shift_right_sticky(v, (unsigned)(1 - f->bias - exp));
		exp = -f->bias;	/* the encoding of subnormals */
	}
	uint64_t kept = (uint64_t)(v >> cut);
	uint128 rest = v << keep;
	if (rest)
		*flags |= tiny ? FP_NX | FP_UF : FP_NX;
	/* the hidden bit, and a carry out of the fraction, count up the exponent field */
	uint64_t encoded = ((uint64_t)(exp + f->bias) << f->fraction) + kept - (exp == -f->bias ? 0 : (uint64_t)1 << f->fraction);
	if (exp <= exp_max)
		encoded += round_up(rm, sign, kept & 1, rest);
	if (exp > exp_max || encoded >> f->fraction > 2 * (uint64_t)f->bias) {
		*flags |= FP_OF | FP_NX;
		bool to_infinity = rm == SOFTFP_RNE || rm == SOFTFP_RMM || (rm == SOFTFP_RUP && !sign) || (rm == SOFTFP_RDN && sign);
		uint64_t infinity = (uint64_t)(2 * f->bias + 1) << f->fraction;
		encoded = to_infinity ? infinity : infinity - 1;
	}
	return box(f, (uint64_t)sign << (f->bits - 1) | encoded);
}

/* ---- arithmetic ---- */

static bool is_nan(const struct number *n)
{
	return n->kind >= NAN_QUIET;
}

static uint64_t invalid(const struct format *f, uint32_t *flags)
{
	*flags |= FP_NV;
	return pack_nan(f);
}

/* An operation that has a NaN operand */
static uint64_t propagate(const struct format *f, const struct number *a, const struct number *b, uint32_t *flags)
{
	if (a->kind == NAN_SIGNALLING || b->kind == NAN_SIGNALLING)
		*flags |= FP_NV;
	return pack_nan(f);
}

/* x + y of finite numbers x, y != 0 given as (sign, exp, 128-bit significand with the top bit set). */
struct wide {
	bool sign;
	int exp;
	uint128 significand;
};

static uint64_t add_wide(const struct format *f, enum softfp_rm rm, struct wide x, struct wide y, uint32_t *flags)
{
	if (x.exp < y.exp || (x.exp == y.exp && x.significand < y.significand)) {
		struct wide t = x;
		x = y;
		y = t;
	}
	/* One bit of room for the carry. The operands have at most 106 significant bits, so that none is lost here, and what
	 * the sticky bit stands for is lost only where y is so small that subtracting it cancels one bit at most. */
	uint128 big = x.significand >> 1;
	uint128 small = shift_right_sticky(y.significand >> 1, (unsigned)(x.exp - y.exp));
	uint128 sum = x.sign == y.sign ? big + small : big - small;
	if (!sum)
		return pack_zero(f, rm == SOFTFP_RDN);
	return round_pack(f, rm, x.sign, x.exp + 1, sum, flags);
}

static struct wide widen(const struct number *n)
{
	return (struct wide){ n->sign, n->exp, (uint128)n->significand << 64 };
}

static uint64_t add(const struct format *f, enum softfp_rm rm, struct number a, struct number b, uint32_t *flags)
{
	if (is_nan(&a) || is_nan(&b))
		return propagate(f, &a, &b, flags);
	if (a.kind == INFINITE && b.kind == INFINITE && a.sign != b.sign)
		return invalid(f, flags);
	if (a.kind == INFINITE || b.kind == INFINITE)
		return pack_infinity(f, a.kind == INFINITE ? a.sign : b.sign);
	if (a.kind == ZERO && b.kind == ZERO)
		return pack_zero(f, a.sign == b.sign ? a.sign : rm == SOFTFP_RDN);
	if (a.kind == ZERO || b.kind == ZERO) {
		const struct number *n = a.kind == ZERO ? &b : &a;
		return round_pack(f, rm, n->sign, n->exp, (uint128)n->significand << 64, flags);
	}
	return add_wide(f, rm, widen(&a), widen(&b), flags);
}

static uint64_t multiply_add(const struct format *f, enum softfp_rm rm, struct number a, struct number b, struct number c, uint32_t *flags)
{
	bool sign = a.sign != b.sign;

	if ((a.kind == INFINITE && b.kind == ZERO) || (a.kind == ZERO && b.kind == INFINITE))
		return invalid(f, flags);	/* even if c is a quiet NaN */
	if (is_nan(&a) || is_nan(&b) || is_nan(&c)) {
		if (c.kind == NAN_SIGNALLING)
			*flags |= FP_NV;
		return propagate(f, &a, &b, flags);
	}
	if (a.kind == INFINITE || b.kind == INFINITE) {
		if (c.kind == INFINITE && c.sign != sign)
			return invalid(f, flags);
		return pack_infinity(f, sign);
	}
	if (c.kind == INFINITE)
		return pack_infinity(f, c.sign);
	if (a.kind == ZERO || b.kind == ZERO)
		return add(f, rm, (struct number){ .kind = ZERO, .sign = sign }, c, flags);

	struct wide product = { sign, a.exp + b.exp + 1, (uint128)a.significand * b.significand };
	if (!(product.significand >> 127)) {
		product.significand <<= 1;
		product.exp--;
	}
	if (c.kind == ZERO)
		return round_pack(f, rm, sign, product.exp, product.significand, flags);
	return add_wide(f, rm, product, widen(&c), flags);
}

static uint64_t multiply(const struct format *f, enum softfp_rm rm, struct number a, struct number b, uint32_t *flags)
{
	/* a zero of the product's sign changes neither value nor sign of the product */
	struct number zero = { .kind = ZERO, .sign = a.sign != b.sign };

	return multiply_add(f, rm, a, b, zero, flags);
}

static uint64_t divide(const struct format *f, enum softfp_rm rm, struct number a, struct number b, uint32_t *flags)
{
	bool sign = a.sign != b.sign;

	if (is_nan(&a) || is_nan(&b))
		return propagate(f, &a, &b, flags);
	if ((a.kind == INFINITE && b.kind == INFINITE) || (a.kind == ZERO && b.kind == ZERO))
		return invalid(f, flags);
	if (a.kind == INFINITE)
		return pack_infinity(f, sign);
	if (b.kind == ZERO) {
		*flags |= FP_DZ;
		return pack_infinity(f, sign);
	}
	if (a.kind == ZERO || b.kind == INFINITE)
		return pack_zero(f, sign);

	/* 63 or 64 bits of quotient, more than any format keeps */
	uint128 numerator = (uint128)a.significand << 63;
	uint64_t quotient = (uint64_t)(numerator / b.significand);
	bool sticky = numerator % b.significand != 0;
	return round_pack(f, rm, sign, a.exp - b.exp, (uint128)quotient << 64 | sticky, flags);
}

static uint64_t square_root(const struct format *f, enum softfp_rm rm, struct number a, uint32_t *flags)
{
	if (is_nan(&a))
		return propagate(f, &a, &a, flags);
	if (a.kind == ZERO)
		return pack_zero(f, a.sign);
	if (a.sign)
		return invalid(f, flags);
	if (a.kind == INFINITE)
		return pack_infinity(f, false);

	/* a = v * 2^(2h - 126), v in [2^126, 2^128), so the root is isqrt(v) * 2^(h - 63), with isqrt(v) in [2^63, 2^64) */
	int h = (a.exp - (a.exp & 1)) / 2;
	uint128 v = (uint128)a.significand << (a.exp & 1 ? 64 : 63);
	uint64_t root = 0;
	for (uint64_t bit = (uint64_t)1 << 63; bit; bit >>= 1) {
		uint128 next = root | bit;
		if (next * next <= v)
			root |= bit;
	}
	bool sticky = (uint128)root * root != v;
	return round_pack(f, rm, false, h, (uint128)root << 64 | sticky, flags);
}

/* ---- conversions ---- */

struct int_type {
	unsigned bits;
	bool is_signed;
};
/* in the order of the conversions in enum fsoft_op: W WU L LU */
static const struct int_type int_types[] = { { 32, true }, { 32, false }, { 64, true }, { 64, false } };

static uint64_t to_int(const struct int_type *t, enum softfp_rm rm, struct number a, uint32_t *flags)
{
	uint64_t max = ~(uint64_t)0 >> (64 - t->bits + t->is_signed), min = t->is_signed ? max + 1 : 0; /* magnitudes */
	uint64_t magnitude = 0;
	uint128 rest = 0;
	bool overflow = a.kind == INFINITE || is_nan(&a);

	if (a.kind == FINITE && a.exp > 63) {
		overflow = true;
	} else if (a.kind == FINITE) {
		/* integral part in the upper half, fraction in the lower */
		uint128 v = shift_right_sticky((uint128)a.significand << 64, (unsigned)(63 - a.exp));
		magnitude = (uint64_t)(v >> 64);
		rest = v << 64;
		if (round_up(rm, a.sign, magnitude & 1, rest)) {
			magnitude++;
			overflow = magnitude == 0;
		}
	}
	bool negative = a.sign && !is_nan(&a);
	if (overflow || magnitude > (negative ? min : max)) {
		*flags |= FP_NV;
		magnitude = negative ? min : max;
	} else if (rest) {
		*flags |= FP_NX;
	}
	uint64_t v = negative ? -magnitude : magnitude;
	return t->bits == 32 ? (uint64_t)(int64_t)(int32_t)(uint32_t)v : v;
}

static uint64_t from_int(const struct format *f, const struct int_type *t, enum softfp_rm rm, uint64_t v, uint32_t *flags)
{
	if (t->bits == 32)
		v = t->is_signed ? (uint64_t)(int64_t)(int32_t)(uint32_t)v : (uint32_t)v;
	bool sign = t->is_signed && v >> 63;

	if (!v)
		return pack_zero(f, false);
	return round_pack(f, rm, sign, 127, sign ? -v : v, flags);
}

static uint64_t convert(const struct format *to, enum softfp_rm rm, struct number a, uint32_t *flags)
{
	if (is_nan(&a))
		return propagate(to, &a, &a, flags);
	if (a.kind == INFINITE)
		return pack_infinity(to, a.sign);
	if (a.kind == ZERO)
		return pack_zero(to, a.sign);
	return round_pack(to, rm, a.sign, a.exp, (uint128)a.significand << 64, flags);
}

/* ---- the operations by number ---- */

static uint64_t arithmetic(const struct format *f, unsigned op, enum softfp_rm rm, unsigned negate, uint64_t a, uint64_t b, uint64_t c,
			   uint32_t *flags)
{
	struct number x = unpack(f, a), y = unpack(f, b), z = unpack(f, c);

	switch (op) {
	case FSOFT_ADD_S:
		return add(f, rm, x, y, flags);
	case FSOFT_SUB_S:
		y.sign = !y.sign;
		return add(f, rm, x, y, flags);
	case FSOFT_MUL_S:
		return multiply(f, rm, x, y, flags);
	case FSOFT_DIV_S:
		return divide(f, rm, x, y, flags);
	case FSOFT_SQRT_S:
		return square_root(f, rm, x, flags);
	default:
		x.sign ^= negate & 1;
		z.sign ^= negate >> 1;
		return multiply_add(f, rm, x, y, z, flags);
	}
}

uint64_t softfp_eval(int32_t imm, uint64_t a, uint64_t b, uint64_t c, uint32_t *flags)
{
	static const uint8_t float_pairs[][2] = {	/* to, from */
		{ SINGLE, DOUBLE }, { DOUBLE, SINGLE }, { SINGLE, HALF }, { HALF, SINGLE }, { DOUBLE, HALF }, { HALF, DOUBLE },
	};
	unsigned op = imm & 0xff, rm = imm >> 8 & 7, negate = imm >> 12 & 3;

	if (op >= FSOFT_COUNT || rm > SOFTFP_RMM)
		return FP_NAN64;
	if (op >= FSOFT_CVT_S_D) {
		const uint8_t *pair = float_pairs[op - FSOFT_CVT_S_D];
		return convert(&formats[pair[0]], rm, unpack(&formats[pair[1]], a), flags);
	}
	if (op >= FSOFT_CVT_S_W) {
		op -= FSOFT_CVT_S_W;
		return from_int(&formats[op < 4 ? SINGLE : DOUBLE], &int_types[op % 4], rm, a, flags);
	}
	if (op >= FSOFT_CVT_W_S) {
		op -= FSOFT_CVT_W_S;
		return to_int(&int_types[op % 4], rm, unpack(&formats[op < 4 ? SINGLE : DOUBLE], a), flags);
	}
	if (op >= FSOFT_ADD_D)
		return arithmetic(&formats[DOUBLE], op - FSOFT_ADD_D, rm, negate, a, b, c, flags);
	return arithmetic(&formats[SINGLE], op, rm, negate, a, b, c, flags);
}

uint64_t softfp_run(struct vcpu *cpu, int32_t imm, uint64_t a, uint64_t b, uint64_t c)
{
	return softfp_eval(imm, a, b, c, &cpu->fp_flags);
}

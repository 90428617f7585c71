// SPDX-License-Identifier: Apache-2.0
/* Conversions from and to floating point as LLVM IR; ir/uops_fp.inc says what they do, runtime/fp.h by which rules. */
#include "backend/llvm/lower_fp.h"

#define W(v) CAST(Trunc, v, i32)
#define AS fp_get(l, l->f32, u->a)
#define AD fp_get(l, l->f64, u->a)

static value widened(struct lowering *l, value x)
{
	return fp_strict(l, "fpext", l->f64, l->f32, NULL, 1, x);
}

/* ---- float to integer ---- */

/* The host's conversion raises NX; out of range, NV alone, and the answer is the least integer. */
static value to_integer(struct lowering *l, value x, LLVMTypeRef type, bool truncate)
{
	static const char *const insn[2][2] = { { "vcvtsd2si $1, $0", "vcvtss2si $1, $0" }, { "vcvttsd2si $1, $0", "vcvttss2si $1, $0" } };
	return fp_insn(l, type, insn[truncate][LLVMTypeOf(x) == l->f32], "=r,x", x, NULL);
}

/* Negative, and no NaN */
static value is_below_0(struct lowering *l, value bits)
{
	return BIN(And, CMP(SLT, bits, LLVMConstNull(LLVMTypeOf(bits))), LLVMBuildNot(l->b, fp_is_nan(l, bits), ""));
}

/* The least integer may be the wrong answer: then the host has raised NV. */
static void to_signed(struct lowering *l, const struct uop *u, value x, LLVMTypeRef type, bool truncate)
{
	value r = to_integer(l, x, type, truncate), least = fp_constant(r, (uint32_t)INT32_MIN, (uint64_t)INT64_MIN);
	LLVMBasicBlockRef before = LLVMGetInsertBlock(l->b), extreme = lower_block(l, "extreme"), done = lower_block(l, "done");
	lower_likely(l, CMP(NE, r, least), done, extreme);
	lower_at(l, extreme);
	value right = SELECT(is_below_0(l, fp_bits_of(l, x)), least, fp_constant(r, INT32_MAX, INT64_MAX));
	LLVMBuildBr(l->b, done);
	lower_at(l, done);
	r = lower_phi(l, type, r, before, right, extreme);
	D(type == l->i64 ? r : CAST(SExt, r, i64));
}

/* limit: 2^32 or 2^63, as a double's bits */
static void to_unsigned(struct lowering *l, const struct uop *u, value x, uint64_t limit, bool truncate)
{
	LLVMBasicBlockRef fits = lower_block(l, "fits"), large = lower_block(l, "large"), beyond = lower_block(l, "beyond");
	LLVMBasicBlockRef done = lower_block(l, "done");
	value integral = truncate ? fp_strict(l, "trunc", l->f64, NULL, NULL, 1, x) : fp_strict(l, "nearbyint", l->f64, NULL, FP_ROUNDED, 1, x);
	value bits = fp_bits_of(l, x), t = fp_bits_of(l, integral);
	lower_likely(l, BIN(Or, CMP(ULT, t, K(limit)), CMP(EQ, t, K(FP_BITS_MINUS_0))), fits, large);
	lower_at(l, fits);
	value converted = to_integer(l, x, l->i64, truncate);
	LLVMBuildBr(l->b, done);
	/* integral already: its 53 bits end at bit 11 */
	lower_at(l, large);
	value shifted = BIN(Or, BIN(Shl, t, K(11)), K((uint64_t)1 << 63));
	uint64_t limit_of_large = limit == FP_BITS_2_63 ? FP_BITS_2_64 : 0;
	LLVMBuildCondBr(l->b, CMP(ULT, t, K(limit_of_large)), done, beyond);
	lower_at(l, beyond);
	fp_raise_invalid(l);
	value saturated = SELECT(is_below_0(l, bits), K(0), K(UINT64_MAX));
	LLVMBuildBr(l->b, done);
	lower_at(l, done);
	value r = LLVMBuildPhi(l->b, l->i64, "");
	LLVMAddIncoming(r, (value[]){ converted, shifted, saturated }, (LLVMBasicBlockRef[]){ fits, large, beyond }, 3);
	D(limit == FP_BITS_2_32 ? lower_sext32(l, r) : r);
}

#define TO_INTEGER(name, truncate) \
	LOWER(name##_w_s) { to_signed(l, u, AS, l->i32, truncate); } \
	LOWER(name##_w_d) { to_signed(l, u, AD, l->i32, truncate); } \
	LOWER(name##_l_s) { to_signed(l, u, AS, l->i64, truncate); } \
	LOWER(name##_l_d) { to_signed(l, u, AD, l->i64, truncate); } \
	LOWER(name##_wu_s) { to_unsigned(l, u, widened(l, AS), FP_BITS_2_32, truncate); } \
	LOWER(name##_wu_d) { to_unsigned(l, u, AD, FP_BITS_2_32, truncate); } \
	LOWER(name##_lu_s) { to_unsigned(l, u, widened(l, AS), FP_BITS_2_63, truncate); } \
	LOWER(name##_lu_d) { to_unsigned(l, u, AD, FP_BITS_2_63, truncate); }
TO_INTEGER(fcvt, false)
TO_INTEGER(fcvtz, true)

/* ---- integer to float ---- */

static value from_signed(struct lowering *l, value v, LLVMTypeRef type)
{
	return fp_strict(l, "sitofp", type, LLVMTypeOf(v), FP_ROUNDED, 1, v);
}

/* From 2^63 the half is converted (fp_half_sticky), which doubles exactly. */
static void from_unsigned(struct lowering *l, const struct uop *u, LLVMTypeRef type)
{
	LLVMBasicBlockRef small = lower_block(l, "small"), large = lower_block(l, "large"), done = lower_block(l, "done");
	value v = A;
	lower_likely(l, CMP(SGE, v, K(0)), small, large);
	lower_at(l, small);
	value whole = from_signed(l, v, type);
	LLVMBuildBr(l->b, done);
	lower_at(l, large);
	value half = from_signed(l, BIN(Or, BIN(LShr, v, K(1)), BIN(And, v, K(1))), type);
	value doubled = fp_strict(l, "fadd", type, NULL, FP_ROUNDED, 2, half, half);
	LLVMBuildBr(l->b, done);
	lower_at(l, done);
	fp_set(l, u->d, lower_phi(l, type, whole, small, doubled, large));
}

LOWER(fcvt_s_w)	 { fp_set(l, u->d, from_signed(l, W(A), l->f32)); }
LOWER(fcvt_d_w)	 { fp_set(l, u->d, from_signed(l, W(A), l->f64)); }
LOWER(fcvt_s_wu) { fp_set(l, u->d, from_signed(l, CAST(ZExt, W(A), i64), l->f32)); }
LOWER(fcvt_d_wu) { fp_set(l, u->d, from_signed(l, CAST(ZExt, W(A), i64), l->f64)); }
LOWER(fcvt_s_l)	 { fp_set(l, u->d, from_signed(l, A, l->f32)); }
LOWER(fcvt_d_l)	 { fp_set(l, u->d, from_signed(l, A, l->f64)); }
LOWER(fcvt_s_lu) { from_unsigned(l, u, l->f32); }
LOWER(fcvt_d_lu) { from_unsigned(l, u, l->f64); }

/* ---- float to float ---- */

LOWER(fcvt_s_d)	{ fp_set(l, u->d, fp_strict(l, "fptrunc", l->f32, l->f64, FP_ROUNDED, 1, AD)); }
LOWER(fcvt_d_s)	{ fp_set(l, u->d, widened(l, AS)); }

#define BOX16 0xffffffffffff0000

static value from_half(struct lowering *l, value v)
{
	LLVMTypeRef half = LLVMHalfTypeInContext(l->ctx);
	value bits = SELECT(CMP(UGE, v, K(BOX16)), CAST(Trunc, v, i16), LLVMConstInt(l->i16, FP_NAN16, 0));
	return fp_strict(l, "fpext", l->f32, half, NULL, 1, LLVMBuildBitCast(l->b, bits, half, ""));
}

static void to_half(struct lowering *l, const struct uop *u, value x)
{
	value half = fp_strict(l, "fptrunc", LLVMHalfTypeInContext(l->ctx), l->f32, FP_ROUNDED, 1, x);
	value bits = CAST(ZExt, CAST(BitCast, half, i16), i64);
	value nan = CMP(UGT, BIN(And, bits, K(0x7fff)), K(0x7c00));
	D(BIN(Or, SELECT(nan, K(FP_NAN16), bits), K(BOX16)));
}

/* fp_double_to_odd_single */
static value to_odd_single(struct lowering *l, value v)
{
	value sign = BIN(And, W(BIN(LShr, v, K(32))), K32(0x80000000)), magnitude = BIN(And, v, K(INT64_MAX));
	value moved = BIN(Sub, magnitude, K((uint64_t)(1023 - 127) << 52));
	value lost = CMP(NE, BIN(And, moved, K(0x1fffffff)), K(0));
	value r = BIN(Or, W(BIN(LShr, moved, K(29))), CAST(ZExt, lost, i32));
	r = SELECT(CMP(ULT, magnitude, K(0x3810000000000000)), SELECT(CMP(EQ, magnitude, K(0)), K32(0), K32(0x00800001)), r);
	r = SELECT(CMP(UGE, magnitude, K(0x47f0000000000000)), K32(0x7f7fffff), r);
	r = SELECT(CMP(EQ, magnitude, K(0x7ff0000000000000)), K32(0x7f800000), r);
	r = SELECT(CMP(UGT, magnitude, K(0x7ff0000000000000)), K32(FP_NAN32), r);
	return LLVMBuildBitCast(l->b, BIN(Or, sign, r), l->f32, "");
}

LOWER(fcvt_s_h)	{ fp_set(l, u->d, from_half(l, A)); }
LOWER(fcvt_d_h)	{ fp_set(l, u->d, widened(l, from_half(l, A))); }
LOWER(fcvt_h_s)	{ to_half(l, u, AS); }
LOWER(fcvt_h_d)
{
	LLVMBasicBlockRef signalling = lower_block(l, "signalling"), done = lower_block(l, "done");
	value v = A, quiet = CMP(NE, BIN(And, v, K(0x0008000000000000)), K(0));
	lower_likely(l, BIN(Or, quiet, LLVMBuildNot(l->b, fp_is_nan(l, v), "")), done, signalling);
	lower_at(l, signalling);
	fp_raise_invalid(l);
	LLVMBuildBr(l->b, done);
	lower_at(l, done);
	to_half(l, u, to_odd_single(l, v));
}
LOWER(box16)	{ D(BIN(Or, A, K(BOX16))); }
LOWER(box32)	{ D(fp_boxed(l, u->d, W(A))); }

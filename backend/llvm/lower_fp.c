// SPDX-License-Identifier: Apache-2.0
/* Floating-point micro-ops but conversions as LLVM IR; ir/uops_fp.inc says what they do, runtime/fp.h by which rules. */
#include "backend/llvm/lower_fp.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "ir/op_info.h"

#define BOX32 0xffffffff00000000
#define IS_SINGLE(type) ((type) == l->f32)
/* Operands as raw values */
#define AS fp_get(l, l->f32, u->a)
#define BS fp_get(l, l->f32, u->b)
#define CS fp_get(l, l->f32, u->c)
#define AD fp_get(l, l->f64, u->a)
#define BD fp_get(l, l->f64, u->b)
#define CD fp_get(l, l->f64, u->c)

/* ---- operations that raise flags ---- */

static value word(struct lowering *l, const char *s)
{
	return LLVMMetadataAsValue(l->ctx, LLVMMDStringInContext2(l->ctx, s, strlen(s)));
}

value fp_strict(struct lowering *l, const char *name, LLVMTypeRef type, LLVMTypeRef from, const char *how, unsigned n, ...)
{
	value arg[5];
	char full[64];
	LLVMTypeRef overload[2] = { type, from };
	unsigned types = from ? 2 : 1;
	va_list ap;
	va_start(ap, n);
	for (unsigned i = 0; i < n; i++)
		arg[i] = va_arg(ap, value);
	va_end(ap);
	if (how)
		arg[n++] = word(l, how);
	arg[n++] = word(l, "fpexcept.strict");
	snprintf(full, sizeof full, "llvm.experimental.constrained.%s", name);
	unsigned id = LLVMLookupIntrinsicID(full, strlen(full));
	value fn = LLVMGetIntrinsicDeclaration(l->module, id, overload, types);
	value call = LLVMBuildCall2(l->b, LLVMIntrinsicGetType(l->ctx, id, overload, types), fn, arg, n, "");
	LLVMAttributeRef strictfp = LLVMCreateEnumAttribute(l->ctx, LLVMGetEnumAttributeKindForName("strictfp", 8), 0);
	LLVMAddCallSiteAttribute(call, LLVMAttributeFunctionIndex, strictfp);
	return call;
}

value fp_insn(struct lowering *l, LLVMTypeRef type, const char *text, const char *places, value x, value y)
{
	LLVMTypeRef param[2] = { LLVMTypeOf(x), LLVMTypeOf(x) };
	LLVMTypeRef fn_type = LLVMFunctionType(type, param, y ? 2 : 1, false);
	value fn = LLVMGetInlineAsm(fn_type, text, strlen(text), places, strlen(places), true, false, LLVMInlineAsmDialectATT, false);
	return LLVMBuildCall2(l->b, fn_type, fn, (value[]){ x, y }, y ? 2 : 1, "");
}

/* ---- bits ---- */

value fp_bits_of(struct lowering *l, value x)
{
	return LLVMBuildBitCast(l->b, x, IS_SINGLE(LLVMTypeOf(x)) ? l->i32 : l->i64, "");
}

value fp_constant(value bits, uint64_t narrow, uint64_t wide)
{
	LLVMTypeRef type = LLVMTypeOf(bits);
	return LLVMConstInt(type, LLVMGetIntTypeWidth(type) == 32 ? narrow : wide, 0);
}

value fp_boxed(struct lowering *l, unsigned slot, value bits)
{
	if (!slot_is_float(l, slot))
		return BIN(Or, CAST(ZExt, bits, i64), K(BOX32));
	/* a blend, so that it need not leave the vector registers */
	value ones = LLVMConstBitCast(K32(-1), l->f32), no = LLVMGetPoison(l->f32);
	value box = LLVMConstVector((value[]){ no, ones, no, no }, 4), single = LLVMBuildBitCast(l->b, bits, l->f32, "");
	value both = LLVMBuildInsertElement(l->b, box, single, K32(0), "");
	return LLVMBuildExtractElement(l->b, LLVMBuildBitCast(l->b, both, LLVMVectorType(l->f64, 2), ""), K32(0), "");
}

/* The single, if v is just what fp_boxed has made; else NULL. */
static value just_boxed(struct lowering *l, value v)
{
	if (LLVMIsABinaryOperator(v) && LLVMGetInstructionOpcode(v) == LLVMOr && LLVMGetOperand(v, 1) == K(BOX32))
		return CAST(Trunc, LLVMGetOperand(v, 0), i32);
	value held = LLVMIsABitCastInst(v) ? LLVMGetOperand(v, 0) : v;
	value both = LLVMIsAExtractElementInst(held) ? LLVMGetOperand(LLVMGetOperand(held, 0), 0) : NULL;
	if (!both || !LLVMIsAInsertElementInst(both))
		return NULL;
	value single = LLVMGetOperand(both, 1);
	return LLVMIsABitCastInst(single) ? LLVMGetOperand(single, 0) : fp_bits_of(l, single);
}

static value unboxed(struct lowering *l, value v)
{
	value bits = just_boxed(l, v);
	return bits ? bits : SELECT(CMP(UGE, v, K(BOX32)), CAST(Trunc, v, i32), K32(FP_NAN32));
}

value fp_is_nan(struct lowering *l, value bits)
{
	return CMP(UGT, BIN(And, bits, fp_constant(bits, 0x7fffffff, 0x7fffffffffffffff)), fp_constant(bits, 0x7f800000, 0x7ff0000000000000));
}

/* ---- raw values ---- */

/* How ops read their operands. Those that are not named read bits. */
enum reads { READS_BITS, READS_SINGLES, READS_DOUBLES };
#define BOTH(name) [UOP_##name##_s] = READS_SINGLES, [UOP_##name##_d] = READS_DOUBLES
static const uint8_t reads[UOP_COUNT] = {
	BOTH(fadd), BOTH(fsub), BOTH(fmul), BOTH(fdiv), BOTH(fsqrt), BOTH(fmadd), BOTH(fmin), BOTH(fmax), BOTH(feq), BOTH(flt), BOTH(fle),
	BOTH(fsgnj), BOTH(fsgnjn), BOTH(fsgnjx), BOTH(fcvt_w), BOTH(fcvt_wu), BOTH(fcvt_l), BOTH(fcvt_lu), BOTH(fcvtz_w), BOTH(fcvtz_wu),
	BOTH(fcvtz_l), BOTH(fcvtz_lu), [UOP_fcvt_s_d] = READS_DOUBLES, [UOP_fcvt_d_s] = READS_SINGLES, [UOP_fcvt_h_s] = READS_SINGLES,
};
#undef BOTH

static void make_raw(struct lowering *l, LLVMTypeRef type, value raw[VCPU_SLOTS], unsigned slot)
{
	if (!raw[slot] && slot != SLOT_ZERO)
		raw[slot] = LLVMBuildAlloca(l->b, type, "");
}

static void make_operands(struct lowering *l, const struct uop *u)
{
	const struct op_info *info = &op_info[u->op];
	if (reads[u->op] == READS_BITS)
		return;
	LLVMTypeRef type = reads[u->op] == READS_SINGLES ? l->f32 : l->f64;
	value *raw = IS_SINGLE(type) ? l->raw32 : l->raw64;
	make_raw(l, type, raw, u->a);
	if (info->has_b)
		make_raw(l, type, raw, u->b);
	if (info->has_c)
		make_raw(l, type, raw, u->c);
}

void fp_make_raw(struct lowering *l)
{
	for (const struct region_block *rb = l->region->block; rb < l->region->block + l->region->n_blocks; rb++)
		for (unsigned i = 0; i < rb->n_uops; i++)
			make_operands(l, &rb->uop[i]);
}

/* Whether v is loaded from a slot, thus possibly a constant once slots have become values. */
static bool from_slot(value v)
{
	return LLVMIsALoadInst(v) && LLVMIsAAllocaInst(LLVMGetOperand(v, 0));
}

/*
 * What was a float before is taken as that, what comes from struct vcpu straight from there. The fence hides constants: LLVM computes exact
 * sums of constants as rounding to nearest does, but 1 - 1 is -0 rounding down.
 */
static value raw_of(struct lowering *l, LLVMTypeRef type, value v)
{
	value bits = IS_SINGLE(type) ? unboxed(l, v) : v;
	value origin = LLVMIsABitCastInst(bits) ? LLVMGetOperand(bits, 0) : bits;
	if (LLVMTypeOf(origin) == type && !from_slot(origin))
		return origin;
	if (LLVMIsALoadInst(bits) && !from_slot(bits) && LLVMGetOrdering(bits) == LLVMAtomicOrderingNotAtomic && !LLVMGetVolatile(bits))
		return lower_load(l, type, LLVMGetOperand(bits, 0));
	return lower_intrinsic(l, "llvm.arithmetic.fence", type, 1, LLVMBuildBitCast(l->b, bits, type, ""));
}

void fp_follow(struct lowering *l, unsigned slot, value v)
{
	if (l->raw32[slot])
		LLVMBuildStore(l->b, raw_of(l, l->f32, v), l->raw32[slot]);
	if (l->raw64[slot])
		LLVMBuildStore(l->b, raw_of(l, l->f64, v), l->raw64[slot]);
}

value fp_get(struct lowering *l, LLVMTypeRef type, unsigned slot)
{
	value raw = IS_SINGLE(type) ? l->raw32[slot] : l->raw64[slot];
	return raw ? LLVMBuildLoad2(l->b, type, raw, "") : raw_of(l, type, K(0));
}

/* Sets the bits, and the raw value to one that counts as the same. */
static void set_both(struct lowering *l, unsigned slot, value bits, value raw)
{
	bool single = IS_SINGLE(LLVMTypeOf(raw));
	slot_set(l, slot, single ? fp_boxed(l, slot, bits) : bits);
	value at = single ? l->raw32[slot] : l->raw64[slot];
	if (at)
		LLVMBuildStore(l->b, raw, at);
}

static value canonical_nan(struct lowering *l, LLVMTypeRef type)
{
	return LLVMConstBitCast(IS_SINGLE(type) ? K32(FP_NAN32) : K(FP_NAN64), type);
}

static value canonical(struct lowering *l, value raw)
{
	/* a plain comparison, which LLVM may move: it raises nothing */
	value number = LLVMBuildFCmp(l->b, LLVMRealORD, raw, raw, "");
	return SELECT(number, raw, canonical_nan(l, LLVMTypeOf(raw)));
}

void fp_set(struct lowering *l, unsigned slot, value raw)
{
	set_both(l, slot, fp_bits_of(l, canonical(l, raw)), raw);
}

/* The raw value, with no other NaN than the canonical one if it is a result */
static value formed(struct lowering *l, unsigned slot)
{
	bool is_double = l->form[slot] == FORM_DOUBLE;
	value raw = LLVMBuildLoad2(l->b, is_double ? l->f64 : l->f32, is_double ? l->raw64[slot] : l->raw32[slot], "");
	return l->form[slot] == FORM_LOADED ? raw : canonical(l, raw);
}

static bool has_single(const struct lowering *l, unsigned slot)
{
	return l->form[slot] == FORM_SINGLE || l->form[slot] == FORM_LOADED;
}

value fp_word(struct lowering *l, unsigned slot)
{
	return has_single(l, slot) ? formed(l, slot) : slot_get(l, slot);
}

/* What a single-precision micro-op reads as bits */
static value single_bits(struct lowering *l, unsigned slot)
{
	return has_single(l, slot) ? fp_bits_of(l, formed(l, slot)) : unboxed(l, slot_get(l, slot));
}

value fp_formed(struct lowering *l, unsigned slot)
{
	value raw = formed(l, slot);
	return l->form[slot] == FORM_DOUBLE ? raw : fp_boxed(l, slot, raw);
}

/* Those that end in fp_set or do as it does. */
enum slot_form lower_form(const struct lowering *l, const struct uop *u)
{
#define FORMS(name) [UOP_##name##_s] = FORM_SINGLE, [UOP_##name##_d] = FORM_DOUBLE
	static const uint8_t forms[UOP_COUNT] = {
		FORMS(fadd), FORMS(fsub), FORMS(fmul), FORMS(fdiv), FORMS(fsqrt), FORMS(fmadd),
		[UOP_fcvt_s_w] = FORM_SINGLE, [UOP_fcvt_d_w] = FORM_DOUBLE, [UOP_fcvt_s_l] = FORM_SINGLE, [UOP_fcvt_d_l] = FORM_DOUBLE,
		[UOP_fcvt_s_d] = FORM_SINGLE, [UOP_fcvt_d_s] = FORM_DOUBLE, [UOP_ld_box32] = FORM_LOADED,
	};
#undef FORMS
	enum slot_form form = forms[u->op];
	return (form == FORM_DOUBLE ? l->raw64 : l->raw32)[u->d] ? form : FORM_BITS;
}

void fp_raise_invalid(struct lowering *l)
{
	value at = VCPU(fp_flags);
	lower_store(l, BIN(Or, lower_load(l, l->i32, at), K32(FP_NV)), at);
}

/* ---- arithmetic ---- */

#define ARITH(name) \
	LOWER(name##_s) { fp_set(l, u->d, fp_strict(l, #name, l->f32, NULL, FP_ROUNDED, 2, AS, BS)); } \
	LOWER(name##_d) { fp_set(l, u->d, fp_strict(l, #name, l->f64, NULL, FP_ROUNDED, 2, AD, BD)); }
ARITH(fadd)
ARITH(fsub)
ARITH(fmul)
ARITH(fdiv)
LOWER(fsqrt_s)	{ fp_set(l, u->d, fp_strict(l, "sqrt", l->f32, NULL, FP_ROUNDED, 1, AS)); }
LOWER(fsqrt_d)	{ fp_set(l, u->d, fp_strict(l, "sqrt", l->f64, NULL, FP_ROUNDED, 1, AD)); }

/* Infinity times 0: fp_inf_times_zero */
static value inf_times_zero(struct lowering *l, value x, value y)
{
	value twice_x = fp_bits_of(l, x), twice_y = fp_bits_of(l, y), zero = LLVMConstNull(LLVMTypeOf(twice_x));
	value inf = fp_constant(twice_x, 0xff000000, 0xffe0000000000000);
	twice_x = BIN(Add, twice_x, twice_x);
	twice_y = BIN(Add, twice_y, twice_y);
	return BIN(Or, BIN(And, CMP(EQ, twice_x, inf), CMP(EQ, twice_y, zero)), BIN(And, CMP(EQ, twice_y, inf), CMP(EQ, twice_x, zero)));
}

/* Keeps what is computed from x where it is: out of a loop it would take registers for a rare case. */
static value opaque(struct lowering *l, value x)
{
	return fp_insn(l, LLVMTypeOf(x), "", "=x,0", x, NULL);
}

static void multiply_add(struct lowering *l, const struct uop *u, value x, value y, value z)
{
	LLVMBasicBlockRef nan = lower_block(l, "nan"), invalid = lower_block(l, "invalid"), done = lower_block(l, "done");
	if (IMM & 1)
		x = LLVMBuildFNeg(l->b, x, "");
	if (IMM & 2)
		z = LLVMBuildFNeg(l->b, z, "");
	value r = fp_strict(l, "fma", LLVMTypeOf(x), NULL, FP_ROUNDED, 3, x, y, z);
	value canonical = canonical_nan(l, LLVMTypeOf(r));
	LLVMBasicBlockRef before = LLVMGetInsertBlock(l->b);
	lower_likely(l, LLVMBuildFCmp(l->b, LLVMRealORD, r, r, ""), done, nan);
	lower_at(l, nan);
	LLVMBuildCondBr(l->b, inf_times_zero(l, opaque(l, x), opaque(l, y)), invalid, done);
	lower_at(l, invalid);
	fp_raise_invalid(l);
	LLVMBuildBr(l->b, done);
	lower_at(l, done);
	value out = LLVMBuildPhi(l->b, LLVMTypeOf(r), "");
	LLVMAddIncoming(out, (value[]){ r, canonical, canonical }, (LLVMBasicBlockRef[]){ before, nan, invalid }, 3);
	set_both(l, u->d, fp_bits_of(l, out), r);
}

LOWER(fmadd_s)	{ multiply_add(l, u, AS, BS, CS); }
LOWER(fmadd_d)	{ multiply_add(l, u, AD, BD, CD); }

/* ---- comparisons, minimum, maximum ---- */

#define COMPARE(name, how, cond) \
	LOWER(name##_s) { D(CAST(ZExt, fp_strict(l, how, l->f32, NULL, cond, 2, AS, BS), i64)); } \
	LOWER(name##_d) { D(CAST(ZExt, fp_strict(l, how, l->f64, NULL, cond, 2, AD, BD), i64)); }
COMPARE(feq, "fcmp", "oeq")
COMPARE(flt, "fcmps", "olt")
COMPARE(fle, "fcmps", "ole")

/* The host's minimum or maximum. For numbers alone: it raises NV for quiet NaNs too, so that LLVM must not move it, as it would a comparison and a
 * select. */
static value extreme(struct lowering *l, value x, value y, bool least)
{
	static const char *const insn[2][2] = { { "vmaxsd $2, $1, $0", "vmaxss $2, $1, $0" }, { "vminsd $2, $1, $0", "vminss $2, $1, $0" } };
	LLVMTypeRef type = LLVMTypeOf(x);
	return fp_insn(l, type, insn[least][IS_SINGLE(type)], "=x,x,x", x, y);
}

/* The quiet comparison raises NV for a signalling NaN. Of equal numbers, which differ in sign or not at all, the host answers the second, hence
 * both orders. */
static void choose(struct lowering *l, const struct uop *u, value x, value y, bool least)
{
	LLVMBasicBlockRef numbers = lower_block(l, "numbers"), nan = lower_block(l, "nan"), done = lower_block(l, "done");
	LLVMTypeRef type = LLVMTypeOf(x);
	value xb = fp_bits_of(l, x), yb = fp_bits_of(l, y);
	lower_likely(l, fp_strict(l, "fcmp", type, NULL, "ord", 2, x, y), numbers, nan);
	lower_at(l, numbers);
	value one = fp_bits_of(l, extreme(l, x, y, least)), other = fp_bits_of(l, extreme(l, y, x, least));
	value number = LLVMBuildBitCast(l->b, least ? BIN(Or, one, other) : BIN(And, one, other), type, "");
	LLVMBuildBr(l->b, done);
	lower_at(l, nan);
	value right = SELECT(fp_is_nan(l, yb), fp_constant(yb, FP_NAN32, FP_NAN64), yb);
	value survivor = LLVMBuildBitCast(l->b, SELECT(fp_is_nan(l, xb), right, xb), type, "");
	LLVMBuildBr(l->b, done);
	lower_at(l, done);
	value r = lower_phi(l, type, number, numbers, survivor, nan);
	set_both(l, u->d, fp_bits_of(l, r), r);
}

LOWER(fmin_s)	{ choose(l, u, AS, BS, true); }
LOWER(fmin_d)	{ choose(l, u, AD, BD, true); }
LOWER(fmax_s)	{ choose(l, u, AS, BS, false); }
LOWER(fmax_d)	{ choose(l, u, AD, BD, false); }

/* ---- bits ---- */

/* A move, negation or absolute value does the same to the raw value, so that a chain of operations does not wait for its bits. */
static void sign_op(struct lowering *l, const struct uop *u, LLVMTypeRef type, value bits)
{
	value x = fp_get(l, type, u->a);
	if (u->a != u->b) {
		slot_set(l, u->d, IS_SINGLE(type) ? fp_boxed(l, u->d, bits) : bits);
		return;
	}
	if (u->op == UOP_fsgnjn_s || u->op == UOP_fsgnjn_d)
		x = LLVMBuildFNeg(l->b, x, "");
	else if (u->op == UOP_fsgnjx_s || u->op == UOP_fsgnjx_d)
		x = lower_intrinsic(l, "llvm.fabs", type, 1, x);
	set_both(l, u->d, bits, x);
}

#define SIGN_OP(name, expr) \
	LOWER(name##_s) { \
		value x = single_bits(l, u->a), y = single_bits(l, u->b), sign = K32(0x80000000), rest = K32(0x7fffffff); \
		sign_op(l, u, l->f32, (expr)); \
	} \
	LOWER(name##_d) { \
		value x = A, y = B, sign = K(0x8000000000000000), rest = K(0x7fffffffffffffff); \
		sign_op(l, u, l->f64, (expr)); \
	}
SIGN_OP(fsgnj, BIN(Or, BIN(And, x, rest), BIN(And, y, sign)))
SIGN_OP(fsgnjn, BIN(Or, BIN(And, x, rest), BIN(And, LLVMBuildNot(l->b, y, ""), sign)))
SIGN_OP(fsgnjx, BIN(Or, BIN(And, x, rest), BIN(And, BIN(Xor, x, y), sign)))

/* fp_class; the fraction is bits' lowest. */
static value classify(struct lowering *l, value bits, unsigned fraction)
{
	LLVMTypeRef type = LLVMTypeOf(bits);
	uint64_t ones = LLVMGetIntTypeWidth(type) == 32 ? 0xff : 0x7ff;
	value zero = LLVMConstNull(type), fraction_zero = CMP(EQ, BIN(And, bits, LLVMConstInt(type, ((uint64_t)1 << fraction) - 1, 0)), zero);
	value exponent = BIN(And, BIN(LShr, bits, LLVMConstInt(type, fraction, 0)), LLVMConstInt(type, ones, 0));
	value exp_max = CMP(EQ, exponent, LLVMConstInt(type, ones, 0)), exp_zero = CMP(EQ, exponent, zero);
	value quiet = CMP(NE, BIN(And, bits, LLVMConstInt(type, (uint64_t)1 << (fraction - 1), 0)), zero);
	value kind = SELECT(exp_max, K(0), SELECT(exp_zero, SELECT(fraction_zero, K(3), K(2)), K(1)));
	value place = SELECT(CMP(SLT, bits, zero), kind, BIN(Sub, K(7), kind));
	place = SELECT(BIN(And, exp_max, LLVMBuildNot(l->b, fraction_zero, "")), SELECT(quiet, K(9), K(8)), place);
	return BIN(Shl, K(1), place);
}

LOWER(fclass_s)	{ D(classify(l, single_bits(l, u->a), 23)); }
LOWER(fclass_d)	{ D(classify(l, A, 52)); }

/* ---- rounding and flags ---- */

#define STATUS_FLAGS 0x3fu	/* FP_FLAGS, and one that guests have not */

static value read_status(struct lowering *l)
{
	lower_intrinsic(l, "llvm.x86.sse.stmxcsr", NULL, 1, l->result);
	return lower_load(l, l->i32, l->result);
}

static void write_status(struct lowering *l, value status)
{
	lower_store(l, status, l->result);
	lower_intrinsic(l, "llvm.x86.sse.ldmxcsr", NULL, 1, l->result);
}

LOWER(fp_round)
{
	value control = (IMM & 7) == 7 ? lower_load(l, l->i32, VCPU(fp_control)) : K32(fp_control_for(IMM & 3));
	value kept = BIN(And, read_status(l), K32(~FP_RC_MASK));
	write_status(l, BIN(Or, kept, BIN(And, control, K32(FP_RC_MASK))));
}

/* A pair of flags, for both directions */
static const struct { unsigned host, guest; } flag_pair[] = { { FP_NV, 16 }, { FP_DZ, 8 }, { FP_OF, 4 }, { FP_UF, 2 }, { FP_NX, 1 } };

LOWER(fp_flags)
{
	value host = BIN(Or, read_status(l), lower_load(l, l->i32, VCPU(fp_flags))), guest = K(0);
	for (unsigned i = 0; i < ARRAY_SIZE(flag_pair); i++) {
		value set = CMP(NE, BIN(And, host, K32(flag_pair[i].host)), K32(0));
		guest = BIN(Or, guest, SELECT(set, K(flag_pair[i].guest), K(0)));
	}
	D(BIN(And, guest, K(IMM)));
}

static bool compares(enum uop_op op)
{
	return op == UOP_feq_s || op == UOP_flt_s || op == UOP_fle_s || op == UOP_feq_d || op == UOP_flt_d || op == UOP_fle_d;
}

/* The comparison whose flags are taken back, since what is set has been read before it; NULL: there is none. How C's isless is compiled. */
static const struct uop *taken_back(const struct lowering *l, const struct uop *set)
{
	const struct uop *comparison = NULL;
	for (const struct uop *u = set; u-- > l->block->uop;) {
		if (u->op == UOP_fp_flags)
			return u->d == set->a && !(set->imm & ~u->imm) ? comparison : NULL;
		if (u->d == set->a || !(u->op == UOP_li || (compares(u->op) && !comparison)))
			return NULL;
		if (compares(u->op))
			comparison = u;
	}
	return NULL;
}

static void set_flags(struct lowering *l, const struct uop *u)
{
	LLVMBasicBlockRef clear = lower_block(l, "clear"), cleared = lower_block(l, "cleared");
	value a = A, status = read_status(l), set = K32(0);
	LLVMBuildCondBr(l->b, CMP(NE, BIN(And, status, K32(STATUS_FLAGS)), K32(0)), clear, cleared);
	lower_at(l, clear);
	write_status(l, BIN(And, status, K32(~STATUS_FLAGS)));
	LLVMBuildBr(l->b, cleared);
	lower_at(l, cleared);
	for (unsigned i = 0; i < ARRAY_SIZE(flag_pair); i++)
		if (IMM & flag_pair[i].guest)
			set = BIN(Or, set, SELECT(CMP(NE, BIN(And, a, K(flag_pair[i].guest)), K(0)), K32(flag_pair[i].host), K32(0)));
	value raised = BIN(Or, lower_load(l, l->i32, VCPU(fp_flags)), BIN(And, status, K32(FP_FLAGS)));
	value kept = BIN(And, raised, K32(~fp_unpack_flags(IMM)));
	lower_store(l, BIN(Or, kept, set), VCPU(fp_flags));
}

/* Reading and writing the host's status waits for all that is under way; of numbers a comparison raises nothing. */
LOWER(fp_set_flags)
{
	const struct uop *c = taken_back(l, u);
	if (!c) {
		set_flags(l, u);
		return;
	}
	LLVMBasicBlockRef nan = lower_block(l, "nan"), done = lower_block(l, "done");
	LLVMTypeRef type = reads[c->op] == READS_SINGLES ? l->f32 : l->f64;
	lower_likely(l, fp_strict(l, "fcmp", type, NULL, "ord", 2, fp_get(l, type, c->a), fp_get(l, type, c->b)), done, nan);
	lower_at(l, nan);
	set_flags(l, u);
	LLVMBuildBr(l->b, done);
	lower_at(l, done);
}

LOWER(fsoft)
{
	LLVMTypeRef params[5] = { l->ptr, l->i32, l->i64, l->i64, l->i64 };
	LLVMTypeRef type = LLVMFunctionType(l->i64, params, 5, false);
	D(LLVMBuildCall2(l->b, type, CALLS(softfp_run), (value[]){ l->cpu, K32(u->imm), A, B, C }, 5, ""));
}

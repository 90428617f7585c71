// SPDX-License-Identifier: Apache-2.0
/* Integer micro-ops as LLVM IR; ir/uops_int.inc says what they do. */
#include "backend/llvm/lower.h"

#define W(v) CAST(Trunc, v, i32)
#define SX(v) CAST(SExt, v, i64)
#define ZX(v) CAST(ZExt, v, i64)
#define COUNT(v) BIN(And, v, K(63))
#define COUNT32(v) BIN(And, W(v), K32(31))

/* ---- moves ---- */
LOWER(mov)	{ D(A); }
LOWER(li)	{ D(K(IMM)); }
LOWER(lih)	{ D(K(IMM << 32)); }

/* ---- arithmetic and logic ---- */
#define PLAIN(name, op)		LOWER(name) { D(BIN(op, A, B)); } \
				LOWER(name##_i) { D(BIN(op, A, K(IMM))); }
#define SHIFT(name, op)		LOWER(name) { D(BIN(op, A, COUNT(B))); } \
				LOWER(name##_i) { D(BIN(op, A, K(IMM & 63))); } \
				LOWER(name##w) { D(SX(BIN(op, W(A), COUNT32(B)))); } \
				LOWER(name##w_i) { D(SX(BIN(op, W(A), K32(IMM & 31)))); }
#define COMPARE(name, cond)	LOWER(name) { D(ZX(CMP(cond, A, B))); } \
				LOWER(name##_i) { D(ZX(CMP(cond, A, K(IMM)))); }
PLAIN(add, Add)
PLAIN(and, And)
PLAIN(or, Or)
PLAIN(xor, Xor)
SHIFT(shl, Shl)
SHIFT(shr, LShr)
SHIFT(sar, AShr)
COMPARE(slt, SLT)
COMPARE(sltu, ULT)
LOWER(sub)	{ D(BIN(Sub, A, B)); }
LOWER(addw)	{ D(lower_sext32(l, BIN(Add, A, B))); }
LOWER(addw_i)	{ D(lower_sext32(l, BIN(Add, A, K(IMM)))); }
LOWER(subw)	{ D(lower_sext32(l, BIN(Sub, A, B))); }

/* ---- multiply and divide ---- */
LOWER(mul)	{ D(BIN(Mul, A, B)); }
LOWER(mulw)	{ D(lower_sext32(l, BIN(Mul, A, B))); }

static value high_half(struct lowering *l, value a, value b)
{
	return CAST(Trunc, BIN(LShr, BIN(Mul, a, b), LLVMConstInt(l->i128, 64, 0)), i64);
}

LOWER(mulh)	{ D(high_half(l, CAST(SExt, A, i128), CAST(SExt, B, i128))); }
LOWER(mulhu)	{ D(high_half(l, CAST(ZExt, A, i128), CAST(ZExt, B, i128))); }
LOWER(mulhsu)	{ D(high_half(l, CAST(SExt, A, i128), CAST(ZExt, B, i128))); }

/* The host's division traps on 0 and overflows on -1: it divides by 1 then, and the answer is another one. */
static value divide_signed(struct lowering *l, value a, value b, bool remainder)
{
	value one = LLVMConstInt(LLVMTypeOf(a), 1, 0), zero = LLVMConstNull(LLVMTypeOf(a)), minus_1 = LLVMConstAllOnes(LLVMTypeOf(a));
	value by_0 = CMP(EQ, b, zero), special = CMP(ULE, BIN(Add, b, one), one), safe = SELECT(special, one, b);
	if (remainder)
		return SELECT(special, SELECT(by_0, a, zero), BIN(SRem, a, safe));
	return SELECT(special, SELECT(by_0, minus_1, BIN(Sub, zero, a)), BIN(SDiv, a, safe));
}

static value divide_unsigned(struct lowering *l, value a, value b, bool remainder)
{
	value by_0 = CMP(EQ, b, LLVMConstNull(LLVMTypeOf(a))), safe = SELECT(by_0, LLVMConstInt(LLVMTypeOf(a), 1, 0), b);
	if (remainder)
		return SELECT(by_0, a, BIN(URem, a, safe));
	return SELECT(by_0, LLVMConstAllOnes(LLVMTypeOf(a)), BIN(UDiv, a, safe));
}

LOWER(div)	{ D(divide_signed(l, A, B, false)); }
LOWER(rem)	{ D(divide_signed(l, A, B, true)); }
LOWER(divu)	{ D(divide_unsigned(l, A, B, false)); }
LOWER(remu)	{ D(divide_unsigned(l, A, B, true)); }
LOWER(divw)	{ D(SX(divide_signed(l, W(A), W(B), false))); }
LOWER(remw)	{ D(SX(divide_signed(l, W(A), W(B), true))); }
LOWER(divuw)	{ D(SX(divide_unsigned(l, W(A), W(B), false))); }
LOWER(remuw)	{ D(SX(divide_unsigned(l, W(A), W(B), true))); }

/* ---- extension ---- */
LOWER(sext8)	{ D(SX(CAST(Trunc, A, i8))); }
LOWER(sext16)	{ D(SX(CAST(Trunc, A, i16))); }
LOWER(sext32)	{ D(lower_sext32(l, A)); }
LOWER(zext16)	{ D(BIN(And, A, K(0xffff))); }
LOWER(zext32)	{ D(BIN(And, A, K(0xffffffff))); }

// SPDX-License-Identifier: Apache-2.0
/* Micro-ops on bits as LLVM IR; ir/uops_bits.inc says what they do. */
#include "backend/llvm/lower.h"

#define W(v) CAST(Trunc, v, i32)
#define SX(v) CAST(SExt, v, i64)
#define ZX(v) CAST(ZExt, v, i64)
#define NOT(v) LLVMBuildNot(l->b, (v), "")
#define LOW32(v) BIN(And, v, K(0xffffffff))
#define BIT(n) BIN(Shl, K(1), BIN(And, n, K(63)))

LOWER(andn)	{ D(BIN(And, A, NOT(B))); }
LOWER(orn)	{ D(BIN(Or, A, NOT(B))); }
LOWER(xnor)	{ D(NOT(BIN(Xor, A, B))); }

static value rotate(struct lowering *l, const char *direction, value v, value n)
{
	return lower_intrinsic(l, direction, LLVMTypeOf(v), 3, v, v, n);
}

LOWER(rol)	{ D(rotate(l, "llvm.fshl", A, B)); }
LOWER(ror)	{ D(rotate(l, "llvm.fshr", A, B)); }
LOWER(ror_i)	{ D(rotate(l, "llvm.fshr", A, K(IMM))); }
LOWER(rolw)	{ D(SX(rotate(l, "llvm.fshl", W(A), W(B)))); }
LOWER(rorw)	{ D(SX(rotate(l, "llvm.fshr", W(A), W(B)))); }
LOWER(rorw_i)	{ D(SX(rotate(l, "llvm.fshr", W(A), K32(IMM)))); }

/* Counts of zeros; of 0 they are the width. */
static value count(struct lowering *l, const char *name, value v)
{
	return lower_intrinsic(l, name, LLVMTypeOf(v), 2, v, LLVMConstInt(l->i1, 0, 0));
}

LOWER(clz)	{ D(count(l, "llvm.ctlz", A)); }
LOWER(clzw)	{ D(ZX(count(l, "llvm.ctlz", W(A)))); }
LOWER(ctz)	{ D(count(l, "llvm.cttz", A)); }
LOWER(ctzw)	{ D(ZX(count(l, "llvm.cttz", W(A)))); }
LOWER(popcnt)	{ D(lower_intrinsic(l, "llvm.ctpop", l->i64, 1, A)); }
LOWER(popcntw)	{ D(ZX(lower_intrinsic(l, "llvm.ctpop", l->i32, 1, W(A)))); }
LOWER(bswap)	{ D(lower_intrinsic(l, "llvm.bswap", l->i64, 1, A)); }

LOWER(orcb)
{
	const uint64_t low7 = 0x7f7f7f7f7f7f7f7f;
	value a = A, carry = BIN(Add, BIN(And, a, K(low7)), K(low7)), top = BIN(And, BIN(Or, carry, a), K(~low7));
	D(BIN(Mul, BIN(LShr, top, K(7)), K(0xff)));
}

#define CHOOSE(name, cond) LOWER(name) { value a = A, b = B; D(SELECT(CMP(cond, a, b), a, b)); }
CHOOSE(min, SLT)
CHOOSE(max, SGT)
CHOOSE(minu, ULT)
CHOOSE(maxu, UGT)

LOWER(sh1add)	{ D(BIN(Add, BIN(Shl, A, K(1)), B)); }
LOWER(sh2add)	{ D(BIN(Add, BIN(Shl, A, K(2)), B)); }
LOWER(sh3add)	{ D(BIN(Add, BIN(Shl, A, K(3)), B)); }
LOWER(add_uw)	{ D(BIN(Add, LOW32(A), B)); }
LOWER(sh1add_uw) { D(BIN(Add, BIN(Shl, LOW32(A), K(1)), B)); }
LOWER(sh2add_uw) { D(BIN(Add, BIN(Shl, LOW32(A), K(2)), B)); }
LOWER(sh3add_uw) { D(BIN(Add, BIN(Shl, LOW32(A), K(3)), B)); }
LOWER(shl_uw_i)	{ D(BIN(Shl, LOW32(A), K(IMM & 63))); }

LOWER(bclr)	{ D(BIN(And, A, NOT(BIT(B)))); }
LOWER(bclr_i)	{ D(BIN(And, A, K(~((uint64_t)1 << (IMM & 63))))); }
LOWER(bset)	{ D(BIN(Or, A, BIT(B))); }
LOWER(bset_i)	{ D(BIN(Or, A, K((uint64_t)1 << (IMM & 63)))); }
LOWER(binv)	{ D(BIN(Xor, A, BIT(B))); }
LOWER(binv_i)	{ D(BIN(Xor, A, K((uint64_t)1 << (IMM & 63)))); }
LOWER(bext)	{ D(BIN(And, BIN(LShr, A, BIN(And, B, K(63))), K(1))); }
LOWER(bext_i)	{ D(BIN(And, BIN(LShr, A, K(IMM & 63)), K(1))); }

/* As math_clmul (ir/uop_math.h): of each operand only every fourth bit at a time, so that no carry reaches a bit that counts. */
static value carryless(struct lowering *l, value a, value b)
{
	value a_part[4], b_part[4], result = K(0);
	for (unsigned i = 0; i < 4; i++) {
		a_part[i] = BIN(And, a, K(0x1111111111111111u << i));
		b_part[i] = BIN(And, b, K(0x1111111111111111u << i));
	}
	for (unsigned k = 0; k < 4; k++) {
		value sum = K(0);
		for (unsigned i = 0; i < 4; i++)
			sum = BIN(Xor, sum, BIN(Mul, a_part[i], b_part[(k - i) & 3]));
		result = BIN(Or, result, BIN(And, sum, K(0x1111111111111111u << k)));
	}
	return result;
}

/* Bits 126 to 63 of the product: reversing the operands reverses it. */
static value carryless_upper(struct lowering *l, value a, value b)
{
	a = lower_intrinsic(l, "llvm.bitreverse", l->i64, 1, a);
	b = lower_intrinsic(l, "llvm.bitreverse", l->i64, 1, b);
	return lower_intrinsic(l, "llvm.bitreverse", l->i64, 1, carryless(l, a, b));
}

LOWER(clmul)	{ D(carryless(l, A, B)); }
LOWER(clmulr)	{ D(carryless_upper(l, A, B)); }
LOWER(clmulh)	{ D(BIN(LShr, carryless_upper(l, A, B), K(1))); }
LOWER(czero_eqz) { D(SELECT(CMP(EQ, B, K(0)), K(0), A)); }
LOWER(czero_nez) { D(SELECT(CMP(NE, B, K(0)), K(0), A)); }

// SPDX-License-Identifier: Apache-2.0
/* Loads, stores and atomics as LLVM IR; ir/uops_mem.inc and ir/uops_atomic.inc say what they do. */
#include "backend/llvm/lower_fp.h"
#include "backend/llvm/lower_window.h"

/* ---- the one place that reaches guest memory ---- */

struct access {
	LLVMBasicBlockRef miss, done;
};

static value table_of(struct lowering *l, value va)
{
	if (l->region->mode & MODE_LOW_HALF)
		return VCPU(tlb);
	value at = BIN(Mul, BIN(LShr, va, K(63)), K(sizeof(struct tlb_table)));
	return LLVMBuildInBoundsGEP2(l->b, l->i8, VCPU(tlb), &at, 1, "");
}

/*
 * Looks va up in the TLB. What follows is done with the host address that is returned; then comes end_access. On a miss the whole micro-op is
 * executed in C.
 */
static value begin_access(struct lowering *l, struct access *x, value va, unsigned size, enum mmu_access access)
{
	lower_flush(l);
	value table = table_of(l, va);
	value entries = lower_load(l, l->ptr, FIELD(table, offsetof(struct tlb_table, entries)));
	value mask = lower_load(l, l->i64, FIELD(table, offsetof(struct tlb_table, mask)));
	value at = BIN(And, BIN(LShr, va, K(PAGE_BITS - 5)), mask);
	value entry = LLVMBuildInBoundsGEP2(l->b, l->i8, entries, &at, 1, "");
	value tag = lower_load(l, l->i64, FIELD(entry, offsetof(struct tlb_entry, tag) + access * sizeof(uint64_t)));
	LLVMBasicBlockRef hit = lower_block(l, "hit");
	x->miss = lower_block(l, "miss");
	x->done = lower_block(l, "done");
	lower_likely(l, CMP(EQ, BIN(And, va, K(PAGE_MASK | (size - 1))), tag), hit, x->miss);
	lower_at(l, hit);
	value addend = lower_load(l, l->i64, FIELD(entry, offsetof(struct tlb_entry, addend)));
	return CAST(IntToPtr, BIN(Add, va, addend), ptr);
}

/* v: the result, NULL for ops without. */
static void end_access(struct lowering *l, const struct access *x, const struct uop *u, value v)
{
	LLVMBasicBlockRef hit = LLVMGetInsertBlock(l->b);
	LLVMBuildBr(l->b, x->done);
	lower_at(l, x->miss);
	value good = lower_slow(l, u), slow = v ? lower_load(l, l->i64, VCPU(reg[u->d])) : NULL;
	lower_likely(l, good, x->done, l->ret);
	lower_at(l, x->done);
	if (v)
		D(lower_phi(l, l->i64, v, hit, slow, x->miss));
}

static value atomic(value access, unsigned bytes, LLVMAtomicOrdering order)
{
	LLVMSetAlignment(access, bytes);
	LLVMSetOrdering(access, order);
	return access;
}

/* ---- loads and stores ---- Single-copy atomic where they are aligned; the TLB lets no others through. */

static void loaded(struct lowering *l, const struct uop *u, value v, bool is_signed, uint64_t box)
{
	if (u->op == UOP_ld_box32) {
		D(fp_boxed(l, u->d, LLVMTypeOf(v) == l->i64 ? CAST(Trunc, v, i32) : v));
		return;
	}
	if (LLVMTypeOf(v) != l->i64)
		v = is_signed ? CAST(SExt, v, i64) : CAST(ZExt, v, i64);
	D(box ? BIN(Or, v, K(box)) : v);
}

static void load(struct lowering *l, const struct uop *u, LLVMTypeRef type, bool is_signed, uint64_t box)
{
	struct access x;
	unsigned bytes = LLVMGetIntTypeWidth(type) / 8;
	/* what floating point reads is one from the beginning, so that it need not be moved */
	LLVMTypeRef as = type == l->i64 && slot_is_float(l, u->d) ? l->f64 : type == l->i32 && box && l->raw32[u->d] ? l->f32 : type;
	if (l->region->windows) {
		bool is_float = as == l->f32 || as == l->f64;
		value v = windows_load(l, u, is_float ? as : l->i64, (unsigned)__builtin_ctz(bytes), is_signed);
		loaded(l, u, is_float ? fp_bits_of(l, v) : v, is_signed, box);
		return;
	}
	value p = begin_access(l, &x, BIN(Add, A, K(IMM)), bytes, MMU_READ);
	value fast = LLVMBuildBitCast(l->b, atomic(LLVMBuildLoad2(l->b, type, p, ""), bytes, LLVMAtomicOrderingMonotonic), as, "");
	LLVMBasicBlockRef hit = LLVMGetInsertBlock(l->b);
	LLVMBuildBr(l->b, x.done);
	lower_at(l, x.miss);
	value good = lower_slow(l, u), slow = lower_load(l, as, VCPU(reg[u->d]));
	lower_likely(l, good, x.done, l->ret);
	lower_at(l, x.done);
	loaded(l, u, LLVMBuildBitCast(l->b, lower_phi(l, as, fast, hit, slow, x.miss), type, ""), is_signed, box);
}

LOWER(ld_u8)	{ load(l, u, l->i8, false, 0); }
LOWER(ld_s8)	{ load(l, u, l->i8, true, 0); }
LOWER(ld_u16)	{ load(l, u, l->i16, false, 0); }
LOWER(ld_s16)	{ load(l, u, l->i16, true, 0); }
LOWER(ld_u32)	{ load(l, u, l->i32, false, 0); }
LOWER(ld_s32)	{ load(l, u, l->i32, true, 0); }
LOWER(ld_64)	{ load(l, u, l->i64, false, 0); }
LOWER(ld_box16)	{ load(l, u, l->i16, false, 0xffffffffffff0000); }
LOWER(ld_box32)	{ load(l, u, l->i32, false, 0xffffffff00000000); }

static void store(struct lowering *l, const struct uop *u, LLVMTypeRef type)
{
	struct access x;
	unsigned bytes = LLVMGetIntTypeWidth(type) / 8;
	if (l->region->windows) {
		windows_store(l, u, type == l->i64 ? slot_held(l, u->b) : type == l->i32 ? fp_word(l, u->b) : B, (unsigned)__builtin_ctz(bytes));
		return;
	}
	value v = bytes < 8 ? LLVMBuildTrunc(l->b, B, type, "") : B;
	value p = begin_access(l, &x, BIN(Add, A, K(IMM)), bytes, MMU_WRITE);
	atomic(LLVMBuildStore(l->b, v, p), bytes, LLVMAtomicOrderingMonotonic);
	end_access(l, &x, u, NULL);
}

LOWER(st_8)	{ store(l, u, l->i8); }
LOWER(st_16)	{ store(l, u, l->i16); }
LOWER(st_32)	{ store(l, u, l->i32); }
LOWER(st_64)	{ store(l, u, l->i64); }

/* ---- load-reserved, store-conditional ---- */

static value sext(struct lowering *l, value v)
{
	return LLVMTypeOf(v) == l->i64 ? v : CAST(SExt, v, i64);
}

static value zext(struct lowering *l, value v)
{
	return LLVMTypeOf(v) == l->i64 ? v : CAST(ZExt, v, i64);
}

static void load_reserved(struct lowering *l, const struct uop *u, LLVMTypeRef type)
{
	struct access x;
	unsigned bytes = LLVMGetIntTypeWidth(type) / 8;
	value p = begin_access(l, &x, A, bytes, MMU_READ);
	value v = atomic(LLVMBuildLoad2(l->b, type, p, ""), bytes, LLVMAtomicOrderingSequentiallyConsistent);
	lower_store(l, CAST(PtrToInt, p, i64), VCPU(reservation.pa));
	lower_store(l, K32(bytes), VCPU(reservation.size));
	lower_store(l, zext(l, v), VCPU(reservation.value));
	end_access(l, &x, u, sext(l, v));
}

LOWER(lr_w)	{ load_reserved(l, u, l->i32); }
LOWER(lr_d)	{ load_reserved(l, u, l->i64); }

static void store_conditional(struct lowering *l, const struct uop *u, LLVMTypeRef type)
{
	struct access x;
	unsigned bytes = LLVMGetIntTypeWidth(type) / 8;
	value v = B, p = begin_access(l, &x, A, bytes, MMU_WRITE);
	value old = lower_load(l, type, VCPU(reservation.value));
	value held = BIN(And, CMP(EQ, lower_load(l, l->i32, VCPU(reservation.size)), K32(bytes)),
			 CMP(EQ, lower_load(l, l->i64, VCPU(reservation.pa)), CAST(PtrToInt, p, i64)));
	lower_store(l, K32(0), VCPU(reservation.size));
	LLVMBasicBlockRef before = LLVMGetInsertBlock(l->b), try = lower_block(l, "try"), after = lower_block(l, "tried");
	LLVMBuildCondBr(l->b, held, try, after);
	lower_at(l, try);
	value pair = LLVMBuildAtomicCmpXchg(l->b, p, old, bytes < 8 ? LLVMBuildTrunc(l->b, v, type, "") : v,
					    LLVMAtomicOrderingSequentiallyConsistent, LLVMAtomicOrderingSequentiallyConsistent, false);
	LLVMSetAlignment(pair, bytes);
	value failed = CAST(ZExt, LLVMBuildNot(l->b, LLVMBuildExtractValue(l->b, pair, 1, ""), ""), i64);
	LLVMBuildBr(l->b, after);
	lower_at(l, after);
	end_access(l, &x, u, lower_phi(l, l->i64, K(1), before, failed, try));
}

LOWER(sc_w)	{ store_conditional(l, u, l->i32); }
LOWER(sc_d)	{ store_conditional(l, u, l->i64); }

/* ---- read-modify-write; the result is the old value ---- */

static void modify(struct lowering *l, const struct uop *u, LLVMTypeRef type, LLVMAtomicRMWBinOp op)
{
	struct access x;
	unsigned bytes = LLVMGetIntTypeWidth(type) / 8;
	value v = B, p = begin_access(l, &x, A, bytes, MMU_WRITE);
	value old = LLVMBuildAtomicRMW(l->b, op, p, bytes < 8 ? LLVMBuildTrunc(l->b, v, type, "") : v,
				       LLVMAtomicOrderingSequentiallyConsistent, false);
	LLVMSetAlignment(old, bytes);
	end_access(l, &x, u, sext(l, old));
}

#define MODIFY(name, op) \
	LOWER(name##_w) { modify(l, u, l->i32, LLVMAtomicRMWBinOp##op); } \
	LOWER(name##_d) { modify(l, u, l->i64, LLVMAtomicRMWBinOp##op); }
MODIFY(swap, Xchg)
MODIFY(fetch_add, Add)
MODIFY(fetch_and, And)
MODIFY(fetch_or, Or)
MODIFY(fetch_xor, Xor)
MODIFY(fetch_min, Min)
MODIFY(fetch_max, Max)
MODIFY(fetch_minu, UMin)
MODIFY(fetch_maxu, UMax)

LOWER(fence)
{
	bool full = u->imm & 1;
	LLVMBuildFence(l->b, full ? LLVMAtomicOrderingSequentiallyConsistent : LLVMAtomicOrderingAcquireRelease, false, "");
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Floating point within a region. Generated code runs with the guest's rounding mode in MXCSR, which collects the guest's flags: every operation
 * that can raise one is a constrained intrinsic or an inline asm with side effects, which LLVM keeps where it is. Plain operations move,
 * even ahead of branches that guard them.
 *
 * A slot that floating-point micro-ops of the region read has, beside its 64 bits, a raw value of their type, always up to date. The bits are
 * canonical; a raw NaN may be any quiet one, which for arithmetic, comparisons and conversions is the same. So a chain of operations
 * neither makes NaNs canonical nor looks at NaN boxes on its way, in loops neither; only what is stored or moved does, beside it.
 */
#pragma once
#include "backend/llvm/lower.h"
#include "runtime/fp.h"

/* Makes room for raw values. Stands before slots are made. */
void fp_make_raw(struct lowering *l);
/* The bits of a slot in a form other than FORM_BITS, as slot_held has them */
value fp_formed(struct lowering *l, unsigned slot);
/* The low 32 bits of a slot: as a float where they are that of one already, else with the upper ones */
value fp_word(struct lowering *l, unsigned slot);
/* A slot's 64 bits have become v. */
void fp_follow(struct lowering *l, unsigned slot, value v);

/* ---- for lower_fp*.c ---- */
/* The raw value of a slot that the running micro-op reads so */
value fp_get(struct lowering *l, LLVMTypeRef type, unsigned slot);
/* Sets a slot to a result, which is no signalling NaN. */
void fp_set(struct lowering *l, unsigned slot, value raw);
/* A single, as bits or a float, in its box, as slot_held has the slot's bits */
value fp_boxed(struct lowering *l, unsigned slot, value bits);
/* A raw value's bits, of its own width; a constant of their type; whether they are a NaN's */
value fp_bits_of(struct lowering *l, value raw);
value fp_constant(value bits, uint64_t narrow, uint64_t wide);
value fp_is_nan(struct lowering *l, value bits);
/* A constrained intrinsic, overloaded by `type` and, unless it is NULL, `from`. `how`: FP_ROUNDED, a comparison's predicate, NULL: neither. */
#define FP_ROUNDED "round.dynamic"
value fp_strict(struct lowering *l, const char *name, LLVMTypeRef type, LLVMTypeRef from, const char *how, unsigned n, ...);
/* One instruction of the host, for what no intrinsic is exactly. y: NULL if it has one operand. */
value fp_insn(struct lowering *l, LLVMTypeRef type, const char *text, const char *places, value x, value y);
/* Raises NV where the host has not. */
void fp_raise_invalid(struct lowering *l);

// SPDX-License-Identifier: Apache-2.0
/*
 * The bodies as a stencil tier would compile them: one function an op, operands as holes (addresses of symbols that do not
 * exist), leaving by tail calls. stencil_form.py looks at the assembly: no static data, no calls, no jump tables.
 */
#include "ir/block.h"
#include "ir/uop_math.h"

#define STENCIL_ARGS struct vcpu *cpu, uint64_t pin1, uint64_t pin2, uint64_t pin3
typedef __attribute__((preserve_none)) void stencil_fn(STENCIL_ARGS);

extern char hole_a, hole_b, hole_c, hole_d, hole_imm;
stencil_fn leave_next, leave_fault, leave_taken, leave_not_taken, leave_indirect;

#define SLOT(hole) (*(uint64_t *)((char *)cpu + (uintptr_t)&hole))
#define A SLOT(hole_a)
#define B SLOT(hole_b)
#define C SLOT(hole_c)
#define IMM ((int64_t)(intptr_t)&hole_imm)
#define INDEX_C ((uintptr_t)&hole_c)
#define D(v) (SLOT(hole_d) = (v))
#define GO(f) __attribute__((musttail)) return f(cpu, pin1, pin2, pin3)
#define NEXT GO(leave_next)
#define FAULT GO(leave_fault)
#define HOST(p, T, va, access) \
	const uint64_t va_ = (va); \
	const struct tlb_entry *e_ = TLB_ENTRY(&cpu->tlb[va_ >> 63], va_); \
	if (unlikely((va_ & (PAGE_MASK | (sizeof(T) - 1))) != e_->tag[access])) \
		FAULT; \
	T *p = (T *)(va_ + e_->addend)
#define LOAD(v, T, va) { HOST(p_, T, va, MMU_READ); v = (uint64_t)__atomic_load_n(p_, __ATOMIC_RELAXED); }
#define STORE(T, va, v) { HOST(p_, T, va, MMU_WRITE); __atomic_store_n(p_, (T)(v), __ATOMIC_RELAXED); }
#define HOST_RW(p, T, va) { HOST(p_, T, va, MMU_WRITE); p = p_; }
#define HOST_RD(p, T, va) { HOST(p_, T, va, MMU_READ); p = p_; }
#define HELPER(i) ((helper_fn **)cpu->exec)[i]
#define CALL(f) ((__typeof__(&f))((void **)cpu->exec)[300])
#define RAISE(number, v) { cpu->exception = (struct exception){ (number), (v), true }; FAULT; }
#define TAKEN GO(leave_taken)
#define NOT_TAKEN GO(leave_not_taken)
#define JUMP GO(leave_taken)
#define INDIRECT(va) { cpu->pc = (va); GO(leave_indirect); }
#define LEAVE GO(leave_taken)
#define LEAVE_TO(va) INDIRECT(va)

#define UOP(name) stencil_fn stencil_##name; __attribute__((preserve_none)) void stencil_##name(STENCIL_ARGS)
#include "ir/uops_int.inc"
#include "ir/uops_mem.inc"
#include "ir/uops_fp.inc"
#include "ir/uops_ctl.inc"

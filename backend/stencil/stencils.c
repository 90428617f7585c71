// SPDX-License-Identifier: Apache-2.0
/*
 * Every micro-op as a stencil, made from the same bodies as the interpreter's handlers. Never linked: extract.c reads code and
 * holes from the object file. Holes are addresses of symbols that exist nowhere; fixup.py tells the compiler that they may have
 * any 32-bit value. PLACE_D, the place of the destination, is given by the build, which compiles this file once for each.
 */
#include "backend/stencil/abi.h"
#include "ir/uop_math.h"

typedef __attribute__((preserve_none)) void stencil_fn(STENCIL_ARGS);

#define HOLE(name, what) extern char hole_##name;
STENCIL_NUMBERS(HOLE)
#undef HOLE
#define HOLE(name, what) extern stencil_fn hole_##name;
STENCIL_TARGETS(HOLE)
#undef HOLE

/* Only `service` is ever told a site. */
#define GO_SITE(to, site) __attribute__((musttail)) return to(cpu, icount, pin1, pin2, pin3, pin4, acc, site, near_tlb, near_mask, facc)
#define GO(to) do { uint64_t nothing_; GO_SITE(to, nothing_); } while (0)
#define NUMBER(hole) ((int64_t)(intptr_t)&hole_##hole)
#define SLOT(hole) (*(uint64_t *)((char *)cpu + NUMBER(hole)))
#define STENCIL_CALLS ((const struct stencil_calls *)cpu->exec)

/* ---- the statement form (ir/uops_*.inc) ---- */

#define IMM NUMBER(imm)
#define NEXT GO(hole_next)
#define FAULT GO(hole_fault)
#define RAISE(number, v) { cpu->exception = (struct exception){ (number), (v), true }; FAULT; }
#define HELPER(index) (*(helper_fn **)((char *)STENCIL_CALLS->helpers + NUMBER(helper)))
#define CALL(f) STENCIL_CALLS->f
#define TAKEN GO(hole_taken)
#define NOT_TAKEN GO(hole_not_taken)
#define JUMP GO(hole_taken)
#define LEAVE_TO(va) { cpu->pc = (va); GO(hole_leave); }
#define LEAVE LEAVE_TO(cpu->reg[SLOT_PAGE] + (uint64_t)NUMBER(target))
/* By way of the virtual-PC cache */
#define INDIRECT(va) { \
	const uint64_t pc_ = (va); \
	const struct jump_cache_entry *j_ = JUMP_CACHE_ENTRY(cpu, pc_); \
	if (unlikely(j_->pc != pc_ || __atomic_load_n(&j_->key, __ATOMIC_RELAXED) != cpu->jump_key[pc_ >> 63])) { \
		cpu->pc = pc_; \
		GO(hole_lookup); \
	} \
	cpu->reg[SLOT_PAGE] = pc_ & PAGE_MASK; \
	GO(((stencil_fn *)j_->code)); \
}
/* TLB_ENTRY; a rotation, of which the mask leaves the same as of a shift, is one instruction from register to register. */
#define ENTRY(entries, mask, va) ((const struct tlb_entry *)((entries) + (__builtin_rotateright64(va, PAGE_BITS - 5) & (mask))))
#define ENTRY_OF_EITHER(va) ENTRY(cpu->tlb[(va) >> 63].entries, cpu->tlb[(va) >> 63].mask, va)
#define ENTRY_OF_NEAR(va) ENTRY(near_tlb, near_mask, va)
#define HOST(p, T, va, access) \
	const uint64_t va_ = (va); \
	const struct tlb_entry *e_ = ENTRY_OF(va_); \
	if (unlikely((va_ & (PAGE_MASK | (sizeof(T) - 1))) != e_->tag[access])) \
		GO(hole_miss); \
	T *p = (T *)(va_ + e_->addend)
/* One aligned access each, as a relaxed one would be; but clang makes one instruction of a volatile load and the extension of what it reads. */
#define LOAD(v, T, va) { HOST(p_, T, va, MMU_READ); v = (uint64_t)*(volatile T *)p_; }
#define STORE(T, va, v) { HOST(p_, T, va, MMU_WRITE); *(volatile T *)p_ = (T)(v); }
#define HOST_RW(p, T, va) { HOST(p_, T, va, MMU_WRITE); p = p_; }
#define HOST_RD(p, T, va) { HOST(p_, T, va, MMU_READ); p = p_; }

#define STENCIL(name) __attribute__((preserve_none)) void name(STENCIL_ARGS)
#define PLACE_0(hole) SLOT(hole)
#define PLACE_1(hole) pin1
#define PLACE_2(hole) pin2
#define PLACE_3(hole) pin3
#define PLACE_4(hole) pin4
#define PLACE_5(hole) ACC
#define ACC acc
#define PASTE_(x, y) x##y
#define PASTE(x, y) PASTE_(x, y)
#if PLACE_D == PLACE_ACC
#define D(v) PUT_ACC(v)
#define PUT_INT(v) (SLOT(d) = acc = (v))
#define PUT_ACC(v) PUT_INT(v)
#else
#define D(v) (PASTE(PLACE_, PLACE_D)(d) = (v))
#endif

/* The passes below define every op for each combination of places; what is not asked for here is dropped again. */
#define KEEP(...) __attribute__((used)) static stencil_fn *const NAME(keep)[] = { __VA_ARGS__ };

#include "backend/stencil/places_a.h"

#if PLACE_D == 0
/* ---- every op with all operands in struct vcpu ---- */
#define A SLOT(a)
#define B SLOT(b)
#define C SLOT(c)
#define UOP(name) STENCIL(op_##name##__000)
#define ENTRY_OF(va) ENTRY_OF_EITHER(va)
#include "ir/uops_int.inc"
#include "ir/uops_bits.inc"
#include "ir/uops_mem.inc"
#include "ir/uops_atomic.inc"
#include "ir/uops_fp.inc"
#include "ir/uops_ctl.inc"

/* ---- what stands around them ---- */

#define NEAR_TLB cpu->tlb[MODE_NEAR_HALF(cpu->mode)]
#define SPILL (SLOT(pin1) = pin1, SLOT(pin2) = pin2, SLOT(pin3) = pin3, SLOT(pin4) = pin4)
#define FILL (pin1 = SLOT(pin1), pin2 = SLOT(pin2), pin3 = SLOT(pin3), pin4 = SLOT(pin4), \
	near_tlb = NEAR_TLB.entries, near_mask = NEAR_TLB.mask)

void sx_enter(struct vcpu *cpu, stencil_fn *code)
{
	/* a region that a host fault has it leave does not restore the one register that it should */
	__asm__ volatile("" : : : "rbp");
	code(cpu, cpu->icount, SLOT(pin1), SLOT(pin2), SLOT(pin3), SLOT(pin4), 0, 0, NEAR_TLB.entries, NEAR_TLB.mask, 0);
}

STENCIL(sx_leave)
{
	SPILL;
	cpu->icount = icount;
}

/* The same after service, which has spilled all */
STENCIL(sx_return) {}

STENCIL(sx_service)
{
	SPILL;
	cpu->icount = icount;
	stencil_fn *to = (stencil_fn *)STENCIL_CALLS->service(cpu, site);
	FILL;
	icount = cpu->icount;
	acc = STENCIL_CALLS->acc;
	facc = STENCIL_CALLS->facc;
	GO(to);
}

/* A call from regions, whose caller keeps nothing but vector registers. */
__attribute__((preserve_most)) bool sx_slow(struct vcpu *cpu, const struct uop *u) { return STENCIL_CALLS->execute(cpu, u); }

STENCIL(sx_lookup) { GO_SITE(hole_service, 0); }
STENCIL(sx_thunk) { GO_SITE(hole_service, NUMBER(site)); }

/* Begins a block: interrupts, budget and kicks are seen here. */
STENCIL(sx_check)
{
	if (unlikely(icount >= *(const uint64_t *)&cpu->deadline))	/* relaxed, but clang compares with memory */
		GO(hole_miss);
	NEXT;
}
STENCIL(sx_count) { icount += NUMBER(count); NEXT; }

/* An exit to another page */
STENCIL(sx_far) { INDIRECT(cpu->reg[SLOT_PAGE] + (uint64_t)NUMBER(target)); }

/* Around ops that reach pinned slots through struct vcpu … */
STENCIL(sx_spill1) { SLOT(d) = pin1; NEXT; }
STENCIL(sx_spill2) { SLOT(d) = pin2; NEXT; }
STENCIL(sx_spill3) { SLOT(d) = pin3; NEXT; }
STENCIL(sx_spill4) { SLOT(d) = pin4; NEXT; }
STENCIL(sx_fill1) { pin1 = SLOT(d); NEXT; }
STENCIL(sx_fill2) { pin2 = SLOT(d); NEXT; }
STENCIL(sx_fill3) { pin3 = SLOT(d); NEXT; }
STENCIL(sx_fill4) { pin4 = SLOT(d); NEXT; }
/* … and around helpers, which see icount as it was when the block began */
STENCIL(sx_spill_all)
{
	SPILL;
	cpu->icount = icount - NUMBER(count);
	NEXT;
}
STENCIL(sx_fill_all) { FILL; NEXT; }
#endif

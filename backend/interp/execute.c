// SPDX-License-Identifier: Apache-2.0
/*
 * The dispatch loop. Micro-ops hold their handler's address; each handler ends in its own indirect jump, and each branch in two, so
 * that the host predicts them apart (the largest single gain that was measured: docs/performance.md).
 */
#include "backend/interp/execute.h"
#include "runtime/fp.h"
#include "runtime/softfp.h"
#include "ir/uop_math.h"

#define GO(next) do { u = (next); goto *u->handler; } while (0)
#define RETIRE (cpu->icount += u->d)
#define TRIPPED unlikely(cpu->icount >= __atomic_load_n((uint64_t *)&cpu->deadline, __ATOMIC_RELAXED))

#define A cpu->reg[u->a]
#define B cpu->reg[u->b]
#define C cpu->reg[u->c]
#define IMM ((int64_t)u->imm)
#define D(v) (cpu->reg[u->d] = (v))
#define NEXT GO(u + 1)
#define INDEX_C u->c
#define HELPER(i) cpu->machine->frontend->helpers[i].fn
#define FAULT do { *at = u; return INTERP_FAULT; } while (0)
#define RAISE(number, v) do { cpu->exception = (struct exception){ (number), (v), true }; FAULT; } while (0)
#define LEAVE_TO(va) do { cpu->pc = (va); RETIRE; return INTERP_LEAVE; } while (0)
#define EXIT_PC(n) (cpu->reg[SLOT_PAGE] + (int64_t)code_exits(u)[n].miss.imm)
#define LEAVE LEAVE_TO(EXIT_PC(0))
#define EXIT(n) do { \
	RETIRE; \
	if (TRIPPED) { \
		cpu->pc = EXIT_PC(n); \
		return INTERP_LEAVE; \
	} \
	GO(__atomic_load_n(&code_exits(u)[n].to, __ATOMIC_ACQUIRE)); \
} while (0)
#define TAKEN EXIT(0)
#define NOT_TAKEN EXIT(1)
#define JUMP EXIT(0)
/* By way of the virtual-PC cache; what leads to a block in another page always comes here. */
#define FIND(va) do { \
	uint64_t pc_ = (va); \
	const struct jump_cache_entry *j_ = JUMP_CACHE_ENTRY(cpu, pc_); \
	if (unlikely(j_->pc != pc_ || __atomic_load_n(&j_->key, __ATOMIC_RELAXED) != cpu->jump_key[pc_ >> 63])) { \
		cpu->pc = pc_; \
		return INTERP_LOOKUP; \
	} \
	cpu->reg[SLOT_PAGE] = pc_ & PAGE_MASK; \
	GO((const struct uop *)j_->code); \
} while (0)
#define INDIRECT(va) do { \
	uint64_t to_ = (va); \
	RETIRE; \
	if (TRIPPED) { \
		cpu->pc = to_; \
		return INTERP_LEAVE; \
	} \
	FIND(to_); \
} while (0)

#define TLB_HIT(e, va, T, access) likely(((va) & (PAGE_MASK | (sizeof(T) - 1))) == (e)->tag[access])
#define LOAD(v, T, va) do { \
	uint64_t va_ = (va); \
	const struct tlb_entry *e_ = TLB_ENTRY(&cpu->tlb[va_ >> 63], va_); \
	if (TLB_HIT(e_, va_, T, MMU_READ)) { \
		v = (uint64_t)__atomic_load_n((T *)(va_ + e_->addend), __ATOMIC_RELAXED); \
	} else { \
		uint64_t raw_; \
		if (unlikely(!mmu_load(cpu, va_, sizeof(T), &raw_))) \
			FAULT; \
		v = (uint64_t)(T)raw_; \
	} \
} while (0)
#define STORE(T, va, v) do { \
	uint64_t va_ = (va); \
	const struct tlb_entry *e_ = TLB_ENTRY(&cpu->tlb[va_ >> 63], va_); \
	if (TLB_HIT(e_, va_, T, MMU_WRITE)) \
		__atomic_store_n((T *)(va_ + e_->addend), (T)(v), __ATOMIC_RELAXED); \
	else if (unlikely(!mmu_store(cpu, va_, sizeof(T), (T)(v)))) \
		FAULT; \
} while (0)
/* A write entry also grants reading: every architecture here has no page that can be written but not read by an atomic. */
#define HOST(p, T, va, access) do { \
	uint64_t va_ = (va); \
	const struct tlb_entry *e_ = TLB_ENTRY(&cpu->tlb[va_ >> 63], va_); \
	if (TLB_HIT(e_, va_, T, access)) \
		p = (T *)(va_ + e_->addend); \
	else if (unlikely(!(p = mmu_host(cpu, va_, sizeof(T), access)))) \
		FAULT; \
} while (0)
#define HOST_RW(p, T, va) HOST(p, T, va, MMU_WRITE)
#define HOST_RD(p, T, va) HOST(p, T, va, MMU_READ)

enum interp_exit interp_execute(struct vcpu *cpu, const struct uop *u, const struct uop **at, struct code_handlers *handlers)
{
	static const void *const table[UOP_COUNT] = {
#define OP(name, format, effects) &&do_##name,
#include "ir/ops.def"
	};
	if (!cpu) {
		*handlers = (struct code_handlers){ table, &&near, &&far };
		return INTERP_LEAVE;
	}
	GO(u);

near:
	*at = u;
	return INTERP_LINK;
far:
	FIND(cpu->reg[SLOT_PAGE] + (uint64_t)(int64_t)u->imm);

#define UOP(name) do_##name:
#include "ir/uops_int.inc"
#include "ir/uops_bits.inc"
#include "ir/uops_mem.inc"
#include "ir/uops_atomic.inc"
#include "ir/uops_fp.inc"
#include "ir/uops_ctl.inc"
}

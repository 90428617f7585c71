// SPDX-License-Identifier: Apache-2.0
#include "backend/stencil/slow.h"
#include <stdlib.h>
#include "ir/uop_math.h"

#define A cpu->reg[u->a]
#define B cpu->reg[u->b]
#define IMM ((int64_t)u->imm)
#define D(v) (cpu->reg[u->d] = (v))
#define NEXT return true
#define LOAD(v, T, va) do { \
	uint64_t raw_; \
	if (!mmu_load(cpu, (va), sizeof(T), &raw_)) \
		return false; \
	v = (uint64_t)(T)raw_; \
} while (0)
#define STORE(T, va, v) do { \
	if (!mmu_store(cpu, (va), sizeof(T), (T)(v))) \
		return false; \
} while (0)
#define HOST_RW(p, T, va) do { \
	if (!(p = mmu_host(cpu, (va), sizeof(T), MMU_WRITE))) \
		return false; \
} while (0)
#define HOST_RD(p, T, va) do { \
	if (!(p = mmu_host(cpu, (va), sizeof(T), MMU_READ))) \
		return false; \
} while (0)

bool slow_execute(struct vcpu *cpu, const struct uop *u, enum uop_op op)
{
#define UOP(name) case UOP_##name:
	switch (op) {
#include "ir/uops_mem.inc"
#include "ir/uops_atomic.inc"
	default:
		abort();	/* no other op looks anything up in the TLB */
	}
}

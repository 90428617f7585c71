// SPDX-License-Identifier: Apache-2.0
#include "tests/ir/mini_bound.h"
#include <string.h>

/* ---- what executors call on a TLB miss: the flat memory in place of the soft MMU's slow path ---- */

static struct mini *mini_of(struct vcpu *cpu)
{
	return CONTAINER_OF(cpu, struct mini, cpu);
}

bool mmu_load(struct vcpu *cpu, uint64_t va, unsigned size, uint64_t *value)
{
	const void *p = mini_access(mini_of(cpu), va, size, false, false);

	*value = 0;
	if (p)
		memcpy(value, p, size);
	return p != NULL;
}

bool mmu_store(struct vcpu *cpu, uint64_t va, unsigned size, uint64_t value)
{
	void *p = mini_access(mini_of(cpu), va, size, true, false);

	if (p)
		memcpy(p, &value, size);
	return p != NULL;
}

void *mmu_host(struct vcpu *cpu, uint64_t va, unsigned size, enum mmu_access access)
{
	return mini_access(mini_of(cpu), va, size, access == MMU_WRITE, true);
}

/* ---- blocks ---- */

struct code_block *mini_bind(void *at, const struct ir_block *b, const struct code_handlers *h)
{
	struct code_block *c = at;

	*c = (struct code_block){ .second_pa = CODE_NO_PAGE, .n_insns = (uint16_t)b->n_insns, .n_uops = (uint16_t)b->n_uops,
				  .n_exits = 2, .insn = b->insn };
	for (unsigned i = 0; i < b->n_uops; i++) {
		c->uop[i] = b->uop[i];
		c->uop[i].handler = h->op[b->uop[i].op];
	}
	c->uop[b->n_uops - 1].d = (uint8_t)b->n_insns;
	for (unsigned i = 0; i < 2; i++) {
		struct code_exit *exit = &code_exits(&c->uop[b->n_uops - 1])[i];
		*exit = (struct code_exit){ .miss = { .handler = h->far, .imm = (int32_t)b->target[i] } };
		exit->to = &exit->miss;
	}
	return c;
}

void mini_map(struct mini *m, struct tlb_entry tlb[2])
{
	for (unsigned i = 0; i < 2; i++) {
		uint64_t va = MINI_BASE + i * PAGE_SIZE;
		tlb[i] = (struct tlb_entry){ .tag = { va, i ? TLB_NO_TAG : va, TLB_NO_TAG },
					     .addend = (uint64_t)(uintptr_t)&m->memory[i * PAGE_SIZE] - va };
	}
	for (unsigned half = 0; half < 2; half++)
		m->cpu.tlb[half] = (struct tlb_table){ (char *)tlb, sizeof(struct tlb_entry) };
}

enum mini_end mini_end_of(const struct ir_block *b)
{
	switch (b->uop[b->n_uops - 1].op) {
	case UOP_jr:
		return MINI_INDIRECT;
	case UOP_leave:
	case UOP_leave_jr:
		return MINI_LEAVE;
	default:
		return MINI_TARGET;
	}
}

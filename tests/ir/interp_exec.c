// SPDX-License-Identifier: Apache-2.0
/*
 * The interpreter's dispatch loop behind mini_run: a block bound by hand, a TLB that maps the two pages, and the soft MMU's slow
 * path replaced by the flat memory.
 */
#include <string.h>
#include "backend/interp/execute.h"
#include "runtime/fp.h"
#include "tests/ir/mini_exec.h"

const char *const mini_name = "interp";

/* ---- what the loop calls on a TLB miss ---- */

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

/* ---- running ---- */

/* A TLB of two entries; the first page may be written */
static void map(struct mini *m, struct tlb_entry tlb[2])
{
	for (unsigned i = 0; i < 2; i++) {
		uint64_t va = MINI_BASE + i * PAGE_SIZE;
		tlb[i] = (struct tlb_entry){ .tag = { va, i ? TLB_NO_TAG : va, TLB_NO_TAG },
					     .addend = (uint64_t)(uintptr_t)&m->memory[i * PAGE_SIZE] - va };
	}
	for (unsigned half = 0; half < 2; half++)
		m->cpu.tlb[half] = (struct tlb_table){ (char *)tlb, sizeof(struct tlb_entry) };
}

/* The block as the code cache would bind it; `exit` stands right behind the last micro-op. */
struct bound {
	struct uop uop[BLOCK_MAX_UOPS];
	struct code_exit exit[2];
};

static struct uop *bind(struct bound *to, const struct ir_block *b, const struct code_handlers *h)
{
	struct uop *uop = &to->uop[BLOCK_MAX_UOPS - b->n_uops];

	for (unsigned i = 0; i < b->n_uops; i++) {
		uop[i] = b->uop[i];
		uop[i].handler = h->op[b->uop[i].op];
	}
	uop[b->n_uops - 1].d = (uint8_t)b->n_insns;
	for (unsigned i = 0; i < 2; i++) {
		to->exit[i] = (struct code_exit){ .miss = { .handler = h->far, .imm = (int32_t)b->target[i] } };
		to->exit[i].to = &to->exit[i].miss;
	}
	return uop;
}

static enum mini_end end_of(const struct ir_block *b)
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

void mini_run(struct mini *m, const struct ir_block *b)
{
	struct bound bound;
	struct tlb_entry tlb[2];
	struct frontend frontend = { .helpers = m->helpers };
	struct machine machine = { .frontend = &frontend };
	struct code_handlers handlers;
	const struct uop *at = NULL;

	interp_execute(NULL, NULL, NULL, &handlers);
	const struct uop *first = bind(&bound, b, &handlers);
	map(m, tlb);
	m->cpu.machine = &machine;
	m->cpu.deadline = 0;	/* every exit trips */
	fp_load_control(m->cpu.fp_control);
	enum interp_exit e = interp_execute(&m->cpu, first, &at, NULL);
	m->cpu.fp_flags |= fp_take_flags();
	fp_load_control(FP_CONTROL_DEFAULT);
	m->cpu.machine = NULL;

	m->end = e == INTERP_FAULT ? MINI_FAULT : e == INTERP_LEAVE ? end_of(b) : MINI_BAD;
	if (m->end == MINI_FAULT)
		m->pc = mini_offset(b, (unsigned)(at - first));
	else
		m->pc = m->end == MINI_TARGET ? m->cpu.pc - m->cpu.reg[SLOT_PAGE] : m->cpu.pc;
}

// SPDX-License-Identifier: Apache-2.0
/* Counters (sections 3.1.10 to 3.1.12 and 10.1.5): a cycle is an instruction; time follows the guest's clock. */
#include "frontends/riscv/priv/csr.h"

static uint64_t count(const struct vcpu *cpu, const struct riscv_counter *c)
{
	return c->inhibited ? c->held : cpu->icount - c->base;
}

/* The counter reads v in the next instruction: the one that writes is retired by then and not counted. */
static void set_count(const struct vcpu *cpu, struct riscv_counter *c, uint64_t v)
{
	c->held = v;
	c->base = cpu->icount + 1 - v;
}

static void inhibit(const struct vcpu *cpu, struct riscv_counter *c, bool on)
{
	if (on == c->inhibited)
		return;
	set_count(cpu, c, count(cpu, c));
	c->inhibited = on;
}

bool csr_allowed_counter(struct vcpu *cpu, unsigned number, bool write)
{
	const struct riscv_cpu *rv = riscv_cpu(cpu);
	uint64_t bit = (uint64_t)1 << (number & 31);
	if (rv->priv == PRIV_M)
		return true;
	return rv->mcounteren & bit && (rv->priv == PRIV_S || rv->scounteren & bit);
}

uint64_t csr_read_cycle(struct vcpu *cpu, unsigned number)
{
	return count(cpu, &riscv_cpu(cpu)->cycle);
}

uint64_t csr_read_instret(struct vcpu *cpu, unsigned number)
{
	return count(cpu, &riscv_cpu(cpu)->instret);
}

uint64_t csr_read_time(struct vcpu *cpu, unsigned number)
{
	return riscv_time(cpu);
}

void csr_write_mcycle(struct vcpu *cpu, unsigned number, uint64_t value, uint64_t mask)
{
	struct riscv_counter *c = &riscv_cpu(cpu)->cycle;
	set_count(cpu, c, merge_bits(count(cpu, c), value, mask));
}

void csr_write_minstret(struct vcpu *cpu, unsigned number, uint64_t value, uint64_t mask)
{
	struct riscv_counter *c = &riscv_cpu(cpu)->instret;
	set_count(cpu, c, merge_bits(count(cpu, c), value, mask));
}

void csr_write_mcountinhibit(struct vcpu *cpu, unsigned number, uint64_t value, uint64_t mask)
{
	struct riscv_cpu *rv = riscv_cpu(cpu);
	rv->mcountinhibit = merge_bits(rv->mcountinhibit, value, mask & (COUNTER_CY | COUNTER_IR));
	inhibit(cpu, &rv->cycle, rv->mcountinhibit & COUNTER_CY);
	inhibit(cpu, &rv->instret, rv->mcountinhibit & COUNTER_IR);
}

/* A bit may be set if the register that it opens exists; TM opens stimecmp too. */
static uint64_t counteren_mask(const struct riscv_cpu *rv)
{
	uint64_t mask = riscv_has(&rv->config, EXT_ZICNTR) ? COUNTER_CY | COUNTER_TM | COUNTER_IR : 0;
	if (riscv_has(&rv->config, EXT_SSTC))
		mask |= COUNTER_TM;
	if (riscv_has(&rv->config, EXT_ZIHPM))
		mask |= 0xfffffff8;
	return mask;
}

void csr_write_mcounteren(struct vcpu *cpu, unsigned number, uint64_t value, uint64_t mask)
{
	struct riscv_cpu *rv = riscv_cpu(cpu);
	rv->mcounteren = merge_bits(rv->mcounteren, value, mask & counteren_mask(rv));
}

void csr_write_scounteren(struct vcpu *cpu, unsigned number, uint64_t value, uint64_t mask)
{
	struct riscv_cpu *rv = riscv_cpu(cpu);
	rv->scounteren = merge_bits(rv->scounteren, value, mask & counteren_mask(rv));
}

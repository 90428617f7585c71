// SPDX-License-Identifier: Apache-2.0
/* satp, the environment configuration registers, stimecmp and PMP (sections 10.1.11, 3.1.18, 10.1.10, Sstc, 3.7). */
#include "frontends/riscv/priv/csr.h"

/* ---- satp ---- */

bool csr_allowed_satp(struct vcpu *cpu, unsigned number, bool write)
{
	const struct riscv_cpu *rv = riscv_cpu(cpu);
	return !(rv->priv == PRIV_S && rv->mstatus & MSTATUS_TVM);
}

void csr_write_satp(struct vcpu *cpu, unsigned number, uint64_t value, uint64_t mask)
{
	struct riscv_cpu *rv = riscv_cpu(cpu);
	uint64_t v = merge_bits(rv->satp, value, mask), mode = SATP_MODE(v);
	/* a write with an unsupported mode has no effect at all; without paging the register is zero */
	if (!rv->config.satp_levels || (mode != SATP_BARE && (mode < SATP_SV39 || mode - SATP_SV39 + 3 > rv->config.satp_levels)))
		return;
	rv->satp = v;
	riscv_update_mode(cpu);
}

/* ---- menvcfg, senvcfg ---- */

/* CBIE = 2 is reserved: the field keeps its value */
static uint64_t merge_envcfg(uint64_t old, uint64_t value, uint64_t mask)
{
	uint64_t v = merge_bits(old, value, mask);
	return (v & ENVCFG_CBIE) >> 4 == 2 ? merge_bits(v, old, ENVCFG_CBIE) : v;
}

static uint64_t envcfg_mask(const struct riscv_cpu *rv)
{
	uint64_t mask = ENVCFG_FIOM;
	if (riscv_has(&rv->config, EXT_ZICBOM))
		mask |= ENVCFG_CBIE | ENVCFG_CBCFE;
	if (riscv_has(&rv->config, EXT_ZICBOZ))
		mask |= ENVCFG_CBZE;
	return mask;
}

void csr_write_menvcfg(struct vcpu *cpu, unsigned number, uint64_t value, uint64_t mask)
{
	struct riscv_cpu *rv = riscv_cpu(cpu);
	uint64_t may = envcfg_mask(rv), old = rv->menvcfg;
	if (riscv_has(&rv->config, EXT_SVADU))
		may |= ENVCFG_ADUE;
	if (riscv_has(&rv->config, EXT_SVPBMT))
		may |= ENVCFG_PBMTE;
	if (riscv_has(&rv->config, EXT_SSTC))
		may |= ENVCFG_STCE;
	rv->menvcfg = merge_envcfg(old, value, mask & may);
	if ((rv->menvcfg ^ old) & (ENVCFG_ADUE | ENVCFG_PBMTE))
		riscv_flush_all(cpu);
	if ((rv->menvcfg ^ old) & ENVCFG_STCE)
		riscv_update_timer(cpu);
}

void csr_write_senvcfg(struct vcpu *cpu, unsigned number, uint64_t value, uint64_t mask)
{
	struct riscv_cpu *rv = riscv_cpu(cpu);
	rv->senvcfg = merge_envcfg(rv->senvcfg, value, mask & envcfg_mask(rv));
}

/* ---- stimecmp ---- */

bool csr_allowed_stimecmp(struct vcpu *cpu, unsigned number, bool write)
{
	const struct riscv_cpu *rv = riscv_cpu(cpu);
	return rv->priv == PRIV_M || (rv->menvcfg & ENVCFG_STCE && rv->mcounteren & COUNTER_TM);
}

void csr_write_stimecmp(struct vcpu *cpu, unsigned number, uint64_t value, uint64_t mask)
{
	struct riscv_cpu *rv = riscv_cpu(cpu);
	rv->stimecmp = merge_bits(rv->stimecmp, value, mask);
	riscv_update_timer(cpu);
}

/* ---- PMP ---- */

bool csr_allowed_pmp(struct vcpu *cpu, unsigned number, bool write)
{
	unsigned entries = riscv_cpu(cpu)->pmp.entries;
	unsigned entry = number < 0x3b0 ? (number - 0x3a0) * 4 : number - 0x3b0;
	return entries && (entry < 16 || entries > 16);	/* the registers come as none, 16 or 64 (section 3.7.1) */
}

uint64_t csr_read_pmpcfg(struct vcpu *cpu, unsigned number)
{
	return pmp_read_cfg(&riscv_cpu(cpu)->pmp, (number - 0x3a0) * 4);
}

uint64_t csr_read_pmpaddr(struct vcpu *cpu, unsigned number)
{
	return riscv_cpu(cpu)->pmp.addr[number - 0x3b0];
}

void csr_write_pmpcfg(struct vcpu *cpu, unsigned number, uint64_t value, uint64_t mask)
{
	if (pmp_write_cfg(&riscv_cpu(cpu)->pmp, (number - 0x3a0) * 4, value, mask))
		riscv_flush_all(cpu);
}

void csr_write_pmpaddr(struct vcpu *cpu, unsigned number, uint64_t value, uint64_t mask)
{
	if (pmp_write_addr(&riscv_cpu(cpu)->pmp, number - 0x3b0, value, mask))
		riscv_flush_all(cpu);
}

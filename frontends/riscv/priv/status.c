// SPDX-License-Identifier: Apache-2.0
/* Status, interrupt enable and pending, delegation, and the trap registers with WARL rules (sections 3.1 and 10.1). */
#include <stdatomic.h>
#include "frontends/riscv/priv/csr.h"
#include "runtime/journal.h"
#include "runtime/machine.h"

/* ---- mstatus ---- */

#define SSTATUS_WRITABLE (MSTATUS_SIE | MSTATUS_SPIE | MSTATUS_SPP | MSTATUS_FS | MSTATUS_SUM | MSTATUS_MXR)
#define MSTATUS_WRITABLE \
	(SSTATUS_WRITABLE | MSTATUS_MIE | MSTATUS_MPIE | MSTATUS_MPP | MSTATUS_MPRV | MSTATUS_TVM | MSTATUS_TW | MSTATUS_TSR)

void riscv_fold_fs(struct vcpu *cpu)
{
	struct riscv_cpu *rv = riscv_cpu(cpu);
	if (cpu->reg[SLOT_FS_DIRTY] && rv->mstatus & MSTATUS_FS)
		rv->mstatus |= MSTATUS_FS;
	cpu->reg[SLOT_FS_DIRTY] = 0;
}

uint64_t riscv_mstatus_read(struct vcpu *cpu)
{
	riscv_fold_fs(cpu);
	uint64_t v = riscv_cpu(cpu)->mstatus | MSTATUS_UXL | MSTATUS_SXL;
	return (v & MSTATUS_FS) == MSTATUS_FS ? v | MSTATUS_SD : v;
}

void riscv_mstatus_write(struct vcpu *cpu, uint64_t value, uint64_t mask)
{
	struct riscv_cpu *rv = riscv_cpu(cpu);
	riscv_fold_fs(cpu);
	uint64_t v = merge_bits(rv->mstatus, value, mask & MSTATUS_WRITABLE);
	if (!riscv_has(&rv->config, EXT_F))
		v &= ~MSTATUS_FS;
	if ((v & MSTATUS_MPP) >> MSTATUS_MPP_SHIFT == 2)	/* no such privilege */
		v = merge_bits(v, rv->mstatus, MSTATUS_MPP);
	/* what most writes change, the interrupt enables, concerns neither mode nor MMU */
	bool same = !((v ^ rv->mstatus) & (MSTATUS_FS | MSTATUS_SUM | MSTATUS_MXR | MSTATUS_MPRV | MSTATUS_MPP));
	rv->mstatus = v;
	if (!same)
		riscv_update_mode(cpu);
}

uint64_t csr_read_mstatus(struct vcpu *cpu, unsigned number)
{
	return riscv_mstatus_read(cpu);
}

/* Makes the run loop look at once if an interrupt is due now. */
static void recheck(struct vcpu *cpu)
{
	enum riscv_priv to;
	if (riscv_pending_interrupt(cpu, &to) >= 0)
		vcpu_trip(cpu);
}

void csr_write_mstatus(struct vcpu *cpu, unsigned number, uint64_t value, uint64_t mask)
{
	riscv_mstatus_write(cpu, value, mask);
	recheck(cpu);
}

uint64_t csr_read_sstatus(struct vcpu *cpu, unsigned number)
{
	return riscv_mstatus_read(cpu) & (SSTATUS_WRITABLE | MSTATUS_UXL | MSTATUS_SD);
}

void csr_write_sstatus(struct vcpu *cpu, unsigned number, uint64_t value, uint64_t mask)
{
	riscv_mstatus_write(cpu, value, mask & SSTATUS_WRITABLE);
	recheck(cpu);
}

/* ---- interrupts ---- */

/* STIP is software's to write unless stimecmp drives it (section 10.1.3, Sstc) */
static bool stip_writable(const struct riscv_cpu *rv)
{
	return !(rv->menvcfg & ENVCFG_STCE);
}

uint64_t riscv_mip(const struct vcpu *cpu)
{
	const struct riscv_cpu *rv = riscv_cpu(cpu);
	uint64_t soft = stip_writable(rv) ? rv->mip_soft : rv->mip_soft & ~MIP_BIT(IRQ_STI);
	uint64_t lines = atomic_load_explicit(&cpu->irq_lines, memory_order_acquire);
	if (unlikely(cpu->machine->journal))
		lines = journal_lines(cpu, lines);
	return (lines & MIP_ALL) | soft;
}

int riscv_pending_interrupt(const struct vcpu *cpu, enum riscv_priv *to)
{
	/* section 3.1.9 */
	static const uint8_t order[] = { IRQ_MEI, IRQ_MSI, IRQ_MTI, IRQ_SEI, IRQ_SSI, IRQ_STI };
	const struct riscv_cpu *rv = riscv_cpu(cpu);
	uint64_t pending = riscv_mip(cpu) & rv->mie, taken = 0;
	if (!pending)
		return -1;
	if (rv->priv < PRIV_M || rv->mstatus & MSTATUS_MIE) {
		taken = pending & ~rv->mideleg;
		*to = PRIV_M;
	}
	if (!taken && (rv->priv < PRIV_S || (rv->priv == PRIV_S && rv->mstatus & MSTATUS_SIE))) {
		taken = pending & rv->mideleg;
		*to = PRIV_S;
	}
	for (unsigned i = 0; taken && i < ARRAY_SIZE(order); i++)
		if (taken & MIP_BIT(order[i]))
			return order[i];
	return -1;
}

bool riscv_has_work(struct vcpu *cpu)
{
	/* section 3.3.3: whatever the global enables and delegation are */
	return riscv_mip(cpu) & riscv_cpu(cpu)->mie;
}

void riscv_set_software_pending(struct vcpu *cpu, bool level)
{
	vcpu_set_irq(cpu, IRQ_SSI, level);
}

uint64_t csr_read_mip(struct vcpu *cpu, unsigned number)
{
	return riscv_mip(cpu);
}

void csr_write_mip(struct vcpu *cpu, unsigned number, uint64_t value, uint64_t mask)
{
	struct riscv_cpu *rv = riscv_cpu(cpu);
	uint64_t soft = MIP_BIT(IRQ_SEI);
	if (stip_writable(rv))
		soft |= MIP_BIT(IRQ_STI);
	/* csrrs and csrrc work on the software-writable SEIP alone, not on what the controller signals (section 3.1.9) */
	rv->mip_soft = merge_bits(rv->mip_soft, value, mask & soft);
	if (mask & MIP_BIT(IRQ_SSI))
		riscv_set_software_pending(cpu, value & MIP_BIT(IRQ_SSI));
	recheck(cpu);
}

uint64_t csr_read_sip(struct vcpu *cpu, unsigned number)
{
	return riscv_mip(cpu) & riscv_cpu(cpu)->mideleg;
}

void csr_write_sip(struct vcpu *cpu, unsigned number, uint64_t value, uint64_t mask)
{
	csr_write_mip(cpu, number, value, mask & riscv_cpu(cpu)->mideleg & MIP_BIT(IRQ_SSI));
}

void csr_write_mie(struct vcpu *cpu, unsigned number, uint64_t value, uint64_t mask)
{
	struct riscv_cpu *rv = riscv_cpu(cpu);
	rv->mie = merge_bits(rv->mie, value, mask & MIP_ALL);
	recheck(cpu);
}

uint64_t csr_read_sie(struct vcpu *cpu, unsigned number)
{
	struct riscv_cpu *rv = riscv_cpu(cpu);
	return rv->mie & rv->mideleg;
}

void csr_write_sie(struct vcpu *cpu, unsigned number, uint64_t value, uint64_t mask)
{
	csr_write_mie(cpu, number, value, mask & riscv_cpu(cpu)->mideleg);
}

void csr_write_mideleg(struct vcpu *cpu, unsigned number, uint64_t value, uint64_t mask)
{
	struct riscv_cpu *rv = riscv_cpu(cpu);
	rv->mideleg = merge_bits(rv->mideleg, value, mask & MIP_S);
	recheck(cpu);
}

/* ---- trap vectors and return addresses ---- */

/* MODE 0 and 1 exist; a write of another keeps the mode, and bit 1 always reads as 0. */
static uint64_t tvec(uint64_t old, uint64_t value, uint64_t mask)
{
	uint64_t v = merge_bits(old, value, mask);
	return v & 2 ? (v & ~(uint64_t)3) | (old & 1) : v;
}

void csr_write_mtvec(struct vcpu *cpu, unsigned number, uint64_t value, uint64_t mask)
{
	struct riscv_cpu *rv = riscv_cpu(cpu);
	rv->m.tvec = tvec(rv->m.tvec, value, mask);
}

void csr_write_stvec(struct vcpu *cpu, unsigned number, uint64_t value, uint64_t mask)
{
	struct riscv_cpu *rv = riscv_cpu(cpu);
	rv->s.tvec = tvec(rv->s.tvec, value, mask);
}

/* Bit 0 is always zero, bit 1 where instructions are four-byte aligned (section 3.1.14). */
static uint64_t epc_mask(const struct riscv_cpu *rv)
{
	return riscv_has(&rv->config, EXT_C) ? ~(uint64_t)1 : ~(uint64_t)3;
}

void csr_write_mepc(struct vcpu *cpu, unsigned number, uint64_t value, uint64_t mask)
{
	struct riscv_cpu *rv = riscv_cpu(cpu);
	rv->m.epc = merge_bits(rv->m.epc, value, mask) & epc_mask(rv);
}

void csr_write_sepc(struct vcpu *cpu, unsigned number, uint64_t value, uint64_t mask)
{
	struct riscv_cpu *rv = riscv_cpu(cpu);
	rv->s.epc = merge_bits(rv->s.epc, value, mask) & epc_mask(rv);
}

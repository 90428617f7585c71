// SPDX-License-Identifier: Apache-2.0
/* What lifted code calls. imm is the instruction; a helper that returns false has raised an exception and done nothing else. */
#include <sched.h>
#include <stdatomic.h>
#include "frontends/riscv/priv/csr.h"
#include "runtime/machine.h"

static bool illegal(struct vcpu *cpu, int32_t insn)
{
	return riscv_raise(cpu, EXC_ILLEGAL, (uint32_t)insn);
}

static bool helper_csr(struct vcpu *cpu, uint64_t a, uint64_t b, int32_t imm, uint64_t *result)
{
	uint32_t mode = cpu->mode, control = cpu->fp_control, low = mmu_code_id(cpu, 0), upper = mmu_code_id(cpu, 1);
	if ((uint32_t)imm >> 20 <= 3)	/* fflags, frm, fcsr: what generated code left in the host's register counts */
		vcpu_fp_fold(cpu);
	if (!riscv_csr_insn(cpu, (uint32_t)imm, a, result))
		return illegal(cpu, imm);
	/* What blocks are keyed by, or the run loop loads, has changed: the block that ends here must not go on to the next by itself. */
	if (cpu->mode != mode || cpu->fp_control != control || mmu_code_id(cpu, 0) != low || mmu_code_id(cpu, 1) != upper)
		vcpu_trip(cpu);
	return true;
}

static bool helper_mret(struct vcpu *cpu, uint64_t a, uint64_t b, int32_t imm, uint64_t *result)
{
	if (riscv_cpu(cpu)->priv != PRIV_M)
		return illegal(cpu, imm);
	riscv_mret(cpu, result);
	return true;
}

static bool helper_sret(struct vcpu *cpu, uint64_t a, uint64_t b, int32_t imm, uint64_t *result)
{
	const struct riscv_cpu *rv = riscv_cpu(cpu);
	if (rv->priv == PRIV_U || (rv->priv == PRIV_S && rv->mstatus & MSTATUS_TSR))
		return illegal(cpu, imm);
	riscv_sret(cpu, result);
	return true;
}

static bool helper_wfi(struct vcpu *cpu, uint64_t a, uint64_t b, int32_t imm, uint64_t *result)
{
	const struct riscv_cpu *rv = riscv_cpu(cpu);
	/* section 3.1.6.5: the bounded time that TW and U-mode may wait is none here */
	if (rv->priv == PRIV_U || (rv->priv == PRIV_S && rv->mstatus & MSTATUS_TW))
		return illegal(cpu, imm);
	*result = 0;
	if (!riscv_has_work(cpu))
		vcpu_wait(cpu);
	return true;
}

/* Who spins for another hart gives it the processor: vCPUs may be more than the host has cores. */
static bool helper_pause(struct vcpu *cpu, uint64_t a, uint64_t b, int32_t imm, uint64_t *result)
{
	*result = 0;
	if (cpu->machine->n_vcpus > 1)
		sched_yield();
	return true;
}

/* ---- fences of address translation ---- */

static bool helper_sfence_vma(struct vcpu *cpu, uint64_t a, uint64_t b, int32_t imm, uint64_t *result)
{
	const struct riscv_cpu *rv = riscv_cpu(cpu);
	unsigned rs1 = imm >> 15 & 31, rs2 = imm >> 20 & 31;
	if (rv->priv == PRIV_U || (rv->priv == PRIV_S && rv->mstatus & MSTATUS_TVM))
		return illegal(cpu, imm);
	*result = 0;
	riscv_fence_vma(cpu, rs1 ? &a : NULL, rs2 ? &b : NULL);
	return true;
}

static bool helper_fence_priv(struct vcpu *cpu, uint64_t a, uint64_t b, int32_t imm, uint64_t *result)
{
	/* sinval.vma has done all there is to do, at once; TVM does not bear on these two (Svinval) */
	*result = 0;
	return riscv_cpu(cpu)->priv != PRIV_U || illegal(cpu, imm);
}

/* ---- cache blocks ---- */

enum { CBO_INVAL = 0, CBO_CLEAN = 1, CBO_FLUSH = 2, CBO_ZERO = 4 };

static bool cbo_allowed(const struct riscv_cpu *rv, unsigned op)
{
	uint64_t bits = op == CBO_ZERO ? ENVCFG_CBZE : op == CBO_INVAL ? ENVCFG_CBIE : ENVCFG_CBCFE;
	if (rv->priv == PRIV_M)
		return true;
	return rv->menvcfg & bits && (rv->priv == PRIV_S || rv->senvcfg & bits);
}

/* Faults of these instructions are a store's, at the address that the program gave (volume I, section 23.5). */
static bool cbo_fault(struct vcpu *cpu, uint64_t address)
{
	if (cpu->exception.cause == EXC_LOAD_PAGE)
		cpu->exception.cause = EXC_STORE_PAGE;
	else if (cpu->exception.cause == EXC_LOAD_ACCESS)
		cpu->exception.cause = EXC_STORE_ACCESS;
	cpu->exception.value = address;
	return false;
}

static bool helper_cbo(struct vcpu *cpu, uint64_t a, uint64_t b, int32_t imm, uint64_t *result)
{
	unsigned op = (uint32_t)imm >> 20;
	uint64_t block = a & ~(uint64_t)(CBO_BLOCK - 1);
	if (!cbo_allowed(riscv_cpu(cpu), op))
		return illegal(cpu, imm);
	*result = 0;
	if (op == CBO_ZERO) {
		uint64_t *host = mmu_host_range(cpu, block, CBO_BLOCK, MMU_WRITE);
		if (!host)
			return cbo_fault(cpu, a);
		for (unsigned i = 0; i < CBO_BLOCK / 8; i++)
			__atomic_store_n(&host[i], 0, __ATOMIC_RELAXED);
		return true;
	}
	/* No cache to manage: only the permission counts. It takes a load's or a store's; no page grants a store alone. */
	struct mmu_leaf leaf;
	if (!mmu_translate(cpu, block, MMU_READ, &leaf))
		return cbo_fault(cpu, a);
	if (leaf.size_bits < 6 || !phys_find(&cpu->machine->phys, GPA(leaf.pa))) {
		riscv_raise_access_fault(cpu, a, MMU_WRITE);
		return false;
	}
	return true;
}

static bool helper_check_target(struct vcpu *cpu, uint64_t a, uint64_t b, int32_t imm, uint64_t *result)
{
	*result = 0;
	return !(a & 2) || riscv_raise(cpu, EXC_INSN_MISALIGNED, a & ~(uint64_t)1);
}

/* Whatever changes CSRs may read or write the FS-dirty slot. */
#define EFFECTS_csr		(HELPER_MAY_FAULT | HELPER_WRITES_REGS | HELPER_READS_FP)
#define EFFECTS_mret		(HELPER_MAY_FAULT | HELPER_WRITES_REGS)
#define EFFECTS_sret		(HELPER_MAY_FAULT | HELPER_WRITES_REGS)
#define EFFECTS_wfi		HELPER_MAY_FAULT
#define EFFECTS_pause		0
#define EFFECTS_sfence_vma	HELPER_MAY_FAULT
#define EFFECTS_fence_priv	HELPER_MAY_FAULT
#define EFFECTS_cbo		(HELPER_MAY_FAULT | HELPER_WRITES_MEMORY)
#define EFFECTS_check_target	HELPER_MAY_FAULT

const struct helper riscv_helpers[HELPER_COUNT] = {
#define H(name, what) [HELPER_##name] = { #name, helper_##name, EFFECTS_##name },
	RISCV_HELPERS(H)
#undef H
};

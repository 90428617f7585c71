// SPDX-License-Identifier: Apache-2.0
/* The hart's life, its mode, and the frontend's table. */
#include <elf.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include "frontends/riscv/priv/csr.h"
#include "runtime/fp.h"
#include "runtime/machine.h"

/* Where QEMU's virt board has its boot ROM; boards set what they need after reset. */
#define RESET_PC 0x1000

/* ---- mode ---- */

uint64_t riscv_pack_mode(const struct vcpu *cpu)
{
	const struct riscv_cpu *rv = riscv_cpu(cpu);
	unsigned rm = rv->frm <= 3 ? MODE_RM_HOST : rv->frm == 4 ? MODE_RM_RMM : MODE_RM_INVALID;
	return rv->priv | (rv->mstatus & MSTATUS_FS ? MODE_FS_ON : 0) | rm << MODE_RM_SHIFT;
}

static unsigned paged_index(const struct riscv_cpu *rv, unsigned priv)
{
	bool sum = rv->mstatus & MSTATUS_SUM, mxr = rv->mstatus & MSTATUS_MXR;
	if (priv == PRIV_U)
		return mxr ? INDEX_U_MXR : INDEX_U;
	return sum ? mxr ? INDEX_S_SUM_MXR : INDEX_S_SUM : mxr ? INDEX_S_MXR : INDEX_S;
}

void riscv_update_mode(struct vcpu *cpu)
{
	const struct riscv_cpu *rv = riscv_cpu(cpu);
	bool paged = SATP_MODE(rv->satp) != SATP_BARE;
	unsigned data_priv = rv->priv, data, fetch;
	if (rv->mstatus & MSTATUS_MPRV)
		data_priv = (rv->mstatus & MSTATUS_MPP) >> MSTATUS_MPP_SHIFT;
	data = data_priv == PRIV_M ? INDEX_M : paged ? paged_index(rv, data_priv) : INDEX_BARE;
	/* SUM and MXR mean nothing to fetches */
	fetch = rv->priv == PRIV_M ? INDEX_M : !paged ? INDEX_BARE : rv->priv == PRIV_U ? INDEX_U : INDEX_S;
	cpu->mode = (uint32_t)riscv_pack_mode(cpu) | (cpu->mode & (uint32_t)MODE_STEP) | (paged && rv->priv == PRIV_S ? 0 : MODE_LOW_HALF);
	cpu->fp_control = fp_control_for(rv->frm <= 3 ? rv->frm : 0);
	/* identity mappings have a context of their own, key 0; machine-mode fetches beside MPRV data are the exception */
	mmu_set_context(cpu, data < INDEX_BARE || fetch < INDEX_BARE ? rv->satp : 0, data, fetch);
}

void riscv_flush_all(struct vcpu *cpu)
{
	riscv_fence_vma(cpu, NULL, NULL);
}

/* ---- life ---- */

static bool vcpu_init(struct vcpu *cpu, const struct cpu_config *config, struct error *err)
{
	struct riscv_cpu *rv = calloc(1, sizeof *rv);
	if (!rv)
		return error_set(err, ERROR_HOST, "hart %u: out of memory", cpu->index);
	rv->config = *config;
	cpu->arch = rv;
	return true;
}

static void free_cpu(struct vcpu *cpu)
{
	free(cpu->arch);
	cpu->arch = NULL;
}

const struct cpu_config *riscv_config(const struct vcpu *cpu)
{
	return &riscv_cpu(cpu)->config;
}

/* Section 3.4: M-mode, interrupts off, no address translation, PMP off; here everything else is zero as well. */
static void reset(struct vcpu *cpu)
{
	struct riscv_cpu *rv = riscv_cpu(cpu);
	struct cpu_config config = rv->config;
	memset(rv, 0, sizeof *rv);
	rv->config = config;
	rv->priv = PRIV_M;
	rv->stimecmp = UINT64_MAX;
	rv->cycle.base = rv->instret.base = cpu->icount;
	pmp_reset(&rv->pmp, config.pmp_entries);
	memset(cpu->reg, 0, sizeof cpu->reg);
	cpu->pc = RESET_PC;
	cpu->exception = (struct exception){ 0 };
	cpu->reservation.size = 0;
	cpu->fp_flags = 0;
	atomic_store(&cpu->waiting, false);
	atomic_store(&cpu->halted, false);
	vcpu_set_irq(cpu, IRQ_SSI, false);
	riscv_update_timer(cpu);
	riscv_update_mode(cpu);
	riscv_flush_all(cpu);
}

/* ---- built-in firmware ---- */

static void start_at(struct vcpu *cpu, uint64_t pc, uint64_t a0, uint64_t a1)
{
	memset(cpu->reg, 0, sizeof cpu->reg);
	cpu->reg[SLOT_X + 10] = a0;
	cpu->reg[SLOT_X + 11] = a1;
	cpu->pc = pc;
	cpu->exception.pending = false;
	cpu->reservation.size = 0;
	riscv_update_mode(cpu);
}

/* The state that the SBI's "Hart State Management" and boot conventions ask for: S-mode, satp = 0, sstatus.SIE = 0. */
void riscv_enter_supervisor(struct vcpu *cpu, uint64_t pc, uint64_t a0, uint64_t a1)
{
	reset(cpu);
	struct riscv_cpu *rv = riscv_cpu(cpu);
	const struct cpu_config *c = &rv->config;
	rv->priv = PRIV_S;
	rv->mideleg = MIP_S;
	rv->medeleg = MEDELEG_MASK & ~((uint64_t)1 << EXC_ECALL_S);
	rv->mcounteren = 0xffffffff;
	rv->scounteren = COUNTER_CY | COUNTER_TM | COUNTER_IR;
	rv->menvcfg = (riscv_has(c, EXT_ZICBOM) ? ENVCFG_CBIE | ENVCFG_CBCFE : 0) | (riscv_has(c, EXT_ZICBOZ) ? ENVCFG_CBZE : 0) |
		      (riscv_has(c, EXT_SVADU) ? ENVCFG_ADUE : 0) | (riscv_has(c, EXT_SVPBMT) ? ENVCFG_PBMTE : 0) |
		      (riscv_has(c, EXT_SSTC) ? ENVCFG_STCE : 0);
	if (riscv_has(c, EXT_F))
		rv->mstatus = (uint64_t)1 << MSTATUS_FS_SHIFT;	/* Initial */
	pmp_write_addr(&rv->pmp, 0, ~(uint64_t)0, ~(uint64_t)0);
	pmp_write_cfg(&rv->pmp, 0, PMP_R | PMP_W | PMP_X | PMP_NAPOT << PMP_A_SHIFT, 0xff);
	start_at(cpu, pc, a0, a1);
	riscv_update_timer(cpu);
	riscv_flush_all(cpu);
}

void riscv_resume_supervisor(struct vcpu *cpu, uint64_t pc, uint64_t a0, uint64_t a1)
{
	struct riscv_cpu *rv = riscv_cpu(cpu);
	rv->priv = PRIV_S;
	rv->satp = 0;
	rv->mstatus &= ~(MSTATUS_SIE | MSTATUS_MPRV);
	start_at(cpu, pc, a0, a1);
}

/* ---- the table ---- */

/* The psABI's frame record; GCC's leaf functions hold s0 where ra would be. */
static const struct frame_layout frames = { .fp = 8, .sp = 2, .ra = 1, .saved_fp = -16, .saved_ra = -8, .leaf_saves_fp_alone = true };

static const struct arch_ops arch = {
	.translate = riscv_translate,
	.raise_misaligned = riscv_raise_misaligned,
	.raise_access_fault = riscv_raise_access_fault,
	.take_exception = riscv_take_exception,
	.take_interrupt = riscv_take_interrupt,
	.has_work = riscv_has_work,
	.update_timer = riscv_update_timer,
	.probe = riscv_probe,
	.frames = &frames,
};

static const struct frontend_mode modes[] = {
	{ "user", PRIV_U | MODE_FS_ON | MODE_LOW_HALF },
	{ "supervisor", PRIV_S | MODE_FS_ON },
	{ "machine", PRIV_M | MODE_FS_ON | MODE_LOW_HALF },
	{ NULL, 0 },
};

static enum privilege privilege(uint32_t mode)
{
	switch (mode & MODE_PRIV) {
	case PRIV_U:
		return PRIVILEGE_USER;
	case PRIV_M:
		return PRIVILEGE_FIRMWARE;
	default:
		return PRIVILEGE_KERNEL;
	}
}

const struct frontend riscv64_frontend = {
	.name = "riscv64",
	.default_cpu = "rv64",
	.elf_machine = EM_RISCV,
	.elf_class = ELFCLASS64,
	.insn_align = 2,
	.arch = &arch,
	.config_parse = riscv_config_parse,
	.config_free = riscv_config_free,
	.config_extension = riscv_config_extension,
	.vcpu_init = vcpu_init,
	.vcpu_destroy = free_cpu,
	.reset = reset,
	.arch_bytes = sizeof(struct riscv_cpu),
	.adopted = riscv_update_mode,
	.config = riscv_config,
	.lift = riscv_lift,
	.helpers = riscv_helpers,
	.n_helpers = HELPER_COUNT,
	.slot_name = riscv_slot_name,
	.privilege = privilege,
	.pinned_slots = { 10, 15, 14, 13 },	/* a0, a5, a4, a3 */
	.return_slot = 1,			/* ra */
	.modes = modes,
	.disassemble = riscv_disassemble,
	.regs = riscv_regs,
	.n_regs = RISCV_N_REGS,
	.reg_read = riscv_reg_read,
	.reg_write = riscv_reg_write,
	.gdb_arch = "riscv:rv64",
	.exception_name = riscv_exception_name,
};

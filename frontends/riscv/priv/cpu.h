/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The privileged state of one RISC-V hart (vcpu->arch) and the pieces of priv/ that work on it. References are to volume II
 * unless they say otherwise.
 */
#pragma once
#include "frontends/riscv/riscv.h"
#include "frontends/riscv/priv/pmp.h"

/* mstatus (section 3.1.6). UXL, SXL and SD are computed when it is read; UBE, SBE, MBE, VS and XS are read-only zero. */
#define MSTATUS_SIE	((uint64_t)1 << 1)
#define MSTATUS_MIE	((uint64_t)1 << 3)
#define MSTATUS_SPIE	((uint64_t)1 << 5)
#define MSTATUS_MPIE	((uint64_t)1 << 7)
#define MSTATUS_SPP	((uint64_t)1 << 8)
#define MSTATUS_MPP	((uint64_t)3 << 11)
#define MSTATUS_FS	((uint64_t)3 << 13)
#define MSTATUS_MPRV	((uint64_t)1 << 17)
#define MSTATUS_SUM	((uint64_t)1 << 18)
#define MSTATUS_MXR	((uint64_t)1 << 19)
#define MSTATUS_TVM	((uint64_t)1 << 20)
#define MSTATUS_TW	((uint64_t)1 << 21)
#define MSTATUS_TSR	((uint64_t)1 << 22)
#define MSTATUS_UXL	((uint64_t)2 << 32)
#define MSTATUS_SXL	((uint64_t)2 << 34)
#define MSTATUS_SD	((uint64_t)1 << 63)
#define MSTATUS_MPP_SHIFT 11
#define MSTATUS_FS_SHIFT 13

#define ENVCFG_FIOM	((uint64_t)1 << 0)
#define ENVCFG_CBIE	((uint64_t)3 << 4)
#define ENVCFG_CBCFE	((uint64_t)1 << 6)
#define ENVCFG_CBZE	((uint64_t)1 << 7)
#define ENVCFG_ADUE	((uint64_t)1 << 61)
#define ENVCFG_PBMTE	((uint64_t)1 << 62)
#define ENVCFG_STCE	((uint64_t)1 << 63)

#define COUNTER_CY 1u
#define COUNTER_TM 2u
#define COUNTER_IR 4u

#define SATP_MODE(satp)	((satp) >> 60)
#define SATP_ASID(satp)	((satp) >> 44 & 0xffff)
#define SATP_PPN(satp)	((satp) & (((uint64_t)1 << 44) - 1))
enum { SATP_BARE = 0, SATP_SV39 = 8, SATP_SV48 = 9, SATP_SV57 = 10 };

/* The interrupts that exist, and those that belong to supervisor mode */
#define MIP_BIT(irq)	((uint64_t)1 << (irq))
#define MIP_S		(MIP_BIT(IRQ_SSI) | MIP_BIT(IRQ_STI) | MIP_BIT(IRQ_SEI))
#define MIP_ALL		(MIP_S | MIP_BIT(IRQ_MSI) | MIP_BIT(IRQ_MTI) | MIP_BIT(IRQ_MEI))

/* What medeleg may hold: every cause that exists but the environment call from M-mode (section 3.1.8) */
#define MEDELEG_MASK	((uint64_t)0xb3ff)

/* mcycle and minstret: they count retired instructions from `base`, or stand at `held` (mcountinhibit) */
struct riscv_counter {
	uint64_t base, held;
	bool inhibited;
};

/* The trap registers that M- and S-mode both have */
struct riscv_trap_regs {
	uint64_t tvec, scratch, epc, cause, tval;
};

struct riscv_cpu {
	struct cpu_config config;
	uint8_t priv;			/* enum riscv_priv */
	uint8_t frm;			/* fcsr.frm as written; the flags are cpu->fp_flags */
	uint64_t mstatus;
	uint64_t medeleg, mideleg, mie;
	uint64_t mip_soft;		/* the software-writable SEIP and STIP bits; SSIP is an interrupt line */
	struct riscv_trap_regs m, s;
	uint64_t menvcfg, senvcfg, satp;
	uint64_t mcounteren, scounteren, mcountinhibit;
	struct riscv_counter cycle, instret;
	uint64_t stimecmp;		/* ticks of time */
	bool sbi_timer;			/* built-in firmware works stimecmp for a kernel that asks it to */
	struct pmp pmp;
	bool cut_leaf;			/* the MMU may hold a piece of a large page that PMP divides */

	/* A trap handler whose own first instruction traps, and so on for ever: see trap.c */
	uint64_t loop_icount, loop_pc;
	uint64_t loop_from, loop_cause;	/* the last exception that was not the handler's own */
	unsigned loop_length;
};

static inline struct riscv_cpu *riscv_cpu(const struct vcpu *cpu)
{
	return cpu->arch;
}

/* ---- cpu.c ---- */
/*
 * MMU indices: one per way in which data accesses are checked. Fetches use U, S, BARE and M only. BARE is S- and U-mode without
 * paging, where PMP checks both alike.
 */
enum { INDEX_U, INDEX_U_MXR, INDEX_S, INDEX_S_SUM, INDEX_S_MXR, INDEX_S_SUM_MXR, INDEX_BARE, INDEX_M };
/* After any change of privilege, satp, mstatus or frm: mode bits, rounding, context and MMU indices. */
void riscv_update_mode(struct vcpu *cpu);
void riscv_flush_all(struct vcpu *cpu);

/* ---- status.c ---- */
uint64_t riscv_mstatus_read(struct vcpu *cpu);
void riscv_mstatus_write(struct vcpu *cpu, uint64_t value, uint64_t mask);
/* Sets FS to Dirty if FP instructions have written state since the last look. */
void riscv_fold_fs(struct vcpu *cpu);
uint64_t riscv_mip(const struct vcpu *cpu);
/* Interrupts that would be taken now, most urgent considered first; -1: none. *to: the mode that takes it. */
int riscv_pending_interrupt(const struct vcpu *cpu, enum riscv_priv *to);

/* ---- trap.c ---- */
bool riscv_raise(struct vcpu *cpu, uint64_t cause, uint64_t value);	/* returns false, for helpers */
void riscv_raise_misaligned(struct vcpu *cpu, uint64_t va, enum mmu_access access);
void riscv_raise_access_fault(struct vcpu *cpu, uint64_t va, enum mmu_access access);
void riscv_take_exception(struct vcpu *cpu);
bool riscv_take_interrupt(struct vcpu *cpu);
bool riscv_has_work(struct vcpu *cpu);
const char *riscv_exception_name(uint64_t cause, bool interrupt);
/* The way back from a trap: *pc is where to go on. */
void riscv_mret(struct vcpu *cpu, uint64_t *pc);
void riscv_sret(struct vcpu *cpu, uint64_t *pc);

/* ---- timer.c ---- */
uint64_t riscv_time(const struct vcpu *cpu);
bool riscv_stimer_active(const struct riscv_cpu *rv);
void riscv_update_timer(struct vcpu *cpu);

/* ---- walk.c ---- */
bool riscv_translate(struct vcpu *cpu, uint64_t va, enum mmu_access access, unsigned mmu_index, bool debug,
		     struct mmu_leaf *leaf);
bool riscv_probe(struct vcpu *cpu, uint64_t va, unsigned mmu_index, struct mmu_leaf *leaf);

/* ---- config.c ---- */
void riscv_config_free(struct cpu_config *config);
const char *riscv_config_extension(const struct cpu_config *config, unsigned index, bool *on);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The RISC-V 64 frontend's own state and the border between its two halves: user/ (decode, lift, disassemble) and priv/
 * (CSRs, traps, PMP, page tables, timers). References are to the RISC-V Instruction Set Manual, volumes I (unprivileged)
 * and II (privileged), version 20240411.
 */
#pragma once
#include "frontends/frontend.h"

/* Register slots: x0 to x31 are slots 0 to 31 (x0 is SLOT_ZERO), f0 to f31 slots 32 to 63. */
enum { SLOT_X = 0, SLOT_F = 32, SLOT_FS_DIRTY = 64 /* set to 1 by each instruction that writes FP state */ };

enum riscv_priv { PRIV_U = 0, PRIV_S = 1, PRIV_M = 3 };

/* Extensions that --cpu can turn off. EXT(id, name in --cpu and in the device tree, default on) */
#define RISCV_EXTENSIONS(EXT) \
	EXT(A, "a", 1) EXT(C, "c", 1) EXT(D, "d", 1) EXT(F, "f", 1) EXT(M, "m", 1) \
	EXT(ZBA, "zba", 1) EXT(ZBB, "zbb", 1) EXT(ZBC, "zbc", 1) EXT(ZBS, "zbs", 1) \
	EXT(ZICBOM, "zicbom", 1) EXT(ZICBOP, "zicbop", 1) EXT(ZICBOZ, "zicboz", 1) \
	EXT(ZICNTR, "zicntr", 1) EXT(ZICOND, "zicond", 1) EXT(ZICSR, "zicsr", 1) EXT(ZIFENCEI, "zifencei", 1) \
	EXT(ZIHINTPAUSE, "zihintpause", 1) EXT(ZIHPM, "zihpm", 1) EXT(ZFHMIN, "zfhmin", 1) \
	EXT(SSTC, "sstc", 1) EXT(SVADU, "svadu", 1) EXT(SVINVAL, "svinval", 1) EXT(SVNAPOT, "svnapot", 1) EXT(SVPBMT, "svpbmt", 1) \
	EXT(SVVPTC, "svvptc", 1)
enum riscv_ext {
#define EXT(id, name, on) EXT_##id,
	RISCV_EXTENSIONS(EXT)
#undef EXT
	EXT_COUNT
};

struct cpu_config {
	uint64_t ext;		/* bit per enum riscv_ext */
	unsigned satp_levels;	/* widest paging mode: 3 (Sv39), 4 or 5 */
	unsigned pmp_entries;	/* 16 */
	char name[64];
};
static inline bool riscv_has(const struct cpu_config *c, enum riscv_ext e) { return c->ext >> e & 1; }
#define CBO_BLOCK 64		/* bytes, Zicbom and Zicboz */

/* Mode bits that translations are keyed by (vcpu->mode). */
enum {
	MODE_PRIV = 3,		/* enum riscv_priv */
	MODE_FS_ON = 4,		/* mstatus.FS is not Off: without it FP instructions are illegal */
	MODE_RM_SHIFT = 3,	/* 2 bits: dynamic rounding is ordinary, RMM, or a reserved frm value */
	MODE_RM_HOST = 0, MODE_RM_RMM = 1, MODE_RM_INVALID = 2,
	MODE_STEP = 1 << 31,	/* single-instruction blocks (set by engines, ignored by the lifter) */
};

struct riscv_cpu;		/* priv/cpu.h: CSRs */

/* What the lifter calls at run time: indices into the frontend's helper table (priv/helpers.c). For all of them imm is the
 * instruction's 32 bits, from which they take fields and, when it is illegal, stval. */
#define RISCV_HELPERS(H) \
	H(csr,		"CSR access: a = operand (rs1 or uimm); result = old value") \
	H(mret,		"result = new pc") \
	H(sret,		"result = new pc") \
	H(wfi,		"waits at the end of the instruction, or illegal") \
	H(pause,	"lets another vCPU's thread run: this one spins") \
	H(sfence_vma,	"a = address, b = ASID; also sinval.vma") \
	H(fence_priv,	"checks that sfence.w.inval or sfence.inval.ir is legal here") \
	H(cbo,		"a = address; checks menvcfg/senvcfg and permission, then inval, clean, flush or zero") \
	H(check_target,	"a = jump target: instruction-address-misaligned if not 4-aligned (only without C)")
enum riscv_helper {
#define H(name, what) HELPER_##name,
	RISCV_HELPERS(H)
#undef H
	HELPER_COUNT
};
extern const struct helper riscv_helpers[HELPER_COUNT];

/* Exception causes (volume II, table of mcause) */
enum {
	EXC_INSN_MISALIGNED = 0, EXC_INSN_ACCESS = 1, EXC_ILLEGAL = 2, EXC_BREAKPOINT = 3, EXC_LOAD_MISALIGNED = 4,
	EXC_LOAD_ACCESS = 5, EXC_STORE_MISALIGNED = 6, EXC_STORE_ACCESS = 7, EXC_ECALL_U = 8, EXC_ECALL_S = 9, EXC_ECALL_M = 11,
	EXC_INSN_PAGE = 12, EXC_LOAD_PAGE = 13, EXC_STORE_PAGE = 15,
};
/* Interrupt lines (vcpu_set_irq) and mip bits are the same numbers. */
enum { IRQ_SSI = 1, IRQ_MSI = 3, IRQ_STI = 5, IRQ_MTI = 7, IRQ_SEI = 9, IRQ_MEI = 11 };

/* ---- user/ ---- */
bool riscv_lift(const struct lift_request *req, struct ir_block *b);
unsigned riscv_disassemble(const struct cpu_config *config, uint64_t pc, const uint8_t *code, unsigned size, char *text, unsigned text_size);
const char *riscv_slot_name(unsigned slot);
/* ---- priv/ ---- */
struct cpu_config *riscv_config_parse(const char *text, struct error *err);
const struct cpu_config *riscv_config(const struct vcpu *cpu);
/* The ISA string for the device tree ("rv64imafdc_zicsr_…") in `text`. */
void riscv_isa_string(const struct cpu_config *config, char *text, unsigned size);
/* For built-in firmware: S-mode entry as firmware would leave it (delegation, menvcfg, counters, PMP open); parked vCPU. */
void riscv_enter_supervisor(struct vcpu *cpu, uint64_t pc, uint64_t a0, uint64_t a1);
/* The way back from a non-retentive suspend: S-mode without paging and interrupts, other CSRs as they were. On the vCPU's thread. */
void riscv_resume_supervisor(struct vcpu *cpu, uint64_t pc, uint64_t a0, uint64_t a1);
/* sfence.vma: NULL means all addresses, or all address spaces and global mappings too; an ASID spares global mappings. Parked, or
 * on the vCPU's thread. */
void riscv_fence_vma(struct vcpu *cpu, const uint64_t *va, const uint64_t *asid);
/* Sets the S-mode timer (SBI set_timer) in ticks of the time CSR; UINT64_MAX: never. */
void riscv_set_stimer(struct vcpu *cpu, uint64_t ticks);
void riscv_set_software_pending(struct vcpu *cpu, bool level);	/* mip.SSIP; any thread */
uint64_t riscv_pack_mode(const struct vcpu *cpu);
#define RISCV_TIMEBASE 10000000	/* Hz, as QEMU's virt */
extern const struct frontend riscv64_frontend;

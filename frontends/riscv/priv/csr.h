/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of control and status registers. csrs.def lists them, one line each; whatever is not there, or belongs to an
 * extension that is off, traps as illegal.
 */
#pragma once
#include "frontends/riscv/priv/cpu.h"

#define CSR_ALWAYS (-1)

struct csr {
	const char *name;
	uint16_t number;
	int8_t ext;			/* enum riscv_ext, or CSR_ALWAYS */
	uint16_t offset;		/* of its uint64_t in struct riscv_cpu, where `read` or `write` is NULL */
	uint64_t write_mask;		/* bits that a plain write may change */
	/* Further conditions beyond privilege; NULL: none. `write`: the access writes. */
	bool (*allowed)(struct vcpu *cpu, unsigned number, bool write);
	uint64_t (*read)(struct vcpu *cpu, unsigned number);
	/* Takes over `value` in the bits of `mask` (all for csrrw, those named by rs1 for csrrs and csrrc) as WARL rules allow. */
	void (*write)(struct vcpu *cpu, unsigned number, uint64_t value, uint64_t mask);
};

enum riscv_csr_position {
#define CSR(n, id, x, may, rd, wr) CSR_AT_##id,
#define PLAIN(n, id, x, may, field, mask) CSR_AT_##id,
#define PLAIN_W(n, id, x, may, field, wr) CSR_AT_##id,
#include "frontends/riscv/priv/csrs.def"
	RISCV_N_CSRS
};
extern const struct csr riscv_csrs[RISCV_N_CSRS];

/* regs.c: x, pc, f, CSRs, privilege */
#define RISCV_N_REGS (32 + 1 + 32 + RISCV_N_CSRS + 1)
extern const struct frontend_reg riscv_regs[RISCV_N_REGS];
bool riscv_reg_read(struct vcpu *cpu, unsigned reg, uint64_t *value);
bool riscv_reg_write(struct vcpu *cpu, unsigned reg, uint64_t value);

/* NULL if this hart has no such register. */
const struct csr *riscv_csr_find(const struct riscv_cpu *rv, unsigned number);
uint64_t riscv_csr_read(struct vcpu *cpu, const struct csr *c);
void riscv_csr_write(struct vcpu *cpu, const struct csr *c, uint64_t value, uint64_t mask);
/* The instruction (volume I, chapter 7); false: it is illegal, nothing has happened, and no exception is set. */
bool riscv_csr_insn(struct vcpu *cpu, uint32_t insn, uint64_t operand, uint64_t *result);

static inline uint64_t merge_bits(uint64_t old, uint64_t value, uint64_t mask)
{
	return (old & ~mask) | (value & mask);
}

/* What the lines of csrs.def name: conditions, reads and writes, in csr.c, status.c, csr_counter.c, csr_env.c and csr_fp.c */
#define CSR_ALLOWED(f)	bool csr_allowed_##f(struct vcpu *cpu, unsigned number, bool write);
#define CSR_READ(f)	uint64_t csr_read_##f(struct vcpu *cpu, unsigned number);
#define CSR_WRITE(f)	void csr_write_##f(struct vcpu *cpu, unsigned number, uint64_t value, uint64_t mask);
CSR_ALLOWED(fp) CSR_ALLOWED(counter) CSR_ALLOWED(satp) CSR_ALLOWED(stimecmp) CSR_ALLOWED(pmp)
CSR_READ(fflags) CSR_READ(frm) CSR_READ(fcsr) CSR_WRITE(fflags) CSR_WRITE(frm) CSR_WRITE(fcsr)
CSR_READ(mstatus) CSR_READ(sstatus) CSR_WRITE(mstatus) CSR_WRITE(sstatus)
CSR_READ(sie) CSR_WRITE(sie) CSR_WRITE(mie) CSR_READ(mip) CSR_READ(sip) CSR_WRITE(mip) CSR_WRITE(sip)
CSR_WRITE(mideleg) CSR_WRITE(stvec) CSR_WRITE(mtvec) CSR_WRITE(sepc) CSR_WRITE(mepc)
CSR_READ(misa) CSR_READ(mhartid) CSR_READ(zero) CSR_WRITE(ignore)
CSR_WRITE(satp) CSR_WRITE(menvcfg) CSR_WRITE(senvcfg) CSR_WRITE(stimecmp)
CSR_READ(pmpcfg) CSR_WRITE(pmpcfg) CSR_READ(pmpaddr) CSR_WRITE(pmpaddr)
CSR_READ(cycle) CSR_READ(instret) CSR_READ(time) CSR_WRITE(mcycle) CSR_WRITE(minstret)
CSR_WRITE(mcounteren) CSR_WRITE(scounteren) CSR_WRITE(mcountinhibit)
#undef CSR_ALLOWED
#undef CSR_READ
#undef CSR_WRITE

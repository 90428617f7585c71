// SPDX-License-Identifier: Apache-2.0
/* Registers by name, with GDB's numbers: x 0 to 31, pc 32, f 33 to 64, CSR n 65 + n, then the privilege mode. */
#include "frontends/riscv/priv/csr.h"

enum { GDB_PC = 32, GDB_F = 33, GDB_CSR = 65, GDB_PRIV = 65 + 4096 };

#define X(n, alias) { "x" #n, alias, 64, "cpu", n },
#define F(n, alias) { "f" #n, alias, 64, "fpu", GDB_F + n },

const struct frontend_reg riscv_regs[] = {
	X(0, "zero") X(1, "ra") X(2, "sp") X(3, "gp") X(4, "tp") X(5, "t0") X(6, "t1") X(7, "t2") X(8, "s0") X(9, "s1")
	X(10, "a0") X(11, "a1") X(12, "a2") X(13, "a3") X(14, "a4") X(15, "a5") X(16, "a6") X(17, "a7") X(18, "s2") X(19, "s3")
	X(20, "s4") X(21, "s5") X(22, "s6") X(23, "s7") X(24, "s8") X(25, "s9") X(26, "s10") X(27, "s11") X(28, "t3") X(29, "t4")
	X(30, "t5") X(31, "t6")
	{ "pc", NULL, 64, "cpu", GDB_PC },
	F(0, "ft0") F(1, "ft1") F(2, "ft2") F(3, "ft3") F(4, "ft4") F(5, "ft5") F(6, "ft6") F(7, "ft7") F(8, "fs0") F(9, "fs1")
	F(10, "fa0") F(11, "fa1") F(12, "fa2") F(13, "fa3") F(14, "fa4") F(15, "fa5") F(16, "fa6") F(17, "fa7") F(18, "fs2")
	F(19, "fs3") F(20, "fs4") F(21, "fs5") F(22, "fs6") F(23, "fs7") F(24, "fs8") F(25, "fs9") F(26, "fs10") F(27, "fs11")
	F(28, "ft8") F(29, "ft9") F(30, "ft10") F(31, "ft11")
#define CSR(n, id, x, may, rd, wr) { #id, NULL, 64, "csr", GDB_CSR + (n) },
#define PLAIN(n, id, x, may, field, mask) { #id, NULL, 64, "csr", GDB_CSR + (n) },
#define PLAIN_W(n, id, x, may, field, wr) { #id, NULL, 64, "csr", GDB_CSR + (n) },
#include "frontends/riscv/priv/csrs.def"
	{ "priv", NULL, 64, "virtual", GDB_PRIV },
};
_Static_assert(ARRAY_SIZE(riscv_regs) == RISCV_N_REGS, "all of them are listed");

bool riscv_reg_read(struct vcpu *cpu, unsigned reg, uint64_t *value)
{
	const struct riscv_cpu *rv = riscv_cpu(cpu);
	if (reg >= RISCV_N_REGS)
		return false;
	unsigned n = riscv_regs[reg].gdb_number;
	if (n < GDB_PC) {
		*value = n ? cpu->reg[SLOT_X + n] : 0;
	} else if (n == GDB_PC) {
		*value = cpu->pc;
	} else if (n < GDB_CSR) {
		*value = cpu->reg[SLOT_F + n - GDB_F];
		return riscv_has(&rv->config, EXT_F);
	} else if (n == GDB_PRIV) {
		*value = rv->priv;
	} else {
		const struct csr *c = riscv_csr_find(rv, n - GDB_CSR);
		if (!c)
			return false;
		*value = riscv_csr_read(cpu, c);
	}
	return true;
}

bool riscv_reg_write(struct vcpu *cpu, unsigned reg, uint64_t value)
{
	struct riscv_cpu *rv = riscv_cpu(cpu);
	if (reg >= RISCV_N_REGS)
		return false;
	unsigned n = riscv_regs[reg].gdb_number;
	if (n < GDB_PC) {
		if (n)
			cpu->reg[SLOT_X + n] = value;
	} else if (n == GDB_PC) {
		cpu->pc = value & (riscv_has(&rv->config, EXT_C) ? ~(uint64_t)1 : ~(uint64_t)3);
	} else if (n < GDB_CSR) {
		if (!riscv_has(&rv->config, EXT_F))
			return false;
		cpu->reg[SLOT_F + n - GDB_F] = value;
		cpu->reg[SLOT_FS_DIRTY] = 1;
	} else if (n == GDB_PRIV) {
		if (value > PRIV_M || value == 2)
			return false;
		rv->priv = (uint8_t)value;
		riscv_update_mode(cpu);
	} else {
		const struct csr *c = riscv_csr_find(rv, n - GDB_CSR);
		if (!c || c->number >> 10 == 3)	/* the read-only ones */
			return false;
		/* an instruction that writes a counter is not counted; here there is none */
		bool counter = c->write == csr_write_mcycle || c->write == csr_write_minstret;
		cpu->icount -= counter;
		riscv_csr_write(cpu, c, value, ~(uint64_t)0);
		cpu->icount += counter;
	}
	return true;
}

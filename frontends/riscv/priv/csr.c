// SPDX-License-Identifier: Apache-2.0
#include "frontends/riscv/priv/csr.h"

#define csr_allowed_any NULL
#define EXT_ALWAYS CSR_ALWAYS

const struct csr riscv_csrs[] = {
#define CSR(n, id, x, may, rd, wr) \
	{ .name = #id, .number = (n), .ext = EXT_##x, .allowed = csr_allowed_##may, .read = csr_read_##rd, .write = csr_write_##wr },
#define PLAIN(n, id, x, may, field, mask) \
	{ .name = #id, .number = (n), .ext = EXT_##x, .allowed = csr_allowed_##may, \
	  .offset = offsetof(struct riscv_cpu, field), .write_mask = (mask) },
#define PLAIN_W(n, id, x, may, field, wr) \
	{ .name = #id, .number = (n), .ext = EXT_##x, .allowed = csr_allowed_##may, \
	  .offset = offsetof(struct riscv_cpu, field), .write = csr_write_##wr },
#include "frontends/riscv/priv/csrs.def"
};
_Static_assert(RISCV_N_CSRS < 255, "positions fit into a byte");

/* Position in riscv_csrs plus one, by number */
static const uint8_t position[4096] = {
#define CSR(n, id, x, may, rd, wr) [n] = CSR_AT_##id + 1,
#define PLAIN(n, id, x, may, field, mask) [n] = CSR_AT_##id + 1,
#define PLAIN_W(n, id, x, may, field, wr) [n] = CSR_AT_##id + 1,
#include "frontends/riscv/priv/csrs.def"
};

const struct csr *riscv_csr_find(const struct riscv_cpu *rv, unsigned number)
{
	unsigned at = position[number & 0xfff];
	if (!at)
		return NULL;
	const struct csr *c = &riscv_csrs[at - 1];
	return c->ext == CSR_ALWAYS || riscv_has(&rv->config, (enum riscv_ext)c->ext) ? c : NULL;
}

static uint64_t *field(struct vcpu *cpu, const struct csr *c)
{
	return (uint64_t *)((char *)cpu->arch + c->offset);
}

uint64_t riscv_csr_read(struct vcpu *cpu, const struct csr *c)
{
	return c->read ? c->read(cpu, c->number) : *field(cpu, c);
}

void riscv_csr_write(struct vcpu *cpu, const struct csr *c, uint64_t value, uint64_t mask)
{
	if (c->write)
		c->write(cpu, c->number, value, mask);
	else
		*field(cpu, c) = merge_bits(*field(cpu, c), value, mask & c->write_mask);
}

bool riscv_csr_insn(struct vcpu *cpu, uint32_t insn, uint64_t operand, uint64_t *result)
{
	struct riscv_cpu *rv = riscv_cpu(cpu);
	unsigned number = insn >> 20, rs1 = insn >> 15 & 31, rd = insn >> 7 & 31;
	enum { RW = 1, RS = 2, RC = 3 } op = insn >> 12 & 3;
	/* csrrs and csrrc with x0 (or a zero immediate) do not write at all; csrrw to x0 does not read (volume I, table 6) */
	bool write = op == RW || rs1, read = op != RW || rd;
	const struct csr *c = riscv_csr_find(rv, number);
	/* section 2.1: bits 9:8 are the lowest privilege, 11:10 = 3 means read-only */
	if (!c || rv->priv < (number >> 8 & 3) || (write && number >> 10 == 3))
		return false;
	if (c->allowed && !c->allowed(cpu, number, write))
		return false;
	*result = read ? riscv_csr_read(cpu, c) : 0;
	if (write)
		riscv_csr_write(cpu, c, op == RC ? 0 : op == RS ? ~(uint64_t)0 : operand, op == RW ? ~(uint64_t)0 : operand);
	return true;
}

uint64_t csr_read_zero(struct vcpu *cpu, unsigned number)
{
	return 0;
}

void csr_write_ignore(struct vcpu *cpu, unsigned number, uint64_t value, uint64_t mask)
{
}

uint64_t csr_read_mhartid(struct vcpu *cpu, unsigned number)
{
	return cpu->index;
}

/* Extensions cannot be switched at run time: misa is read-only, which its WARL rule allows (section 3.1.1). */
uint64_t csr_read_misa(struct vcpu *cpu, unsigned number)
{
	const struct cpu_config *c = &riscv_cpu(cpu)->config;
	static const struct {
		enum riscv_ext ext;
		char letter;
	} letters[] = { { EXT_A, 'a' }, { EXT_C, 'c' }, { EXT_D, 'd' }, { EXT_F, 'f' }, { EXT_M, 'm' } };
	uint64_t misa = (uint64_t)2 << 62 | 1 << ('i' - 'a') | 1 << ('s' - 'a') | 1 << ('u' - 'a');
	for (unsigned i = 0; i < ARRAY_SIZE(letters); i++)
		if (riscv_has(c, letters[i].ext))
			misa |= 1 << (letters[i].letter - 'a');
	/* B is Zba, Zbb and Zbs together (volume I, chapter 28) */
	if (riscv_has(c, EXT_ZBA) && riscv_has(c, EXT_ZBB) && riscv_has(c, EXT_ZBS))
		misa |= 1 << ('b' - 'a');
	return misa;
}

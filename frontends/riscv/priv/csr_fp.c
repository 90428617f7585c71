// SPDX-License-Identifier: Apache-2.0
/* fflags, frm and fcsr (volume I, section 20.2): the guest's flags are host bits, its rounding mode the host's control word.
 * Whoever comes from guest code calls vcpu_fp_fold first (helpers.c); a debugger's thread has flags of its own. */
#include "frontends/riscv/priv/csr.h"
#include "runtime/fp.h"

static const struct {
	unsigned host, guest;
} flags[] = { { FP_NX, 1 }, { FP_UF, 2 }, { FP_OF, 4 }, { FP_DZ, 8 }, { FP_NV, 16 } };

bool csr_allowed_fp(struct vcpu *cpu, unsigned number, bool write)
{
	return riscv_cpu(cpu)->mstatus & MSTATUS_FS;
}

uint64_t csr_read_fflags(struct vcpu *cpu, unsigned number)
{
	uint64_t v = 0;
	for (unsigned i = 0; i < ARRAY_SIZE(flags); i++)
		if (cpu->fp_flags & flags[i].host)
			v |= flags[i].guest;
	return v;
}

uint64_t csr_read_frm(struct vcpu *cpu, unsigned number)
{
	return riscv_cpu(cpu)->frm;
}

uint64_t csr_read_fcsr(struct vcpu *cpu, unsigned number)
{
	return csr_read_fflags(cpu, number) | csr_read_frm(cpu, number) << 5;
}

void csr_write_fflags(struct vcpu *cpu, unsigned number, uint64_t value, uint64_t mask)
{
	for (unsigned i = 0; i < ARRAY_SIZE(flags); i++) {
		if (!(mask & flags[i].guest))
			continue;
		cpu->fp_flags &= ~flags[i].host;
		if (value & flags[i].guest)
			cpu->fp_flags |= flags[i].host;
	}
	riscv_cpu(cpu)->mstatus |= MSTATUS_FS;
}

void csr_write_frm(struct vcpu *cpu, unsigned number, uint64_t value, uint64_t mask)
{
	struct riscv_cpu *rv = riscv_cpu(cpu);
	rv->frm = merge_bits(rv->frm, value, mask & 7);
	rv->mstatus |= MSTATUS_FS;
	riscv_update_mode(cpu);
}

void csr_write_fcsr(struct vcpu *cpu, unsigned number, uint64_t value, uint64_t mask)
{
	csr_write_fflags(cpu, number, value, mask);
	csr_write_frm(cpu, number, value >> 5, mask >> 5);
}

// SPDX-License-Identifier: Apache-2.0
/* fflags, frm and fcsr (volume I, section 20.2): the guest's flags are host bits, its rounding mode the host's control word.
 * Whoever comes from guest code calls vcpu_fp_fold first (helpers.c); a debugger's thread has flags of its own. */
#include "frontends/riscv/priv/csr.h"
#include "runtime/fp.h"

bool csr_allowed_fp(struct vcpu *cpu, unsigned number, bool write)
{
	return riscv_cpu(cpu)->mstatus & MSTATUS_FS;
}

uint64_t csr_read_fflags(struct vcpu *cpu, unsigned number)
{
	return fp_pack_flags(cpu->fp_flags);
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
	cpu->fp_flags = (cpu->fp_flags & ~fp_unpack_flags(mask)) | fp_unpack_flags(value & mask);
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

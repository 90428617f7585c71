// SPDX-License-Identifier: Apache-2.0
/* Trap entry and return (sections 3.1.6 to 3.1.17, 3.3.2, 10.1). */
#include <inttypes.h>
#include <stdio.h>
#include "frontends/riscv/priv/cpu.h"
#include "runtime/machine.h"

static const char *const exception_names[] = {
	[EXC_INSN_MISALIGNED] = "instruction address misaligned",
	[EXC_INSN_ACCESS] = "instruction access fault",
	[EXC_ILLEGAL] = "illegal instruction",
	[EXC_BREAKPOINT] = "breakpoint",
	[EXC_LOAD_MISALIGNED] = "load address misaligned",
	[EXC_LOAD_ACCESS] = "load access fault",
	[EXC_STORE_MISALIGNED] = "store/AMO address misaligned",
	[EXC_STORE_ACCESS] = "store/AMO access fault",
	[EXC_ECALL_U] = "environment call from U-mode",
	[EXC_ECALL_S] = "environment call from S-mode",
	[EXC_ECALL_M] = "environment call from M-mode",
	[EXC_INSN_PAGE] = "instruction page fault",
	[EXC_LOAD_PAGE] = "load page fault",
	[EXC_STORE_PAGE] = "store/AMO page fault",
};
static const char *const interrupt_names[] = {
	[IRQ_SSI] = "supervisor software interrupt",	[IRQ_MSI] = "machine software interrupt",
	[IRQ_STI] = "supervisor timer interrupt",	[IRQ_MTI] = "machine timer interrupt",
	[IRQ_SEI] = "supervisor external interrupt",	[IRQ_MEI] = "machine external interrupt",
};

const char *riscv_exception_name(uint64_t cause, bool interrupt)
{
	const char *name = NULL;
	if (interrupt && cause < ARRAY_SIZE(interrupt_names))
		name = interrupt_names[cause];
	else if (!interrupt && cause < ARRAY_SIZE(exception_names))
		name = exception_names[cause];
	return name ? name : "reserved";
}

bool riscv_raise(struct vcpu *cpu, uint64_t cause, uint64_t value)
{
	cpu->exception = (struct exception){ .cause = cause, .value = value, .pending = true };
	return false;
}

void riscv_raise_misaligned(struct vcpu *cpu, uint64_t va, enum mmu_access access)
{
	static const uint8_t cause[] = { EXC_LOAD_MISALIGNED, EXC_STORE_MISALIGNED, EXC_INSN_MISALIGNED };
	riscv_raise(cpu, cause[access], va);
}

void riscv_raise_access_fault(struct vcpu *cpu, uint64_t va, enum mmu_access access)
{
	static const uint8_t cause[] = { EXC_LOAD_ACCESS, EXC_STORE_ACCESS, EXC_INSN_ACCESS };
	riscv_raise(cpu, cause[access], va);
}

/* ---- entry ---- */

static void report(struct vcpu *cpu, uint64_t cause, uint64_t value, bool interrupt)
{
	struct machine *m = cpu->machine;
	if (m->observer.exception)
		m->observer.exception(m->observer.opaque, cpu, cause, value, interrupt);
}

/* Exceptions always go to the vector's base, interrupts to base + 4 * cause in vectored mode (section 3.1.7). */
static void enter(struct vcpu *cpu, enum riscv_priv to, uint64_t cause, uint64_t value, bool interrupt)
{
	struct riscv_cpu *rv = riscv_cpu(cpu);
	struct riscv_trap_regs *t = to == PRIV_M ? &rv->m : &rv->s;
	uint64_t st = rv->mstatus;
	t->epc = cpu->pc;
	t->cause = cause | (uint64_t)interrupt << 63;
	t->tval = value;
	if (to == PRIV_M) {
		st = (st & ~(MSTATUS_MPP | MSTATUS_MPIE)) | (uint64_t)rv->priv << MSTATUS_MPP_SHIFT |
		     (st & MSTATUS_MIE ? MSTATUS_MPIE : 0);
		st &= ~MSTATUS_MIE;
	} else {
		st = (st & ~(MSTATUS_SPP | MSTATUS_SPIE)) | (rv->priv == PRIV_S ? MSTATUS_SPP : 0) |
		     (st & MSTATUS_SIE ? MSTATUS_SPIE : 0);
		st &= ~MSTATUS_SIE;
	}
	rv->mstatus = st;
	rv->priv = to;
	cpu->pc = t->tvec & ~(uint64_t)3;
	if (interrupt && t->tvec & 1)
		cpu->pc += 4 * cause;
	riscv_update_mode(cpu);
}

/*
 * A handler whose first instruction traps to itself comes back for ever: interrupts are off, so nothing but another hart's
 * store could mend it. After a while the guest counts as dead. Supervisor mode has somebody above it to notice, unless the firmware is ours.
 */
#define LOOP_LIMIT 1000

static bool in_trap_loop(struct vcpu *cpu, enum riscv_priv to)
{
	struct riscv_cpu *rv = riscv_cpu(cpu);
	uint64_t handler = (to == PRIV_M ? rv->m.tvec : rv->s.tvec) & ~(uint64_t)3;
	if (cpu->pc != handler || rv->priv != to || (to != PRIV_M && !cpu->machine->firmware_call)) {
		rv->loop_length = 0;
		rv->loop_from = cpu->pc;
		rv->loop_cause = cpu->exception.cause;
		return false;
	}
	if (rv->loop_length && (rv->loop_icount != cpu->icount || rv->loop_pc != cpu->pc))
		rv->loop_length = 0;
	rv->loop_icount = cpu->icount;
	rv->loop_pc = cpu->pc;
	return ++rv->loop_length > LOOP_LIMIT;
}

/* Calls that are answered outside the guest. True: done, and cpu->pc is where the guest goes on. */
static bool answer_call(struct vcpu *cpu)
{
	struct machine *m = cpu->machine;
	uint64_t cause = cpu->exception.cause;
	if (cause == EXC_BREAKPOINT && m->breakpoint_call && riscv_cpu(cpu)->priv != PRIV_U) {
		struct exception e = cpu->exception;
		cpu->exception.pending = false;
		if (m->breakpoint_call(cpu))
			return true;
		cpu->exception = e;
	} else if (cause == EXC_ECALL_S && m->firmware_call) {
		struct exception e = cpu->exception;
		uint64_t pc = cpu->pc;
		cpu->exception.pending = false;
		cpu->pc += 4;
		/* a call that goes elsewhere sets pc itself; one that faults on the caller's memory leaves the fault pending */
		bool done = m->firmware_call(cpu);
		if (done && !cpu->exception.pending)
			return true;
		cpu->pc = pc;
		if (!done)
			cpu->exception = e;
	}
	return false;
}

void riscv_take_exception(struct vcpu *cpu)
{
	struct riscv_cpu *rv = riscv_cpu(cpu);
	if (answer_call(cpu))
		return;
	uint64_t cause = cpu->exception.cause, value = cpu->exception.value;
	enum riscv_priv to = rv->priv != PRIV_M && rv->medeleg >> cause & 1 ? PRIV_S : PRIV_M;
	cpu->exception.pending = false;
	report(cpu, cause, value, false);
	if (in_trap_loop(cpu, to)) {
		machine_end(cpu->machine, EXIT_DIED, 0,
			    "hart %u: the %c-mode trap handler at 0x%" PRIx64 " traps for ever: %s (cause %" PRIu64 "), value 0x%" PRIx64
			    "; entered for %s at 0x%" PRIx64, cpu->index, "US?M"[to], cpu->pc, riscv_exception_name(cause, false), cause,
			    value, riscv_exception_name(rv->loop_cause, false), rv->loop_from);
		vcpu_halt(cpu);
		return;
	}
	enter(cpu, to, cause, value, false);
}

bool riscv_take_interrupt(struct vcpu *cpu)
{
	enum riscv_priv to;
	int irq = riscv_pending_interrupt(cpu, &to);
	if (irq < 0)
		return false;
	report(cpu, (uint64_t)irq, 0, true);
	enter(cpu, to, (uint64_t)irq, 0, true);
	return true;
}

/* ---- return ---- */

static void leave(struct vcpu *cpu, enum riscv_priv to, uint64_t status)
{
	struct riscv_cpu *rv = riscv_cpu(cpu);
	if (to != PRIV_M)
		status &= ~MSTATUS_MPRV;
	rv->mstatus = status;
	rv->priv = to;
	cpu->reservation.size = 0;	/* no LR/SC sequence spans a trap return: software relies on it to switch threads */
	riscv_update_mode(cpu);
	enum riscv_priv taker;
	if (riscv_pending_interrupt(cpu, &taker) >= 0)
		vcpu_trip(cpu);
}

void riscv_mret(struct vcpu *cpu, uint64_t *pc)
{
	struct riscv_cpu *rv = riscv_cpu(cpu);
	uint64_t st = rv->mstatus;
	enum riscv_priv to = (enum riscv_priv)((st & MSTATUS_MPP) >> MSTATUS_MPP_SHIFT);
	st &= ~(MSTATUS_MPP | MSTATUS_MIE);
	if (st & MSTATUS_MPIE)
		st |= MSTATUS_MIE;
	*pc = rv->m.epc;
	leave(cpu, to, st | MSTATUS_MPIE);
}

void riscv_sret(struct vcpu *cpu, uint64_t *pc)
{
	struct riscv_cpu *rv = riscv_cpu(cpu);
	uint64_t st = rv->mstatus;
	enum riscv_priv to = st & MSTATUS_SPP ? PRIV_S : PRIV_U;
	st &= ~(MSTATUS_SPP | MSTATUS_SIE);
	if (st & MSTATUS_SPIE)
		st |= MSTATUS_SIE;
	*pc = rv->s.epc;
	leave(cpu, to, st | MSTATUS_SPIE);
}

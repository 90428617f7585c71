// SPDX-License-Identifier: Apache-2.0
/* The supervisor timer (Sstc): STIP is the comparison of time with stimecmp. */
#include <stdatomic.h>
#include "frontends/riscv/priv/cpu.h"
#include "runtime/machine.h"

#define NS_PER_TICK (1000000000 / RISCV_TIMEBASE)

uint64_t riscv_time(const struct vcpu *cpu)
{
	return clock_now(cpu->machine) / NS_PER_TICK + atomic_load(&cpu->machine->ticks_offset);
}

bool riscv_stimer_active(const struct riscv_cpu *rv)
{
	return rv->sbi_timer || rv->menvcfg & ENVCFG_STCE;
}

void riscv_update_timer(struct vcpu *cpu)
{
	const struct riscv_cpu *rv = riscv_cpu(cpu);
	bool active = riscv_stimer_active(rv), due = active && riscv_time(cpu) >= rv->stimecmp;
	uint64_t when = UINT64_MAX;
	/* stimecmp in ticks of the clock, which a write of mtime leaves alone */
	uint64_t ticks = rv->stimecmp - atomic_load(&cpu->machine->ticks_offset);
	if (active && !due && ticks < UINT64_MAX / NS_PER_TICK)
		when = ticks * NS_PER_TICK;
	atomic_store(&cpu->timer_deadline, when);
	if (due != (atomic_load(&cpu->irq_lines) >> IRQ_STI & 1))
		vcpu_set_irq(cpu, IRQ_STI, due);
	/* the run loop arms the host's timer and looks at the line */
	vcpu_trip(cpu);
}

void riscv_set_stimer(struct vcpu *cpu, uint64_t ticks)
{
	struct riscv_cpu *rv = riscv_cpu(cpu);
	rv->stimecmp = ticks;
	rv->sbi_timer = true;
	riscv_update_timer(cpu);
}

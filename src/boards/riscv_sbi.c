// SPDX-License-Identifier: Apache-2.0
#include "src/boards/riscv_sbi.h"
#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include "frontends/riscv/riscv.h"

enum sbi_error {
	SBI_SUCCESS = 0, SBI_FAILED = -1, SBI_NOT_SUPPORTED = -2, SBI_INVALID_PARAM = -3, SBI_DENIED = -4,
	SBI_INVALID_ADDRESS = -5, SBI_ALREADY_AVAILABLE = -6,
};

enum sbi_extension {
	SBI_BASE = 0x10, SBI_TIME = 0x54494d45, SBI_IPI = 0x735049, SBI_RFENCE = 0x52464e43, SBI_HSM = 0x48534d,
	SBI_SRST = 0x53525354, SBI_DBCN = 0x4442434e,
	SBI_LEGACY_LAST = 8,
};

#define SBI_SPEC_VERSION	(2 << 24)
#define SBI_IMPLEMENTATION_ID	0xca1	/* none of those in the specification's list */
#define SBI_IMPLEMENTATION_VERSION 1

enum hart_state {
	HART_STARTED, HART_STOPPED, HART_START_PENDING, HART_STOP_PENDING, HART_SUSPENDED, HART_SUSPEND_PENDING, HART_RESUME_PENDING,
};

struct sbi {
	struct riscv_sbi_console console;
	_Atomic unsigned hart[MACHINE_MAX_VCPUS];	/* enum hart_state */
};

/* A call: arguments a0 to a5, and what goes back to a0 and a1. */
struct call {
	struct vcpu *cpu;
	struct sbi *sbi;
	const uint64_t *arg;
	uint64_t value;
	bool elsewhere;		/* the hart does not come back from this call */
};

/* ---- harts ---- */

static struct vcpu *hart(const struct call *c, uint64_t id)
{
	return id < c->cpu->machine->n_vcpus ? c->cpu->machine->vcpu[id] : NULL;
}

/* A hart that is suspended is woken by its run loop, which knows no states: what it waits for is the truth. */
static enum hart_state state_of(struct sbi *sbi, const struct vcpu *cpu)
{
	enum hart_state s = atomic_load(&sbi->hart[cpu->index]);
	return s == HART_SUSPENDED && !atomic_load(&cpu->waiting) ? HART_STARTED : s;
}

static bool is_on(struct sbi *sbi, const struct vcpu *cpu)
{
	enum hart_state s = state_of(sbi, cpu);
	return s == HART_STARTED || s == HART_SUSPENDED;
}

/* Section 3.1 of the SBI specification: base = -1 means all harts, whatever the mask. The set as bits; false: some do not exist. */
static bool hart_set(const struct call *c, uint64_t mask, uint64_t base, uint64_t *set)
{
	uint64_t all = ~(uint64_t)0 >> (64 - c->cpu->machine->n_vcpus);
	if (base == UINT64_MAX) {
		*set = all;
		return true;
	}
	if (base >= c->cpu->machine->n_vcpus || mask & ~(all >> base))
		return false;
	*set = mask << base;
	return true;
}

/* Code that may be entered from outside: in memory, and aligned as instructions are. */
static bool valid_entry(const struct call *c, uint64_t address)
{
	const struct phys_range *r = phys_find(&c->cpu->machine->phys, GPA(address));
	return r && r->kind != PHYS_MMIO && !(address & (riscv_has(riscv_config(c->cpu), EXT_C) ? 1 : 3));
}

/* ---- Base ---- */

static bool is_extension(uint64_t id)
{
	return id <= SBI_LEGACY_LAST || id == SBI_BASE || id == SBI_TIME || id == SBI_IPI || id == SBI_RFENCE || id == SBI_HSM ||
	       id == SBI_SRST || id == SBI_DBCN;
}

static int base(struct call *c, uint64_t fid)
{
	switch (fid) {
	case 0:
		c->value = SBI_SPEC_VERSION;
		return SBI_SUCCESS;
	case 1:
		c->value = SBI_IMPLEMENTATION_ID;
		return SBI_SUCCESS;
	case 2:
		c->value = SBI_IMPLEMENTATION_VERSION;
		return SBI_SUCCESS;
	case 3:
		c->value = is_extension(c->arg[0]);
		return SBI_SUCCESS;
	case 4: case 5: case 6:	/* mvendorid, marchid, mimpid: all zero */
		return SBI_SUCCESS;
	}
	return SBI_NOT_SUPPORTED;
}

/* ---- TIME, IPI ---- */

static int set_timer(struct call *c, uint64_t fid)
{
	if (fid)
		return SBI_NOT_SUPPORTED;
	riscv_set_stimer(c->cpu, c->arg[0]);
	return SBI_SUCCESS;
}

static void send_ipis(struct call *c, uint64_t set)
{
	for (unsigned i = 0; set; i++, set >>= 1)
		if (set & 1 && is_on(c->sbi, c->cpu->machine->vcpu[i]))
			riscv_set_software_pending(c->cpu->machine->vcpu[i], true);
}

static int ipi(struct call *c, uint64_t fid)
{
	uint64_t set;
	if (fid)
		return SBI_NOT_SUPPORTED;
	if (!hart_set(c, c->arg[0], c->arg[1], &set))
		return SBI_INVALID_PARAM;
	send_ipis(c, set);
	return SBI_SUCCESS;
}

/* ---- RFENCE ---- */

struct remote_flush {
	uint64_t start, size, asid;
	bool one_asid;
};

/* More pages than this are flushed as the whole address space. */
#define FLUSH_MAX_PAGES 64

static void flush_here(struct vcpu *cpu, void *arg)
{
	const struct remote_flush *r = arg;
	const uint64_t *asid = r->one_asid ? &r->asid : NULL;
	uint64_t first = r->start & PAGE_MASK, last = r->start + r->size - 1;
	/* start = size = 0 and size = -1 mean everything (chapter 8) */
	if ((!r->start && !r->size) || last < r->start || (last - first) >> PAGE_BITS >= FLUSH_MAX_PAGES) {
		riscv_fence_vma(cpu, NULL, asid);
		return;
	}
	for (uint64_t va = first; va <= last && va >= first; va += PAGE_SIZE)
		riscv_fence_vma(cpu, &va, asid);
}

/* Stores to code drop its translations at once: all that remains of fence.i is that the hart passes a safe point. */
static void fence_here(struct vcpu *cpu, void *arg)
{
	atomic_thread_fence(memory_order_seq_cst);
}

static void run_on_set(struct call *c, uint64_t set, vcpu_fn *fn, void *arg)
{
	/* A stopped hart starts with nothing cached. */
	for (unsigned i = 0; set; i++, set >>= 1)
		if (set & 1 && is_on(c->sbi, c->cpu->machine->vcpu[i]))
			vcpu_run_on(c->cpu->machine->vcpu[i], fn, arg);
}

static int rfence(struct call *c, uint64_t fid)
{
	uint64_t set;
	struct remote_flush r = { c->arg[2], c->arg[3], c->arg[4], fid == 2 };
	if (fid > 2)	/* 3 to 6 are the hypervisor's */
		return SBI_NOT_SUPPORTED;
	if (!hart_set(c, c->arg[0], c->arg[1], &set))
		return SBI_INVALID_PARAM;
	if (fid && r.start && !r.size)
		return SBI_SUCCESS;
	run_on_set(c, set, fid ? flush_here : fence_here, &r);
	return SBI_SUCCESS;
}

/* ---- HSM ---- */

struct start { uint64_t pc, opaque; };

static void start_here(struct vcpu *cpu, void *arg)
{
	const struct start *s = arg;
	riscv_enter_supervisor(cpu, s->pc, cpu->index, s->opaque);
	atomic_store(&cpu->halted, true);	/* entering resets it; vcpu_start lets it go */
}

static int hart_start(struct call *c)
{
	struct vcpu *target = hart(c, c->arg[0]);
	struct start s = { c->arg[1], c->arg[2] };
	unsigned stopped = HART_STOPPED;
	if (!target)
		return SBI_INVALID_PARAM;
	if (!valid_entry(c, s.pc))
		return SBI_INVALID_ADDRESS;
	if (!atomic_compare_exchange_strong(&c->sbi->hart[target->index], &stopped, HART_START_PENDING))
		return SBI_ALREADY_AVAILABLE;
	vcpu_run_on(target, start_here, &s);
	atomic_store(&c->sbi->hart[target->index], HART_STARTED);
	vcpu_start(target);
	return SBI_SUCCESS;
}

static int hart_stop(struct call *c)
{
	c->elsewhere = true;
	vcpu_halt(c->cpu);
	atomic_store(&c->sbi->hart[c->cpu->index], HART_STOPPED);
	return SBI_SUCCESS;
}

static int hart_suspend(struct call *c)
{
	enum { RETENTIVE = 0, NON_RETENTIVE = 0x80000000 };
	uint32_t type = (uint32_t)c->arg[0];
	if (type != RETENTIVE && type != (uint32_t)NON_RETENTIVE)
		return SBI_INVALID_PARAM;
	if (type != RETENTIVE) {
		if (!valid_entry(c, c->arg[1]))
			return SBI_INVALID_ADDRESS;
		c->elsewhere = true;
		riscv_resume_supervisor(c->cpu, c->arg[1], c->cpu->index, c->arg[2]);
	}
	atomic_store(&c->sbi->hart[c->cpu->index], HART_SUSPENDED);
	vcpu_wait(c->cpu);
	return SBI_SUCCESS;
}

static int hsm(struct call *c, uint64_t fid)
{
	struct vcpu *target;
	switch (fid) {
	case 0:
		return hart_start(c);
	case 1:
		return hart_stop(c);
	case 2:
		target = hart(c, c->arg[0]);
		if (!target)
			return SBI_INVALID_PARAM;
		c->value = state_of(c->sbi, target);
		return SBI_SUCCESS;
	case 3:
		return hart_suspend(c);
	}
	return SBI_NOT_SUPPORTED;
}

/* ---- SRST ---- */

static void end(struct call *c, enum exit_cause cause, const char *text)
{
	machine_end(c->cpu->machine, cause, 0, "%s", text);
	c->elsewhere = true;
	vcpu_halt(c->cpu);
}

static int srst(struct call *c, uint64_t fid)
{
	enum { SHUTDOWN, COLD_REBOOT, WARM_REBOOT };
	uint32_t type = (uint32_t)c->arg[0], reason = (uint32_t)c->arg[1];
	if (fid)
		return SBI_NOT_SUPPORTED;
	/* from 0xe0000000 on: implementation's, from 0xf0000000 on vendor's; we have none of either (chapter 10) */
	if (type > WARM_REBOOT)
		return type >= 0xf0000000 ? SBI_NOT_SUPPORTED : SBI_INVALID_PARAM;
	if (reason > 1 && reason < 0xe0000000)
		return SBI_INVALID_PARAM;
	if (type != SHUTDOWN)
		end(c, EXIT_REBOOT, "SBI system reset");
	else if (reason == 1)
		end(c, EXIT_DIED, "the guest shut down because of a system failure (SBI system reset)");
	else
		end(c, EXIT_POWEROFF, "SBI system reset");
	return SBI_SUCCESS;
}

/* ---- DBCN ---- */

/* A call moves at most this much, so that no guest keeps the host busy for long; the caller asks again for the rest. */
#define CONSOLE_MAX 4096

static void console_write(struct sbi *sbi, const uint8_t *bytes, unsigned n)
{
	if (sbi->console.write && n)
		sbi->console.write(sbi->console.opaque, bytes, n);
}

static unsigned console_read(struct sbi *sbi, uint8_t *bytes, unsigned n)
{
	return sbi->console.read && n ? sbi->console.read(sbi->console.opaque, bytes, n) : 0;
}

static int dbcn(struct call *c, uint64_t fid)
{
	struct phys *phys = &c->cpu->machine->phys;
	uint64_t n = c->arg[0];
	uint8_t *memory, buffer[CONSOLE_MAX], byte = (uint8_t)n;
	if (fid == 2) {
		console_write(c->sbi, &byte, 1);
		return SBI_SUCCESS;
	}
	if (fid > 2)
		return SBI_NOT_SUPPORTED;
	/* the whole of the caller's buffer must be memory, however little of it is used */
	memory = c->arg[2] ? NULL : phys_dma(phys, GPA(c->arg[1]), n);
	if (!memory && n)
		return SBI_INVALID_PARAM;
	if (n > CONSOLE_MAX)
		n = CONSOLE_MAX;
	c->value = n;
	if (fid == 0) {
		console_write(c->sbi, memory, (unsigned)n);
		return SBI_SUCCESS;
	}
	c->value = console_read(c->sbi, buffer, (unsigned)n);
	if (c->value && !phys_write(phys, GPA(c->arg[1]), buffer, c->value))
		return SBI_FAILED;
	return SBI_SUCCESS;
}

/* ---- legacy calls (chapter 5): only a0 comes back, and hart masks lie in the caller's virtual memory ---- */

static bool legacy_set(struct call *c, uint64_t *set)
{
	uint64_t all = ~(uint64_t)0 >> (64 - c->cpu->machine->n_vcpus);
	*set = all;
	if (!c->arg[0])
		return true;
	if (!mmu_load(c->cpu, c->arg[0], 8, set))
		return false;
	*set &= all;
	return true;
}

static int64_t legacy(struct call *c, uint64_t eid)
{
	uint64_t set = 0;
	uint8_t byte = (uint8_t)c->arg[0];
	struct remote_flush r = { c->arg[1], c->arg[2], c->arg[3], eid == 7 };
	switch (eid) {
	case 0:
		riscv_set_stimer(c->cpu, c->arg[0]);
		return 0;
	case 1:
		console_write(c->sbi, &byte, 1);
		return 0;
	case 2:
		return console_read(c->sbi, &byte, 1) ? byte : -1;
	case 3:
		riscv_set_software_pending(c->cpu, false);
		return 0;
	case 4:
		if (legacy_set(c, &set))
			send_ipis(c, set);
		return 0;
	case 5: case 6: case 7:
		if (legacy_set(c, &set))
			run_on_set(c, set, eid == 5 ? fence_here : flush_here, &r);
		return 0;
	}
	end(c, EXIT_POWEROFF, "SBI shutdown");
	return 0;
}

/* ---- the way in ---- */

static bool sbi_call(struct vcpu *cpu)
{
	struct sbi *sbi = cpu->machine->firmware;
	uint64_t *a = &cpu->reg[SLOT_X + 10], eid = a[7], fid = a[6];
	struct call c = { .cpu = cpu, .sbi = sbi, .arg = a };
	int64_t error;
	if (atomic_load(&sbi->hart[cpu->index]) == HART_SUSPENDED)
		atomic_store(&sbi->hart[cpu->index], HART_STARTED);
	if (eid <= SBI_LEGACY_LAST) {
		error = legacy(&c, eid);
		if (!c.elsewhere && !cpu->exception.pending)
			a[0] = (uint64_t)error;
		return true;
	}
	switch (eid) {
	case SBI_BASE:	error = base(&c, fid); break;
	case SBI_TIME:	error = set_timer(&c, fid); break;
	case SBI_IPI:	error = ipi(&c, fid); break;
	case SBI_RFENCE: error = rfence(&c, fid); break;
	case SBI_HSM:	error = hsm(&c, fid); break;
	case SBI_SRST:	error = srst(&c, fid); break;
	case SBI_DBCN:	error = dbcn(&c, fid); break;
	default:	error = SBI_NOT_SUPPORTED;
	}
	if (!c.elsewhere) {
		a[0] = (uint64_t)error;
		a[1] = c.value;
	}
	return true;
}

bool riscv_sbi_init(struct machine *m, const struct riscv_sbi_console *console, struct error *err)
{
	struct sbi *sbi = calloc(1, sizeof *sbi);
	if (!sbi)
		return error_set(err, ERROR_HOST, "SBI: out of memory");
	sbi->console = *console;
	m->firmware = sbi;
	m->firmware_call = sbi_call;
	return true;
}

void riscv_sbi_boot(struct machine *m, uint64_t pc, uint64_t dtb)
{
	struct sbi *sbi = m->firmware;
	for (unsigned i = 0; i < m->n_vcpus; i++) {
		struct vcpu *cpu = m->vcpu[i];
		riscv_enter_supervisor(cpu, pc, i, dtb);
		atomic_store(&cpu->halted, i != 0);
		atomic_store(&sbi->hart[i], i ? HART_STOPPED : HART_STARTED);
	}
}

void riscv_sbi_destroy(struct machine *m)
{
	free(m->firmware);
	m->firmware = NULL;
	m->firmware_call = NULL;
}

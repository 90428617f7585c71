/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A virtual CPU: the state that executors touch in every block, and the thread that runs it.
 *
 * Threads: everything here belongs to the vCPU's own thread unless marked _Atomic or the function says otherwise. Other
 * threads talk to a vCPU by raising interrupt lines (vcpu_set_irq), by kicking it, and by posting work that it runs at its
 * next safe point (vcpu_run_on). A vCPU is *parked* while it runs no guest code (waiting for an interrupt, paused, stopped).
 */
#pragma once
#include <pthread.h>
#include <stdatomic.h>
#include "runtime/mmu.h"

#define VCPU_SLOTS 256
/* Slots with a fixed meaning for every frontend; the others are the frontend's (guest registers, temporaries). */
enum {
	SLOT_ZERO = 0,		/* reads as 0, is never written */
	SLOT_TEMP = 224,	/* 16 temporaries, dead at the end of a guest instruction */
	SLOT_TEMP_END = 240,
	SLOT_SINK = 254,	/* written, never read */
	SLOT_PAGE = 255,	/* virtual address of the page that the running block starts in: PC-relative values are
				 * SLOT_PAGE + constant, so that a translation holds at any virtual address */
};

/* A guest exception as the frontend numbers it. */
struct exception {
	uint64_t cause;		/* the architecture's own number */
	uint64_t value;		/* faulting address, instruction bits, … (RISC-V: stval) */
	bool pending;
};

/* The virtual-PC cache: where the translation of the code at pc begins, in the context and mode that key names (0: none). */
struct jump_cache_entry {
	_Alignas(32) uint64_t pc;
	uint64_t key;		/* another thread may store 0 */
	const void *code;	/* the executor's … */
	struct code_block *block;	/* … and what it was made from */
};
#define JUMP_CACHE_SIZE 16384	/* a boot's working set (docs/performance.md) */
#define JUMP_CACHE_ENTRY(cpu, pc) (&(cpu)->jump_cache[(pc) >> 1 & (JUMP_CACHE_SIZE - 1)])

/* Requests to a vCPU's thread, ORed into vcpu->requests by any thread */
enum vcpu_request {
	VCPU_REQ_CLAIM = 1 << 0,	/* somebody wants it parked (vcpu->claims) */
	VCPU_REQ_IRQ = 1 << 1,		/* look at the interrupt lines */
	VCPU_REQ_PAUSE = 1 << 2,
	VCPU_REQ_EXIT = 1 << 3,
	VCPU_REQ_TIMER = 1 << 4,	/* what the architectural timer compares with has changed: arch->update_timer */
};

/*
 * A running vCPU is in guest code or helpers; a parked one may be held by one other thread, which then acts on its state. HELD_WANTED: the
 * vCPU itself or another thread sleeps until it is let go.
 */
enum vcpu_parking { VCPU_RUNNING, VCPU_PARKED, VCPU_HELD, VCPU_HELD_WANTED };

/*
 * A bit that frontends set in vcpu->mode where the guest's own loads, stores and jumps to the upper half of the address space are rare (user
 * programs, no translation); without it those to the lower half are (kernels). Executors may look the *near* half alone up in line. A hint,
 * never needed for correctness.
 */
#define MODE_LOW_HALF ((uint32_t)1 << 30)
#define MODE_NEAR_HALF(mode) ((mode) & MODE_LOW_HALF ? 0 : 1)	/* as an index, and as va >> 63 */

/* What a vCPU's thread is busy with. */
enum vcpu_tier {
	TIER_RUNTIME,	/* the run loop: interrupts, exceptions, timers, requests of others */
	TIER_REGION, TIER_STENCIL, TIER_INTERP,	/* guest code, by what executes it; the interpreter with all that it calls */
	TIER_HELPER,	/* C that machine code calls: helpers, and accesses that the TLB or a window did not take */
	TIER_DEVICE,	/* an access to a device */
	TIER_TRANSLATE,	/* looking for translations, making and linking them */
	N_TIERS
};

/* What a debugger wants of a vCPU, and why it has stopped (runtime/debug.h). */
enum debug_stop { DEBUG_NOT, DEBUG_STEPPED, DEBUG_BREAKPOINT, DEBUG_WATCHPOINT };
struct vcpu_debug {
	enum debug_stop stop;
	unsigned access;		/* of the watchpoint: WATCH_* */
	uint64_t address;		/* the first watched byte that was accessed */
	bool step;			/* stop after an instruction … */
	uint64_t step_first, step_end;	/* … that leads out of these addresses */
	bool holds_interrupts;		/* take none */
	bool passing;			/* what is accessed now stops nobody */
};

/* The last jumps to code that was not linked, nor in the virtual-PC cache: what led to a crash has rarely run before. The executor's. */
#define VCPU_TRAIL 16
struct vcpu_jump { uint64_t icount, to; };

struct vcpu {
	/*
	 * What generated code touches most comes first, for short displacements.
	 *
	 * icount counts retired guest instructions; only this thread writes it. Blocks add theirs whole, and none
	 * begins when icount has reached deadline. Any thread may store 0 to deadline (vcpu_kick), which trips it.
	 */
	uint64_t icount;
	_Atomic uint64_t deadline;
	struct tlb_table tlb[2];	/* for loads and stores in the current mode, by address half: [va >> 63] */
	const uint64_t *window_table;	/* runtime/window.h, for the current context and mode; NULL: the machine has no windows */
	struct jump_cache_entry *jump_cache;
	uint64_t jump_key[2];		/* by address half of the PC: entries of the current context and mode carry this key */
	uint64_t pc;			/* exact whenever no generated code runs */
	void *exec;			/* the execution engine's state */

	uint64_t reg[VCPU_SLOTS];

	uint32_t code_id[2];		/* mmu_code_id */
	uint32_t mode;			/* the frontend's mode bits that translations are keyed by */
	uint32_t fp_control;		/* host FP control word while guest code runs (x86-64: MXCSR): rounding mode, no flags */
	uint32_t fp_flags;		/* the guest's accrued flags as host bits, folded in when generated code leaves */

	const void *tripped;		/* the engine's: machine code that its machine code calls where deadline has come */

	struct exception exception;

	/* LR/SC: physical address, size (0: none) and the value that was loaded */
	struct { uint64_t pa; uint32_t size; uint64_t value; } reservation;

	void *arch;			/* the frontend's state (CSRs) */
	struct mmu *mmu;		/* the soft MMU's state: contexts, tables, victims */
	struct machine *machine;
	unsigned index;

	/* enum vcpu_tier; TIER_HELPER once machine code has been entered. Written by this thread, read by its signal handlers. */
	_Atomic uint8_t doing;

	/* ---- shared with other threads ---- */
	_Atomic uint32_t requests;	/* enum vcpu_request */
	_Atomic uint64_t irq_lines;	/* the frontend's interrupt lines, level */
	_Atomic uint32_t parked;	/* futex word, enum vcpu_parking */
	_Atomic uint32_t claims;	/* futex word: how many threads wait for it to park, or hold it */
	_Atomic uint32_t wake;		/* futex word that a waiting vCPU sleeps on */
	_Atomic uint64_t timer_deadline;/* guest time (ns) of the next architectural timer; UINT64_MAX: none */
	_Atomic bool waiting;		/* in WFI */
	_Atomic bool halted;		/* not started, or stopped by HSM/PSCI: runs nothing until vcpu_start */
	struct event_timer *timer;
	_Atomic uint64_t timer_armed;	/* host time that `timer` is set to, at the latest */
	pthread_t thread;
	bool thread_started;
	bool resting;			/* stands at the top of its run loop until machine_resume; under machine->lock */

	/* ---- single step and exact stops; set while parked ---- */
	bool single_step;		/* translations of one instruction; the run loop asks machine->on_step after each */
	uint64_t stop_icount;		/* run loop stops exactly here; UINT64_MAX: never */
	_Atomic bool frozen;		/* runs nothing while another vCPU is stepped alone */
	uint64_t sample_icount;		/* the run loop is entered again when icount has reached this: the engine's; UINT64_MAX: never */
	struct vcpu_debug debug;
	struct vcpu_jump trail[VCPU_TRAIL];	/* a ring … */
	uint64_t n_trail;			/* … of so many */
	uint64_t step_pc;		/* single step: where the instruction stood that observer.step is told of */
};

/* Sets what the thread is busy with; returns what it was. On the vCPU's thread. */
static inline enum vcpu_tier vcpu_doing(struct vcpu *cpu, enum vcpu_tier tier)
{
	enum vcpu_tier was = (enum vcpu_tier)atomic_load_explicit(&cpu->doing, memory_order_relaxed);
	atomic_store_explicit(&cpu->doing, (uint8_t)tier, memory_order_relaxed);
	return was;
}

/* Where functions with frame pointers keep what leads to their callers. */
struct frame_layout {
	uint8_t fp, sp, ra;		/* register slots: frame pointer, stack pointer, return address */
	int8_t saved_fp, saved_ra;	/* of the caller, in bytes from the frame pointer */
	bool leaf_saves_fp_alone;	/* functions that call nothing save the frame pointer where others save the return address */
};

/*
 * What a guest architecture gives the runtime. One constant table per frontend; every call is on the vCPU's thread (or while it is
 * parked) unless it says otherwise.
 */
struct arch_ops {
	/* Walks the page tables for the MMU index; permission and PMP checks included; updates A and D where the architecture
	 * does. False: cpu->exception is set. `debug`: no permission checks, no updates, no exception. */
	bool (*translate)(struct vcpu *cpu, uint64_t va, enum mmu_access access, unsigned mmu_index, bool debug, struct mmu_leaf *leaf);
	/* Set cpu->exception for a misaligned atomic access, and for a physical access that no device answers. */
	void (*raise_misaligned)(struct vcpu *cpu, uint64_t va, enum mmu_access access);
	void (*raise_access_fault)(struct vcpu *cpu, uint64_t va, enum mmu_access access);
	/* Enters the handler of cpu->exception (clears pending): cpu->pc is the faulting instruction, afterwards the handler. */
	void (*take_exception)(struct vcpu *cpu);
	/* If an enabled interrupt is pending, enters its handler and returns true. */
	bool (*take_interrupt)(struct vcpu *cpu);
	/* Whether a waiting vCPU has reason to go on (WFI: an interrupt pending and locally enabled, whatever the global enable). */
	bool (*has_work)(struct vcpu *cpu);
	/* The architectural timer that fires next may have changed: recompute lines and cpu->timer_deadline. Also called when it fires. */
	void (*update_timer)(struct vcpu *cpu);
	/* What translate would grant for a load in the current context with no update to make: leaf->prot says W only if the leaf is dirty.
	 * False: a load would fault, or set A. Changes nothing that the guest can see. */
	bool (*probe)(struct vcpu *cpu, uint64_t va, unsigned mmu_index, struct mmu_leaf *leaf);
	/* NULL: call stacks cannot be followed. */
	const struct frame_layout *frames;
};

/*
 * For the executor's virtual-PC cache: a number that stands for "the current mappings of this address half"; it changes whenever a
 * mapping that was reported to mmu_note_code, or found by mmu_fetch, may have changed.
 */
static inline uint32_t mmu_code_id(const struct vcpu *cpu, unsigned half)
{
	return cpu->code_id[half];
}

/* ---- any thread ---- */
/* The vCPU whose thread this is; NULL on any other thread. */
struct vcpu *vcpu_current(void);
/* Makes the vCPU leave guest code at its next safe point, or wake up. */
void vcpu_kick(struct vcpu *cpu, enum vcpu_request why);
/* Raises or lowers interrupt line n (0 to 63). */
void vcpu_set_irq(struct vcpu *cpu, unsigned n, bool level);
/*
 * Runs fn(cpu, arg) here while the vCPU is parked at a safe point, and returns when it is done. May be called on another
 * vCPU's thread outside generated code (from helpers too); that vCPU counts as parked while it waits.
 */
typedef void vcpu_fn(struct vcpu *cpu, void *arg);
void vcpu_run_on(struct vcpu *cpu, vcpu_fn *fn, void *arg);
/* The same with all vCPUs of the machine parked at once. */
void machine_run_alone(struct machine *m, void (*fn)(struct machine *m, void *arg), void *arg);
/* The counter that architectural timers compare with has been set: the vCPU looks at its timer again, at once or at its next safe point. */
void vcpu_recheck_timer(struct vcpu *cpu);
/* Starts a halted vCPU (HSM, PSCI). State was set up while it was halted. */
void vcpu_start(struct vcpu *cpu);

/* ---- on the vCPU's thread ---- */
/* From a helper: stop running guest code after this instruction until has_work says so (WFI). */
void vcpu_wait(struct vcpu *cpu);
/* From a helper: this vCPU stops until vcpu_start. */
void vcpu_halt(struct vcpu *cpu);
/* Ask for the run loop after this block (interrupt enables changed, …). */
static inline void vcpu_trip(struct vcpu *cpu)
{
	atomic_store_explicit(&cpu->deadline, 0, memory_order_relaxed);
}
/* Accumulates exception flags that generated code left in the host's FP status register into cpu->fp_flags. Helpers that
 * read or write guest FP status call it first. */
void vcpu_fp_fold(struct vcpu *cpu);

struct vcpu *vcpu_create(struct machine *m, unsigned index, struct error *err);
void vcpu_destroy(struct vcpu *cpu);

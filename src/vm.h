/* SPDX-License-Identifier: Apache-2.0 */
/* A VM's life cycle: machine + frontend + engine + board. The public API and the subcommands sit on this. */
#pragma once
#include "src/boards/board.h"

#define VM_OBSERVERS 8

struct vm {
	struct machine machine;
	const struct frontend *frontend;
	struct cpu_config *cpu_config;
	const struct board_ops *board;
	struct vm_config config;

	pthread_mutex_t control;	/* one start, pause, reset at a time */
	bool started;			/* threads run */
	bool running;			/* resumed, under control */
	bool ended;			/* the guest's end is complete in machine.exit; under machine.lock */
	uint64_t stopped;		/* bit per vCPU that reached stop_icount, under machine.lock */
	pthread_mutex_t observers;	/* guards those two: threads that compile tell of code while vCPUs are paused */
	struct observer observer[VM_OBSERVERS];
	bool observing[VM_OBSERVERS];
};

/*
 * Creates a paused, reset machine with images loaded. NULL: err. Takes over config's contents, consoles included
 * (config is emptied), on success only.
 */
struct vm *vm_create(struct vm_config *config, struct error *err);
/* Without loading images: vCPU 0 stands at its reset state, the others are halted. For device trees and for programs
 * that load on their own. */
struct vm *vm_create_empty(struct vm_config *config, struct error *err);
/* Starts or continues; pauses (returns when parked). Any thread but vCPUs' and the event thread. */
MUST_CHECK bool vm_resume(struct vm *vm, struct error *err);
/* Only the vCPUs of the mask run; the others stay where they are until another resume. */
MUST_CHECK bool vm_resume_some(struct vm *vm, uint64_t mask, struct error *err);
void vm_pause(struct vm *vm);
/*
 * Calls fn while the machine is paused, as it is or for the moment: if it ran before, it goes on. Nobody else starts, pauses or resets it
 * meanwhile, so fn must not, either. Any thread but vCPUs' and the event thread.
 */
void vm_while_paused(struct vm *vm, void (*fn)(void *opaque), void *opaque);
/*
 * Calls fn for the state of a vCPU, between two of its instructions and not in the midst of a reset. Any thread but vCPUs' and the event thread.
 */
void vm_on_vcpu(struct vm *vm, struct vcpu *cpu, vcpu_fn *fn, void *opaque);
/* Back to power-on with images loaded anew (other memory keeps its contents); paused afterwards. */
MUST_CHECK bool vm_reset(struct vm *vm, struct error *err);
/* The same, and then it runs again if it ran before. */
MUST_CHECK bool vm_reboot(struct vm *vm, struct error *err);
/*
 * Waits until the guest ends or `timeout_ns` has passed (UINT64_MAX: for ever); handles reboot unless no_reboot: the
 * machine then runs on, unless it was paused before. False: timeout, e as it was. A reboot that fails reads as EXIT_DIED.
 */
bool vm_wait(struct vm *vm, uint64_t timeout_ns, bool no_reboot, struct guest_exit *e);
/* Lets vCPU 0 run exactly n instructions (others paused), then pauses. Returns the number run (fewer if the guest ended
 * or waits for ever). */
uint64_t vm_run_insns(struct vm *vm, uint64_t n);
/* The same for any vCPU. */
uint64_t vm_run_vcpu(struct vm *vm, unsigned index, uint64_t n);
void vm_destroy(struct vm *vm);

/*
 * Observers: several may watch one machine. Callbacks that are NULL are not called; while any has `step`, blocks hold
 * one instruction. Add and remove while paused, and not from a callback. False: too many.
 */
MUST_CHECK bool vm_observe(struct vm *vm, const struct observer *o);
void vm_unobserve(struct vm *vm, void *opaque);

/* Whether guest memory at a virtual address could be read whole; for debuggers, vCPU parked or on its thread. */
MUST_CHECK bool vm_debug_read(struct vcpu *cpu, uint64_t va, void *to, uint64_t size);
MUST_CHECK bool vm_debug_write(struct vcpu *cpu, uint64_t va, const void *from, uint64_t size);
/* By physical address; RAM and ROM. Writing to ROM is allowed to debuggers. */
MUST_CHECK bool vm_phys_read(struct machine *m, uint64_t pa, void *to, uint64_t size);
MUST_CHECK bool vm_phys_write(struct machine *m, uint64_t pa, const void *from, uint64_t size);
/* An instruction's bytes, no fewer than any architecture has. */
#define VM_MAX_CODE 16
/* The bytes of code at pc: as many as can be read, those of the next page too. Vcpu parked or on its thread. */
unsigned vm_read_code(struct vcpu *cpu, uint64_t pc, uint8_t code[VM_MAX_CODE]);
/* One instruction as "address  bytes  text". Any thread. */
void vm_format_insn(const struct vm *vm, uint64_t pc, const uint8_t *code, unsigned have, char *text, unsigned size);
/* The one at pc; false if memory there cannot be read. Vcpu parked or on its thread. */
bool vm_disassemble(struct vm *vm, struct vcpu *cpu, uint64_t pc, char *text, unsigned size);
/* The index in frontend->regs of a register by name or alias, or -1. */
int vm_find_reg(const struct vm *vm, const char *name);
/* Instructions that all vCPUs have retired. */
uint64_t vm_icount(const struct vm *vm);

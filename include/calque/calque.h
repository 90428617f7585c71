/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * libcalque: runs operating systems and bare programs built for other processors, inside your program.
 *
 * The way of a virtual machine:
 *
 * @code
 *	calque_config *c = calque_config_new();
 *	calque_config_set(c, "kernel", "vmlinux", &err);	// keys are the options of `calque run`
 *	calque_vm *vm = calque_vm_create(c, &err);		// paused, images loaded
 *	calque_config_free(c);
 *	calque_vm_start(vm, &err);				// runs on threads of its own
 *	calque_vm_wait(vm, CALQUE_FOREVER, &exit);
 *	calque_vm_destroy(vm);
 * @endcode
 *
 * Several VMs may live in one process; they share nothing.
 *
 * **Errors.** A function that can fail returns false or NULL and fills in *err, unless err is NULL. It has then changed
 * nothing, except where it says otherwise.
 *
 * **Threads.** A VM belongs to no thread: every function may be called from any, also at the same time for the same VM,
 * with two exceptions: a calque_config is used by one thread at a time, and nothing may use a VM during or after
 * calque_vm_destroy(). Callbacks run on the VM's own threads. In a callback only these may be called for its VM:
 * calque_irq_set(), calque_console_send(), calque_vm_stop(), calque_vm_state(), calque_memory_read(),
 * calque_memory_write(), and calque_vcpu_… for the vCPU that the callback is about; all others refuse with #CALQUE_STATE.
 *
 * **Pointers.** Strings and structures that are passed in are copied or used during the call only, except where it says
 * otherwise. NULL is for err, and where it says so.
 */
#ifndef CALQUE_CALQUE_H
#define CALQUE_CALQUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The result must be looked at. */
#if defined(__GNUC__)
#define CALQUE_CHECK __attribute__((warn_unused_result))
#pragma GCC visibility push(default)
#else
#define CALQUE_CHECK
#endif

/* ---- errors ---- */

/** What kind of error it was. */
enum calque_code {
	CALQUE_OK = 0,		/**< none */
	CALQUE_USAGE = 2,	/**< an argument, a file or a size is wrong; text says how to mend it */
	CALQUE_HOST = 3,	/**< the host refused: memory, a thread, a file */
	CALQUE_STATE = 5,	/**< not in this state of the VM, or not from a callback */
};

/** An error, filled in by the function that failed. */
struct calque_error {
	enum calque_code code;	/**< what kind it is */
	char text[400];		/**< one line, no newline */
};

/** The library's version, "0.1.0". Never freed. */
const char *calque_version(void);

/* ---- configuration ---- */

/** What a VM is to be made of. Used by one thread at a time. */
typedef struct calque_config calque_config;

/** An empty configuration: default architecture, board, processor and memory, one vCPU, no kernel, console in memory.
 * NULL: out of memory. */
CALQUE_CHECK calque_config *calque_config_new(void);
/** Frees a configuration; c may be NULL. VMs made from it live on. */
void calque_config_free(calque_config *c);

/**
 * Sets an option by the name that `calque run --help` gives it, without dashes: arch, board, cpu, engine, ram ("1G"),
 * smp ("4"), deterministic, seed, kernel, initrd, append, dtb, firmware, disk, net, serial, virtio-console, no-reboot.
 * disk and net add one each time. Flags take "on", "off", or NULL for on. Strings are copied. Files are looked at by
 * calque_vm_create.
 */
CALQUE_CHECK bool calque_config_set(calque_config *c, const char *key, const char *value, struct calque_error *err);
/** Guest memory in bytes, a multiple of 4096; calque_vm_create checks the board's limits. 0: the board's default. */
void calque_config_set_ram(calque_config *c, uint64_t bytes);
/** Number of vCPUs; calque_vm_create checks the board's limits. */
void calque_config_set_vcpus(calque_config *c, unsigned n);
/**
 * A bare machine: an ELF file given as kernel starts at its entry in the most privileged mode, without device tree and
 * built-in firmware, and may end through HTIF or semihosting, as under `calque conform`.
 */
void calque_config_set_bare(calque_config *c, bool bare);

/**
 * More RAM at a guest physical address. base and size in bytes, multiples of 4096; it must not overlap what the board
 * has (calque_vm_create refuses then). The name is for messages and is copied.
 */
CALQUE_CHECK bool calque_config_add_ram(
	calque_config *c, uint64_t base, uint64_t size, const char *name, struct calque_error *err);

/**
 * A device of your own. offset is from the device's base; size is 1, 2, 4 or 8 bytes and offset a multiple of it;
 * values are little endian, zero-extended. False from either means that the device does not answer: the guest gets an
 * access fault. Called on the thread of the vCPU that makes the access, so several may call at once; the vCPU's
 * registers (calque_vcpu_read_register) are those before its running block.
 */
struct calque_device {
	bool (*read)(void *opaque, uint64_t offset, unsigned size, uint64_t *value);	/**< the guest loads: fill in *value */
	bool (*write)(void *opaque, uint64_t offset, unsigned size, uint64_t value);	/**< the guest stores value */
};
/**
 * Puts a device at [base, base + size) of the guest physical addresses; both multiples of 8. *device is copied; opaque
 * is handed to its functions and must live as long as the VM.
 */
CALQUE_CHECK bool calque_config_add_device(calque_config *c, uint64_t base, uint64_t size, const char *name,
	const struct calque_device *device, void *opaque, struct calque_error *err);

/* ---- virtual machines ---- */

/** A virtual machine. */
typedef struct calque_vm calque_vm;

/**
 * Creates a paused VM and loads its images. Without kernel and firmware vCPU 0 stands at its reset state (others are
 * halted): write a program into memory and set its pc. On success the configuration's contents have moved to the VM and
 * it is empty again; on failure it is as it was. NULL: err.
 */
CALQUE_CHECK calque_vm *calque_vm_create(calque_config *c, struct calque_error *err);
/** Stops the VM and frees all; vm may be NULL. Not from a callback. */
void calque_vm_destroy(calque_vm *vm);

/** Where a VM is between creation and the guest's end. */
enum calque_vm_state {
	CALQUE_PAUSED,		/**< created, paused, or reset */
	CALQUE_RUNNING,		/**< its vCPUs run guest code, or wait for an interrupt */
	CALQUE_ENDED,		/**< the guest has ended: calque_vm_reset makes a fresh start possible */
};
/** The state at this moment; another thread may change it before you look. */
enum calque_vm_state calque_vm_state(const calque_vm *vm);

/** Lets the VM run, and returns at once. #CALQUE_STATE if the guest has ended. Running already: nothing happens. */
CALQUE_CHECK bool calque_vm_start(calque_vm *vm, struct calque_error *err);
/** The same as calque_vm_start(). */
CALQUE_CHECK bool calque_vm_resume(calque_vm *vm, struct calque_error *err);
/** Returns when no vCPU runs guest code and no device I/O is in flight; guest time stands. Paused or ended already:
 * nothing happens. */
CALQUE_CHECK bool calque_vm_pause(calque_vm *vm, struct calque_error *err);
/**
 * Power-on state with images loaded anew, paused; other memory keeps its contents. On an error of a file that has
 * changed since, the VM stays paused and must be reset again before it can run.
 */
CALQUE_CHECK bool calque_vm_reset(calque_vm *vm, struct calque_error *err);
/** Ends the guest as pulling the plug would: its exit is CALQUE_EXIT_STOPPED. Returns at once; also from callbacks. */
void calque_vm_stop(calque_vm *vm);
/** Asks the guest to power off as a power button does. False: this board has no means. */
CALQUE_CHECK bool calque_vm_request_poweroff(calque_vm *vm);

/** How a guest ended. */
enum calque_exit_cause {
	CALQUE_EXIT_NONE,	/**< it has not ended */
	CALQUE_EXIT_POWEROFF,	/**< it powered itself off */
	CALQUE_EXIT_REBOOT,	/**< it asked for a reset, and no-reboot is set or nobody waits (see calque_vm_wait) */
	CALQUE_EXIT_CODE,	/**< its own exit code, through a test device, HTIF or semihosting */
	CALQUE_EXIT_DIED,	/**< it cannot go on; text says why */
	CALQUE_EXIT_STOPPED,	/**< by calque_vm_stop */
};
/** A guest's end. */
struct calque_exit {
	enum calque_exit_cause cause;	/**< how it came */
	uint64_t code;		/**< with #CALQUE_EXIT_CODE */
	unsigned vcpu;		/**< on which it happened, if one did it */
	char text[200];		/**< the same for people: one line, no newline; may be empty */
};

/** For calque_vm_wait(): no time limit. */
#define CALQUE_FOREVER UINT64_MAX
/**
 * Waits until the guest has ended, at most timeout_ns nanoseconds (0: only looks). While a thread waits here, a guest's
 * reboot is carried out, unless the option no-reboot is set. True: *exit (may be NULL) says how it ended. False: it has
 * not, or this is a callback.
 */
bool calque_vm_wait(calque_vm *vm, uint64_t timeout_ns, struct calque_exit *exit);

/**
 * Lets one vCPU run exactly n instructions while the others stand, then pauses. Returns the number that it retired:
 * fewer than n if the guest ended, if calque_vm_pause was called, or if it waits for an interrupt that no timer will
 * raise. An instruction that raises an exception does not retire. 0 from a callback or after the guest's end.
 */
uint64_t calque_vm_run(calque_vm *vm, unsigned vcpu, uint64_t n);

/* ---- vCPUs ---- */

/** Number of vCPUs; they are numbered from 0. */
unsigned calque_vm_vcpus(const calque_vm *vm);
/**
 * Reads a register by the architecture's name or ABI name ("x10", "a0", "pc", "f0", "mstatus"). On a running VM the vCPU
 * is held for the moment; values are exact at an instruction's border. 32-bit registers are zero-extended. #CALQUE_USAGE
 * for an unknown vCPU or name, or a register that cannot be read.
 */
CALQUE_CHECK bool calque_vcpu_read_register(
	calque_vm *vm, unsigned vcpu, const char *name, uint64_t *value, struct calque_error *err);
/** Writes a register, under the same rules; #CALQUE_USAGE also for one that cannot be written. */
CALQUE_CHECK bool calque_vcpu_write_register(
	calque_vm *vm, unsigned vcpu, const char *name, uint64_t value, struct calque_error *err);
/** The name of the register with this index, from 0 on; NULL behind the last one. Never freed. */
const char *calque_register_name(const calque_vm *vm, unsigned index);
/** Instructions that the vCPU has retired since its creation; 0 for an unknown one. */
uint64_t calque_vcpu_instructions(calque_vm *vm, unsigned vcpu);
/**
 * The instruction at a virtual address as the vCPU sees it, as text of at most size bytes with its NUL: address, code,
 * assembly; what does not fit is cut off. #CALQUE_USAGE for an unknown vCPU, or if memory there cannot be read.
 */
CALQUE_CHECK bool calque_vcpu_disassemble(
	calque_vm *vm, unsigned vcpu, uint64_t address, char *text, size_t size, struct calque_error *err);

/* ---- memory ---- */

/**
 * Reads guest physical memory: RAM and ROM, no devices; the whole range or nothing, else #CALQUE_USAGE. Safe while the
 * VM runs; aligned parts of up to 8 bytes are then seen whole. address is in bytes, of any alignment.
 */
CALQUE_CHECK bool calque_memory_read(calque_vm *vm, uint64_t address, void *to, size_t size, struct calque_error *err);
/** Writes guest physical memory, ROM too, under the same rules; drops translations of code that was there. */
CALQUE_CHECK bool calque_memory_write(
	calque_vm *vm, uint64_t address, const void *from, size_t size, struct calque_error *err);
/**
 * Reads memory at a virtual address as the vCPU's page tables map it now, whatever its privilege; no accessed or dirty
 * bits are set. #CALQUE_USAGE for an unknown vCPU, or if a page of the range is not mapped to RAM or ROM.
 */
CALQUE_CHECK bool calque_vcpu_read_memory(
	calque_vm *vm, unsigned vcpu, uint64_t address, void *to, size_t size, struct calque_error *err);
/** Writes there, under the same rules; where a later page of the range is not mapped, those before it have been written. */
CALQUE_CHECK bool calque_vcpu_write_memory(
	calque_vm *vm, unsigned vcpu, uint64_t address, const void *from, size_t size, struct calque_error *err);

/* ---- interrupts and the console ---- */

/**
 * Sets input n of the board's interrupt controller (on RISC-V's virt: a PLIC source, 1 to 95) to a level; it stays
 * until it is set again. Inputs that the board's own devices use (`calque machine` lists them) should be left to them.
 * Any thread, callbacks included. #CALQUE_USAGE for a number that the board does not have.
 */
CALQUE_CHECK bool calque_irq_set(calque_vm *vm, unsigned n, bool level, struct calque_error *err);

/**
 * Types on the guest's console. Returns how many bytes there was room for; the rest may be offered again later. 0 if
 * the option serial has given the console to something else.
 */
size_t calque_console_send(calque_vm *vm, const void *bytes, size_t n);

/* ---- events ---- */

/** What can be observed; a mask of them is a sum. */
enum calque_event_kind {
	CALQUE_EVENT_STATE = 1,     /**< state: running, paused or ended. After the change, on the thread that made it */
	CALQUE_EVENT_EXCEPTION = 2, /**< vCPU is about to take an exception or interrupt: cause, value, pc, interrupt */
	CALQUE_EVENT_OUTPUT = 4,    /**< the guest wrote n bytes to its console */
	CALQUE_EVENT_EXIT = 8,      /**< the guest ended: exit. Once until a reset */
	CALQUE_EVENT_STEP = 16,     /**< vCPU has executed the instruction at pc; costs most of the speed */
	CALQUE_EVENT_INPUT = 32,    /**< n bytes were queued for the guest's console by calque_console_send */
};

/** An event; what its kind does not name is 0. It and what it points to are valid during the call. */
struct calque_event {
	enum calque_event_kind kind;	/**< one of them */
	calque_vm *vm;			/**< where it happened */
	unsigned vcpu;			/**< exception, step: on which */
	uint64_t pc;			/**< exception: where it happened; step: of the executed instruction */
	uint64_t cause;			/**< exception: by the architecture's numbers (RISC-V: mcause without its top bit) */
	uint64_t value;			/**< exception: what comes with the cause (RISC-V: mtval) */
	bool interrupt;			/**< exception: it is an interrupt */
	enum calque_vm_state state;	/**< state: the new one */
	const uint8_t *bytes;		/**< output, input */
	size_t n;			/**< output, input: how many */
	const struct calque_exit *exit;	/**< exit */
};

/**
 * An observer; opaque is what was given to calque_vm_observe(). True from a step event pauses the VM after this
 * instruction; otherwise the answer means nothing.
 */
typedef bool calque_event_fn(void *opaque, const struct calque_event *event);

/**
 * Calls fn for the kinds of event in the mask (calque_event_kind, ORed). One observer a VM: a second call replaces the
 * first, fn NULL ends it. opaque must live as long as it observes. #CALQUE_STATE while the VM runs.
 */
CALQUE_CHECK bool calque_vm_observe(
	calque_vm *vm, unsigned kinds, calque_event_fn *fn, void *opaque, struct calque_error *err);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif
#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A machine: guest physical memory, vCPUs, clock, events, and the tables through which the parts above the runtime are
 * called. src/vm.c puts it together and owns it; several may live in one process.
 */
#pragma once
#include "runtime/clock.h"
#include "runtime/events.h"
#include "runtime/phys.h"
#include "runtime/timer.h"
#include "runtime/tuning.h"
#include "runtime/vcpu.h"

/* How a guest ended. */
enum exit_cause {
	EXIT_NONE,
	EXIT_POWEROFF,		/* status 0 */
	EXIT_REBOOT,		/* the guest asked for a reset (handled by vm.c unless --no-reboot) */
	EXIT_CODE,		/* test device, HTIF, semihosting: the guest's own status */
	EXIT_DIED,		/* status 4: text says why */
	EXIT_TIMEOUT,		/* status 124 */
	EXIT_STOPPED,		/* the user or the embedding program stopped it */
	EXIT_FAILED,		/* status 3: not the guest's fault but ours; text says what */
};

struct guest_exit {
	enum exit_cause cause;
	uint64_t code;
	unsigned vcpu;
	char text[200];
};

/* The most instructions that an engine executes before it looks at a vCPU's deadline again */
#define VCPU_MAX_STRETCH 672

/* A vCPU's thread as a signal has found it. */
struct interrupted {
	uint64_t pc, sp;
	const uint64_t *reg;	/* the host's general registers */
	unsigned n_regs;
};

/* A word of another function's frame, which sanitizers would report. */
__attribute__((no_sanitize_address, no_sanitize_thread, noinline)) uint64_t interrupted_word(const uint64_t *at);

/* What it was about; `at` is code or a micro-op of the engine's, which its `locate` knows, or NULL. */
struct code_mark {
	enum vcpu_tier tier;
	const void *at;
};

/* The guest instruction that a mark is in, and its block. Offsets are bytes from the page's beginning. */
struct code_place {
	enum vcpu_tier tier;	/* TIER_REGION, TIER_STENCIL, TIER_INTERP */
	uint16_t offset, block;	/* of the instruction, of the block's first one */
	uint16_t n_insns, bytes;/* of the block */
	uint32_t host_bytes;	/* of the block's machine code; 0: not known */
};

/* An execution engine: runs guest code on a vCPU. */
struct exec_ops {
	const char *name;
	const char *summary;	/* a sentence for help; NULL where only another engine uses it */
	bool (*vcpu_init)(struct vcpu *cpu, struct error *err);
	void (*vcpu_destroy)(struct vcpu *cpu);
	/*
	 * Runs guest code from cpu->pc until the deadline trips, an exception is pending or cpu->debug says to stop. On return cpu->pc and icount are
	 * exact and FP flags folded. With cpu->single_step: at most one instruction.
	 */
	void (*run)(struct vcpu *cpu);
	/* RAM in these granules of a page with code has been written: drop what was translated from there. Any thread. */
	void (*invalidate)(struct machine *m, struct phys_page *page, uint64_t granules);
	/* Drop everything (reset, restore). All vCPUs parked. */
	void (*flush)(struct machine *m);
	void (*print_stats)(struct machine *m, void *file);
	/* The guest has ended, and its vCPUs rest: a last look, which may replace machine->exit. May be NULL. */
	void (*ended)(struct machine *m);
	bool deterministic;	/* runs one vCPU in deterministic time alone */
	/* In a signal handler on the vCPU's thread: what that is about, where cpu->doing alone does not tell. */
	void (*interrupted)(struct vcpu *cpu, const struct interrupted *host, struct code_mark *mark);
	/* Any thread, until what was marked is flushed (sampler_flush). False: it belongs to no block. */
	bool (*locate)(struct machine *m, const void *at, struct code_place *place);
};

/* How optimised code reaches guest memory */
enum memory_mode { MEMORY_AUTO, MEMORY_TLB, MEMORY_WINDOWS };

/* What --engine lockstep compares the interpreter with */
enum lockstep_side { AGAINST_DEFAULT, AGAINST_LLVM, AGAINST_STENCIL };

/* Log channels of -d; docs/logging.md has what each writes */
enum {
	LOG_STEP = 1 << 0,		/* each instruction */
	LOG_EXEC = 1 << 1,		/* each executed block */
	LOG_INT = 1 << 2, LOG_MMU = 1 << 3, LOG_DEVICE = 1 << 4, LOG_GUEST_ERRORS = 1 << 5,
	LOG_INSN = 1 << 6, LOG_UOP = 1 << 7, LOG_IR = 1 << 8, LOG_HOST = 1 << 9,
	/* what translation makes: all of it has to be made in this run */
	LOG_CODE = LOG_INSN | LOG_UOP | LOG_IR | LOG_HOST
};
struct log_range { uint64_t first, last; };	/* addresses, both included */

/* Machine code that an engine has made of a block or a region. Its pointers hold while the observer is being told. */
struct generated {
	enum vcpu_tier tier;		/* TIER_STENCIL, TIER_REGION */
	uint64_t va;			/* the first guest instruction, where it was when it was lifted; it may be executed elsewhere, too */
	unsigned n_blocks, n_insns;
	const uint8_t *begin, *end;	/* executable; without the way out to C, which stencils keep elsewhere */
	/* Which guest instruction the code from `at` (bytes from begin) on belongs to; none: not known, for code from disk. By rising `at`. */
	const struct generated_line { uint32_t at; uint64_t va, pa; } *line;
	unsigned n_lines;
	uint64_t second_pa;		/* of the page that the last instruction goes on in; ~0: in none */
	const char *ir;			/* LLVM's, after its passes; NULL: none, or LOG_IR is not wanted */
	/* What stands at an address outside that the code jumps to, or NULL. */
	const char *(*place)(const void *of, const void *address);
	const void *place_of;
};

struct ir_block;	/* ir/block.h */
struct observer {
	/* An exception or interrupt is about to be taken. On the vCPU's thread. */
	void (*exception)(void *opaque, struct vcpu *cpu, uint64_t cause, uint64_t value, bool interrupt);
	/* Single step: after each instruction, on the vCPU's thread; true stops the machine (pause). */
	bool (*step)(void *opaque, struct vcpu *cpu);
	/* An engine has translated a block. On the vCPU's thread, maybe with the engine's lock held: look, call nothing back. */
	void (*translated)(void *opaque, struct vcpu *cpu, uint64_t va, const struct ir_block *block);
	/* Machine code is about to be used for the first time. On any thread, with the engine's lock held: look, call nothing back. */
	void (*generated)(void *opaque, const struct generated *g);
	/* The vCPU is about to execute the block of n instructions in so many bytes at cpu->pc. On its thread. While somebody has this, every block
	 * is looked up and executed alone, by the interpreter or from stencils as cpu->doing says; none leads to the next one, and no region is entered. */
	void (*block)(void *opaque, struct vcpu *cpu, unsigned n, unsigned bytes);
	/* A breakpoint, a watchpoint, the end of a step: cpu->debug says. The machine is about to pause. On the vCPU's thread. */
	void (*debug)(void *opaque, struct vcpu *cpu);
	/* stop_icount reached: the vCPU waits until resumed. */
	void (*stopped)(void *opaque, struct vcpu *cpu);
	/* The guest ended; called once, on some thread. The machine then only waits to be stopped. */
	void (*exit)(void *opaque, const struct guest_exit *e);
	void *opaque;
};

#define MACHINE_MAX_VCPUS 32
/* A boot of Debian to the shell takes about 25 MiB of each arena. */
#define CODE_CACHE_DEFAULT ((uint64_t)128 << 20)
#define CODE_CACHE_MIN ((uint64_t)1 << 20)	/* the largest block fits in any case */
#define JIT_THREADS_MAX 16
#define CODE_CACHE_MAX ((uint64_t)1 << 30)	/* offsets have 32 bits */

struct machine {
	struct phys phys;
	struct vcpu *vcpu[MACHINE_MAX_VCPUS];
	unsigned n_vcpus;
	struct events *events;
	const struct arch_ops *arch;
	const struct frontend *frontend;	/* opaque to the runtime */
	const struct exec_ops *exec;
	void *exec_state;			/* the engine's state shared by the vCPUs (code cache) */
	uint64_t code_cache_bytes;		/* bound of each of the engine's arenas; set before vCPUs are made */
	unsigned jit_threads;			/* that compile; 0: the engine's choice; set before vCPUs are made */
	enum memory_mode memory;		/* set before vCPUs are made */
	struct tuning tuning;			/* the engine's thresholds; set before vCPUs are made */
	/* Where the engine keeps machine code between runs, and how many bytes at most; set before vCPUs are made. NULL: nowhere. */
	const char *cache;
	uint64_t cache_bytes;
	struct error cache_error;		/* why it keeps none although it should; no text: it does */
	bool measure;				/* engines measure what their statistics need (--stats); set before vCPUs run */
	struct journal *journal;		/* runtime/journal.h: what guest code takes in from outside; NULL: nobody keeps one */
	enum lockstep_side against;		/* what --engine lockstep compares; set before vCPUs are made */
	struct lockstep *lockstep;		/* that engine's own state; NULL: another engine */
	bool profile;				/* engines keep what `locate` needs; set before vCPUs are made */
	struct sampler *_Atomic sampler;	/* runtime/sampler.h; NULL: none */
	struct windows *windows;		/* runtime/window.h; NULL: none */
	void *board;
	/* A call into built-in firmware (RISC-V: ecall from S-mode). True: handled, the vCPU goes on after the instruction;
	 * false or NULL: the exception is delivered to the guest. Set by the board. */
	bool (*firmware_call)(struct vcpu *cpu);
	void *firmware;				/* the built-in firmware's state */
	/* A breakpoint instruction at cpu->pc in a privileged mode, before it is delivered (RISC-V: ebreak in M- or S-mode).
	 * True: it was a semihosting call, done, and cpu->pc stands behind it; false or NULL: deliver it. Set by the board. */
	bool (*breakpoint_call)(struct vcpu *cpu);

	struct debug *debug;			/* runtime/debug.h: what a debugger has set, while there is something; NULL: nothing */

	bool deterministic;
	uint64_t clock_base;		/* running: host time at guest time 0; paused: guest time */
	bool clock_running;
	uint64_t clock_skipped;		/* deterministic: ns skipped while waiting */
	uint64_t wall_base;		/* ns since 1970 at guest time 0 */
	struct guest_timers timers;	/* runtime/timer.h */
	/* Added to the architecture's time counter (RISC-V: time CSR, stimecmp's base and CLINT mtime alike), in its ticks: the
	 * guest may write the counter through a device. 0 at reset. */
	_Atomic uint64_t ticks_offset;

	uint32_t log;			/* LOG_* */
	void *log_file;			/* FILE * */
	struct log_range *log_range;	/* what the log is about; set before vCPUs run */
	unsigned n_log_ranges;		/* 0: everything */
	struct observer observer;

	pthread_mutex_t alone;		/* one machine_run_alone at a time */
	pthread_mutex_t lock;		/* run state below */
	pthread_cond_t changed;
	_Atomic bool paused;
	_Atomic uint32_t ended;		/* guest_exit was reported */
	struct guest_exit exit;
};

/* Whether somebody wants to be told of machine code, and telling him. Any thread, while observers come and go. */
static inline bool machine_wants_generated(const struct machine *m)
{
	return __atomic_load_n(&m->observer.generated, __ATOMIC_ACQUIRE);
}
static inline void machine_tell_generated(const struct machine *m, const struct generated *g)
{
	void (*tell)(void *opaque, const struct generated *g) = __atomic_load_n(&m->observer.generated, __ATOMIC_ACQUIRE);
	if (tell)
		tell(m->observer.opaque, g);
}

/* Prepares an empty machine; phys and vCPUs are added by the caller. */
MUST_CHECK bool machine_init(struct machine *m, uint64_t ram_and_rom_bytes, struct error *err);
/* Ends the vCPUs' threads for good: before the frontend and the engine free what they keep for each vCPU. */
void machine_end_threads(struct machine *m);
/* Ends the threads and frees all. */
void machine_destroy(struct machine *m);
/* Starts the vCPU threads, paused. */
MUST_CHECK bool machine_start(struct machine *m, struct error *err);
/* Lets vCPUs run; clock goes on. Any thread that is no vCPU's. */
void machine_resume(struct machine *m);
/* Returns when every vCPU rests between two instructions, parked; the clock stands. Not from a vCPU's thread. */
void machine_pause(struct machine *m);
/* Any thread, helpers and device callbacks included: the guest has ended. The first report wins. */
void machine_end(struct machine *m, enum exit_cause cause, uint64_t code, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

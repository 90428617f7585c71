/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The contract that a guest architecture's frontend fulfils. Everything else in Calque knows guests only through this table;
 * frontends/table.c lists them.
 */
#pragma once
#include "ir/block.h"
#include "runtime/machine.h"

/* A register that debuggers and the public API can name. */
struct frontend_reg {
	const char *name;	/* "pc", "x1", "ra" is an alias: see frontend_reg_find */
	const char *alias;	/* ABI name or NULL */
	unsigned bits;		/* 32 or 64 */
	const char *group;	/* GDB feature: "cpu", "fpu", "csr" */
	unsigned gdb_number;
};

/* What to lift: filled by the engine. */
struct lift_request {
	struct vcpu *cpu;	/* for extensions; any of the machine's */
	uint32_t mode;		/* bits as in cpu->mode */
	uint64_t va;		/* first instruction */
	const uint8_t *code;	/* host bytes of va, to the end of its page */
	unsigned size;		/* bytes from code to the end of the page */
	/* Called when an instruction crosses into the next page: its bytes, or NULL with cpu->exception set. */
	const uint8_t *(*next_page)(void *opaque);
	void *opaque;
	unsigned max_insns;	/* 1 to BLOCK_MAX_INSNS */
};

/* A way of running that translations depend on (vcpu->mode), for who looks at code without running it. */
struct frontend_mode { const char *name; uint32_t mode; };

struct cpu_config;	/* extensions chosen by --cpu; the frontend's own */

#define FRONTEND_PINNED 4

enum privilege { PRIVILEGE_USER, PRIVILEGE_KERNEL, PRIVILEGE_FIRMWARE };

struct frontend {
	const char *name;		/* "riscv64" */
	const char *default_cpu;
	uint16_t elf_machine;		/* EM_… of its ELF files, and ELFCLASS32 or 64 */
	uint8_t elf_class;
	uint8_t insn_align;		/* bytes: instructions stand at multiples of it */
	const struct arch_ops *arch;

	/* Parses "rv64,zba=off,satp=sv39"; NULL: err names option and mend. */
	struct cpu_config *(*config_parse)(const char *text, struct error *err);
	void (*config_free)(struct cpu_config *config);
	/* Name of the extension with this index as --cpu calls it, and whether it is on; NULL behind the last one. */
	const char *(*config_extension)(const struct cpu_config *config, unsigned index, bool *on);

	bool (*vcpu_init)(struct vcpu *cpu, const struct cpu_config *config, struct error *err);
	void (*vcpu_destroy)(struct vcpu *cpu);
	/* Power-on state. Parked. */
	void (*reset)(struct vcpu *cpu);
	/* vcpu->arch is so many bytes without pointers: a copy of them and of the register slots is a copy of the state, once `adopted` has
	 * worked out the rest from it (mode, rounding, address space). */
	size_t arch_bytes;
	void (*adopted)(struct vcpu *cpu);
	/* What vcpu_init was given. */
	const struct cpu_config *(*config)(const struct vcpu *cpu);

	/*
	 * Lifts straight-line code at req->va into b: at least one instruction (an illegal one is lifted to its exception),
	 * at most to the end of the page; an instruction that crosses the page stands alone in its block. False: the fetch from the next page faulted.
	 */
	bool (*lift)(const struct lift_request *req, struct ir_block *b);
	const struct helper *helpers;	/* what `helper` micro-ops name by index */
	unsigned n_helpers;
	/* Prints a register slot's name ("x5", "t0"); returns a string that lives as long as the program. */
	const char *(*slot_name)(unsigned slot);
	/* Whose code runs in a mode (vcpu->mode). */
	enum privilege (*privilege)(uint32_t mode);
	/* The register slots that code uses most, different ones, the most used first: executors may keep them in host registers. */
	uint8_t pinned_slots[FRONTEND_PINNED];
	uint8_t return_slot;		/* where calls by convention leave the return address: an indirect jump there is taken for a return */

	/* The first is what usually runs in the lower half of the address space, the second in the upper half; then others; a NULL name ends them. */
	const struct frontend_mode *modes;

	/* Disassembles one instruction; returns its length in bytes (at least 2). What is none becomes a directive, as ".4byte 0x0". Any thread. */
	unsigned (*disassemble)(const struct cpu_config *config, uint64_t pc, const uint8_t *code, unsigned size, char *text, unsigned text_size);

	/* Registers for debuggers; the vCPU is parked. */
	const struct frontend_reg *regs;
	unsigned n_regs;
	bool (*reg_read)(struct vcpu *cpu, unsigned reg, uint64_t *value);
	bool (*reg_write)(struct vcpu *cpu, unsigned reg, uint64_t value);
	const char *gdb_arch;		/* "riscv:rv64" */
	const char *(*exception_name)(uint64_t cause, bool interrupt);
};

/* All frontends, NULL at the end. */
extern const struct frontend *const frontends[];
const struct frontend *frontend_find(const char *name);

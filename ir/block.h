/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Micro-ops and lifted blocks. One micro-op is one 16-byte unit: an op, up to four register slots and a 32-bit immediate.
 * See docs/micro-ops.md for the language and ir/ops.def for the table of ops.
 */
#pragma once
#include "runtime/vcpu.h"

enum uop_op {
#define OP(name, format, effects) UOP_##name,
#include "ir/ops.def"
	UOP_COUNT
};

struct uop {
	union {
		uint64_t op;		/* enum uop_op, in lifted code */
		const void *handler;	/* once an executor has bound it */
	};
	uint8_t d, a, b, c;		/* destination and source slots */
	int32_t imm;
};
_Static_assert(sizeof(struct uop) == 16, "a micro-op is one 16-byte unit");

/*
 * A helper: a C function that a `helper` micro-op calls with two slots and the immediate. *result goes to slot d. A helper
 * that returns false has set cpu->exception and changed no other guest state. In a helper cpu->icount is what it was when the block
 * began: an instruction that reads counters or time stands first in its block.
 */
typedef bool helper_fn(struct vcpu *cpu, uint64_t a, uint64_t b, int32_t imm, uint64_t *result);
enum {
	HELPER_MAY_FAULT = 1,
	HELPER_WRITES_REGS = 2,		/* beyond its result: reads or writes other register slots */
	HELPER_READS_FP = 4,		/* reads or writes FP status */
	HELPER_WRITES_MEMORY = 8,
};
struct helper {
	const char *name;
	helper_fn *fn;
	unsigned effects;
};

#define BLOCK_MAX_INSNS 64
#define BLOCK_MAX_UOPS 512

/* One guest instruction of a block: precise exceptions, profiles and dumps all come from here. */
struct insn_info {
	uint32_t first_uop : 10;
	uint32_t offset : 12;	/* bytes from the block's first instruction */
	uint32_t size : 8;	/* bytes */
};
_Static_assert(BLOCK_MAX_UOPS < 1 << 10, "first_uop may be the number of all");

/* Where a block leads. Offsets are bytes relative to the virtual page of the block's first instruction (SLOT_PAGE). */
struct ir_block {
	struct uop uop[BLOCK_MAX_UOPS];
	unsigned n_uops;
	struct insn_info insn[BLOCK_MAX_INSNS];
	unsigned n_insns;
	unsigned bytes;			/* of guest code */
	bool crosses_page;		/* its only instruction begins in one page and ends in the next */
	int64_t target[2];		/* direct exits: [0] jump or branch taken, [1] fall-through; relative to SLOT_PAGE; 32 bits, signed */
};

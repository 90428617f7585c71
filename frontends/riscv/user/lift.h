/* SPDX-License-Identifier: Apache-2.0 */
/* Lifting: what the semantics files (lift_*.c) share. Each defines one function per instruction, named by the decode table. */
#pragma once
#include "frontends/riscv/user/decode.h"
#include "ir/builder.h"

/* A block on its way */
struct lift {
	struct ir_block *b;
	uint64_t ext;
	uint32_t mode;		/* MODE_* */
	unsigned start;		/* where the block starts, from its page's start */
	unsigned offset;	/* of the current instruction, from the block's start */
	bool ended;		/* the current instruction ended the block */
	bool fs_dirty;		/* SLOT_FS_DIRTY was set by an earlier instruction of this block */
};

typedef void lift_fn(struct lift *l, const struct insn *i);
#define INSN(name, NAME, fp, rm, first) lift_fn riscv_lift_##name;
RISCV_INSNS(INSN)
#undef INSN
#define LIFT(name) void riscv_lift_##name(struct lift *l, const struct insn *i)

#define X(n) (SLOT_X + (n))
#define F(n) (SLOT_F + (n))
#define TEMP(n) (SLOT_TEMP + (n))

/* The current instruction and the one after it, relative to SLOT_PAGE. */
static inline int32_t lift_pc(const struct lift *l)
{
	return (int32_t)(l->start + l->offset);
}

static inline int32_t lift_next(const struct lift *l, const struct insn *i)
{
	return lift_pc(l) + i->size;
}

/* Ends the block with an illegal-instruction exception; stval holds the instruction's bits. */
void riscv_lift_illegal(struct lift *l, const struct insn *i);

/* Notes that FP state changes: after the instruction's last fault point. Once per block is enough. */
static inline void lift_fs_dirty(struct lift *l)
{
	if (!l->fs_dirty)
		uop_li(l->b, SLOT_FS_DIRTY, 1);
	l->fs_dirty = true;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lowering: micro-ops to LLVM IR. A region becomes one function with the stencils' signature and calling convention (backend/stencil/abi.h), so
 * that stencils, regions and the virtual-PC cache reach each other by jumps.
 *
 * Slots are LLVM values within a region. Guest state is exact at every micro-op that can fault: what has been written since is stored into
 * struct vcpu before (write-through), by volatile stores, since LLVM may drop plain ones; or it is kept in a register in which a fault finds it
 * (lower_kept.c). The pinned slots are stored on entry and go on as arguments. icount counts the running block whole, as in stencils.
 *
 * This header is for the lower_*.c files, which hold one function for each micro-op.
 */
#pragma once
#include <llvm-c/Core.h>
#include "backend/llvm/lower_near.h"
#include "backend/llvm/region.h"
#include "backend/llvm/sites.h"
#include "backend/stencil/abi.h"

/* The calling convention of regions, and their parameters: STENCIL_ARGS */
#define CC_PRESERVE_NONE 21
enum { ARG_CPU, ARG_ICOUNT, ARG_PINS, ARG_ACC = ARG_PINS + STENCIL_PINS, ARG_SITE, ARG_TLB, ARG_MASK, ARG_FACC, N_ARGS };

struct lowering {
	LLVMContextRef ctx;
	LLVMModuleRef module;
	LLVMBuilderRef b;
	LLVMTypeRef i1, i8, i16, i32, i64, i128, f32, f64, ptr, fn_type;
	const struct region *region;
	const struct region_block *block;	/* being lowered */
	const struct uop *bound;		/* the running micro-op in the code cache */
	LLVMValueRef fn, cpu, links;		/* links: struct region_links of each block */
	/* Allocas; NULL: not used in this region. A double where floating point reads it (slot_is_float). SLOT_PAGE remains the head's page. */
	LLVMValueRef slot[VCPU_SLOTS];
	LLVMValueRef raw32[VCPU_SLOTS], raw64[VCPU_SLOTS];	/* allocas; NULL: not read so (lower_fp.h) */
	bool dirty[VCPU_SLOTS];			/* struct vcpu may hold an older value */
	uint8_t form[VCPU_SLOTS];		/* enum slot_form */
	/* lower_kept.c: */
	bool (*kept)[VCPU_SLOTS];		/* by block, what need not be stored before accesses through windows … */
	bool (*dirty_at)[VCPU_SLOTS];		/* … what is dirty at the block's beginning … */
	uint8_t (*form_at)[VCPU_SLOTS];		/* … and the forms */
	LLVMValueRef icount, result;		/* allocas; what helpers return */
	LLVMBasicBlockRef entries[REGION_MAX_BLOCKS];
	LLVMValueRef mapped[REGION_MAX_BLOCKS];	/* allocas, by the first block of each page but the head's: it has been found where it should be */
	LLVMBasicBlockRef leave, ret;		/* shared ways out: to cpu->pc = leave_pc; with all done */
	LLVMValueRef leave_pc;			/* alloca */
	LLVMValueRef likely;			/* branch weights: nearly always taken */
	struct region_loops loops;
	const struct lower_lines *lines;	/* NULL: no debug locations */
	unsigned line;				/* of the running block */
	/* lower_window.c: */
	LLVMValueRef table;			/* alloca: cpu->window_table */
	LLVMValueRef home;			/* alloca: the table's entry of region.home */
	LLVMValueRef addend[VCPU_SLOTS];	/* allocas: the window table's entry for the address in a base slot; NULL: no base */
	struct near *near;
	struct near_state at;			/* before the running micro-op */
	unsigned pins[STENCIL_PINS];
};

typedef void lower_fn(struct lowering *l, const struct uop *u);
#define LOWER(name) void lower_op_##name(struct lowering *l, const struct uop *u)
#define OP(name, format, effects) lower_fn lower_op_##name;
#include "ir/ops.def"

/* The form in which a micro-op leaves its result */
enum slot_form lower_form(const struct lowering *l, const struct uop *u);

/* Chooses the region's kept slots, once raw values have been made; and at the very end */
void kept_choose(struct lowering *l);
void kept_forget(struct lowering *l);
/* Debug locations, for who looks at the code (inspect.h) or samples it (region.lines). Line `first` is the ways in and out; each block has the next
 * line, for its beginning, and then one for each of its instructions. scope: debug_info_function's. */
struct lower_lines { LLVMMetadataRef scope; unsigned first; };

/* Adds the function `name` of the region to a module, which has its data layout. lines NULL: the code has no debug locations. */
void lower_region(LLVMModuleRef module, const struct region *region, const uint8_t pins[STENCIL_PINS], const char *name,
		  const struct lower_lines *lines);

/* ---- for lower_*.c ---- */
typedef LLVMValueRef value;
#define BIN(op, x, y) LLVMBuild##op(l->b, (x), (y), "")
#define CAST(op, x, type) LLVMBuild##op(l->b, (x), l->type, "")
#define CMP(cond, x, y) LLVMBuildICmp(l->b, LLVMInt##cond, (x), (y), "")
#define SELECT(c, x, y) LLVMBuildSelect(l->b, (c), (x), (y), "")
#define K(v) LLVMConstInt(l->i64, (uint64_t)(v), 0)
#define K32(v) LLVMConstInt(l->i32, (uint32_t)(v), 0)
#define A slot_get(l, u->a)
#define B slot_get(l, u->b)
#define C slot_get(l, u->c)
#define IMM ((uint64_t)(int64_t)u->imm)
#define D(v) slot_set(l, u->d, (v))

/* Dead at the instruction's end: struct vcpu never has it. */
static inline bool slot_is_temporary(unsigned slot) { return slot >= SLOT_TEMP && slot < SLOT_TEMP_END; }
value slot_get(struct lowering *l, unsigned slot);
/* Its value stays in a vector register. */
static inline bool slot_is_float(const struct lowering *l, unsigned slot) { return l->raw32[slot] || l->raw64[slot]; }
/* A slot's 64 bits, as a double if it is a float */
value slot_held(struct lowering *l, unsigned slot);
/* What tells the bits of a slot, by its form */
value slot_told(struct lowering *l, unsigned slot);
/* v: an i64, or a double */
void slot_set(struct lowering *l, unsigned slot, value v);
/* Stores what is dirty. Stands before everything that can fault, looks at struct vcpu or leaves the region … */
void lower_flush(struct lowering *l);
/* … or all but what is kept: before accesses through windows and at the ends of blocks. */
void lower_write_through(struct lowering *l);
/* Stores what is dirty on a way out of the block, which other ways do not take: all of it, or what block `to` does not keep. */
void lower_store_dirty(struct lowering *l);
void lower_store_for(struct lowering *l, unsigned to);
/* Loads the slots again: a helper may have written any. */
void lower_reload(struct lowering *l);

/* A field of struct vcpu, of struct stencil_calls, or of anything else at base + offset */
#define FIELD(base, offset) lower_field(l, (base), (int64_t)(offset))
#define VCPU(member) FIELD(l->cpu, offsetof(struct vcpu, member))
value lower_field(struct lowering *l, value base, int64_t offset);
value lower_load(struct lowering *l, LLVMTypeRef type, value p);
value lower_store(struct lowering *l, value v, value p);
/* A function that stencil_calls names */
#define CALLS(member) lower_load(l, l->ptr, FIELD(lower_load(l, l->ptr, VCPU(exec)), offsetof(struct stencil_calls, member)))

LLVMBasicBlockRef lower_block(struct lowering *l, const char *name);
void lower_at(struct lowering *l, LLVMBasicBlockRef bb);
/* A branch that is nearly always taken. */
void lower_likely(struct lowering *l, value c, LLVMBasicBlockRef usual, LLVMBasicBlockRef rare);
/* A branch of which one way is taken so many times, the other so many. */
void lower_weighed(struct lowering *l, value c, LLVMBasicBlockRef then, LLVMBasicBlockRef otherwise, unsigned n_then, unsigned n_otherwise);
value lower_phi(struct lowering *l, LLVMTypeRef type, value v0, LLVMBasicBlockRef b0, value v1, LLVMBasicBlockRef b1);
/* Calls an LLVM intrinsic, overloaded by `type` (NULL: not overloaded). */
value lower_intrinsic(struct lowering *l, const char *name, LLVMTypeRef type, unsigned n, ...);
value lower_sext32(struct lowering *l, value v);
void lower_metadata(struct lowering *l, value v, const char *kind, value node);
/* Calls the micro-op's way through C; false, and all done, if it faulted. Operands that are temporaries are stored. */
value lower_slow(struct lowering *l, const struct uop *u);
/* The address of the running micro-op, as run-time functions take it. */
value lower_self(struct lowering *l);
/* Goes on in an exit of the block, or at a guest address, or in the run loop at one. The block is complete and flushed. */
void lower_exit(struct lowering *l, unsigned n);
/* Stands at the beginning of a block that is entered from another page: goes to `elsewhere` if the block is not mapped where the region has it, else to
 * `inside`. What that needs is made at the region's beginning. */
void lower_arrive(struct lowering *l, LLVMBasicBlockRef inside, LLVMBasicBlockRef elsewhere);
void lower_make_mapped(struct lowering *l);
void lower_indirect(struct lowering *l, value pc);
void lower_leave(struct lowering *l, value pc);
value lower_target(struct lowering *l, unsigned n);
/* The running block's number */
static inline unsigned lower_index(const struct lowering *l) { return (unsigned)(l->block - l->region->block); }
/* The guest address of the running block */
value lower_here(struct lowering *l);

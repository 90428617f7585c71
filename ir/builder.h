/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How frontends write micro-ops. One function per op, named uop_NAME and generated from ir/ops.def, appends one unit:
 *   uop_add(b, d, a, b)  uop_add_i(b, d, a, imm)  uop_ld_64(b, d, base, disp)  uop_st_64(b, base, disp, value)
 *   uop_beq(b, a, b, taken, not_taken)  uop_jmp(b, target)  uop_helper(b, helper, d, a, b, imm) …
 * A write to SLOT_ZERO becomes one to SLOT_SINK (or nothing where the op has no effect). Targets are relative to SLOT_PAGE.
 */
#pragma once
#include "ir/op_info.h"

/* Empties b for a block that starts `page_offset` bytes into its page. */
void ir_begin(struct ir_block *b);
/* The instruction that the next micro-ops belong to; offset is relative to the block's first instruction. */
void ir_insn(struct ir_block *b, unsigned offset, unsigned size);
/* Whether another instruction of up to 24 micro-ops fits. */
bool ir_room(const struct ir_block *b);
/* Loads any 64-bit constant in as few micro-ops as possible. */
void ir_const(struct ir_block *b, unsigned d, uint64_t value);

#define UOP_PROTO_DAB(n)	void uop_##n(struct ir_block *bl, unsigned d, unsigned a, unsigned b);
#define UOP_PROTO_DAI(n)	void uop_##n(struct ir_block *bl, unsigned d, unsigned a, int32_t imm);
#define UOP_PROTO_DA(n)		void uop_##n(struct ir_block *bl, unsigned d, unsigned a);
#define UOP_PROTO_DI(n)		void uop_##n(struct ir_block *bl, unsigned d, int32_t imm);
#define UOP_PROTO_DABC(n)	void uop_##n(struct ir_block *bl, unsigned d, unsigned a, unsigned b, unsigned c, int32_t imm);
#define UOP_PROTO_LOAD(n)	void uop_##n(struct ir_block *bl, unsigned d, unsigned base, int32_t disp);
#define UOP_PROTO_STORE(n)	void uop_##n(struct ir_block *bl, unsigned base, int32_t disp, unsigned value);
#define UOP_PROTO_ATOM(n)	void uop_##n(struct ir_block *bl, unsigned d, unsigned address, unsigned value);
#define UOP_PROTO_BR(n)		void uop_##n(struct ir_block *bl, unsigned a, unsigned b, int64_t taken, int64_t not_taken);
#define UOP_PROTO_JMP(n)	void uop_##n(struct ir_block *bl, int64_t target);
#define UOP_PROTO_AI(n)		void uop_##n(struct ir_block *bl, unsigned a, int32_t imm);
#define UOP_PROTO_I(n)		void uop_##n(struct ir_block *bl, int32_t imm);
#define UOP_PROTO_NONE(n)	void uop_##n(struct ir_block *bl);
#define UOP_PROTO_CALL(n)	void uop_##n(struct ir_block *bl, unsigned helper, unsigned d, unsigned a, unsigned b, int32_t imm);
#define OP(name, format, effects) UOP_PROTO_##format(name)
#include "ir/ops.def"

// SPDX-License-Identifier: Apache-2.0
#include "ir/builder.h"

#define INSN_MAX_UOPS 24

void ir_begin(struct ir_block *b)
{
	b->n_uops = 0;
	b->n_insns = 0;
	b->bytes = 0;
	b->crosses_page = false;
	b->target[0] = b->target[1] = 0;
}

void ir_insn(struct ir_block *b, unsigned offset, unsigned size)
{
	if (b->n_insns == BLOCK_MAX_INSNS)
		return;
	b->insn[b->n_insns++] = (struct insn_info){ .first_uop = b->n_uops, .offset = offset, .size = size };
	b->bytes = offset + size;
}

bool ir_room(const struct ir_block *b)
{
	return b->n_insns < BLOCK_MAX_INSNS && b->n_uops + INSN_MAX_UOPS <= BLOCK_MAX_UOPS;
}

/* A block that is full loses its end, which the verifier sees; nothing is overrun. */
static void append(struct ir_block *b, struct uop u)
{
	if (likely(b->n_uops < BLOCK_MAX_UOPS))
		b->uop[b->n_uops++] = u;
}

static void append_d(struct ir_block *b, struct uop u)
{
	if (unlikely(u.d == SLOT_ZERO)) {
		if (!op_info[u.op].effects)
			return;
		u.d = SLOT_SINK;
	}
	append(b, u);
}

void ir_const(struct ir_block *b, unsigned d, uint64_t value)
{
	int32_t low = (int32_t)(uint32_t)value;

	if ((uint64_t)(int64_t)low == value) {
		uop_li(b, d, low);
		return;
	}
	/* the low half is added sign-extended, so a negative one takes one back from the high half */
	uop_lih(b, d, (int32_t)(uint32_t)((value - (uint64_t)(int64_t)low) >> 32));
	if (low)
		uop_add_i(b, d, d, low);
}

#define BUILD_DAB(n)	void uop_##n(struct ir_block *bl, unsigned d, unsigned a, unsigned b) \
	{ append_d(bl, (struct uop){ .op = UOP_##n, .d = d, .a = a, .b = b }); }
#define BUILD_DAI(n)	void uop_##n(struct ir_block *bl, unsigned d, unsigned a, int32_t imm) \
	{ append_d(bl, (struct uop){ .op = UOP_##n, .d = d, .a = a, .imm = imm }); }
#define BUILD_DA(n)	void uop_##n(struct ir_block *bl, unsigned d, unsigned a) \
	{ append_d(bl, (struct uop){ .op = UOP_##n, .d = d, .a = a }); }
#define BUILD_DI(n)	void uop_##n(struct ir_block *bl, unsigned d, int32_t imm) \
	{ append_d(bl, (struct uop){ .op = UOP_##n, .d = d, .imm = imm }); }
#define BUILD_DABC(n)	void uop_##n(struct ir_block *bl, unsigned d, unsigned a, unsigned b, unsigned c, int32_t imm) \
	{ append_d(bl, (struct uop){ .op = UOP_##n, .d = d, .a = a, .b = b, .c = c, .imm = imm }); }
#define BUILD_LOAD(n)	void uop_##n(struct ir_block *bl, unsigned d, unsigned base, int32_t disp) \
	{ append_d(bl, (struct uop){ .op = UOP_##n, .d = d, .a = base, .imm = disp }); }
#define BUILD_STORE(n)	void uop_##n(struct ir_block *bl, unsigned base, int32_t disp, unsigned value) \
	{ append(bl, (struct uop){ .op = UOP_##n, .a = base, .b = value, .imm = disp }); }
#define BUILD_ATOM(n)	void uop_##n(struct ir_block *bl, unsigned d, unsigned address, unsigned value) \
	{ append_d(bl, (struct uop){ .op = UOP_##n, .d = d, .a = address, .b = value }); }
#define BUILD_BR(n)	void uop_##n(struct ir_block *bl, unsigned a, unsigned b, int64_t taken, int64_t not_taken) \
	{ bl->target[0] = taken; bl->target[1] = not_taken; append(bl, (struct uop){ .op = UOP_##n, .a = a, .b = b }); }
#define BUILD_JMP(n)	void uop_##n(struct ir_block *bl, int64_t target) \
	{ bl->target[0] = target; append(bl, (struct uop){ .op = UOP_##n }); }
#define BUILD_AI(n)	void uop_##n(struct ir_block *bl, unsigned a, int32_t imm) \
	{ append(bl, (struct uop){ .op = UOP_##n, .a = a, .imm = imm }); }
#define BUILD_I(n)	void uop_##n(struct ir_block *bl, int32_t imm) \
	{ append(bl, (struct uop){ .op = UOP_##n, .imm = imm }); }
#define BUILD_NONE(n)	void uop_##n(struct ir_block *bl) { append(bl, (struct uop){ .op = UOP_##n }); }
#define BUILD_CALL(n)	void uop_##n(struct ir_block *bl, unsigned helper, unsigned d, unsigned a, unsigned b, int32_t imm) \
	{ append_d(bl, (struct uop){ .op = UOP_##n, .d = d, .a = a, .b = b, .c = helper, .imm = imm }); }
#define OP(name, format, effects) BUILD_##format(name)
#include "ir/ops.def"

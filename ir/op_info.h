/* SPDX-License-Identifier: Apache-2.0 */
/* What the table says of each op, for printers, parsers, verifiers and passes. */
#pragma once
#include "ir/block.h"

enum op_format { F_DAB, F_DAI, F_DA, F_DI, F_DABC, F_LOAD, F_STORE, F_ATOM, F_BR, F_JMP, F_AI, F_I, F_NONE, F_CALL };

enum op_effect {
	EFFECT_LOAD = 1, EFFECT_STORE = 2, EFFECT_FAULT = 4, EFFECT_END = 8, EFFECT_FP = 16, EFFECT_SYNC = 32, EFFECT_RAISE = 64,
};

struct op_info {
	const char *name;
	enum op_format format;
	unsigned effects;
	bool has_d, has_a, has_b, has_c, has_imm;	/* which fields name slots or an immediate */
};

extern const struct op_info op_info[UOP_COUNT];

/* How many targets a block has that ends with this op (struct ir_block). */
static inline unsigned op_targets(enum uop_op op)
{
	return op_info[op].format == F_BR ? 2 : op_info[op].format == F_JMP ? 1 : 0;
}

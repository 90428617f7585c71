// SPDX-License-Identifier: Apache-2.0
#include "ir/op_info.h"

/* Effects as ops.def writes them */
enum {
	LOAD = EFFECT_LOAD, STORE = EFFECT_STORE, FAULT = EFFECT_FAULT, END = EFFECT_END, FP = EFFECT_FP, SYNC = EFFECT_SYNC,
	RAISE = EFFECT_RAISE,
};

/* has_d, has_a, has_b, has_c, has_imm */
#define FIELDS_DAB	true, true, true, false, false
#define FIELDS_DAI	true, true, false, false, true
#define FIELDS_DA	true, true, false, false, false
#define FIELDS_DI	true, false, false, false, true
#define FIELDS_DABC	true, true, true, true, true
#define FIELDS_LOAD	true, true, false, false, true
#define FIELDS_STORE	false, true, true, false, true
#define FIELDS_ATOM	true, true, true, false, false
#define FIELDS_BR	false, true, true, false, false
#define FIELDS_JMP	false, false, false, false, false
#define FIELDS_AI	false, true, false, false, true
#define FIELDS_I	false, false, false, false, true
#define FIELDS_NONE	false, false, false, false, false
#define FIELDS_CALL	true, true, true, false, true	/* c is an index */

const struct op_info op_info[UOP_COUNT] = {
#define OP(name, format, effects) [UOP_##name] = { #name, F_##format, effects, FIELDS_##format },
#include "ir/ops.def"
};


// SPDX-License-Identifier: Apache-2.0
/* One more executor of the bodies: constant folding. */
#include "ir/fold.h"
#include "ir/uop_math.h"

bool ir_fold(const struct uop *u, uint64_t a, uint64_t b, uint64_t *result)
{
	switch (u->op) {
#define UOP(name) case UOP_##name:
#define A a
#define B b
#define IMM ((int64_t)u->imm)
#define D(v) (*result = (v))
#define NEXT return true
#include "ir/uops_int.inc"
#include "ir/uops_bits.inc"
	default:
		return false;
	}
}

// SPDX-License-Identifier: Apache-2.0
/* A: the micro-ops are sequentially consistent, so that aq and rl need no look. Volume I, chapter 13. */
#include "frontends/riscv/user/lift.h"

#define ATOMIC(name, op) LIFT(name) { uop_##op(l->b, X(i->rd), X(i->rs1), X(i->rs2)); }
#define BOTH(name, op) ATOMIC(name##_w, op##_w) ATOMIC(name##_d, op##_d)

BOTH(lr, lr)
BOTH(sc, sc)
BOTH(amoswap, swap)
BOTH(amoadd, fetch_add)
BOTH(amoxor, fetch_xor)
BOTH(amoand, fetch_and)
BOTH(amoor, fetch_or)
BOTH(amomin, fetch_min)
BOTH(amomax, fetch_max)
BOTH(amominu, fetch_minu)
BOTH(amomaxu, fetch_maxu)

/* SPDX-License-Identifier: Apache-2.0 */
/* Memory micro-ops whose inline TLB look-up missed. */
#pragma once
#include "ir/block.h"

/* Executes the micro-op on struct vcpu by way of the soft MMU. False: cpu->exception is pending, nothing has changed. */
MUST_CHECK bool slow_execute(struct vcpu *cpu, const struct uop *u, enum uop_op op);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "backend/cache/finder.h"
#include "backend/interp/execute.h"

/* The interpreter: micro-ops with direct handler pointers, threaded dispatch, blocks chained. */
extern const struct exec_ops interp_engine;

/* ---- for an engine that interprets with a dispatch loop of its own ---- */
/* Makes x, which begins one allocation that becomes vcpu->exec, and with the first vCPU the machine's code cache. */
MUST_CHECK bool interp_init(struct vcpu *cpu, struct finder *x, interp_execute_fn *execute, struct error *err);
/* As struct exec_ops has them. */
void interp_run(struct vcpu *cpu, interp_execute_fn *execute);
void interp_destroy(struct vcpu *cpu);
void interp_invalidate(struct machine *m, struct phys_page *page, uint64_t granules);
void interp_flush(struct machine *m);

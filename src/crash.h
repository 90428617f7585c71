/* SPDX-License-Identifier: Apache-2.0 */
/* What is told of a guest that has died: registers, the code around its last instruction, what led there, and the stack. */
#pragma once
#include <stdio.h>
#include "src/profile/names.h"
#include "src/vm.h"

struct crash;
/*
 * Begins to remember each vCPU's last exceptions and interrupts; with `blocks` its last blocks too, which are executed one by one then (observer.block).
 * Before the VM runs for the first time. NULL: err.
 */
struct crash *crash_start(struct vm *vm, bool blocks, struct error *err);
/* Whether a vCPU's stack leads through the function with which a Linux kernel gives up. *vcpu: which one's. The VM is paused. */
bool crash_panicked(const struct crash *c, const struct names *names, unsigned *vcpu);
/* The VM is paused. Coloured on a terminal. */
void crash_print(const struct crash *c, unsigned vcpu, const struct names *names, FILE *f);
/* When the VM has been destroyed. May be NULL. */
void crash_free(struct crash *c);

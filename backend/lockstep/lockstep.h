/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "runtime/machine.h"

/*
 * Two engines at once: one that compiles acts for real, the interpreter repeats what it did in a mirror of the machine, and all that the guest can
 * see is compared. machine->against says which one acts. One vCPU, deterministic time.
 */
extern const struct exec_ops lockstep_engine;

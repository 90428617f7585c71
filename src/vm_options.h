/* SPDX-License-Identifier: Apache-2.0 */
/* The options of a VM, which are also the keys of the public API; their target is a struct vm_config. */
#pragma once
#include "src/config.h"
#include "src/options.h"

extern const struct option vm_options[];
extern const unsigned n_vm_options;
/* The first of them suffice where nothing is booted: architecture, board, processor, engine, memory; and then vCPUs and what bounds and tunes
 * the engine. */
#define VM_OPTIONS_BASIC 5
#define VM_OPTIONS_BARE 12

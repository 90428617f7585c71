/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LLVM's library is loaded when it is needed first, not with the program: its relocations and constructors cost 30 ms and 45 MiB, which a run without
 * compiled regions, and every short command, can do without. Its functions are called by their names as ever (llvm_import.py).
 */
#pragma once
#include "runtime/error.h"
#include "runtime/util.h"

/*
 * Before the first call of any function of LLVM's. Any thread, as often as it likes: all but the first call return at once. False: the host has no such
 * library, and none of the functions may be called.
 */
MUST_CHECK bool llvm_load(struct error *err);

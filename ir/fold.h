/* SPDX-License-Identifier: Apache-2.0 */
/* Evaluates integer micro-ops while translating; private to ir/. */
#pragma once
#include "ir/block.h"

/* The result of an op of uops_int.inc for known sources; false if u is no such op. */
bool ir_fold(const struct uop *u, uint64_t a, uint64_t b, uint64_t *result);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "backend/stencil/emit.h"

/* Tells the machine's observer of a block that has just been translated, with the marks of stencil_translate_marked. With the code cache's lock. */
void stencil_announce(const struct stencil_arena *s, const struct machine *m, const struct code_block *b, const uint32_t *mark);

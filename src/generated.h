/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "src/vm.h"

/* The guest's instruction that a line of generated code belongs to, as vm_format_insn has it; false: its bytes cannot be read. While g holds. */
bool generated_disassemble(struct vm *vm, const struct generated *g, const struct generated_line *line, char *text, unsigned size);

// SPDX-License-Identifier: Apache-2.0
#include "src/generated.h"

bool generated_disassemble(struct vm *vm, const struct generated *g, const struct generated_line *line, char *text, unsigned size)
{
	uint8_t code[VM_MAX_CODE];
	unsigned here = (unsigned)(PAGE_SIZE - (line->pa & (PAGE_SIZE - 1))), have = here < VM_MAX_CODE ? here : VM_MAX_CODE;
	if (!vm_phys_read(&vm->machine, line->pa, code, have))
		return false;
	if (have < VM_MAX_CODE && ~g->second_pa && vm_phys_read(&vm->machine, g->second_pa & PAGE_MASK, code + have, VM_MAX_CODE - have))
		have = VM_MAX_CODE;
	vm_format_insn(vm, line->va, code, have, text, size);
	return true;
}

// SPDX-License-Identifier: Apache-2.0
#include <string.h>
#include "src/boards/riscv_virt.h"

const struct board_ops *const boards[] = { &riscv_virt_board, NULL };

const struct board_ops *board_find(const char *arch, const char *name)
{
	for (unsigned i = 0; boards[i]; i++)
		if (!strcmp(boards[i]->arch, arch) && (!name || !strcmp(boards[i]->name, name)))
			return boards[i];
	return NULL;
}

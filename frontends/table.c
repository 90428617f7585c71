// SPDX-License-Identifier: Apache-2.0
#include "frontends/frontend.h"
#include <string.h>
#include "frontends/riscv/riscv.h"

const struct frontend *const frontends[] = { &riscv64_frontend, NULL };

const struct frontend *frontend_find(const char *name)
{
	for (unsigned i = 0; frontends[i]; i++)
		if (!strcmp(frontends[i]->name, name))
			return frontends[i];
	return NULL;
}

// SPDX-License-Identifier: Apache-2.0
#include "backend/engine.h"
#include <string.h>
#include "backend/interp/interp.h"

const struct exec_ops *const engines[] = { &interp_engine, NULL };

const struct exec_ops *engine_find(const char *name)
{
	for (unsigned i = 0; engines[i]; i++)
		if (!strcmp(engines[i]->name, name))
			return engines[i];
	return NULL;
}

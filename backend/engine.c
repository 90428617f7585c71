// SPDX-License-Identifier: Apache-2.0
#include "backend/engine.h"
#include <string.h>
#include "backend/interp/interp.h"
#ifdef HAVE_STENCILS
#include "backend/lockstep/lockstep.h"
#include "backend/tiers.h"
#endif

const struct exec_ops *const engines[] = {
#ifdef HAVE_STENCILS
	&auto_engine, &stencil_engine, &llvm_engine, &lockstep_engine,
#endif
	&interp_engine, NULL,
};

const struct exec_ops *engine_find(const char *name)
{
	for (unsigned i = 0; engines[i]; i++)
		if (!strcmp(engines[i]->name, name))
			return engines[i];
	return NULL;
}

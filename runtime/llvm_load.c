// SPDX-License-Identifier: Apache-2.0
#include "runtime/llvm_load.h"
#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

#ifdef LLVM_IMPORT
/* llvm_import.py */
extern const char llvm_soname[], llvm_names[];
extern void *llvm_functions[];

static struct error failed;	/* the process has the library, or has it not */

static void load(void)
{
	void *library = dlopen(llvm_soname, RTLD_NOW | RTLD_LOCAL), **function = llvm_functions;
	for (const char *name = llvm_names; library && *name; name += strlen(name) + 1) {
		*function = dlsym(library, name);
		if (!*function++)
			library = NULL;		/* one that has been built in another way */
	}
	if (!library)
		error_set(&failed, ERROR_HOST, "%s: install libllvm19", dlerror());
}

bool llvm_load(struct error *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, load);
	return !failed.code || error_set(err, failed.code, "%s", failed.text);
}
#else
/* linked with the program */
bool llvm_load(struct error *err)
{
	return true;
}
#endif

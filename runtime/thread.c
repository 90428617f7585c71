// SPDX-License-Identifier: Apache-2.0
#include "runtime/thread.h"
#include <stdarg.h>
#include <stdio.h>

int thread_start(pthread_t *thread, void *(*fn)(void *), void *opaque, const char *fmt, ...)
{
	int e = pthread_create(thread, NULL, fn, opaque);
	if (!e) {
		char name[16];
		va_list ap;
		va_start(ap, fmt);
		vsnprintf(name, sizeof name, fmt, ap);
		va_end(ap);
		pthread_setname_np(*thread, name);	/* without one it works as well */
	}
	return e;
}

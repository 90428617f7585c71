/* SPDX-License-Identifier: Apache-2.0 */
/* Threads with names, by which `top -H`, debuggers and perf tell them apart. */
#pragma once
#include <pthread.h>
#include "runtime/util.h"

/*
 * Starts a thread that runs fn(opaque), and names it; of the name the host keeps 15 characters. 0, or an errno: then *thread is
 * undefined.
 */
MUST_CHECK int thread_start(pthread_t *thread, void *(*fn)(void *), void *opaque, const char *fmt, ...) __attribute__((format(printf, 4, 5)));

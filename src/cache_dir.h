/* SPDX-License-Identifier: Apache-2.0 */
/* Where the cache on disk is (backend/cache/store.h), for the subcommands. */
#pragma once
#include "runtime/error.h"
#include "runtime/util.h"

/* What --cache is by default, malloc'd: $CALQUE_DISK_CACHE, else calque in $XDG_CACHE_HOME or ~/.cache; NULL: there is no place. */
char *cache_directory(void);
/* Without one a guest runs all the same: the subcommand, and why there is none. */
#define CACHE_WARNING "calque %s: no cache: %s; --cache names another directory\n"
/* A value of --cache-size. */
MUST_CHECK bool cache_size_parse(const char *text, uint64_t *bytes, struct error *err);

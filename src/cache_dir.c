// SPDX-License-Identifier: Apache-2.0
#include "src/cache_dir.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "src/options.h"

#define LEAST ((uint64_t)1 << 20)	/* the largest region fits */

static const char *variable(const char *name)
{
	const char *value = getenv(name);
	return value && *value ? value : NULL;
}

char *cache_directory(void)
{
	const char *own = variable("CALQUE_DISK_CACHE"), *xdg = variable("XDG_CACHE_HOME"), *home = variable("HOME");
	char *path = NULL;
	if (own)
		return strdup(own);
	/* a relative path there is to be ignored, says the XDG specification */
	int n = xdg && *xdg == '/' ? asprintf(&path, "%s/calque", xdg) : home ? asprintf(&path, "%s/.cache/calque", home) : -1;
	return n < 0 ? NULL : path;
}

bool cache_size_parse(const char *text, uint64_t *bytes, struct error *err)
{
	if (!parse_size(text, bytes, err))
		return false;
	return *bytes >= LEAST || error_set(err, ERROR_USAGE, "at least 1M; --cache off keeps nothing");
}

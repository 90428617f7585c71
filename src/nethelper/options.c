// SPDX-License-Identifier: Apache-2.0
#include "src/nethelper/nethelper.h"
#include <stdlib.h>
#include <string.h>

bool net_options_parse(struct net_options *o, int argc, char **argv, struct error *err)
{
	*o = (struct net_options){ 0 };
	for (int i = 1; i < argc; i++) {
		const char *name = argv[i], *value = i + 1 < argc ? argv[i + 1] : NULL;
		if (!strcmp(name, "--restrict")) {
			o->restrict_guest = true;
			continue;
		}
		if (!value)
			return error_set(err, ERROR_USAGE, "calque-net: unknown option or missing value: %s", name);
		i++;
		if (!strcmp(name, "--parent")) {
			o->parent = strtol(value, NULL, 10);
		} else if (!strcmp(name, "--hostfwd")) {
			if (o->n_hostfwd == HOSTFWD_MAX)
				return error_set(err, ERROR_USAGE, "hostfwd %s: more than %d", value, HOSTFWD_MAX);
			if (!hostfwd_parse(value, &o->hostfwd[o->n_hostfwd], err))
				return false;
			o->hostfwd_text[o->n_hostfwd++] = value;
		} else {
			return error_set(err, ERROR_USAGE, "calque-net: unknown option %s", name);
		}
	}
	return true;
}

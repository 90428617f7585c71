// SPDX-License-Identifier: Apache-2.0
#include "runtime/tuning.h"
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

const struct tuning tuning_default = {
#define PARAM(name, default, least, most, why) .name = (default),
#include "runtime/tuning.def"
};

static const struct tuning_param params[] = {
#define PARAM(name, default, least, most, why) { #name, why, offsetof(struct tuning, name), default, least, most },
#include "runtime/tuning.def"
};

const struct tuning_param *tuning_param(unsigned i)
{
	return i < ARRAY_SIZE(params) ? &params[i] : NULL;
}

bool tuning_set(struct tuning *t, const char *text, struct error *err)
{
	size_t length = strcspn(text, "=");
	for (const struct tuning_param *p = params; p < params + ARRAY_SIZE(params); p++) {
		if (strlen(p->name) != length || strncmp(p->name, text, length))
			continue;
		char *end = NULL;
		errno = 0;
		uint64_t v = text[length] ? strtoull(text + length + 1, &end, 0) : 0;
		if (!end || end == text + length + 1 || *end || errno || text[length + 1] == '-' || v < p->least || v > p->most)
			return error_set(err, ERROR_USAGE, "%s takes a number from %" PRIu64 " to %" PRIu64, p->name, p->least, p->most);
		memcpy((char *)t + p->offset, &v, sizeof v);
		return true;
	}
	return error_set(err, ERROR_USAGE, "there is no \"%.*s\": \"calque help tune\" lists the names", (int)(length < 60 ? length : 60), text);
}

void tuning_print(FILE *f)
{
	for (const struct tuning_param *p = params; p < params + ARRAY_SIZE(params); p++)
		fprintf(f, "%s=%" PRIu64 " (%" PRIu64 " to %" PRIu64 ")\n    %s\n", p->name, p->initial, p->least, p->most, p->why);
}

// SPDX-License-Identifier: Apache-2.0
#include <string.h>
#include "src/options.h"
#include "src/profile/profile.h"

#define DEFAULT_TOP 20

bool profile_out_parse(const char *name, enum profile_out *out, struct error *err)
{
	static const char *const names[] = { [PROFILE_HUMAN] = "human", [PROFILE_JSON] = "json", [PROFILE_FOLDED] = "folded", [PROFILE_PPROF] = "pprof",
					[PROFILE_PERF_MAP] = "perf-map" };
	for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(name, names[i])) {
			*out = (enum profile_out)i;
			return true;
		}
	const char *near = nearest_name(name, names, ARRAY_SIZE(names));
	return error_set(err, ERROR_USAGE, "%s%s%sthere are human, json, folded, pprof and perf-map", near ? "did you mean " : "", near ? near : "",
			 near ? "? " : "");
}

bool profile_write(const struct profile *p, const struct profile_form *form, FILE *f, struct error *err)
{
	bool usual = form->top == PROFILE_TOP_USUAL;
	if (form->place)
		return profile_annotate(p, form->place, f, err);
	switch (form->out) {
	case PROFILE_HUMAN:
		profile_print(p, f, usual ? DEFAULT_TOP : form->top, form->by_total);
		break;
	case PROFILE_JSON:
		profile_json(p, f, usual ? 0 : form->top);
		break;
	case PROFILE_FOLDED:
		profile_folded(p, f);
		break;
	case PROFILE_PPROF:
		profile_pprof(p, f);
		break;
	case PROFILE_PERF_MAP:
		break;
	}
	return true;
}

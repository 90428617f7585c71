/* SPDX-License-Identifier: Apache-2.0 */
/* A profile of a guest that another process runs, through its control socket. The guest takes it and writes the report. */
#pragma once
#include "src/profile/profile.h"

#define ATTACH_SYMBOLS 32

struct attach {
	const char *path;	/* of the socket */
	uint64_t for_ns;	/* UINT64_MAX: until SIGINT or SIGTERM, or the guest's end */
	unsigned rate;
	bool exact, flamegraph;
	const struct profile_form *form;
	const char *const *symbols;	/* FILE or FILE@ADDRESS each */
	unsigned n_symbols;
};

/* Malloc'd; svg is NULL unless attach.flamegraph. */
struct attached { uint8_t *report; uint64_t size; char *svg; };

/* Returns when the profile has been taken; no thread may have been started. False: err. */
MUST_CHECK bool profile_attach(const struct attach *a, struct attached *result, struct error *err);

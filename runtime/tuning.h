/* SPDX-License-Identifier: Apache-2.0 */
/* The thresholds of the execution engines, all in one table (runtime/tuning.def) from which option, help and documentation are made. */
#pragma once
#include <stdio.h>
#include "runtime/error.h"
#include "runtime/util.h"

struct tuning {
#define PARAM(name, default, least, most, why) uint64_t name;
#include "runtime/tuning.def"
};

extern const struct tuning tuning_default;
/* Sets one of them from "name=value". Errors name the parameter and its range. */
MUST_CHECK bool tuning_set(struct tuning *t, const char *text, struct error *err);
/* One row of the table; from least to most is what tuning_set takes. */
struct tuning_param {
	const char *name, *why;
	size_t offset;		/* in struct tuning */
	uint64_t initial, least, most;
};
/* The i-th row, from 0 on; NULL behind the last. */
const struct tuning_param *tuning_param(unsigned i);
/* The table for people. */
void tuning_print(FILE *f);

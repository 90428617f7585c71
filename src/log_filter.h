/* SPDX-License-Identifier: Apache-2.0 */
/* What --log-filter says: the addresses that the logs of -d are about. */
#pragma once
#include "src/profile/names.h"

/*
 * RANGE[,RANGE]..., where RANGE is PLACE, PLACE..PLACE (the last one included) or PLACE+BYTES, and PLACE an address or a symbol. A symbol alone is all of
 * its function. *range is malloc'd. False: err says which part is wrong.
 */
MUST_CHECK bool log_filter_parse(const char *text, const struct names *names, struct log_range **range, unsigned *n, struct error *err);

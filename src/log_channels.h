/* SPDX-License-Identifier: Apache-2.0 */
/* The names of the logs that -d takes. */
#pragma once
#include <stdio.h>
#include "src/options.h"

/* "insn,int": adds their bits (LOG_*) to *log. Names that QEMU has for the same are taken, too. False: err lists all. */
MUST_CHECK bool log_channels_parse(const char *text, uint32_t *log, struct error *err);
/* A line for each. */
void log_channels_print(FILE *f);
/* The same for manual pages and completion. */
option_value_fn log_channels_value;

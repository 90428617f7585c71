/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes in hex, as people write and tools print them. */
#pragma once
#include "runtime/error.h"
#include "runtime/util.h"

/*
 * "13 05 15 00", "13051500", with commas, colons or 0x before the bytes: in the order of their addresses. *bytes is malloc'd. Errors name the place.
 */
MUST_CHECK bool parse_hex(const char *text, uint8_t **bytes, uint64_t *size, struct error *err);

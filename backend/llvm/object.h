/* SPDX-License-Identifier: Apache-2.0 */
/* The machine code in an object file as text. */
#pragma once
#include "backend/listing.h"
#include "runtime/error.h"

/*
 * Appends the functions of the object's .text, disassembled, each under a line with its name. Rows are the lines that the object's debug information gives.
 * What an instruction has from a relocation stands behind it. False: err, the object is damaged.
 */
MUST_CHECK bool object_list(const void *object, size_t size, bool intel, struct listing *host, struct error *err);

/* SPDX-License-Identifier: Apache-2.0 */
/* The symbols of an ELF file, or of a kernel's System.map or /proc/kallsyms, by address and by name. */
#pragma once
#include "runtime/error.h"
#include "runtime/util.h"

struct symbols;

/* NULL if the file is none of these or has no symbols: then nothing is known, which is no error. */
struct symbols *symbols_load(const char *path);
void symbols_free(struct symbols *s);
/* "name+0x12" for the function or label that holds the address; false if none does. s may be NULL. */
bool symbols_at(const struct symbols *s, uint64_t address, char *text, size_t size);
bool symbols_value(const struct symbols *s, const char *name, uint64_t *value);
/* The same with its size, which where the file gives none is that up to the next function or label; 0: it is the last one. */
bool symbols_extent(const struct symbols *s, const char *name, uint64_t *value, uint64_t *size);
/* The name that `name` was probably meant to be, as long as s lives, or NULL. */
const char *symbols_nearest(const struct symbols *s, const char *name);

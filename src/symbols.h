/* SPDX-License-Identifier: Apache-2.0 */
/* The symbols of an ELF file, or of a kernel's System.map or /proc/kallsyms, by address and by name. */
#pragma once
#include "runtime/error.h"
#include "runtime/util.h"

struct symbols;

/* NULL if the file is none of these or has no symbols: then nothing is known, which is no error. */
struct symbols *symbols_load(const char *path);
/* A table of one's own: add, then sort before anything is looked up. NULL, false: out of memory. */
struct symbols *symbols_new(void);
MUST_CHECK bool symbols_add(struct symbols *s, const char *name, size_t length, uint64_t value, uint64_t size, bool code);
/* Adds the lines "ffffffff80002000 T _start" of a System.map or /proc/kallsyms. Others are passed over, as a console's around them are. */
void symbols_read_map(struct symbols *s, const char *text, size_t size);
/* Whether a map's letter for the type is that of code. */
static inline bool symbols_is_code(char type)
{
	return type == 't' || type == 'T' || type == 'w' || type == 'W';
}
void symbols_sort(struct symbols *s);
void symbols_free(struct symbols *s);
/* "name+0x12" for the function or label that holds the address; false if none does. s may be NULL. */
bool symbols_at(const struct symbols *s, uint64_t address, char *text, size_t size);
/* The function or label that holds the address; false if none does. s may be NULL. */
struct symbol_range {
	const char *name;	/* as long as s */
	uint64_t start, end;	/* end: where the next symbol begins, if its size is not known */
};
bool symbols_find(const struct symbols *s, uint64_t address, struct symbol_range *range);
/* The one with the highest address; false: there is none. */
bool symbols_last(const struct symbols *s, struct symbol_range *range);
size_t symbols_count(const struct symbols *s);
/* The one of this number, below the count, by address; whether it is code. end: where the next one begins, if its size is not known. */
struct symbol_range symbols_get(const struct symbols *s, size_t number, bool *code);
bool symbols_value(const struct symbols *s, const char *name, uint64_t *value);
/* The same with its size, which where the file gives none is that up to the next function or label; 0: it is the last one. */
bool symbols_extent(const struct symbols *s, const char *name, uint64_t *value, uint64_t *size);
/* The name that `name` was probably meant to be, as long as s lives, or NULL. */
const char *symbols_nearest(const struct symbols *s, const char *name);

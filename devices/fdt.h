/* SPDX-License-Identifier: Apache-2.0 */
/* A device tree being written (libfdt's sequential write underneath). Errors stick and are reported by fdt_done. */
#pragma once
#include "runtime/error.h"
#include "runtime/util.h"

struct fdt;
/* An empty tree (NULL only without memory): the caller begins and ends the root node, named "". */
struct fdt *fdt_new(void);
void fdt_begin(struct fdt *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void fdt_end(struct fdt *t);
/* (fdt_string is libfdt's own name for something else) */
void fdt_str(struct fdt *t, const char *name, const char *value);
/* Several strings in one property; `strings` are separated and ended by NUL bytes. */
void fdt_bytes(struct fdt *t, const char *name, const void *bytes, unsigned size);
void fdt_u32(struct fdt *t, const char *name, uint32_t value);
void fdt_u64(struct fdt *t, const char *name, uint64_t value);
void fdt_cells(struct fdt *t, const char *name, unsigned n, const uint32_t *cells);
/* reg = <base size> with two cells each */
void fdt_reg(struct fdt *t, uint64_t base, uint64_t size);
void fdt_empty(struct fdt *t, const char *name);
/* A phandle by name, the same number each time it is asked for ("plic", "cpu0-intc"). */
uint32_t fdt_phandle(struct fdt *t, const char *name);
/* Gives a tree up unfinished. */
void fdt_drop(struct fdt *t);
/* Finishes; *blob is malloc'd and the caller's. Frees t. */
MUST_CHECK bool fdt_done(struct fdt *t, void **blob, unsigned *size, struct error *err);

// SPDX-License-Identifier: Apache-2.0
/* The tree is written in one pass by libfdt into a buffer that grows when it says that there is no space. */
#include <libfdt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "devices/fdt.h"

#define FIRST_SIZE 4096
#define MAX_SIZE   (1 << 20)	/* a board's tree is some 10 KiB; beyond this something is wrong */

struct fdt {
	void *blob;
	int size;
	int error;		/* libfdt's, negative; sticks */
	char **phandle;		/* phandle n is named phandle[n - 1] */
	unsigned n_phandles, depth;
};

/* After -FDT_ERR_NOSPACE: true if the buffer was enlarged and the call is to be made again. */
static bool grow(struct fdt *t, int result)
{
	if (result >= 0)
		return false;
	t->error = result;
	if (result != -FDT_ERR_NOSPACE || t->size >= MAX_SIZE)
		return false;
	void *larger = calloc(2, t->size);
	if (!larger)
		return false;
	int moved = fdt_resize(t->blob, larger, t->size * 2);
	if (moved < 0) {
		free(larger);
		t->error = moved;
		return false;
	}
	free(t->blob);
	t->blob = larger;
	t->size *= 2;
	t->error = 0;
	return true;
}

#define TRY(t, call) do { \
	if ((t)->error) \
		break; \
} while (grow((t), (call)))

struct fdt *fdt_new(void)
{
	struct fdt *t = calloc(1, sizeof(*t));
	if (!t)
		return NULL;
	t->size = FIRST_SIZE;
	t->blob = calloc(1, t->size);
	if (!t->blob) {
		free(t);
		return NULL;
	}
	t->error = fdt_create(t->blob, t->size);
	TRY(t, fdt_finish_reservemap(t->blob));
	return t;
}

void fdt_begin(struct fdt *t, const char *fmt, ...)
{
	char name[64];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(name, sizeof(name), fmt, ap);
	va_end(ap);
	TRY(t, fdt_begin_node(t->blob, name));
	t->depth++;
}

void fdt_end(struct fdt *t)
{
	/* libfdt does not count them */
	if (!t->depth--)
		t->error = -FDT_ERR_BADSTRUCTURE;
	TRY(t, fdt_end_node(t->blob));
}

void fdt_bytes(struct fdt *t, const char *name, const void *bytes, unsigned size)
{
	TRY(t, fdt_property(t->blob, name, bytes, size));
}

void fdt_str(struct fdt *t, const char *name, const char *value)
{
	fdt_bytes(t, name, value, strlen(value) + 1);
}

void fdt_u32(struct fdt *t, const char *name, uint32_t value)
{
	fdt_cells(t, name, 1, &value);
}

void fdt_u64(struct fdt *t, const char *name, uint64_t value)
{
	fdt_cells(t, name, 2, (uint32_t[]){ value >> 32, value });
}

void fdt_cells(struct fdt *t, const char *name, unsigned n, const uint32_t *cells)
{
	fdt32_t *big = calloc(n ? n : 1, sizeof(*big));
	if (!big) {
		t->error = -FDT_ERR_NOSPACE;
		return;
	}
	for (unsigned i = 0; i < n; i++)
		big[i] = cpu_to_fdt32(cells[i]);
	fdt_bytes(t, name, big, n * sizeof(*big));
	free(big);
}

void fdt_reg(struct fdt *t, uint64_t base, uint64_t size)
{
	fdt_cells(t, "reg", 4, (uint32_t[]){ base >> 32, base, size >> 32, size });
}

void fdt_empty(struct fdt *t, const char *name)
{
	fdt_bytes(t, name, "", 0);
}

uint32_t fdt_phandle(struct fdt *t, const char *name)
{
	for (unsigned i = 0; i < t->n_phandles; i++)
		if (!strcmp(t->phandle[i], name))
			return i + 1;
	char **more = realloc(t->phandle, (t->n_phandles + 1) * sizeof(*more));
	if (more)
		t->phandle = more;
	if (!more || !(more[t->n_phandles] = strdup(name))) {
		t->error = -FDT_ERR_NOSPACE;
		return 0;
	}
	return ++t->n_phandles;
}

void fdt_drop(struct fdt *t)
{
	for (unsigned i = 0; i < t->n_phandles; i++)
		free(t->phandle[i]);
	free(t->phandle);
	free(t->blob);
	free(t);
}

bool fdt_done(struct fdt *t, void **blob, unsigned *size, struct error *err)
{
	if (t->depth && !t->error)
		t->error = -FDT_ERR_BADSTRUCTURE;
	TRY(t, fdt_finish(t->blob));
	int error = t->error;
	if (!error) {
		*blob = t->blob;
		*size = fdt_totalsize(t->blob);
		t->blob = NULL;
	}
	fdt_drop(t);
	if (error)
		return error_set(err, ERROR_HOST, "the device tree could not be written: %s", fdt_strerror(error));
	return true;
}

// SPDX-License-Identifier: Apache-2.0
#include "src/profile/code.h"
#include <inttypes.h>
#include <stdlib.h>

struct page {
	struct page *next;
	uint64_t va;
	uint8_t bytes[PAGE_SIZE];
};

struct code {
	struct lift_source source;
	const struct names *names;
	struct lift_source *file;	/* NULL: memory */
	uint64_t bias;			/* where the file's address 0 lies */
	struct vcpu *cpu;		/* through whose page tables memory is read … */
	struct page *pages;		/* … and what has been */
};

static const struct page *read_page(struct code *c, uint64_t va)
{
	for (const struct page *page = c->pages; page; page = page->next)
		if (page->va == va)
			return page;
	struct page *page = malloc(sizeof *page);
	if (!page || !vm_debug_read(c->cpu, va, page->bytes, PAGE_SIZE)) {
		free(page);
		return NULL;
	}
	page->va = va;
	page->next = c->pages;
	return c->pages = page;
}

static const uint8_t *bytes(const struct lift_source *s, uint64_t va, unsigned *size)
{
	struct code *c = CONTAINER_OF((struct lift_source *)(uintptr_t)s, struct code, source);
	if (c->file)
		return c->file->bytes(c->file, va - c->bias, size);
	const struct page *page = read_page(c, va & PAGE_MASK);
	*size = (unsigned)(PAGE_SIZE - (va & ~PAGE_MASK));
	return page ? page->bytes + (va & ~PAGE_MASK) : NULL;
}

static bool name(const struct lift_source *s, uint64_t va, char *text, size_t size)
{
	return names_at(CONTAINER_OF(s, const struct code, source)->names, va, text, size);
}

static void close_code(struct lift_source *s)
{
	struct code *c = CONTAINER_OF(s, struct code, source);
	if (c->file)
		c->file->close(c->file);
	for (struct page *page = c->pages, *next; page; page = next) {
		next = page->next;
		free(page);
	}
	free(c);
}

/* The file that has the code at va; NULL: none (a System.map, symbols alone), or memory is to be shown. */
static struct lift_source *open_file(const struct profile *p, uint64_t va, const char *path, uint64_t bias)
{
	struct error ignored;
	unsigned size;
	if (!path || va >> 63 || bias & ~PAGE_MASK)
		return NULL;
	struct lift_source *s = source_open(&(struct lift_input){ .file = (char *)(uintptr_t)path }, &ignored);
	if (!s || (s->frontend == p->vm->frontend && s->bytes(s, va - bias, &size)))
		return s;
	s->close(s);
	return NULL;
}

/* The vCPU through whose page tables the code can be read; NULL: none. */
static struct vcpu *reader(const struct profile *p, uint64_t va)
{
	uint8_t byte;
	for (unsigned i = 0; i < p->vm->machine.n_vcpus; i++)
		if (vm_debug_read(p->vm->machine.vcpu[i], va, &byte, 1))
			return p->vm->machine.vcpu[i];
	return NULL;
}

struct lift_source *profile_code(const struct profile *p, uint64_t va, const char **file, struct error *err)
{
	struct code *c = calloc(1, sizeof *c);
	if (!c) {
		error_set(err, ERROR_HOST, "out of memory");
		return NULL;
	}
	c->source = (struct lift_source){ .frontend = p->vm->frontend, .bytes = bytes, .name = name, .close = close_code };
	c->names = p->names;
	const char *path = names_file(p->names, va, &c->bias);
	c->file = open_file(p, va, path, c->bias);
	c->cpu = c->file ? NULL : reader(p, va);
	*file = c->file ? path : NULL;
	if (c->file || c->cpu)
		return &c->source;
	error_set(err, ERROR_USAGE, "the guest has nothing at 0x%" PRIx64 " any more", va);
	close_code(&c->source);
	return NULL;
}

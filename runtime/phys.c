// SPDX-License-Identifier: Apache-2.0
#include "runtime/phys.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "runtime/journal.h"
#include "runtime/machine.h"

bool phys_init(struct phys *p, struct machine *m, uint64_t bytes, struct error *err)
{
	*p = (struct phys){ .machine = m, .memfd = -1, .ram_size = bytes };
	p->memfd = memfd_create("calque-ram", MFD_CLOEXEC);
	if (p->memfd < 0)
		return error_set(err, ERROR_HOST, "guest memory: memfd_create: %s", strerror(errno));
	if (ftruncate(p->memfd, (off_t)bytes))
		return error_set(err, ERROR_HOST, "guest memory of %llu MiB: %s", (unsigned long long)bytes >> 20, strerror(errno));
	p->ram = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, p->memfd, 0);
	if (p->ram == MAP_FAILED) {
		p->ram = NULL;
		return error_set(err, ERROR_HOST, "guest memory of %llu MiB: %s; choose a smaller -m", (unsigned long long)bytes >> 20,
				 strerror(errno));
	}
	/* page records stay untouched, and so cost nothing, until a page is written through a TLB or holds code */
	p->page = mmap(NULL, (bytes >> PAGE_BITS) * sizeof *p->page, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p->page == MAP_FAILED) {
		p->page = NULL;
		return error_set(err, ERROR_HOST, "guest page records: %s", strerror(errno));
	}
	return true;
}

void phys_destroy(struct phys *p)
{
	if (p->page)
		munmap(p->page, (p->ram_size >> PAGE_BITS) * sizeof *p->page);
	if (p->ram)
		munmap(p->ram, p->ram_size);
	if (p->memfd > 0)
		close(p->memfd);
	*p = (struct phys){ .memfd = -1 };
}

static struct phys_range *insert(struct phys *p, struct phys_range r, uint64_t align, struct error *err)
{
	uint64_t base = r.base.v, end = base + r.size;
	unsigned at = 0;
	if (!r.size || end < base || (base | r.size) & (align - 1)) {
		error_set(err, ERROR_USAGE, "%s at %#llx, %#llx bytes: base and size must be multiples of %llu and not wrap", r.name,
			  (unsigned long long)base, (unsigned long long)r.size, (unsigned long long)align);
		return NULL;
	}
	if (p->n_ranges == ARRAY_SIZE(p->range)) {
		error_set(err, ERROR_USAGE, "%s: too many physical ranges (at most %zu)", r.name, ARRAY_SIZE(p->range));
		return NULL;
	}
	while (at < p->n_ranges && p->range[at].base.v < base)
		at++;
	const struct phys_range *clash = NULL;
	if (at < p->n_ranges && p->range[at].base.v < end)
		clash = &p->range[at];
	else if (at && p->range[at - 1].base.v + p->range[at - 1].size > base)
		clash = &p->range[at - 1];
	if (clash) {
		error_set(err, ERROR_USAGE, "%s at %#llx overlaps %s at %#llx", r.name, (unsigned long long)base, clash->name,
			  (unsigned long long)clash->base.v);
		return NULL;
	}
	memmove(&p->range[at + 1], &p->range[at], (p->n_ranges - at) * sizeof p->range[0]);
	p->range[at] = r;
	p->n_ranges++;
	for (unsigned i = p->largest = 0; i < p->n_ranges; i++)
		if (p->range[i].size > p->range[p->largest].size)
			p->largest = i;
	return &p->range[at];
}

static bool add_memory(struct phys *p, enum phys_kind kind, gpa_t base, uint64_t size, const char *name,
		       const struct mmio_ops *watch, void *opaque, struct error *err)
{
	if (size > p->ram_size - p->ram_used)
		return error_set(err, ERROR_USAGE, "%s: %#llx bytes are more than what was reserved", name, (unsigned long long)size);
	struct phys_range r = { .base = base, .size = size, .kind = kind, .name = name, .host = p->ram + p->ram_used,
				.page0 = p->ram_used >> PAGE_BITS, .watch = watch, .opaque = opaque };
	if (!insert(p, r, PAGE_SIZE, err))
		return false;
	p->ram_used += size;
	return true;
}

bool phys_add_ram(struct phys *p, gpa_t base, uint64_t size, const char *name, struct error *err)
{
	return add_memory(p, PHYS_RAM, base, size, name, NULL, NULL, err);
}

bool phys_add_rom(struct phys *p, gpa_t base, uint64_t size, const char *name, struct error *err)
{
	return add_memory(p, PHYS_ROM, base, size, name, NULL, NULL, err);
}

bool phys_add_watched_ram(struct phys *p, gpa_t base, uint64_t size, const char *name, const struct mmio_ops *watch, void *opaque,
			  struct error *err)
{
	return add_memory(p, PHYS_RAM, base, size, name, watch, opaque, err);
}

bool phys_add_mmio(struct phys *p, gpa_t base, uint64_t size, const char *name, const struct mmio_ops *ops, void *opaque,
		   struct error *err)
{
	struct phys_range r = { .base = base, .size = size, .kind = PHYS_MMIO, .name = name, .ops = ops, .opaque = opaque };
	return insert(p, r, 8, err) != NULL;
}

const struct phys_range *phys_find(const struct phys *p, gpa_t at)
{
	unsigned lo = 0, hi = p->n_ranges;
	if (likely(at.v - p->range[p->largest].base.v < p->range[p->largest].size))
		return &p->range[p->largest];
	while (lo < hi) {
		unsigned mid = (lo + hi) / 2;
		const struct phys_range *r = &p->range[mid];
		if (at.v < r->base.v)
			hi = mid;
		else if (at.v - r->base.v >= r->size)
			lo = mid + 1;
		else
			return r;
	}
	return NULL;
}

const struct phys_range *phys_find_host(const struct phys *p, const uint8_t *host)
{
	const struct phys_range *r = p->range;
	while (!r->host || (uint64_t)(host - r->host) >= r->size)
		r++;
	return r;
}

struct phys_page *phys_page(const struct phys *p, const struct phys_range *r, gpa_t at)
{
	return &p->page[r->page0 + ((at.v - r->base.v) >> PAGE_BITS)];
}

static uint8_t *memory_at(const struct phys *p, gpa_t at, uint64_t size, bool rom)
{
	const struct phys_range *r = phys_find(p, at);
	if (!r || !(r->kind == PHYS_RAM || (rom && r->kind == PHYS_ROM)) || size > r->size - (at.v - r->base.v))
		return NULL;
	return r->host + (at.v - r->base.v);
}

void *phys_dma(struct phys *p, gpa_t at, uint64_t size)
{
	return memory_at(p, at, size, false);
}

void phys_dma_done(struct phys *p, gpa_t at, uint64_t size)
{
	const struct phys_range *r = phys_find(p, at);
	if (unlikely(p->machine->journal) && r && r->host && size)
		journal_memory(p->machine, at, r->host + (at.v - r->base.v), size);
	/* The data are visible before we look whether there is code; a translator marks the page before it reads the bytes. */
	atomic_thread_fence(memory_order_seq_cst);
	while (r && size) {
		unsigned offset = at.v & (PAGE_SIZE - 1);
		uint64_t n = PAGE_SIZE - offset < size ? PAGE_SIZE - offset : size;
		struct phys_page *page = phys_page(p, r, at);
		if (atomic_load(&page->code) && p->machine->exec)
			p->machine->exec->invalidate(p->machine, page, page_granules(offset, n));
		at.v += n;
		size -= n;
	}
}

/* The largest power of two up to 8 that divides the address and is not above n: guest memory is accessed in such parts. */
static unsigned part(const uint8_t *at, uint64_t n)
{
	unsigned size = 8;
	while ((uintptr_t)at & (size - 1) || size > n)
		size >>= 1;
	return size;
}

#define COPY_PART(type) { type v = __atomic_load_n((const type *)from, __ATOMIC_RELAXED); memcpy(to, &v, sizeof v); break; }
#define STORE_PART(type) { type v; memcpy(&v, from, sizeof v); __atomic_store_n((type *)to, v, __ATOMIC_RELAXED); break; }

/* Guest memory changes while it is copied: relaxed atomic accesses, not memcpy. */
static void copy_out(uint8_t *to, const uint8_t *from, uint64_t size)
{
	while (size) {
		unsigned n = part(from, size);
		switch (n) {
		case 8: COPY_PART(uint64_t)
		case 4: COPY_PART(uint32_t)
		case 2: COPY_PART(uint16_t)
		default: COPY_PART(uint8_t)
		}
		to += n;
		from += n;
		size -= n;
	}
}

static void copy_in(uint8_t *to, const uint8_t *from, uint64_t size)
{
	while (size) {
		unsigned n = part(to, size);
		switch (n) {
		case 8: STORE_PART(uint64_t)
		case 4: STORE_PART(uint32_t)
		case 2: STORE_PART(uint16_t)
		default: STORE_PART(uint8_t)
		}
		to += n;
		from += n;
		size -= n;
	}
}

bool phys_read(struct phys *p, gpa_t at, void *to, uint64_t size)
{
	const uint8_t *from = memory_at(p, at, size, true);
	if (from)
		copy_out(to, from, size);
	return from != NULL;
}

bool phys_write(struct phys *p, gpa_t at, const void *from, uint64_t size)
{
	uint8_t *to = memory_at(p, at, size, false);
	if (!to)
		return false;
	copy_in(to, from, size);
	phys_dma_done(p, at, size);
	return true;
}

bool phys_load(struct phys *p, gpa_t at, const void *from, uint64_t size)
{
	uint8_t *to = memory_at(p, at, size, true);
	if (to)
		memcpy(to, from, size);
	return to != NULL;
}

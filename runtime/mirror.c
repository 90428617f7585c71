// SPDX-License-Identifier: Apache-2.0
#include "runtime/mirror.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* The next run of bytes from *from on that have been written, as the host's file system knows; false: there is none. */
static bool next_data(const struct phys *p, uint64_t *from, uint64_t *to)
{
	off_t data = lseek(p->memfd, (off_t)*from, SEEK_DATA);
	if (data < 0 && errno == ENXIO)
		return false;
	off_t hole = data < 0 ? -1 : lseek(p->memfd, data, SEEK_HOLE);
	*from = data < 0 ? *from : (uint64_t)data;
	*to = hole < 0 ? p->ram_size : (uint64_t)hole;
	return *from < p->ram_size;
}

void mirror_ranges(struct phys *mirror, const struct phys *p)
{
	memcpy(mirror->range, p->range, sizeof mirror->range);
	mirror->n_ranges = p->n_ranges;
	mirror->largest = p->largest;
	mirror->ram_used = p->ram_used;
	for (unsigned i = 0; i < p->n_ranges; i++)
		if (p->range[i].host)
			mirror->range[i].host = mirror_of(mirror, p, p->range[i].host);
}

void mirror_copy(struct phys *mirror, const struct phys *p)
{
	if (fallocate(mirror->memfd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, (off_t)mirror->ram_size))
		memset(mirror->ram, 0, mirror->ram_size);
	for (uint64_t from = 0, to; next_data(p, &from, &to); from = to)
		memcpy(mirror->ram + from, p->ram + from, to - from);
}

uint64_t mirror_compare(const struct phys *mirror, const struct phys *p)
{
	for (uint64_t from = 0, to; next_data(p, &from, &to); from = to) {
		if (!memcmp(mirror->ram + from, p->ram + from, to - from))
			continue;
		while (mirror->ram[from] == p->ram[from])
			from++;
		return from;
	}
	return p->ram_size;
}

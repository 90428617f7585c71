/* SPDX-License-Identifier: Apache-2.0 */
/* A second guest memory like the first: the same ranges, bytes of its own. What has never been written takes no memory in either. */
#pragma once
#include "runtime/phys.h"

/* `mirror` has been made by phys_init with the size of `p` and has no ranges yet; it gets those of p. Bytes are not copied. */
void mirror_ranges(struct phys *mirror, const struct phys *p);
/* Makes all bytes of the mirror those of p. */
void mirror_copy(struct phys *mirror, const struct phys *p);
/* Where p lies in the mirror, for a host address in p's memory; and back, with the two exchanged. */
static inline uint8_t *mirror_of(const struct phys *mirror, const struct phys *p, const void *host)
{
	return mirror->ram + ((const uint8_t *)host - p->ram);
}
/* The first byte of p that the mirror has another value of, as an offset in p->ram; p->ram_size: there is none. */
uint64_t mirror_compare(const struct phys *mirror, const struct phys *p);

// SPDX-License-Identifier: Apache-2.0
#include "backend/llvm/forming.h"
#include "backend/llvm/installed.h"
#include "frontends/frontend.h"
#include "runtime/log.h"

/* What the virtual-PC cache of the vCPU that has been seen knows of the page's surroundings. */
static struct code_block *find_far(const void *opaque, int64_t position)
{
	const struct sighting *seen = opaque;
	uint64_t va = seen->page + (uint64_t)position;
	const struct jump_cache_entry *j = JUMP_CACHE_ENTRY(seen->cpu, va);
	return j->pc == va && __atomic_load_n(&j->key, __ATOMIC_RELAXED) == seen->key[va >> 63] ? j->block : NULL;
}

struct region_far sighting_far(const struct sighting *seen)
{
	return (struct region_far){ seen->cpu ? find_far : NULL, seen };
}

bool forming_of(const struct regions_config *c, struct region *r, struct code_block *head, const struct sighting *seen)
{
	const struct region_former former = {
		.cache = c->cache, .tuning = c->tuning, .frontend = c->frontend, .poll_all = c->poll_all,
		.op_of = regions_op_of, .arena = c->arena, .far = sighting_far(seen),
	};
	if (!region_form(r, &former, head))
		return false;
	r->windows = c->windows && !head->no_windows;
	r->home = seen->cpu ? seen->home : 0;
	r->lines = c->lines;
	r->text = log_wants(c->machine, LOG_IR);
	return true;
}

struct code_block *forming_around(const struct regions_config *c, struct region *r, struct code_block *b, struct sighting *seen)
{
	struct region_loops loops;
	if (!forming_of(c, r, b, seen))
		return NULL;
	region_find_loops(r, &loops);
	const struct region_block *first = &r->block[region_innermost_head(r, &loops, 0)];
	struct sighting there = *seen;
	there.page += (uint64_t)region_page(first->position);
	struct code_block *head = first->block;
	if (head == b || !head->code || installed_at(head))
		return b;
	if (forming_of(c, r, head, &there) && region_has(r, b)) {
		*seen = there;
		return head;
	}
	return forming_of(c, r, b, seen) ? b : NULL;
}

// SPDX-License-Identifier: Apache-2.0
#include "backend/llvm/stored.h"
#include <stdlib.h>
#include <string.h>
#include "backend/llvm/sites.h"

/* Stands first; then the version's text, the positions of blocks, landings and ways, the lengths of blocks, guest code, input and image. */
struct layout {
	uint32_t version_size, n_blocks, n_landings, n_ways, guest_size, input_size, image_size;
	uint32_t entry, begin, end, sites, sites_size, links;
};

/* ---- what the compiler reads ---- */

struct writer { char *to; size_t room, size; };

static void put(struct writer *w, const void *bytes, size_t size)
{
	if (w->size + size <= w->room)
		memcpy(w->to + w->size, bytes, size);
	w->size += size;
}

static void put_block(struct writer *w, const struct region_block *rb)
{
	const uint32_t flags = (uint32_t)(rb->calls | rb->returns << 1 | rb->behind_call << 2 | rb->landing << 3 | rb->reached << 4 | rb->polls << 5 | rb->arrives << 6);
	const uint32_t words[] = {
		(uint32_t)rb->position, rb->n_insns, rb->n_uops, flags,
		rb->exit[0].way, rb->exit[0].to, (uint32_t)rb->exit[0].target, rb->exit[1].way, rb->exit[1].to, (uint32_t)rb->exit[1].target,
	};
	put(w, words, sizeof words);
	for (const struct uop *u = rb->uop; u < rb->uop + rb->n_uops; u++) {
		const uint16_t op = (uint16_t)u->op;
		const uint8_t slots[4] = { u->d, u->a, u->b, u->c };
		put(w, &op, sizeof op);
		put(w, slots, sizeof slots);
		put(w, &u->imm, sizeof u->imm);
	}
}

size_t stored_describe(const struct region *r, void *to, size_t room)
{
	struct writer w = { to, room, 0 };
	const uint32_t words[] = { r->mode, r->windows, r->n_blocks };
	put(&w, words, sizeof words);
	for (unsigned i = 0; i < r->n_blocks; i++)
		put_block(&w, &r->block[i]);
	return w.size;
}

/* ---- records ---- */

void *stored_print(const struct stored *s, const char *version, size_t *size)
{
	const struct layout l = {
		(uint32_t)strlen(version), s->shape.n_blocks, s->shape.n_landings, s->shape.n_ways, (uint32_t)s->guest_size, (uint32_t)s->input_size, s->image.size,
		s->image.entry, s->image.begin, s->image.end, s->image.sites, s->image.sites_size, s->image.links,
	};
	*size = sizeof l + l.version_size + ((size_t)l.n_blocks + l.n_landings + l.n_ways) * sizeof(int32_t) + l.n_blocks * sizeof(uint16_t) + l.guest_size + l.input_size + l.image_size;
	struct writer w = { malloc(*size), *size, 0 };
	if (!w.to)
		return NULL;
	put(&w, &l, sizeof l);
	put(&w, version, l.version_size);
	put(&w, s->shape.block, l.n_blocks * sizeof(int32_t));
	put(&w, s->shape.landing, l.n_landings * sizeof(int32_t));
	put(&w, s->shape.way, l.n_ways * sizeof(int32_t));
	put(&w, s->length, l.n_blocks * sizeof(uint16_t));
	put(&w, s->guest, l.guest_size);
	put(&w, s->input, l.input_size);
	put(&w, s->image.bytes, l.image_size);
	memset(w.to + w.size - l.image_size + l.links, 0, l.n_blocks * sizeof(struct region_links));
	return w.to;
}

struct reader { const uint8_t *at; size_t left; };

/* The next bytes; NULL: so many are not left. */
static const void *get(struct reader *r, size_t size)
{
	const uint8_t *at = r->at;
	if (size > r->left)
		return NULL;
	r->at += size;
	r->left -= size;
	return at;
}

static bool copy(struct reader *r, void *to, size_t size)
{
	const void *from = get(r, size);
	if (from)
		memcpy(to, from, size);
	return from;
}

static bool lengths_fit(const struct stored *s)
{
	size_t sum = 0;
	for (unsigned i = 0; i < s->shape.n_blocks; i++) {
		sum += s->length[i];
		if ((s->shape.block[i] & (int)(PAGE_SIZE - 1)) + s->length[i] > (int)PAGE_SIZE)
			return false;
	}
	return sum == s->guest_size;
}

bool stored_parse(struct stored *s, const char *version, const void *record, size_t size)
{
	struct reader r = { record, size };
	struct layout l;
	if (!copy(&r, &l, sizeof l) || l.version_size != strlen(version) || l.n_blocks > REGION_MAX_BLOCKS ||
	    l.n_landings > REGION_MAX_BLOCKS || l.n_ways > ARRAY_SIZE(s->shape.way))
		return false;
	const char *text = get(&r, l.version_size);
	if (!text || memcmp(text, version, l.version_size))
		return false;
	*s = (struct stored){
		.shape = { .n_blocks = l.n_blocks, .n_landings = l.n_landings, .n_ways = l.n_ways }, .guest_size = l.guest_size, .input_size = l.input_size,
		.image = { NULL, l.image_size, l.entry, l.begin, l.end, l.sites, l.sites_size, l.links },
	};
	return copy(&r, s->shape.block, l.n_blocks * sizeof(int32_t)) && copy(&r, s->shape.landing, l.n_landings * sizeof(int32_t)) &&
	       copy(&r, s->shape.way, l.n_ways * sizeof(int32_t)) && copy(&r, s->length, l.n_blocks * sizeof(uint16_t)) && (s->guest = get(&r, l.guest_size)) &&
	       (s->input = get(&r, l.input_size)) && (s->image.bytes = get(&r, l.image_size)) && !r.left && lengths_fit(s);
}

bool stored_matches(const struct stored *s, const uint8_t *page)
{
	const uint8_t *guest = s->guest;
	for (unsigned i = 0; i < s->shape.n_blocks; i++) {
		if (!region_page(s->shape.block[i]) && memcmp(page + s->shape.block[i], guest, s->length[i]))
			return false;
		guest += s->length[i];
	}
	return true;
}

static bool lies_within(const struct image *image, uint64_t offset, uint64_t bytes, uint64_t align)
{
	return offset % align == 0 && offset <= image->size && bytes <= image->size - offset;
}

bool stored_image_holds(const struct image *image, const struct region *r)
{
	const char *sites = (const char *)image->bytes + image->sites;
	return image->begin <= image->entry && image->entry < image->end && image->end <= image->size &&
	       lies_within(image, image->links, r->n_blocks * sizeof(struct region_links), _Alignof(struct region_links)) &&
	       lies_within(image, image->sites, image->sites_size, sizeof(uint32_t)) && sites_hold(sites, sites + image->sites_size, r);
}

// SPDX-License-Identifier: Apache-2.0
#include "backend/cache/codecache.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "ir/op_info.h"
#include "runtime/sampler.h"

#define HASH_SIZE (1u << 17)
#define WIDE_BITS 16	/* of the numbers that stand for blocks in a set */
#define MAP_BITS 10	/* the arena's start map has an entry per KiB */

_Static_assert(CODE_CACHE_MAX < UINT32_MAX, "code_ref has 32 bits");

struct codecache {
	struct machine *machine;
	struct code_handlers handlers;
	struct code_hooks hooks;
	pthread_mutex_t lock;
	uint64_t size, used;
	char *arena;
	code_ref *first;		/* per KiB of arena: the first block that starts there */
	code_ref *hash;
	uint64_t wide[(1 << WIDE_BITS) / 64];	/* a set: blocks that access both halves; others that share a number are taken for such */
	_Atomic uint64_t epoch;
	struct codecache_stats stats;
};

/* Without hooks */
static bool begin_at_first_uop(void *opaque, struct code_block *b)
{
	b->code = b->uop;
	return true;
}

static void no_code_to_change(void *opaque, struct code_exit *exit) {}
static void no_code_to_link(void *opaque, struct code_exit *exit, const struct code_block *to) {}
static void no_code_to_drop(void *opaque, struct code_block *b) {}
static void no_code_to_flush(void *opaque) {}

static const struct code_hooks no_hooks = {
	.prepare = begin_at_first_uop, .link = no_code_to_link, .unlink = no_code_to_change,
	.drop = no_code_to_drop, .flush = no_code_to_flush,
};

struct codecache *codecache_create(struct machine *m, const struct code_handlers *h, const struct code_hooks *hooks, uint64_t arena_bytes,
				   struct error *err)
{
	struct codecache *cc = calloc(1, sizeof *cc);
	if (!cc)
		goto fail;
	cc->machine = m;
	cc->handlers = *h;
	cc->hooks = hooks ? *hooks : no_hooks;
	cc->size = arena_bytes;
	pthread_mutex_init(&cc->lock, NULL);
	cc->arena = mmap(NULL, arena_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	cc->first = calloc((arena_bytes >> MAP_BITS) + 1, sizeof *cc->first);
	cc->hash = calloc(HASH_SIZE, sizeof *cc->hash);
	if (cc->arena != MAP_FAILED && cc->first && cc->hash)
		return cc;
	if (cc->arena == MAP_FAILED)
		cc->arena = NULL;
	codecache_destroy(cc);
fail:
	error_set(err, ERROR_HOST, "code cache of %llu MiB: out of memory", (unsigned long long)arena_bytes >> 20);
	return NULL;
}

void codecache_destroy(struct codecache *cc)
{
	if (!cc)
		return;
	if (cc->arena)
		munmap(cc->arena, cc->size);
	free(cc->first);
	free(cc->hash);
	pthread_mutex_destroy(&cc->lock);
	free(cc);
}

void codecache_lock(struct codecache *cc)
{
	pthread_mutex_lock(&cc->lock);
}

void codecache_unlock(struct codecache *cc)
{
	pthread_mutex_unlock(&cc->lock);
}

uint64_t codecache_epoch(const struct codecache *cc)
{
	return atomic_load(&cc->epoch);
}

void codecache_get_stats(struct codecache *cc, struct codecache_stats *s)
{
	codecache_lock(cc);
	*s = cc->stats;
	s->arena = cc->used;
	codecache_unlock(cc);
}

/* ---- look-up ---- */

static void *at_ref(const struct codecache *cc, code_ref ref)
{
	return ref ? cc->arena + ref - 1 : NULL;
}

static code_ref ref_to(const struct codecache *cc, const void *at)
{
	return at ? (code_ref)((const char *)at - cc->arena) + 1 : 0;
}

static code_ref *bucket(struct codecache *cc, uint64_t pa, uint32_t mode)
{
	return &cc->hash[((pa >> 1 ^ (uint64_t)mode << 40) * 0x9e3779b97f4a7c15u) >> 47];
}
_Static_assert(HASH_SIZE == 1u << (64 - 47), "bucket() shifts to the table's size");

struct code_block *codecache_find(struct codecache *cc, uint64_t pa, uint32_t mode)
{
	struct code_block *b = at_ref(cc, *bucket(cc, pa, mode));
	while (b && (b->pa != pa || b->mode != mode))
		b = at_ref(cc, b->hash_next);
	return b;
}

struct code_block *codecache_owner(struct codecache *cc, const struct uop *u)
{
	uint64_t at = (uint64_t)((const char *)u - cc->arena), k = at >> MAP_BITS;
	code_ref first;
	/* the last block that starts at or before u: walk on from the first one of u's KiB, or of an earlier one. Behind u another thread may add one. */
	while (!(first = __atomic_load_n(&cc->first[k], __ATOMIC_RELAXED)) || first - 1 > at)
		k--;
	struct code_block *b = at_ref(cc, first);
	while ((const char *)b + b->size <= (const char *)u)
		b = (struct code_block *)((char *)b + b->size);
	return b;
}

void codecache_place(const struct code_block *b, unsigned uop, struct code_place *place)
{
	unsigned i = b->n_insns - 1u;
	while (i && b->insn[i].first_uop > uop)
		i--;
	place->block = (uint16_t)(b->pa & (PAGE_SIZE - 1));
	place->offset = (uint16_t)(place->block + b->insn[i].offset);
	place->n_insns = b->n_insns;
	place->bytes = b->bytes;
}

bool codecache_holds(const struct codecache *cc, uint64_t address)
{
	return address - (uint64_t)(uintptr_t)cc->arena < cc->size;
}

struct code_block *codecache_block_at(struct codecache *cc, const void *at)
{
	uint64_t offset = (uint64_t)(uintptr_t)at - (uint64_t)(uintptr_t)cc->arena;
	return offset < cc->used ? codecache_owner(cc, at) : NULL;
}

static unsigned wide_number(const struct code_block *b)
{
	return (unsigned)((b->pa >> 1) * 0x9e3779b97f4a7c15u >> (64 - WIDE_BITS));
}

/* ---- add ---- */

struct code_block *codecache_bind(const struct code_handlers *h, const struct ir_block *b, uint64_t pa, uint32_t mode, void *at,
				  uint64_t room)
{
	unsigned n_exits = op_targets(b->uop[b->n_uops - 1].op);
	uint64_t size = sizeof(struct code_block) + b->n_uops * sizeof(struct uop) + n_exits * sizeof(struct code_exit) +
			b->n_insns * sizeof(struct insn_info);
	size = (size + _Alignof(struct code_block) - 1) & ~(uint64_t)(_Alignof(struct code_block) - 1);
	if (size > room)
		return NULL;
	struct code_block *c = at;
	*c = (struct code_block){ .pa = pa, .second_pa = CODE_NO_PAGE, .mode = mode, .size = (uint32_t)size,
				  .n_insns = (uint16_t)b->n_insns, .n_uops = (uint16_t)b->n_uops, .bytes = (uint16_t)b->bytes, .n_exits = (uint8_t)n_exits };
	for (unsigned i = 0; i < b->n_uops; i++) {
		c->uop[i] = b->uop[i];
		c->uop[i].handler = h->op[b->uop[i].op];
	}
	struct uop *last = &c->uop[b->n_uops - 1];
	last->d = (uint8_t)b->n_insns;	/* block ends have no result: d holds what they retire */
	struct code_exit *exit = code_exits(last);
	for (unsigned i = 0; i < n_exits; i++) {
		int64_t target = b->target[i];
		bool near = !b->crosses_page && target >= 0 && target < (int64_t)PAGE_SIZE;
		exit[i] = (struct code_exit){ .miss = { .handler = near ? h->near : h->far, .imm = (int32_t)target } };
		exit[i].to = &exit[i].miss;
	}
	struct insn_info *insn = (struct insn_info *)(exit + n_exits);
	memcpy(insn, b->insn, b->n_insns * sizeof *insn);
	c->insn = insn;
	return c;
}

static uint64_t granules_of(const struct code_block *b, unsigned which)
{
	unsigned offset = b->pa & (PAGE_SIZE - 1), here = b->bytes;
	if (offset + here > PAGE_SIZE)
		here = (unsigned)PAGE_SIZE - offset;
	return which ? page_granules(0, b->bytes - here) : page_granules(offset, here);
}

struct code_block *codecache_add(struct codecache *cc, const struct ir_block *b, uint64_t va, uint64_t pa, uint64_t second_pa, uint32_t mode,
				 struct phys_page *const page[2])
{
	struct code_block *c = codecache_bind(&cc->handlers, b, pa, mode, cc->arena + cc->used, cc->size - cc->used);
	if (!c)
		return NULL;
	c->va = va;
	c->second_pa = second_pa;
	/* known to, or a kernel in the lower half */
	c->both_halves = cc->wide[wide_number(c) / 64] >> wide_number(c) % 64 & 1 || va >> 63 != MODE_NEAR_HALF(mode);
	code_ref *first = &cc->first[cc->used >> MAP_BITS];
	if (!*first)
		__atomic_store_n(first, ref_to(cc, c), __ATOMIC_RELAXED);
	cc->used += c->size;
	code_ref *head = bucket(cc, pa, mode);
	c->hash_next = *head;
	*head = ref_to(cc, c);
	for (unsigned i = 0; i < 2 && page[i]; i++) {
		c->page_next[i] = ref_to(cc, page[i]->blocks);
		page[i]->blocks = c;
		atomic_fetch_or(&page[i]->granules, granules_of(c, i));
	}
	cc->stats.blocks++;
	cc->stats.insns += b->n_insns;
	cc->stats.uops += b->n_uops;
	cc->stats.bytes += b->bytes;
	return c;
}

bool codecache_prepare(struct codecache *cc, struct code_block *b)
{
	return b->code || cc->hooks.prepare(cc->hooks.opaque, b);
}

void codecache_link(struct codecache *cc, struct code_exit *from, struct code_block *to)
{
	if (to->dead || from->to != &from->miss)
		return;
	from->next_in = to->incoming;
	to->incoming = ref_to(cc, from);
	__atomic_store_n(&from->to, to->uop, __ATOMIC_RELEASE);
	cc->hooks.link(cc->hooks.opaque, from, to);
}

/* ---- drop ---- */

static struct phys_page *page_of(const struct codecache *cc, uint64_t pa)
{
	const struct phys *p = &cc->machine->phys;
	const struct phys_range *r = pa == CODE_NO_PAGE ? NULL : phys_find(p, GPA(pa));
	return r ? phys_page(p, r, GPA(pa)) : NULL;
}

const uint8_t *codecache_page(const struct codecache *cc, const struct code_block *b, struct phys_page **page)
{
	const struct phys_range *r = phys_find(&cc->machine->phys, GPA(b->pa));
	*page = phys_page(&cc->machine->phys, r, GPA(b->pa));
	return r->host + ((b->pa & PAGE_MASK) - r->base.v);
}

/* Which of a block's pages this is: a crossing block stands in the lists of two. */
static unsigned page_index(const struct codecache *cc, const struct code_block *b, const struct phys_page *page)
{
	return page_of(cc, b->pa) == page ? 0 : 1;
}

static void unlist(struct codecache *cc, struct phys_page *page, const struct code_block *gone)
{
	struct code_block *b = page->blocks, *keep = NULL;
	uint64_t granules = 0;
	while (b) {
		unsigned which = page_index(cc, b, page);
		struct code_block *next = at_ref(cc, b->page_next[which]);
		if (b != gone) {
			b->page_next[which] = ref_to(cc, keep);
			keep = b;
			granules |= granules_of(b, which);
		}
		b = next;
	}
	page->blocks = keep;
	atomic_store(&page->granules, granules);
	if (!granules)
		atomic_store(&page->code, 0);
}

/* Virtual-PC caches are indexed by the address's bits 1 to 14. Of these only those within the page are known here. */
static void forget_in_jump_caches(struct codecache *cc, const struct code_block *b)
{
	_Static_assert(JUMP_CACHE_SIZE == 4 * PAGE_SIZE, "an entry's index is the address's bits 1 to 14");
	for (unsigned i = 0; b->code && i < cc->machine->n_vcpus; i++)
		for (uint64_t upper = 0; upper < 2 * JUMP_CACHE_SIZE; upper += PAGE_SIZE) {
			struct jump_cache_entry *j = JUMP_CACHE_ENTRY(cc->machine->vcpu[i], (b->pa & (PAGE_SIZE - 1)) | upper);
			if (j->code == b->code)
				__atomic_store_n(&j->key, 0, __ATOMIC_RELAXED);
		}
}

static void kill(struct codecache *cc, struct code_block *b)
{
	code_ref *at = bucket(cc, b->pa, b->mode), self = ref_to(cc, b);
	while (*at && *at != self)
		at = &((struct code_block *)at_ref(cc, *at))->hash_next;
	if (*at)
		*at = b->hash_next;
	b->dead = true;
	for (struct code_exit *in = at_ref(cc, b->incoming); in; in = at_ref(cc, in->next_in)) {
		__atomic_store_n(&in->to, &in->miss, __ATOMIC_RELEASE);
		cc->hooks.unlink(cc->hooks.opaque, in);
	}
	forget_in_jump_caches(cc, b);
	cc->hooks.drop(cc->hooks.opaque, b);
	b->incoming = 0;
	cc->stats.invalidated++;
}

void codecache_widen(struct codecache *cc, struct code_block *b)
{
	codecache_lock(cc);
	if (!b->dead) {
		cc->wide[wide_number(b) / 64] |= (uint64_t)1 << wide_number(b) % 64;
		kill(cc, b);
		unlist(cc, page_of(cc, b->pa), b);
		if (b->second_pa != CODE_NO_PAGE)
			unlist(cc, page_of(cc, b->second_pa), b);
	}
	codecache_unlock(cc);
}

void codecache_invalidate(struct codecache *cc, struct phys_page *page, uint64_t granules)
{
	codecache_lock(cc);
	uint64_t have = atomic_load(&page->granules), left = 0;
	if (have && !(have & granules)) {	/* data beside code */
		codecache_unlock(cc);
		return;
	}
	struct code_block *b = page->blocks, *keep = NULL;
	while (b) {
		unsigned which = page_index(cc, b, page);
		struct code_block *next = at_ref(cc, b->page_next[which]);
		uint64_t own = granules_of(b, which);
		if (own & granules) {
			kill(cc, b);
			if (b->second_pa != CODE_NO_PAGE)
				unlist(cc, page_of(cc, which ? b->pa : b->second_pa), b);
		} else {
			left |= own;
			b->page_next[which] = ref_to(cc, keep);
			keep = b;
		}
		b = next;
	}
	page->blocks = keep;
	atomic_store(&page->granules, left);
	if (!left)
		atomic_store(&page->code, 0);
	codecache_unlock(cc);
}

static void flush_alone(struct machine *m, void *arg)
{
	struct codecache *cc = arg;
	struct sampler *sampler = atomic_load(&m->sampler);
	if (sampler)
		sampler_flush(sampler);
	codecache_lock(cc);
	for (uint32_t i = 0; i < HASH_SIZE; i++)
		for (struct code_block *b = at_ref(cc, cc->hash[i]); b; b = at_ref(cc, b->hash_next))
			for (unsigned k = 0; k < 2; k++) {
				struct phys_page *page = page_of(cc, k ? b->second_pa : b->pa);
				if (!page)
					continue;
				page->blocks = NULL;
				atomic_store(&page->granules, 0);
				atomic_store(&page->code, 0);
			}
	memset(cc->hash, 0, HASH_SIZE * sizeof *cc->hash);
	memset(cc->first, 0, ((cc->size >> MAP_BITS) + 1) * sizeof *cc->first);
	memset(cc->wide, 0, sizeof cc->wide);
	cc->used = 0;
	cc->hooks.flush(cc->hooks.opaque);
	cc->stats.flushes++;
	for (unsigned i = 0; i < m->n_vcpus; i++)
		memset(m->vcpu[i]->jump_cache, 0, JUMP_CACHE_SIZE * sizeof *m->vcpu[i]->jump_cache);
	atomic_fetch_add(&cc->epoch, 1);
	codecache_unlock(cc);
}

void codecache_flush(struct codecache *cc)
{
	machine_run_alone(cc->machine, flush_alone, cc);
}

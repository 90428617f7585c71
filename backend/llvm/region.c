// SPDX-License-Identifier: Apache-2.0
#include "backend/llvm/region.h"
#include "ir/op_info.h"
#include <string.h>

/* How far from an indirect jump what it leads to is looked for, bytes */
#define LANDINGS_BEFORE 512
#define LANDINGS_BEHIND 1536

struct former {
	struct region *r;
	const struct region_former *how;
};

static bool is_among(const int32_t *position, unsigned n, int64_t which)
{
	for (unsigned i = 0; i < n; i++)
		if (position[i] == which)
			return true;
	return false;
}

/* A block that crosses a page depends on two mappings; one without code has not been executed twice. */
static bool suits(const struct former *f, const struct code_block *b)
{
	return b && !b->dead && (b->code || f->how->shape) && b->second_pa == CODE_NO_PAGE;
}

static bool has_room(const struct former *f, const struct code_block *b, int64_t position)
{
	const struct region *r = f->r;
	const struct region_shape *shape = f->how->shape;
	if (r->n_blocks == REGION_MAX_BLOCKS || r->n_uops + b->n_uops > ARRAY_SIZE(r->uops))
		return false;
	if (shape)
		return is_among(shape->block, shape->n_blocks, position) && r->n_insns + b->n_insns <= REGION_MAX_INSNS;
	return r->n_blocks < f->how->tuning->region_blocks && r->n_insns + b->n_insns <= f->how->tuning->region_insns;
}

/* A page may be mapped beside itself. */
static int find(const struct region *r, const struct code_block *b, int64_t position)
{
	for (unsigned i = 0; i < r->n_blocks; i++)
		if (r->block[i].block == b && r->block[i].position == position)
			return (int)i;
	return -1;
}

/* Makes a micro-op of another page relative to the head's. False: that cannot be told. */
static bool move(struct uop *u, int32_t page)
{
	const struct op_info *info = &op_info[u->op];
	int64_t imm = (int64_t)u->imm + page;
	if (!page || (u->a != SLOT_PAGE && u->b != SLOT_PAGE && u->c != SLOT_PAGE))
		return true;
	bool adds = u->op == UOP_add_i || info->format == F_LOAD || info->format == F_STORE;
	if (!adds || u->a != SLOT_PAGE || (info->has_b && u->b == SLOT_PAGE) || imm != (int32_t)imm)
		return false;
	u->imm = (int32_t)imm;
	return true;
}

/* The block's number in the region, into which it is taken if there is room; -1: there is none. */
static int take(struct former *f, struct code_block *b, int64_t position)
{
	struct region *r = f->r;
	int known = find(r, b, position);
	if (known >= 0)
		return known;
	if (!has_room(f, b, position))
		return -1;
	struct region_block *rb = &r->block[r->n_blocks];
	*rb = (struct region_block){
		.block = b, .code = b->code, .bound = b->uop, .uop = &r->uops[r->n_uops], .n_uops = b->n_uops, .n_insns = b->n_insns,
		.position = (int32_t)position,
	};
	for (unsigned i = 0; i < b->n_uops; i++) {
		rb->uop[i] = b->uop[i];
		rb->uop[i].op = f->how->op_of(f->how->arena, &b->uop[i]);
		if (!move(&rb->uop[i], region_page(position)))
			return -1;
	}
	r->n_uops += b->n_uops;
	r->n_insns += b->n_insns;
	return (int)r->n_blocks++;
}

static const struct code_block *any_in_page(const struct region *r, int32_t page)
{
	for (unsigned i = 0; i < r->n_blocks; i++)
		if (region_page(r->block[i].position) == page)
			return r->block[i].block;
	return NULL;
}

/* The block at a position, NULL: it is not known, or not wanted. */
static struct code_block *find_at(struct former *f, int64_t position)
{
	const struct region_former *how = f->how;
	const struct region_shape *shape = how->shape;
	if (position != (int32_t)position ||
	    (shape && !is_among(shape->block, shape->n_blocks, position) && !is_among(shape->way, shape->n_ways, position)))
		return NULL;
	const struct code_block *beside = any_in_page(f->r, region_page(position));
	if (!beside)
		return how->far.find ? how->far.find(how->far.opaque, position) : NULL;
	unsigned offset = position & (PAGE_SIZE - 1);
	struct code_block *to = codecache_find(how->cache, (beside->pa & PAGE_MASK) + offset, beside->mode);
	return to || !how->make_block ? to : how->make_block(how->opaque, beside, offset);
}

static void follow_exit(struct former *f, unsigned from, unsigned n)
{
	struct region_block *rb = &f->r->block[from];
	struct region_exit *way = &rb->exit[n];
	int64_t position = region_page(rb->position) + (int64_t)code_exits(&rb->block->uop[rb->n_uops - 1])[n].miss.imm;
	way->target = (int32_t)position;
	struct code_block *to = find_at(f, position);
	if (!suits(f, to))
		return;
	int inside = take(f, to, position);
	if (inside >= 0) {
		way->way = WAY_INSIDE;
		way->to = (unsigned)inside;
		return;
	}
	if (region_page(position) != region_page(rb->position))
		return;
	if (!to->code && f->how->make_code)
		f->how->make_code(f->how->opaque, to);
	if (to->code) {
		way->way = WAY_CODE;
		way->code = to->code;
	}
}

/* What stands behind a block */
static int64_t end_of(const struct region_block *rb)
{
	return (int64_t)rb->position + rb->block->bytes;
}

/* A call is a jump that leaves the address of what stands behind it in a register. */
static bool is_call(const struct region_block *rb)
{
	const struct code_block *b = rb->block;
	for (unsigned i = b->insn[b->n_insns - 1].first_uop; i < rb->n_uops; i++)
		if (rb->uop[i].op == UOP_add_i && rb->uop[i].a == SLOT_PAGE && rb->uop[i].imm == end_of(rb))
			return true;
	return false;
}

/* What stands behind a call has been executed if the call has returned, but no exit leads to it. */
static void take_behind(struct former *f, unsigned from)
{
	int64_t position = end_of(&f->r->block[from]);
	struct code_block *next = find_at(f, position);
	int inside = suits(f, next) ? take(f, next, position) : -1;
	if (inside >= 0)
		f->r->block[inside].behind_call = true;
}

/*
 * Where an indirect jump may lead is not recorded. What has been executed near it, with no link to it and no way within the region, has been jumped to
 * by some such jump. That there was no link was so when the region was formed first, which only the shape tells.
 */
static struct code_block *find_landing(struct former *f, int64_t position)
{
	const struct region_shape *shape = f->how->shape;
	if (shape && !is_among(shape->landing, shape->n_landings, position))
		return NULL;
	struct code_block *to = find_at(f, position);
	return suits(f, to) && (shape || !to->incoming) && find(f->r, to, position) < 0 ? to : NULL;
}

static void take_landings(struct former *f, unsigned from)
{
	int64_t jump = f->r->block[from].position, page = region_page(jump), first = jump - LANDINGS_BEFORE, end = jump + LANDINGS_BEHIND;
	for (int64_t at = first < page ? page : first; at < end && at < page + (int64_t)PAGE_SIZE; at++) {
		struct code_block *to = find_landing(f, at);
		int inside = to ? take(f, to, at) : -1;
		if (inside >= 0)
			f->r->block[inside].landing = true;
	}
}

static bool reach(struct region *r, unsigned to)
{
	bool new = !r->block[to].reached;
	r->block[to].reached = true;
	return new;
}

static void find_reached(struct region *r)
{
	unsigned to[REGION_MAX_NEXT];
	bool changed = true;
	reach(r, 0);
	while (changed) {
		changed = false;
		for (unsigned i = 0; i < r->n_blocks; i++)
			if (r->block[i].reached)
				for (unsigned n = region_next(r, i, to); n-- > 0;)
					changed |= reach(r, to[n]);
	}
}

/* A helper may have tripped the deadline because what follows is in another context or mode: the next block must see it. */
static bool has_helper(const struct region_block *rb)
{
	for (unsigned i = 0; i < rb->n_uops; i++)
		if (rb->uop[i].op == UOP_helper)
			return true;
	return false;
}

/* What edges ask of the blocks that they lead to. Each loop has an edge that does not lead on in the order of the blocks. */
static void mark_targets(struct region *r, bool all)
{
	unsigned to[REGION_MAX_NEXT];
	for (unsigned i = 0; i < r->n_blocks; i++) {
		bool helper = has_helper(&r->block[i]);
		r->block[i].polls |= all || i == 0;
		for (unsigned n = region_next(r, i, to); n-- > 0;) {
			r->block[to[n]].polls |= helper || to[n] <= i;
			r->block[to[n]].arrives |= region_page(r->block[to[n]].position) != region_page(r->block[i].position);
			r->loops |= to[n] <= i && r->block[i].reached;
		}
	}
}

/* Takes the blocks that a block leads to. */
static void follow(struct former *f, unsigned from)
{
	struct region_block *rb = &f->r->block[from];
	const struct uop *end = &rb->uop[rb->n_uops - 1];
	if (end->op == UOP_jmp || op_info[end->op].format == F_BR)
		follow_exit(f, from, 0);
	if (op_info[end->op].format == F_BR)
		follow_exit(f, from, 1);
	if (end->op == UOP_leave)
		rb->exit[0].target = region_page(rb->position) + code_exits(&rb->block->uop[rb->n_uops - 1])[0].miss.imm;
	rb->calls = is_call(rb);
	rb->returns = end->op == UOP_jr && end->a == f->how->frontend->return_slot && !rb->calls;
	if (rb->calls)
		take_behind(f, from);
}

bool region_has(const struct region *r, const struct code_block *b)
{
	unsigned i = 0;
	while (i < r->n_blocks && r->block[i].block != b)
		i++;
	return i < r->n_blocks;
}

void region_get_shape(const struct region *r, struct region_shape *shape)
{
	shape->n_blocks = shape->n_landings = shape->n_ways = 0;
	for (const struct region_block *rb = r->block; rb < r->block + r->n_blocks; rb++) {
		shape->block[shape->n_blocks++] = rb->position;
		if (rb->landing)
			shape->landing[shape->n_landings++] = rb->position;
		for (unsigned n = 0; n < 2; n++)
			if (rb->exit[n].way == WAY_CODE)
				shape->way[shape->n_ways++] = rb->exit[n].target;
	}
}

static bool form(struct region *r, const struct region_former *how, struct code_block *head)
{
	struct former f = { r, how };
	r->epoch = codecache_epoch(how->cache);
	r->mode = head->mode;
	r->helpers = how->frontend->helpers;
	r->n_blocks = r->n_insns = r->n_uops = 0;
	r->loops = false;
	if (!suits(&f, head) || !head->code || take(&f, head, (int64_t)(head->pa & (PAGE_SIZE - 1))) < 0)
		return false;
	/* what is sure to belong together comes first */
	for (unsigned followed = 0, jumps = 0; followed < r->n_blocks;) {
		for (; followed < r->n_blocks; followed++)
			follow(&f, followed);
		for (; jumps < followed; jumps++) {
			const struct region_block *rb = &r->block[jumps];
			if (rb->uop[rb->n_uops - 1].op == UOP_jr && !rb->calls && !rb->returns)
				take_landings(&f, jumps);
		}
	}
	find_reached(r);
	mark_targets(r, how->poll_all);
	return true;
}

/* Which blocks lead to the head, the head itself only if it is in a loop: how many. */
static unsigned find_returning(const struct region *r, bool returns[REGION_MAX_BLOCKS])
{
	unsigned to[REGION_MAX_NEXT], n = 0;
	bool changed = true;
	while (changed) {
		changed = false;
		for (unsigned i = 0; i < r->n_blocks; i++) {
			bool leads = false;
			for (unsigned k = returns[i] || !r->block[i].reached ? 0 : region_next(r, i, to); k-- > 0;)
				leads |= !to[k] || returns[to[k]];
			returns[i] |= leads;
			changed |= leads;
			n += leads;
		}
	}
	return n;
}

/* The shape of the region without the blocks that are dropped, which are gone to by their code. */
static void shape_without(const struct region *r, const bool kept[REGION_MAX_BLOCKS], struct region_shape *shape)
{
	struct region_shape whole;
	region_get_shape(r, &whole);
	shape->n_blocks = shape->n_landings = 0;
	shape->n_ways = whole.n_ways;
	memcpy(shape->way, whole.way, whole.n_ways * sizeof *whole.way);
	for (unsigned i = 0; i < r->n_blocks; i++) {
		int32_t position = r->block[i].position;
		if (!kept[i] && shape->n_ways < ARRAY_SIZE(shape->way))
			shape->way[shape->n_ways++] = position;
		if (kept[i])
			shape->block[shape->n_blocks++] = position;
		if (kept[i] && r->block[i].landing)
			shape->landing[shape->n_landings++] = position;
	}
}

bool region_form(struct region *r, const struct region_former *how, struct code_block *head)
{
	bool returns[REGION_MAX_BLOCKS] = { false };
	if (!form(r, how, head))
		return false;
	unsigned n = how->shape ? 0 : find_returning(r, returns);
	if (!returns[0] || n == r->n_blocks)
		return true;
	/* the head is in a loop: what does not lead back to it would only be compiled, and make registers scarce */
	struct region_shape shape;
	struct region_former only = *how;
	shape_without(r, returns, &shape);
	only.shape = &shape;
	return form(r, &only, head);
}

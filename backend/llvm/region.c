// SPDX-License-Identifier: Apache-2.0
#include "backend/llvm/region.h"
#include "ir/op_info.h"

/* How far from an indirect jump what it leads to is looked for, bytes */
#define LANDINGS_BEFORE 512
#define LANDINGS_BEHIND 1536

struct former {
	struct region *r;
	const struct region_former *how;
};

static bool is_among(const uint16_t *offset, unsigned n, uint64_t which)
{
	for (unsigned i = 0; i < n; i++)
		if (offset[i] == which)
			return true;
	return false;
}

/* A block that crosses a page depends on two mappings; one without code has not been executed twice. */
static bool suits(const struct former *f, const struct code_block *b)
{
	return b && !b->dead && (b->code || f->how->shape) && b->second_pa == CODE_NO_PAGE;
}

static bool has_room(const struct former *f, const struct code_block *b)
{
	const struct region *r = f->r;
	const struct region_shape *shape = f->how->shape;
	if (r->n_blocks == REGION_MAX_BLOCKS || r->n_uops + b->n_uops > ARRAY_SIZE(r->uops))
		return false;
	if (shape)
		return is_among(shape->block, shape->n_blocks, b->pa & (PAGE_SIZE - 1)) && r->n_insns + b->n_insns <= REGION_MAX_INSNS;
	return r->n_blocks < f->how->tuning->region_blocks && r->n_insns + b->n_insns <= f->how->tuning->region_insns;
}

static int find(const struct region *r, const struct code_block *b)
{
	for (unsigned i = 0; i < r->n_blocks; i++)
		if (r->block[i].block == b)
			return (int)i;
	return -1;
}

/* The block's number in the region, into which it is taken if there is room; -1: there is none. */
static int take(struct former *f, struct code_block *b)
{
	struct region *r = f->r;
	int known = find(r, b);
	if (known >= 0)
		return known;
	if (!has_room(f, b))
		return -1;
	struct region_block *rb = &r->block[r->n_blocks];
	*rb = (struct region_block){
		.block = b, .code = b->code, .bound = b->uop, .uop = &r->uops[r->n_uops], .n_uops = b->n_uops, .n_insns = b->n_insns,
		.offset = b->pa & (PAGE_SIZE - 1),
	};
	for (unsigned i = 0; i < b->n_uops; i++) {
		rb->uop[i] = b->uop[i];
		rb->uop[i].op = f->how->op_of(f->how->arena, &b->uop[i]);
	}
	r->n_uops += b->n_uops;
	r->n_insns += b->n_insns;
	return (int)r->n_blocks++;
}

static struct code_block *in_page(struct former *f, const struct code_block *b, int64_t offset)
{
	if (offset < 0 || offset >= (int64_t)PAGE_SIZE)
		return NULL;
	const struct region_shape *shape = f->how->shape;
	if (shape && !is_among(shape->block, shape->n_blocks, (uint64_t)offset) && !is_among(shape->way, shape->n_ways, (uint64_t)offset))
		return NULL;
	struct code_block *to = codecache_find(f->how->cache, (b->pa & PAGE_MASK) + (uint64_t)offset, b->mode);
	return to || !shape ? to : f->how->make_block(f->how->opaque, b, (unsigned)offset);
}

static void follow_exit(struct former *f, unsigned from, unsigned n)
{
	struct code_block *b = f->r->block[from].block;
	const struct code_exit *exit = &code_exits(&b->uop[b->n_uops - 1])[n];
	struct region_exit *way = &f->r->block[from].exit[n];
	way->target = exit->miss.imm;
	struct code_block *to = in_page(f, b, exit->miss.imm);
	if (!suits(f, to))
		return;
	int inside = take(f, to);
	if (inside >= 0) {
		way->way = WAY_INSIDE;
		way->to = (unsigned)inside;
		return;
	}
	if (!to->code)
		f->how->make_code(f->how->opaque, to);
	if (to->code) {
		way->way = WAY_CODE;
		way->code = to->code;
	}
}

/* A call is a jump that leaves the address of what stands behind it in a register. */
static bool is_call(const struct region_block *rb)
{
	const struct code_block *b = rb->block;
	for (unsigned i = b->insn[b->n_insns - 1].first_uop; i < rb->n_uops; i++)
		if (rb->uop[i].op == UOP_add_i && rb->uop[i].a == SLOT_PAGE && (uint64_t)rb->uop[i].imm == rb->offset + b->bytes)
			return true;
	return false;
}

/* What stands behind a call has been executed if the call has returned, but no exit leads to it. */
static void take_behind(struct former *f, unsigned from)
{
	struct code_block *b = f->r->block[from].block, *next = in_page(f, b, (int64_t)(b->pa & (PAGE_SIZE - 1)) + b->bytes);
	int inside = suits(f, next) ? take(f, next) : -1;
	if (inside >= 0)
		f->r->block[inside].behind_call = true;
}

/*
 * Where an indirect jump may lead is not recorded. What has been executed near it, with no link to it and no way within the region, has been jumped to
 * by some such jump. That there was no link was so when the region was formed first, which only the shape tells.
 */
static struct code_block *find_landing(struct former *f, const struct code_block *b, int64_t offset)
{
	const struct region_shape *shape = f->how->shape;
	if (shape && !is_among(shape->landing, shape->n_landings, (uint64_t)offset))
		return NULL;
	struct code_block *to = in_page(f, b, offset);
	return suits(f, to) && (shape || !to->incoming) && find(f->r, to) < 0 ? to : NULL;
}

static void take_landings(struct former *f, unsigned from)
{
	struct code_block *b = f->r->block[from].block;
	int64_t first = (int64_t)(b->pa & (PAGE_SIZE - 1)) - LANDINGS_BEFORE;
	for (int64_t offset = first < 0 ? 0 : first; offset < first + LANDINGS_BEFORE + LANDINGS_BEHIND; offset++) {
		struct code_block *to = find_landing(f, b, offset);
		int inside = to ? take(f, to) : -1;
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

/* Each loop has an edge that does not lead on in the order of the blocks. */
static void choose_polls(struct region *r, bool all)
{
	unsigned to[REGION_MAX_NEXT];
	for (unsigned i = 0; i < r->n_blocks; i++) {
		bool helper = has_helper(&r->block[i]);
		r->block[i].polls |= all || i == 0;
		for (unsigned n = region_next(r, i, to); n-- > 0;) {
			r->block[to[n]].polls |= helper || to[n] <= i;
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
		rb->exit[0].target = code_exits(&rb->block->uop[rb->n_uops - 1])[0].miss.imm;
	rb->calls = is_call(rb);
	rb->returns = end->op == UOP_jr && end->a == f->how->frontend->return_slot && !rb->calls;
	if (rb->calls)
		take_behind(f, from);
}

void region_get_shape(const struct region *r, struct region_shape *shape)
{
	shape->n_blocks = shape->n_landings = shape->n_ways = 0;
	for (const struct region_block *rb = r->block; rb < r->block + r->n_blocks; rb++) {
		shape->block[shape->n_blocks++] = (uint16_t)rb->offset;
		if (rb->landing)
			shape->landing[shape->n_landings++] = (uint16_t)rb->offset;
		for (unsigned n = 0; n < 2; n++)
			if (rb->exit[n].way == WAY_CODE)
				shape->way[shape->n_ways++] = (uint16_t)rb->exit[n].target;
	}
}

bool region_form(struct region *r, const struct region_former *how, struct code_block *head)
{
	struct former f = { r, how };
	r->epoch = codecache_epoch(how->cache);
	r->mode = head->mode;
	r->helpers = how->frontend->helpers;
	r->n_blocks = r->n_insns = r->n_uops = 0;
	r->loops = false;
	if (!suits(&f, head) || !head->code || take(&f, head) < 0)
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
	choose_polls(r, how->poll_all);
	return true;
}

// SPDX-License-Identifier: Apache-2.0
#include "backend/llvm/region.h"
#include "ir/op_info.h"

/* How far from an indirect jump what it leads to is looked for, bytes */
#define LANDINGS_BEFORE 512
#define LANDINGS_BEHIND 1536

struct former {
	struct region *r;
	struct codecache *cache;
	const struct tuning *tuning;
	const struct frontend *frontend;
	region_op_of *op_of;
	const void *opaque;
};

/* A block that crosses a page depends on two mappings; one without code has not been executed twice. */
static bool suits(const struct code_block *b)
{
	return b && !b->dead && b->code && b->second_pa == CODE_NO_PAGE;
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
	if (r->n_blocks == f->tuning->region_blocks || r->n_insns + b->n_insns > f->tuning->region_insns || r->n_uops + b->n_uops > ARRAY_SIZE(r->uops))
		return -1;
	struct region_block *rb = &r->block[r->n_blocks];
	*rb = (struct region_block){
		.block = b, .code = b->code, .bound = b->uop, .uop = &r->uops[r->n_uops], .n_uops = b->n_uops, .n_insns = b->n_insns,
		.offset = b->pa & (PAGE_SIZE - 1),
	};
	for (unsigned i = 0; i < b->n_uops; i++) {
		rb->uop[i] = b->uop[i];
		rb->uop[i].op = f->op_of(f->opaque, &b->uop[i]);
	}
	r->n_uops += b->n_uops;
	r->n_insns += b->n_insns;
	return (int)r->n_blocks++;
}

static struct code_block *in_page(struct former *f, const struct code_block *b, int64_t offset)
{
	if (offset < 0 || offset >= (int64_t)PAGE_SIZE)
		return NULL;
	return codecache_find(f->cache, (b->pa & PAGE_MASK) + (uint64_t)offset, b->mode);
}

static void follow_exit(struct former *f, unsigned from, unsigned n)
{
	struct code_block *b = f->r->block[from].block;
	const struct code_exit *exit = &code_exits(&b->uop[b->n_uops - 1])[n];
	struct region_exit *way = &f->r->block[from].exit[n];
	way->target = exit->miss.imm;
	struct code_block *to = in_page(f, b, exit->miss.imm);
	if (!suits(to))
		return;
	int inside = take(f, to);
	if (inside >= 0) {
		way->way = WAY_INSIDE;
		way->to = (unsigned)inside;
	} else {
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
	int inside = suits(next) ? take(f, next) : -1;
	if (inside >= 0)
		f->r->block[inside].behind_call = true;
}

/* Where an indirect jump may lead is not recorded. What has been executed near it, with no link to it and no way within the region, has been jumped to by some such jump. */
static void take_landings(struct former *f, unsigned from)
{
	struct code_block *b = f->r->block[from].block;
	int64_t first = (int64_t)(b->pa & (PAGE_SIZE - 1)) - LANDINGS_BEFORE;
	for (int64_t offset = first < 0 ? 0 : first; offset < first + LANDINGS_BEFORE + LANDINGS_BEHIND; offset++) {
		struct code_block *to = in_page(f, b, offset);
		int inside = suits(to) && !to->incoming && find(f->r, to) < 0 ? take(f, to) : -1;
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
	rb->returns = end->op == UOP_jr && end->a == f->frontend->return_slot && !rb->calls;
	if (rb->calls)
		take_behind(f, from);
}

bool region_form(struct region *r, struct codecache *cache, struct code_block *head, const struct tuning *tuning, const struct frontend *frontend,
		 bool poll_all, region_op_of *op_of, const void *opaque)
{
	struct former f = { r, cache, tuning, frontend, op_of, opaque };
	r->epoch = codecache_epoch(cache);
	r->mode = head->mode;
	r->helpers = frontend->helpers;
	r->n_blocks = r->n_insns = r->n_uops = 0;
	r->loops = false;
	if (!suits(head))
		return false;
	take(&f, head);
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
	choose_polls(r, poll_all);
	return true;
}

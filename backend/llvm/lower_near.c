// SPDX-License-Identifier: Apache-2.0
/*
 * How far each slot may be from an address that its entry of the window's table is for, followed through the region: an entry serves what is near
 * that address. Sums of an address and of something small, such as an index of 32 bits, remain near it; hence how large slots may be.
 */
#include "backend/llvm/lower_near.h"
#include <stdlib.h>
#include <string.h>
#include "ir/op_info.h"
#include "runtime/window.h"

/* So many accesses through what a slot holds at the region's beginning, as through a stack pointer, are worth looking its entry up there. */
#define ENOUGH 4

/* Beyond this a slot counts as far, or large; the rest of the guard is for displacements. */
#define MOST (WINDOW_GUARD / 2)

static uint64_t magnitude(int32_t v)
{
	return v < 0 ? -(uint64_t)v : (uint64_t)v;
}

static uint64_t at_most(uint64_t v)
{
	return v > MOST ? FAR : v;
}

static uint64_t sum(uint64_t v, uint64_t w)
{
	return v == FAR || w == FAR ? FAR : at_most(v + w);
}

static uint64_t shifted(uint64_t v, unsigned by)
{
	return v == FAR || v > MOST >> by ? FAR : v << by;
}

bool near_is_access(const struct uop *u)
{
	enum op_format format = op_info[u->op].format;
	return format == F_LOAD || format == F_STORE;
}

/* ---- how large a slot may be: its value lies between -size and size ---- */

/* What bitwise operations on such values make lies between -2^n and 2^n. */
static uint64_t power(uint64_t v, uint64_t w)
{
	uint64_t n = 1;
	if (v == FAR || w == FAR)
		return FAR;
	while (n <= v || n <= w)
		n <<= 1;
	return at_most(n);
}

static uint64_t size_of(const uint64_t size[VCPU_SLOTS], const struct uop *u)
{
	uint64_t a = size[u->a], b = size[u->b], imm = magnitude(u->imm);
	switch (u->op) {
	case UOP_slt: case UOP_slt_i: case UOP_sltu: case UOP_sltu_i: case UOP_bext: case UOP_bext_i:
		return 1;
	case UOP_clz: case UOP_clzw: case UOP_ctz: case UOP_ctzw: case UOP_popcnt: case UOP_popcntw:
		return 64;
	case UOP_ld_u8: case UOP_ld_s8: case UOP_sext8:
		return UINT8_MAX;
	case UOP_ld_u16: case UOP_ld_s16: case UOP_sext16: case UOP_zext16:
		return UINT16_MAX;
	case UOP_ld_u32: case UOP_ld_s32: case UOP_sext32: case UOP_zext32: case UOP_addw: case UOP_addw_i: case UOP_subw: case UOP_shlw:
	case UOP_shlw_i: case UOP_shrw: case UOP_shrw_i: case UOP_sarw: case UOP_sarw_i: case UOP_mulw: case UOP_divw: case UOP_divuw:
	case UOP_remw: case UOP_remuw: case UOP_rolw: case UOP_rorw: case UOP_rorw_i:
		return (uint64_t)1 << 32;
	case UOP_li:
		return imm;
	case UOP_mov:
		return a;
	case UOP_add_i:
		return sum(a, imm);
	case UOP_add: case UOP_sub:
		return sum(a, b);
	case UOP_and_i:
		return u->imm >= 0 ? imm : power(a, imm);
	case UOP_or_i: case UOP_xor_i:
		return power(a, imm);
	case UOP_and: case UOP_or: case UOP_xor: case UOP_andn: case UOP_orn: case UOP_xnor:
		return power(a, b);
	case UOP_shl_i:
		return shifted(a, (unsigned)u->imm & 63);
	case UOP_shl_uw_i:
		return shifted((uint64_t)1 << 32, (unsigned)u->imm & 63);
	case UOP_shr_i:
		return u->imm & 63 ? at_most(UINT64_MAX >> (u->imm & 63)) : a;
	case UOP_sar_i:
		return a != FAR ? a : at_most(((uint64_t)1 << 63) >> (u->imm & 63));
	case UOP_mul:
		return a == FAR || b == FAR || __builtin_mul_overflow(a, b, &a) ? FAR : at_most(a);
	case UOP_min: case UOP_max:
		return a > b ? a : b;
	default:
		return FAR;
	}
}

/* Whether d = other + something small; how small. */
static bool is_near(const uint64_t size[VCPU_SLOTS], const struct uop *u, unsigned *other, uint64_t *by)
{
	static const uint64_t word = (uint64_t)1 << 32;
	*other = u->a;
	switch (u->op) {
	case UOP_mov:
		*by = 0;
		return true;
	case UOP_add_i:
		*by = magnitude(u->imm);
		return true;
	case UOP_sub:
		*by = size[u->b];
		return *by != FAR;
	case UOP_add:
		*other = size[u->a] > size[u->b] ? u->a : u->b;
		*by = size[u->a] > size[u->b] ? size[u->b] : size[u->a];
		return *by != FAR;
	case UOP_sh1add: case UOP_sh2add: case UOP_sh3add:
		*by = shifted(size[u->a], u->op == UOP_sh1add ? 1 : u->op == UOP_sh2add ? 2 : 3);
		break;
	case UOP_add_uw:
		*by = word;
		break;
	case UOP_sh1add_uw: case UOP_sh2add_uw: case UOP_sh3add_uw:
		*by = word << (u->op == UOP_sh1add_uw ? 1 : u->op == UOP_sh2add_uw ? 2 : 3);
		break;
	default:
		return false;
	}
	*other = u->b;
	return *by != FAR;
}

/* ---- steps ---- */

static void know_nothing(struct near_state *s)
{
	for (unsigned slot = 0; slot < VCPU_SLOTS; slot++)
		s->distance[slot] = s->size[slot] = FAR;
	s->size[SLOT_ZERO] = 0;
}

/* Whether a value that is made in a block, or comes from outside of the region (loops_of NULL), is the base of accesses in loops that it is not made in. */
static bool serves_loop(const struct near *n, const uint64_t *loops_of, unsigned slot)
{
	for (unsigned i = 0; i < ARRAY_SIZE(n->used[0]); i++)
		if (n->used[slot][i] & ~n->made[slot][i] & ~(loops_of ? loops_of[i] : 0))
			return true;
	return false;
}

enum near_made near_made(const struct near *n, const struct near_state *s, unsigned block, const struct uop *u, unsigned *other)
{
	uint64_t by;
	if (!op_info[u->op].has_d || !n->base[u->d])
		return NEAR_NO_BASE;
	if (is_near(s->size, u, other, &by) && n->base[*other] && sum(s->distance[*other], by) != FAR)
		return NEAR_SHARES;
	return serves_loop(n, n->loops->of[block], u->d) ? NEAR_LOOKS_UP : NEAR_UNKNOWN;
}

void near_step(const struct near *n, struct near_state *s, unsigned block, const struct uop *u)
{
	unsigned other;
	uint64_t by, distance = FAR;
	if (u->op == UOP_helper)	/* may flush, and change the context; and write slots */
		know_nothing(s);
	if (near_is_access(u) && s->distance[u->a] != FAR)
		s->distance[u->a] = at_most(magnitude(u->imm));
	if (!op_info[u->op].has_d)
		return;
	enum near_made made = near_made(n, s, block, u, &other);
	if (made == NEAR_SHARES && is_near(s->size, u, &other, &by))
		distance = sum(s->distance[other], by);
	else if (made == NEAR_LOOKS_UP)
		distance = 0;
	s->distance[u->d] = distance;
	s->size[u->d] = size_of(s->size, u);
}

/* ---- flow ---- */

/* Takes what holds at the end of one block to the beginning of another; what goes on growing round a loop becomes FAR. */
static bool join_values(uint64_t at[VCPU_SLOTS], const uint64_t from[VCPU_SLOTS], bool first, bool widen)
{
	bool changed = false;
	for (unsigned slot = 0; slot < VCPU_SLOTS; slot++)
		if (first || from[slot] > at[slot]) {
			at[slot] = widen && !first ? FAR : from[slot];
			changed = true;
		}
	return changed;
}

static bool join(struct near *n, unsigned to, const struct near_state *from, bool widen)
{
	struct near_state *at = &n->at[to];
	bool first = !n->reached[to];
	n->reached[to] = true;
	bool changed = join_values(at->distance, from->distance, first, widen);
	return join_values(at->size, from->size, first, widen) || changed;
}

static void begin(struct near *n)
{
	memset(n->reached, 0, sizeof n->reached);
	n->reached[0] = true;
	know_nothing(&n->at[0]);
	for (unsigned slot = 0; slot < VCPU_SLOTS; slot++)
		if (near_looks_up_first(n, slot))
			n->at[0].distance[slot] = 0;
}

static void flow(struct near *n)
{
	unsigned to[REGION_MAX_NEXT];
	bool changed = true;
	begin(n);
	for (unsigned round = 0; changed; round++) {
		changed = false;
		for (unsigned i = 0; i < n->region->n_blocks; i++) {
			struct near_state s = n->at[i];
			const struct region_block *rb = &n->region->block[i];
			if (!n->reached[i])
				continue;
			for (const struct uop *u = rb->uop; u < rb->uop + rb->n_uops; u++)
				near_step(n, &s, i, u);
			for (unsigned k = region_next(n->region, i, to); k-- > 0;)
				changed |= join(n, to[k], &s, round > 3);
		}
	}
}

/* ---- bases ---- */

/* Notes a base, and in which loops it is used. */
static bool use(struct near *n, unsigned slot, unsigned block)
{
	bool changed = !n->base[slot];
	n->base[slot] = true;
	for (unsigned i = 0; i < ARRAY_SIZE(n->used[0]); i++) {
		changed |= n->loops->of[block][i] & ~n->used[slot][i];
		n->used[slot][i] |= n->loops->of[block][i];
	}
	return changed;
}

/* What is accessed, and what that is near to. The sizes are known. */
static bool find_bases_of(struct near *n, unsigned block)
{
	const struct region_block *rb = &n->region->block[block];
	struct near_state s = n->at[block];
	bool changed = false;
	for (const struct uop *u = rb->uop; u < rb->uop + rb->n_uops; u++) {
		unsigned other;
		uint64_t by;
		if (near_is_access(u) && u->a != SLOT_ZERO)
			changed |= use(n, u->a, block);
		if (op_info[u->op].has_d && n->base[u->d] && is_near(s.size, u, &other, &by) && other != SLOT_ZERO)
			changed |= use(n, other, block);
		else if (op_info[u->op].has_d)
			for (unsigned i = 0; i < ARRAY_SIZE(n->made[0]); i++)
				n->made[u->d][i] |= n->loops->of[block][i];
		near_step(n, &s, block, u);
	}
	return changed;
}

/* Accesses that are near to what has been looked up, by their bases. */
static void count_near(const struct near *n, unsigned count[VCPU_SLOTS])
{
	for (unsigned i = 0; i < n->region->n_blocks; i++) {
		struct near_state s = n->at[i];
		const struct region_block *rb = &n->region->block[i];
		for (const struct uop *u = rb->uop; n->reached[i] && u < rb->uop + rb->n_uops; u++) {
			count[u->a] += near_is_access(u) && s.distance[u->a] != FAR;
			near_step(n, &s, i, u);
		}
	}
}

/* The bases whose values at the region's beginning serve a loop, or many accesses. */
static void choose_first(struct near *n)
{
	unsigned count[VCPU_SLOTS] = { 0 };
	memcpy(n->first, n->base, sizeof n->first);
	flow(n);
	count_near(n, count);
	for (unsigned slot = 0; slot < VCPU_SLOTS; slot++)
		n->first[slot] &= serves_loop(n, NULL, slot) || count[slot] >= ENOUGH;
}

struct near *near_find(const struct region *r, const struct region_loops *loops)
{
	struct near *n = calloc(1, sizeof *n + r->n_blocks * sizeof *n->at);
	if (!n)
		abort();
	n->region = r;
	n->loops = loops;
	flow(n);	/* sizes */
	bool changed = true;
	while (changed) {
		changed = false;
		memset(n->made, 0, sizeof n->made);
		for (unsigned i = 0; i < r->n_blocks; i++)
			changed |= n->reached[i] && find_bases_of(n, i);
	}
	choose_first(n);
	flow(n);
	return n;
}

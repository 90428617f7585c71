// SPDX-License-Identifier: Apache-2.0
#include "backend/stencil/emit.h"
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "backend/stencil/choose.h"
#include "ir/op_info.h"

#include "backend/stencil/stencil_table.h"

/* One micro-op takes less than this: its stencil with spills and fills or far exits around it, and ways out to C */
#define HOT_PER_UOP (STENCIL_LONGEST + 512)
#define SITES_PER_UOP 4
#define COLD_PER_UOP (SITES_PER_UOP * 16)
#define COLD_SPARE (STENCIL_LONGEST + 2 * STENCIL_PIECE)	/* a loop's own way to C, and the rest of the last piece */

struct stencil_arena {
	uint8_t *write;			/* the writable mapping; code runs at write + to_exec */
	uint64_t to_exec;
	uint32_t size, hot, hot_end, cold;	/* [0, hot) and [hot_end, cold) are used */
	uint32_t start_hot, start_cold;	/* behind the shared routines */
	uint32_t service, lookup, leave, after_service, slow;
	void (*enter)(struct vcpu *cpu, const void *code);
	struct pins pins;		/* at the beginning and the end of every block */
	struct stencil_site *site;
	uint32_t n_sites, max_sites;
	uint32_t published;		/* counts translations: who runs code has seen the sites of all that it was linked with */
	const void *far_handler;
	const char *first_handler;
	uint8_t *op_of;			/* by distance from it: handlers lie in one function */
	struct stencil_stats stats;
};

/* One block being translated. */
struct emitter {
	struct stencil_arena *s;
	struct code_block *b;
	int32_t number[HOLE_next];
	uint16_t uop;
	struct places places;
	uint32_t service;		/* the routine for these pins */
	uint32_t loop;			/* where a block that loops with pins of its own goes round; 0: others */
	int32_t waiting[2];		/* per exit: what jumps to the stencils that follow, 0: nothing yet, -1: there are none */
};

_Static_assert(offsetof(struct vcpu, reg) + sizeof(((struct vcpu *)0)->reg) < INT32_MAX, "slots are reached by 32-bit offsets");
_Static_assert(CODE_CACHE_MIN / 4 * 3 > (BLOCK_MAX_UOPS + 3) * HOT_PER_UOP + 4096, "any block fits into an empty arena");
_Static_assert(CODE_CACHE_MIN / 4 > (BLOCK_MAX_UOPS + 3) * COLD_PER_UOP + COLD_SPARE, "and what belongs to it too");
_Static_assert(UOP_COUNT <= UINT8_MAX + 1, "op_of has a byte for each handler");

static const struct stencil *stencil(unsigned id)
{
	return (const struct stencil *)(const void *)(stencil_table + id * STENCIL_UNIT);
}

static uint32_t slot_offset(unsigned slot)
{
	return (uint32_t)(offsetof(struct vcpu, reg) + slot * sizeof(uint64_t));
}

/* ---- copying and patching ---- */

static void put_rel32(struct stencil_arena *s, uint32_t at, uint32_t to)
{
	uint32_t v = to - at - 4;
	memcpy(s->write + at, &v, sizeof v);
}

static void put(struct emitter *e, unsigned id);

/* A stencil in the cold part. Returns where. */
static uint32_t put_cold(struct emitter *e, unsigned id)
{
	struct stencil_arena *s = e->s;
	uint32_t hot = s->hot, at = s->cold;
	s->hot = s->cold;
	put(e, id);
	s->cold = s->hot;
	s->hot = hot;
	return at;
}

/* The way to C from here. There is one of them to every two stencils, so that this is put() for the one that it is, by itself. */
static uint32_t put_thunk(struct emitter *e, enum stencil_site_kind kind, unsigned exit, uint32_t resume)
{
	struct stencil_arena *s = e->s;
	const struct stencil *st = stencil(STENCIL_thunk);
	const struct hole *number = st->hole, *service = st->hole + st->n_numbers;
	uint32_t at = s->cold;
	memcpy(s->write + at, service + 1, STENCIL_PIECE);
	memcpy(s->write + at + number->offset, &s->n_sites, sizeof s->n_sites);
	put_rel32(s, at + service->offset, e->service);
	s->cold += st->len;
	s->site[s->n_sites++] = (struct stencil_site){
		.block = e->b, .resume = resume, .uop = e->uop, .kind = kind, .exit = exit, .acc = e->places.acc,
		.facc = e->places.facc };
	return at;
}

/* The target of exit n: its way to C until it is linked, or the stencils that follow. */
static void put_exit(struct emitter *e, unsigned n, uint32_t at)
{
	struct code_exit *exit = &code_exits(&e->b->uop[e->b->n_uops - 1])[n];
	if (!e->waiting[n]) {
		e->waiting[n] = (int32_t)at;
		return;
	}
	exit->unlinked = put_thunk(e, SITE_EXIT, n, 0);
	exit->jump = at;
	put_rel32(e->s, at, exit->unlinked);
}

/* lea number(%register), %register: to add nothing a move will do, which needs no execution unit. Prefixes without meaning fill its place. */
static void put_sum(struct stencil_arena *s, uint32_t at, int32_t number)
{
	uint8_t *code = s->write + at - 3;
	if (number) {
		memcpy(code + 3, &number, sizeof number);
		return;
	}
	code[6] = code[2] | 0xc0;
	code[4] = code[0];
	code[5] = 0x8b;
	memset(code, 0x2e, 4);
}

static void put_number(struct emitter *e, uint32_t at, const struct hole *h)
{
	int32_t v = e->number[h->kind] + h->addend;
	memcpy(e->s->write + at + h->offset, &v, sizeof v);
}

static void put(struct emitter *e, unsigned id)
{
	struct stencil_arena *s = e->s;
	const struct stencil *st = stencil(id);
	const struct hole *h = st->hole, *targets = h + st->n_numbers, *last = targets + st->n_targets;
	const uint8_t *code = (const uint8_t *)last;
	uint32_t at = s->hot, end = at + st->len;
	/* Few branches, as none of them can be predicted: whole pieces, and two numbers of which the code may have none. */
	memcpy(s->write + at, code, STENCIL_PIECE);
	for (uint32_t n = STENCIL_PIECE; n < st->len; n += STENCIL_PIECE)
		memcpy(s->write + at + n, code + n, STENCIL_PIECE);
	put_number(e, at, h++);
	put_number(e, at, h++);
	while (h < targets)
		put_number(e, at, h++);
	s->hot = end;
	for (; h < last; h++) {
		uint32_t place = at + h->offset;
		if (h->kind == HOLE_miss) {	/* most are that */
			put_rel32(s, place, put_thunk(e, id == STENCIL_check ? SITE_CHECK : SITE_MISS, 0, end));
			continue;
		}
		switch (h->kind) {
		case HOLE_imm_byte:
			s->write[place] = (uint8_t)e->number[HOLE_imm];
			break;
		case HOLE_imm_lea:
			put_sum(s, place, e->number[HOLE_imm]);
			break;
		case HOLE_next:
			put_rel32(s, place, end);
			break;
		case HOLE_taken:
			put_exit(e, 0, place);
			break;
		case HOLE_not_taken:
			put_exit(e, 1, place);
			break;
		case HOLE_fault:
			put_rel32(s, place, put_thunk(e, SITE_FAULT, 0, end));
			break;
		case HOLE_service:
			put_rel32(s, place, e->service);
			break;
		case HOLE_lookup:
			put_rel32(s, place, s->lookup);
			break;
		case HOLE_leave:
			put_rel32(s, place, s->leave);
			break;
		}
	}
}

static void put_spill(struct emitter *e, unsigned pin)
{
	static const uint16_t spill[STENCIL_PINS] = { STENCIL_spill1, STENCIL_spill2, STENCIL_spill3, STENCIL_spill4 };
	e->number[HOLE_d] = (int32_t)slot_offset(e->places.pins->slot[pin]);
	put(e, spill[pin]);
}

static void put_fill(struct emitter *e, unsigned pin)
{
	static const uint16_t fill[STENCIL_PINS] = { STENCIL_fill1, STENCIL_fill2, STENCIL_fill3, STENCIL_fill4 };
	e->number[HOLE_d] = (int32_t)slot_offset(e->places.pins->slot[pin]);
	put(e, fill[pin]);
}

static void use_pins(struct emitter *e, const struct pins *pins)
{
	e->places.pins = pins;
	for (unsigned i = 0; i < STENCIL_PINS; i++)
		e->number[HOLE_pin1 + i] = (int32_t)slot_offset(pins->slot[i]);
}

/* Sets what is looked at before anything else sets it: to clear all would take as long as two stencils. */
static void begin(struct emitter *e, struct stencil_arena *s, struct code_block *b)
{
	e->s = s;
	e->b = b;
	e->uop = 0;
	e->service = s->service;
	e->loop = 0;
	e->waiting[0] = e->waiting[1] = -1;
	e->number[HOLE_d] = 0;		/* written behind stencils with few numbers, if nothing else */
	use_pins(e, &s->pins);
	places_forget(&e->places);
}

/* Gives the pins to other slots. */
static void change_pins(struct emitter *e, const struct pins *to)
{
	const struct pins *from = e->places.pins;
	for (unsigned i = 0; i < STENCIL_PINS; i++)
		if (from->slot[i] != to->slot[i])
			put_spill(e, i);
	use_pins(e, to);
	for (unsigned i = 0; i < STENCIL_PINS; i++)
		if (from->slot[i] != to->slot[i])
			put_fill(e, i);
}

/* ---- blocks ---- */

static void put_nops(struct stencil_arena *s, unsigned n)
{
	static const uint8_t nop[8][7] = {
		{ 0 }, { 0x90 }, { 0x66, 0x90 }, { 0x0f, 0x1f, 0x00 }, { 0x0f, 0x1f, 0x40, 0x00 }, { 0x0f, 0x1f, 0x44, 0x00, 0x00 },
		{ 0x66, 0x0f, 0x1f, 0x44, 0x00, 0x00 }, { 0x0f, 0x1f, 0x80, 0x00, 0x00, 0x00, 0x00 },
	};
	memcpy(s->write + s->hot, nop[n], n);
	s->hot += n;
}

/* So that a link is one atomic store, no displacement of an exit may cross an aligned quadword. */
static void align_exits(struct stencil_arena *s, unsigned id)
{
	unsigned starts = stencil(id)->starts * 0x101u >> (s->hot & 7);
	put_nops(s, (unsigned)__builtin_ctz(starts));
}

static void put_plain(struct emitter *e, const struct uop *u, enum uop_op op)
{
	const struct op_info *info = &op_info[op];
	unsigned pin = info->has_d ? e->places.pins->of[u->d] : 0, d = pin ? pin : info->has_d ? PLACE_ACC : 0;
	unsigned id = choose_stencil(&e->places, u, op, !e->b->both_halves, d);
	if (id) {
		places_write(&e->places, u, op, stencil(id)->d);
		put(e, id);
		return;
	}
	/* none for these places: by way of struct vcpu */
	const uint8_t source[3] = { info->has_a ? u->a : 0, info->has_b ? u->b : 0, info->has_c ? u->c : 0 };
	for (unsigned i = 0; i < 3; i++)
		if (e->places.pins->of[source[i]])
			put_spill(e, e->places.pins->of[source[i]] - 1u);
	e->number[HOLE_d] = (int32_t)slot_offset(u->d);
	places_write(&e->places, u, op, 0);
	put(e, choose_plain(op));
	if (pin)
		put_fill(e, pin - 1);
}

/* Helpers may look at any slot. */
static void put_helper(struct emitter *e)
{
	put(e, STENCIL_spill_all);
	put(e, choose_plain(UOP_helper));
	put(e, STENCIL_fill_all);
	places_forget(&e->places);
}

/* What stands between a block's end and its exit n: the pins' return to their common slots, a look-up for an exit that leads far. If the code
 * before ends in the jump to it, it takes that jump's place. */
static void put_way_out(struct emitter *e, unsigned n)
{
	struct stencil_arena *s = e->s;
	struct code_exit *exit = &code_exits(&e->b->uop[e->b->n_uops - 1])[n];
	bool far = exit->miss.handler == s->far_handler, self = e->loop && exit->self;
	uint32_t at = (uint32_t)e->waiting[n];
	if (e->waiting[n] <= 0)
		return;
	const struct pins *pins = e->places.pins;
	uint32_t service = e->service;
	e->waiting[n] = -1;
	if (!self && at + 4 == s->hot && s->write[at - 1] == 0xe9)
		s->hot -= 5;
	else
		put_rel32(s, at, s->hot);
	uint32_t start = s->hot;
	if (e->loop)
		change_pins(e, &s->pins);
	e->service = s->service;
	e->number[HOLE_target] = exit->miss.imm;
	if (far) {
		put(e, STENCIL_far);
	} else {
		align_exits(s, choose_plain(UOP_jmp));
		uint32_t jump = s->hot + 1;
		s->write[s->hot] = 0xe9;
		s->hot += 5;
		put_exit(e, n, jump);
	}
	if (self) {	/* the branch itself is what is linked, with the pins as they are */
		exit->jump = at;
		exit->unlinked = start;
	}
	use_pins(e, pins);
	e->service = service;
}

static void put_end(struct emitter *e, const struct uop *u, enum uop_op op)
{
	struct stencil_arena *s = e->s;
	struct code_exit *exit = code_exits(u);
	for (unsigned n = 0; n < e->b->n_exits; n++) {
		exit[n].jump = 0;
		e->waiting[n] = e->loop || exit[n].miss.handler == s->far_handler ? 0 : -1;
	}
	if (e->b->n_exits)
		e->number[HOLE_target] = exit[0].miss.imm;
	unsigned id = choose_stencil(&e->places, u, op, !e->b->both_halves, 0);
	if (id) {
		align_exits(s, id);
		put(e, id);
	} else {
		put_plain(e, u, op);	/* `raise`, whose operand may be pinned; it has no exits */
	}
	bool last_is_1 = e->waiting[1] > e->waiting[0];
	put_way_out(e, last_is_1);
	put_way_out(e, !last_is_1);
}

/* ---- loops ---- A block that leads back to itself keeps in its pins what it uses most, as long as it goes round. */

static bool leads_to_itself(const struct code_block *b, const struct code_exit *exit, const void *far)
{
	return exit->miss.handler != far && (uint64_t)exit->miss.imm == (b->pa & (PAGE_SIZE - 1));
}

/* The beginning of such a block. */
static void begin_loop(struct emitter *e, const struct pins *pins)
{
	struct stencil_arena *s = e->s;
	change_pins(e, pins);
	e->service = put_cold(e, STENCIL_service);	/* for these pins */
	uint32_t at = s->hot + 1;
	s->write[s->hot] = 0xe9;
	s->hot = (s->hot + 5 + 15) & ~15u;
	e->loop = s->hot;
	put(e, STENCIL_check);
	put_rel32(s, at, s->hot);
}

/* mark may be NULL. */
static bool translate(struct stencil_arena *s, struct code_block *b, uint32_t *mark)
{
	uint32_t n = b->n_uops + 2u;
	if (s->hot + HOT_PER_UOP * n > s->hot_end || s->cold + COLD_PER_UOP * n + COLD_SPARE > s->size ||
	    s->n_sites + SITES_PER_UOP * n > s->max_sites)
		return false;
	struct emitter e;
	struct pins own;
	struct code_exit *exit = code_exits(&b->uop[b->n_uops - 1]);
	begin(&e, s, b);
	e.number[HOLE_count] = b->n_insns;
	s->hot = (s->hot + 15) & ~15u;
	uint32_t start = s->hot, start_cold = s->cold;
	put(&e, STENCIL_check);
	bool loops = false;
	bool leaves = stencil_op_of(s, &b->uop[b->n_uops - 1]) == UOP_leave;	/* to the run loop, whatever its target */
	for (unsigned k = 0; k < b->n_exits; k++) {
		exit[k].self = !leaves && leads_to_itself(b, &exit[k], s->far_handler);
		loops |= exit[k].self;
	}
	if (loops && choose_loop_pins(s, b, &s->pins, &own))
		begin_loop(&e, &own);
	for (unsigned k = 0; k < b->n_exits; k++)
		exit[k].self = exit[k].self ? e.loop : 0;
	put(&e, STENCIL_count);
	for (unsigned i = 0; i < b->n_uops; i++) {
		const struct uop *u = &b->uop[i];
		enum uop_op op = stencil_op_of(s, u);
		e.uop = (uint16_t)i;
		if (unlikely(mark))
			mark[i] = s->hot - start;
		e.number[HOLE_d] = (int32_t)slot_offset(u->d);
		e.number[HOLE_a] = (int32_t)slot_offset(u->a);
		e.number[HOLE_b] = (int32_t)slot_offset(u->b);
		e.number[HOLE_c] = (int32_t)slot_offset(u->c);
		e.number[HOLE_imm] = u->imm;
		e.number[HOLE_helper] = (int32_t)(u->c * sizeof(struct helper) + offsetof(struct helper, fn));
		if (op_info[op].effects & EFFECT_END)
			put_end(&e, u, op);
		else if (op == UOP_helper)
			put_helper(&e);
		else
			put_plain(&e, u, op);
	}
	if (unlikely(mark))
		mark[b->n_uops] = s->hot - start;
	s->stats.blocks++;
	s->stats.insns += b->n_insns;
	s->stats.loops += e.loop != 0;
	s->stats.hot_bytes += s->hot - start;
	s->stats.cold_bytes += s->cold - start_cold;
	__atomic_fetch_add(&s->published, 1, __ATOMIC_RELEASE);
	__atomic_store_n(&b->code, s->write + s->to_exec + start, __ATOMIC_RELEASE);
	return true;
}

bool stencil_translate(struct stencil_arena *s, struct code_block *b)
{
	return translate(s, b, NULL);
}

bool stencil_translate_marked(struct stencil_arena *s, struct code_block *b, uint32_t *mark)
{
	return translate(s, b, mark);
}

/* ---- links ---- */

/* The displacement lies within an aligned quadword, whose other bytes nobody changes. */
static void patch(struct stencil_arena *s, uint32_t at, uint32_t to)
{
	uint64_t *word = (uint64_t *)(void *)(s->write + (at & ~7u)), v = *word;
	uint32_t rel = to - at - 4;
	memcpy((char *)&v + (at & 7), &rel, sizeof rel);
	__atomic_store_n(word, v, __ATOMIC_RELEASE);
}

static uint32_t offset_of(const struct stencil_arena *s, const void *code)
{
	return (uint32_t)((const uint8_t *)code - s->write - s->to_exec);
}

void stencil_link(struct stencil_arena *s, const struct code_exit *exit, const struct code_block *to)
{
	bool self = exit->self && (const char *)exit > (const char *)to && (const char *)exit < (const char *)to + to->size;
	if (exit->jump)
		patch(s, exit->jump, self ? exit->self : offset_of(s, to->code));
}

void stencil_unlink(struct stencil_arena *s, const struct code_exit *exit)
{
	if (exit->jump)
		patch(s, exit->jump, exit->unlinked);
}

bool stencil_link_far(struct stencil_arena *s, const struct code_exit *exit)
{
	if (s->hot + 2 * STENCIL_LONGEST > s->hot_end)
		return false;
	struct emitter e;
	uint32_t at = s->hot;
	begin(&e, s, NULL);
	e.number[HOLE_target] = exit->miss.imm;
	put(&e, STENCIL_far);
	patch(s, exit->jump, at);
	return true;
}

/*
 * The code's first instruction is longer than the jump that replaces it: a vCPU is before or behind both, and the store changes an aligned
 * quadword at once.
 */
void stencil_redirect(struct stencil_arena *s, struct code_block *b, const void *code, uint64_t *original)
{
	uint64_t *word = (uint64_t *)(void *)(s->write + offset_of(s, b->code)), v = *original;
	if (code) {
		int64_t rel = (const char *)code - ((const char *)b->code + 5);
		*original = v = *word;
		((uint8_t *)&v)[0] = 0xe9;
		memcpy((uint8_t *)&v + 1, &rel, sizeof(int32_t));
	}
	for (unsigned n = 0; n < b->n_exits; n++) {
		struct code_exit *exit = &code_exits(&b->uop[b->n_uops - 1])[n];
		if (exit->self && exit->to != &exit->miss)	/* goes round without passing the beginning */
			patch(s, exit->jump, code ? exit->unlinked : exit->self);
	}
	__atomic_store_n(word, v, __ATOMIC_RELEASE);
}

/* ---- what the engine asks ---- */

const struct stencil_site *stencil_site(const struct stencil_arena *s, uint64_t number)
{
	(void)__atomic_load_n(&s->published, __ATOMIC_ACQUIRE);
	return &s->site[number];
}

enum uop_op stencil_op_of(const struct stencil_arena *s, const struct uop *u)
{
	return s->op_of[(const char *)u->handler - s->first_handler];
}

const void *stencil_resume(const struct stencil_arena *s, const struct stencil_site *site, struct vcpu *cpu)
{
	struct stencil_calls *calls = cpu->exec;
	calls->acc = cpu->reg[site->acc];
	memcpy(&calls->facc, &cpu->reg[site->facc], sizeof calls->facc);
	return s->write + s->to_exec + site->resume;
}

bool stencil_holds(const struct stencil_arena *s, uint64_t address)
{
	uint64_t offset = address - (uint64_t)(uintptr_t)s->write - s->to_exec;
	return offset >= s->start_hot && offset < s->hot_end;
}

const char *stencil_place(const struct stencil_arena *s, const void *code)
{
	uint32_t at = offset_of(s, code);
	return at == s->service ? "service" : at == s->lookup ? "lookup" : at == s->leave ? "leave" : at >= s->hot_end && at < s->size ? "cold" : NULL;
}

const void *stencil_past_check(const void *code)
{
	return (const char *)code + stencil(STENCIL_check)->len;
}

const void *stencil_leave(const struct stencil_arena *s)
{
	return s->write + s->to_exec + s->after_service;
}

void stencil_routines(const struct stencil_arena *s, struct stencil_calls *calls)
{
	calls->slow = s->write + s->to_exec + s->slow;
	calls->lookup = s->write + s->to_exec + s->lookup;
}

void stencil_enter(const struct stencil_arena *s, struct vcpu *cpu, const void *code)
{
	s->enter(cpu, code);
}

/* ---- life ---- */

static uint32_t put_routine(struct stencil_arena *s, unsigned id)
{
	struct emitter e;
	begin(&e, s, NULL);
	s->hot = (s->hot + 15) & ~15u;
	uint32_t at = s->hot;
	put(&e, id);
	return at;
}

static bool index_handlers(struct stencil_arena *s, const struct code_handlers *h)
{
	const char *last = h->op[0];
	s->far_handler = h->far;
	s->first_handler = last;
	for (unsigned op = 0; op < UOP_COUNT; op++) {
		const char *handler = h->op[op];
		if (handler < s->first_handler)
			s->first_handler = handler;
		if (handler > last)
			last = handler;
	}
	s->op_of = calloc((size_t)(last - s->first_handler) + 1, 1);
	for (unsigned op = 0; s->op_of && op < UOP_COUNT; op++)
		s->op_of[(const char *)h->op[op] - s->first_handler] = (uint8_t)op;
	return s->op_of;
}

struct stencil_arena *stencil_arena_create(const uint8_t pins[STENCIL_PINS], const struct code_handlers *handlers,
					   const struct code_memory *memory, struct error *err)
{
	struct stencil_arena *s = calloc(1, sizeof *s);
	if (!s) {
		error_set(err, ERROR_HOST, "machine code arena: out of memory");
		return NULL;
	}
	for (unsigned i = 0; i < STENCIL_PINS; i++) {
		s->pins.slot[i] = pins[i];
		s->pins.of[pins[i]] = (uint8_t)(i + 1);
	}
	s->write = memory->write;
	s->to_exec = memory->to_exec;
	s->size = (uint32_t)memory->size;
	s->max_sites = s->size / 24;
	s->site = mmap(NULL, s->max_sites * sizeof *s->site, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (s->site == MAP_FAILED)
		s->site = NULL;
	if (!s->site || !index_handlers(s, handlers)) {
		error_set(err, ERROR_HOST, "machine code arena: out of memory");
		stencil_arena_destroy(s);
		return NULL;
	}
	s->hot_end = s->size / 4 * 3 & ~4095u;
	s->cold = s->hot_end;
	s->hot = 64;		/* so that no jump is at 0 */
	s->leave = put_routine(s, STENCIL_leave);
	s->after_service = put_routine(s, STENCIL_return);
	s->service = put_routine(s, STENCIL_service);
	s->lookup = put_routine(s, STENCIL_lookup);	/* jumps to service */
	s->slow = put_routine(s, STENCIL_slow);
	const void *enter = s->write + s->to_exec + put_routine(s, STENCIL_enter);
	memcpy(&s->enter, &enter, sizeof enter);
	s->start_hot = s->hot;
	s->start_cold = s->cold;
	stencil_arena_reset(s);
	return s;
}

void stencil_arena_reset(struct stencil_arena *s)
{
	s->hot = s->start_hot;
	s->cold = s->start_cold;
	s->n_sites = 1;		/* 0 asks for a look-up */
}

void stencil_arena_stats(const struct stencil_arena *s, struct stencil_stats *stats)
{
	*stats = s->stats;
}

void stencil_arena_destroy(struct stencil_arena *s)
{
	if (!s)
		return;
	if (s->site)
		munmap(s->site, s->max_sites * sizeof *s->site);
	free(s->op_of);
	free(s);
}

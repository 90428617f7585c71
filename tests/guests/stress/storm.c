// SPDX-License-Identifier: Apache-2.0
/*
 * All at once on several harts: each writes code into pages of its own and pages that it shares, calls it, maps it
 * elsewhere, tells the others, and counts with atomics. What each hart did is one checksum, which hart 0 works out
 * again without generated code at the end.
 */
#include "super.h"

#ifndef ROUNDS
#define ROUNDS 50000u
#endif
#ifndef HARTS
#define HARTS 4
#endif

#define OWN_PAGES 4
#define SLOTS 8				/* functions of a hart in a page that all share: 64 bytes each */
#define WINDOW 0x40000000ul		/* a page for each hart, then the one that all share */
#define RX (V | R | XX | A)

static uint64_t root[512] PAGE_ALIGNED, middle[512] PAGE_ALIGNED, leaf[512] PAGE_ALIGNED;
static uint32_t own[HARTS][OWN_PAGES][1024] PAGE_ALIGNED, shared[1024] PAGE_ALIGNED, locked[1024] PAGE_ALIGNED,
	version_page[16][1024] PAGE_ALIGNED;
static struct barrier all;

/* ---- generated functions ---- */

struct function { unsigned add, flip, shift, odd; };

static struct function pick(uint64_t r)
{
	return (struct function){ r & 0x7ff, r >> 11 & 0x7ff, r >> 22 & 31, r >> 27 & 0x7ff };
}

static uint64_t model(struct function f, uint64_t x)
{
	x = (x + f.add) ^ f.flip;
	x += x << f.shift;
	return x & 1 ? x + f.odd : x;
}

static void generate(uint32_t *at, struct function f)
{
	at[0] = ADDI(10u, 10u, f.add);
	at[1] = 0x54513u | f.flip << 20;		/* xori a0, a0, flip */
	at[2] = 0x51593u | f.shift << 20;		/* slli a1, a0, shift */
	at[3] = 0xb50533u;				/* add a0, a0, a1 */
	at[4] = 0x157593u;				/* andi a1, a0, 1 */
	at[5] = 0x58463u;				/* beqz a1, +8 */
	at[6] = ADDI(10u, 10u, f.odd);
	at[7] = RET;
	fence_i();
}

/* ---- what all share ---- */

typedef uint32_t lock_t;
static lock_t slot_lock[4], window_lock;
static struct function slot_function[4];
static uint64_t added, exchanged, total;
static uint32_t window_version, acked[HARTS];

static void take(lock_t *l)
{
	while (__atomic_exchange_n(l, 1, __ATOMIC_ACQUIRE))
		pause();
}

static void release(lock_t *l)
{
	STORE(l, 0);
}

static void atomics(uint64_t r)
{
	uint64_t old, failed;
	ADD(&added, r);
	__asm__ volatile("1: lr.d %0, (%2)\n addi %0, %0, 1\n sc.d %1, %0, (%2)\n bnez %1, 1b"
		: "=&r"(old), "=&r"(failed) : "r"(&exchanged) : "memory");
}

void trap(struct frame *f)
{
	if (CSR_READ(scause) != (INTERRUPT | 1))
		finish(1000 + CSR_READ(scause));
	CSR_CLEAR(sip, SIE_SOFTWARE);
	uint32_t v = LOAD(&window_version);
	sfence(v, WINDOW + HARTS * PAGE, 0);
	STORE(&acked[X(f, 4)], v);
}

/* Calls what all call, and changes it, under a lock */
static void slots(uint64_t r)
{
	unsigned n = r & 3;
	uint32_t *at = locked + 16 * n;
	take(&slot_lock[n]);
	fence_i();
	if ((uint64_t)call1(at, r) != model(slot_function[n], r))
		finish(20);
	slot_function[n] = pick(r >> 8);
	generate(at, slot_function[n]);
	if ((uint64_t)call1(at, ~r) != model(slot_function[n], ~r))
		finish(21);
	release(&slot_lock[n]);
}

/* Calls the page that all share, or maps another one there and waits until all have fenced */
static void window(unsigned hart, uint64_t r)
{
	const void *at = (void *)(WINDOW + HARTS * PAGE);
	take(&window_lock);
	if ((unsigned)call(at) != window_version % 16)
		finish(30);
	if (r % 8 == 0) {
		uint32_t v = window_version + 1;
		leaf[HARTS] = pte(version_page[v % 16], RX);
		STORE(&window_version, v);
		sfence(v, (uint64_t)at, 0);
		for (unsigned h = 0; h < HARTS; h++)
			if (h != hart)
				send_ipi(h);
		for (unsigned h = 0; h < HARTS; h++)
			while (h != hart && LOAD(&acked[h]) != v)
				pause();
		if ((unsigned)call(at) != v % 16)
			finish(31);
	}
	release(&window_lock);
}

/* ---- rounds ---- */

/* What a hart knows of its own pages; `dry`: nothing is generated or called, the model answers. */
struct state { struct function in_page[OWN_PAGES], in_slot[SLOTS]; uint64_t seed, sum; unsigned mapped; };

static void begin(struct state *s, unsigned hart)
{
	for (unsigned n = 0; n < OWN_PAGES; n++)
		s->in_page[n] = pick(n);
	for (unsigned k = 0; k < SLOTS; k++)
		s->in_slot[k] = pick(k);
	s->seed = 0x9e3779b97f4a7c15ul * (hart + 1);
	s->sum = s->mapped = 0;
	leaf[hart] = pte(own[hart][0], RX);
}

static void one_round(struct state *s, unsigned hart, bool dry)
{
	uint64_t r = random_next(&s->seed), x = r >> 13, result = 0, wanted;
	unsigned n = r >> 3 & (OWN_PAGES - 1), k = r >> 5 & (SLOTS - 1);
	uint32_t *slot = shared + 16 * (SLOTS * hart + k);
	switch (r & 7) {
	case 0:		/* new code in a page of one's own */
	case 1:
		s->in_page[n] = pick(r >> 20);
		if (!dry)
			generate(own[hart][n], s->in_page[n]);
		/* fall through */
	case 2:		/* what stands there */
		wanted = model(s->in_page[n], x);
		result = dry ? wanted : (uint64_t)call1(own[hart][n], x);
		break;
	case 3:		/* in a page that others write, too */
		s->in_slot[k] = pick(r >> 20);
		if (!dry)
			generate(slot, s->in_slot[k]);
		/* fall through */
	case 4:
		wanted = model(s->in_slot[k], x);
		result = dry ? wanted : (uint64_t)call1(slot, x);
		break;
	case 5:		/* mapped elsewhere */
		s->mapped = n;
		if (!dry) {
			leaf[hart] = pte(own[hart][n], RX);
			sfence(k, WINDOW + hart * PAGE, 0);
		}
		/* fall through */
	case 6:
		wanted = model(s->in_page[s->mapped], x);
		result = dry ? wanted : (uint64_t)call1((void *)(WINDOW + hart * PAGE), x);
		break;
	default:
		wanted = 0;
		if (!dry && r & 0x100)
			slots(r);
		else if (!dry && (r & 0xe00) == 0)
			window(hart, r >> 12);
		else if (!dry)
			atomics(r);
	}
	if (result != wanted)
		finish(10 + (r & 7));
	s->sum = s->sum * 31 + result;
}

static long run(uint64_t hart)
{
	struct state s;
	__asm__ volatile("mv tp, %0" :: "r"(hart));
	begin(&s, (unsigned)hart);
	for (unsigned n = 0; n < OWN_PAGES; n++)
		generate(own[hart][n], s.in_page[n]);
	for (unsigned k = 0; k < SLOTS; k++)
		generate(shared + 16 * (SLOTS * hart + k), s.in_slot[k]);
	meet(&all, HARTS);
	sfence(0, 0, 0);
	fence_i();
	CSR_SET(sie, SIE_SOFTWARE);
	CSR_SET(sstatus, SSTATUS_SIE);
	for (unsigned i = 0; i < ROUNDS; i++)
		one_round(&s, (unsigned)hart, false);
	ADD(&total, s.sum);
	meet(&all, HARTS);
	if (hart)
		return 0;
	uint64_t sum = 0, count = 0, increments = 0;
	for (unsigned h = 0; h < HARTS; h++) {
		begin(&s, h);
		for (unsigned i = 0; i < ROUNDS; i++) {
			one_round(&s, h, true);
			uint64_t r = s.seed;	/* the number that the round drew */
			if ((r & 7) == 7 && !(r & 0x100) && (r & 0xe00)) {
				count += r;
				increments++;
			}
		}
		sum += s.sum;
	}
	return sum != total ? 40 : count != added ? 41 : increments != exchanged ? 42 : 0;
}

int main(uint64_t hart)
{
	if (hart >= HARTS)
		return 0;
	if (hart == 0) {
		map_self(root);
		root[1] = pte(middle, V);
		middle[0] = pte(leaf, V);
		leaf[HARTS] = pte(version_page[0], RX);
		for (unsigned i = 0; i < 16; i++) {
			version_page[i][0] = LI_A0(i);
			version_page[i][1] = RET;
		}
		for (unsigned n = 0; n < 4; n++)
			generate(locked + 16 * n, slot_function[n]);
	}
	meet(&all, HARTS);
	return (int)supervisor(run, hart, satp(root, 0));
}

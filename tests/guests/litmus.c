// SPDX-License-Identifier: Apache-2.0
/*
 * Memory-order litmus tests for RVWMO (volume I, "RVWMO Memory Consistency Model"), on as many harts as each needs. A forbidden
 * outcome ends the run with the test's number. Harts meet at a barrier before and after each round.
 */
#include <stdint.h>

#ifndef ROUNDS
#define ROUNDS 20000
#endif

typedef volatile uint64_t shared __attribute__((aligned(128)));
static shared x, y, arrived, generation, counter, lock, plain, reserved;
static shared r[4];

static uint64_t get(shared *p) { uint64_t v; __asm__ volatile("ld %0, %1" : "=r"(v) : "m"(*p)); return v; }
static void put(shared *p, uint64_t v) { __asm__ volatile("sd %1, %0" : "=m"(*p) : "r"(v)); }
#define FENCE(p, s) __asm__ volatile("fence " #p ", " #s ::: "memory")
static uint64_t amoadd(shared *p, uint64_t v)
{
	uint64_t old;
	__asm__ volatile("amoadd.d.aqrl %0, %2, %1" : "=r"(old), "+A"(*p) : "r"(v) : "memory");
	return old;
}

static void barrier(unsigned n)
{
	uint64_t g = get(&generation);
	FENCE(rw, rw);
	if (amoadd(&arrived, 1) == n - 1) {
		put(&arrived, 0);
		FENCE(rw, rw);
		amoadd(&generation, 1);
	} else {
		while (get(&generation) == g)
			__asm__ volatile(".insn 0x0100000f" ::: "memory");	/* pause */
	}
	FENCE(rw, rw);
}

/* Each body is what hart h does in one round; the check runs on hart 0 between barriers. */
static void sb_fenced(unsigned h)
{
	put(h ? &y : &x, 1);
	FENCE(rw, rw);
	r[h] = get(h ? &x : &y);
}
static int sb_bad(void) { return r[0] == 0 && r[1] == 0; }

static void sb_amo(unsigned h)	/* an AMO with aq and rl is sequentially consistent with its like */
{
	amoadd(h ? &y : &x, 1);
	r[h] = amoadd(h ? &x : &y, 0);
}

static void sb_w_r(unsigned h)
{
	put(h ? &y : &x, 1);
	FENCE(w, r);
	r[h] = get(h ? &x : &y);
}

static void mp_fences(unsigned h)
{
	if (h == 0) {
		put(&x, 1);
		FENCE(w, w);
		put(&y, 1);
	} else {
		r[0] = get(&y);
		FENCE(r, r);
		r[1] = get(&x);
	}
}
static int mp_bad(void) { return r[0] == 1 && r[1] == 0; }

static void mp_tso(unsigned h)
{
	if (h == 0) {
		put(&x, 1);
		__asm__ volatile("fence.tso" ::: "memory");
		put(&y, 1);
	} else {
		r[0] = get(&y);
		__asm__ volatile("fence.tso" ::: "memory");
		r[1] = get(&x);
	}
}

static void lb_fenced(unsigned h)
{
	r[h] = get(h ? &x : &y);
	FENCE(r, w);
	put(h ? &y : &x, 1);
}
static int lb_bad(void) { return r[0] == 1 && r[1] == 1; }

static void iriw(unsigned h)
{
	if (h < 2) {
		put(h ? &y : &x, 1);
	} else {
		uint64_t a = get(h == 2 ? &x : &y);
		FENCE(r, r);
		uint64_t b = get(h == 2 ? &y : &x);
		r[h] = a << 1 | b;
	}
}
static int iriw_bad(void) { return r[2] == 2 && r[3] == 2; }

/* Counters that lose nothing */
static void count_amo(unsigned h) { amoadd(&counter, 1); }
static void count_lrsc(unsigned h)
{
	uint64_t v, failed;
	__asm__ volatile("1: lr.d.aq %0, (%2)\n addi %0, %0, 1\n sc.d.rl %1, %0, (%2)\n bnez %1, 1b"
			 : "=&r"(v), "=&r"(failed) : "r"(&reserved) : "memory");
}
static void count_locked(unsigned h)
{
	uint64_t was;
	do
		__asm__ volatile("amoswap.d.aq %0, %2, %1" : "=r"(was), "+A"(lock) : "r"(1l) : "memory");
	while (was);
	put(&plain, get(&plain) + 1);
	__asm__ volatile("amoswap.d.rl x0, x0, %0" : "+A"(lock) :: "memory");
}

static const struct { unsigned harts; void (*body)(unsigned h); int (*bad)(void); } test[] = {
	{ 2, sb_fenced, sb_bad }, { 2, sb_amo, sb_bad }, { 2, sb_w_r, sb_bad }, { 2, mp_fences, mp_bad }, { 2, mp_tso, mp_bad },
	{ 2, lb_fenced, lb_bad }, { 4, iriw, iriw_bad }, { 4, count_amo, 0 }, { 4, count_lrsc, 0 }, { 4, count_locked, 0 },
};
#define TESTS (sizeof test / sizeof test[0])

#ifndef HARTS
#define HARTS 2
#endif

int main(uint64_t hart)
{
	if (hart >= HARTS)
		return 0;
	for (unsigned t = 0; t < TESTS; t++) {
		if (test[t].bad && test[t].harts > HARTS)
			continue;
		for (unsigned i = 0; i < ROUNDS; i++) {
			if (hart == 0)
				x = y = r[0] = r[1] = r[2] = r[3] = 0;
			if (test[t].bad || i == 0)
				barrier(HARTS);
			if (!test[t].bad || hart < test[t].harts)
				test[t].body((unsigned)hart);
			if (!test[t].bad)
				continue;
			barrier(HARTS);
			if (hart == 0 && test[t].bad())
				return (int)t + 1;
		}
	}
	barrier(HARTS);
	if (counter != (uint64_t)HARTS * ROUNDS)
		return 50;
	if (reserved != (uint64_t)HARTS * ROUNDS)
		return 51;
	return plain == (uint64_t)HARTS * ROUNDS ? 0 : 52;
}

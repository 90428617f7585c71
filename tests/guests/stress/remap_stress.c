// SPDX-License-Identifier: Apache-2.0
/*
 * Code that is mapped elsewhere, away or without permission while it runs, under Sv39: by leaves, by satp, by ASIDs and
 * global entries; on the hart's own account and, by interrupt, on another's. Each check has a number, which is the exit
 * status if it fails.
 */
#include "super.h"

#ifndef ROUNDS
#define ROUNDS 2000u
#endif
#ifndef HARTS
#define HARTS 2
#endif

#define SPACES 4
#define CODES 16
#define WINDOW 0x40000000ul			/* 2 MiB in each space that has its own leaves */
#define HIGH 0xffffffc000000000ul		/* the same in the upper half */
#define RX (V | R | XX | A)
#define RWX (V | R | W | XX | A | D)

static uint64_t root[SPACES][512] PAGE_ALIGNED, middle[SPACES][512] PAGE_ALIGNED, leaf[SPACES][512] PAGE_ALIGNED,
	high_middle[SPACES][512] PAGE_ALIGNED, high_leaf[SPACES][512] PAGE_ALIGNED;
static uint32_t code[CODES][1024] PAGE_ALIGNED;	/* what is mapped; code[i] returns i unless a check writes it anew */
static struct barrier all;

static void *window(unsigned page, unsigned offset) { return (void *)(WINDOW + page * PAGE + offset); }
static void set_satp(uint64_t v) { CSR_WRITE(satp, v); }

/* code[i] from word `at` on: li a0, value; ret */
static void put(unsigned i, unsigned at, unsigned value)
{
	code[i][at] = LI_A0(value);
	code[i][at + 1] = RET;
}

static void fill(void)
{
	for (unsigned i = 0; i < CODES; i++)
		put(i, 0, i);
	fence_i();
}

/* ---- traps ---- */

/* What the last exception on hart 0 said; its handler maps `mend` at *mend_at and tries again, or goes back to the caller. */
static volatile struct { uint64_t cause, pc, value, count, mend; uint64_t *mend_at; } fault;
static uint32_t version, acked[HARTS];		/* of the shared leaf; that hart h has fenced for */
static unsigned flush_how;

void trap(struct frame *f)
{
	uint64_t cause = CSR_READ(scause);
	if (cause == (INTERRUPT | 1)) {
		CSR_CLEAR(sip, SIE_SOFTWARE);
		uint32_t v = LOAD(&version);
		sfence(LOAD(&flush_how), WINDOW, 1);
		STORE(&acked[X(f, 4)], v);
		return;
	}
	fault.cause = cause;
	fault.pc = f->pc;
	fault.value = CSR_READ(stval);
	fault.count++;
	if (fault.mend_at) {
		*fault.mend_at = fault.mend;
		fault.mend_at = NULL;
		sfence(1, fault.value, 0);
	} else {
		f->pc = X(f, 1);
	}
}

static void expect_mend(uint64_t *at, uint64_t entry)
{
	fault.cause = 0;
	fault.mend = entry;
	fault.mend_at = at;
}

static bool faulted(uint64_t cause, const void *pc, const void *value)
{
	bool is = fault.cause == cause && fault.pc == (uint64_t)pc && fault.value == (uint64_t)value;
	fault.cause = 0;
	return is;
}

/* ---- leaves ---- */

static int leaves(void)
{
	fill();
	for (unsigned i = 0; i < ROUNDS; i++) {
		unsigned n = i % CODES;
		leaf[0][0] = pte(code[n], RX);
		sfence(i / CODES, WINDOW, 1);
		/* now and then so often that a faster engine takes it up */
		for (unsigned k = i % 100 ? 1 : 1000; k-- > 0;)
			if (call(window(0, 0)) != n)
				return 1;
	}
	return 0;
}

/* Code that maps another page under itself: what follows the fence comes from there. a0: the new leaf, a1: where it goes */
static int under_itself(void)
{
	for (unsigned n = 0; n < 2; n++) {
		code[n][0] = 0xa5b023u;			/* sd a0, 0(a1) */
		code[n][1] = 0x617u;			/* auipc a2, 0 */
		code[n][2] = n ? 0x12000073u : 0x12060073u;	/* sfence.vma; sfence.vma a2 */
		put(n, 3, 100 + n);
	}
	fence_i();
	leaf[0][0] = pte(code[0], RX);
	sfence(0, 0, 0);
	for (unsigned i = 0; i < ROUNDS; i++) {
		unsigned to = (i & 1) ^ 1;
		long v = ((long (*)(uint64_t, uint64_t *))window(0, 0))(pte(code[to], RX), &leaf[0][0]);
		if (v != 100 + to)
			return 5;
	}
	return 0;
}

/* ---- from hart to hart ---- */

static volatile bool done;

/* Hart 0 changes the leaf and interrupts all others, which call meanwhile: from its fence on each sees no older version. */
static int other_harts(unsigned hart)
{
	if (hart == 0) {
		for (unsigned i = 1; i <= ROUNDS / 2; i++) {
			leaf[0][0] = pte(code[i % CODES], RX);
			STORE(&flush_how, i / 2);
			STORE(&version, i);
			sfence(i / 2, WINDOW, 1);
			for (unsigned h = 1; h < HARTS; h++)
				send_ipi(h);
			if (call(window(0, 0)) != i % CODES)
				return 10;
			for (unsigned h = 1; h < HARTS; h++)
				while (LOAD(&acked[h]) != i)
					pause();
		}
		done = true;
		return 0;
	}
	while (!done) {
		uint32_t before = LOAD(&acked[hart]);
		long v = call(window(0, 0));
		uint32_t after = LOAD(&version);
		/* any version from `before` to one more than was told; far apart they are not distinguished */
		if (after - before < CODES - 2 && ((uint32_t)v - before) % CODES > after + 1 - before)
			return 11;
		pause();
	}
	return 0;
}

/* ---- address spaces ---- */

static int spaces(void)
{
	fill();
	for (unsigned s = 0; s < SPACES; s++)
		leaf[s][0] = pte(code[s], RX);
	sfence(0, 0, 0);
	for (unsigned i = 0; i < ROUNDS * 2; i++) {
		unsigned s = i * 7 / 3 % SPACES;
		set_satp(satp(root[s], s + 1));
		if (call(window(0, 0)) != s || *(volatile uint32_t *)window(0, 0) != code[s][0])
			return 20;
	}
	/* more ASIDs than anyone keeps; all of space 0, and then of space 1 */
	for (unsigned i = 0; i < ROUNDS; i++) {
		unsigned s = i / 100 % 2, asid = 100 * s + i % 100 + 10;
		set_satp(satp(root[s], asid));
		if (call(window(0, 0)) != s)
			return 21;
	}
	/* one ASID for two spaces in turn, with the fence that this asks for */
	for (unsigned i = 0; i < ROUNDS; i++) {
		unsigned s = i % 2;
		set_satp(satp(root[s], 9));
		sfence(2 * (i / 2), 0, 9);
		if (call(window(0, 0)) != s)
			return 22;
	}
	/* a leaf of a space that is not the current one changes */
	for (unsigned i = 0; i < ROUNDS; i++) {
		leaf[1][0] = pte(code[i % CODES], RX);
		sfence(2 + i % 2, WINDOW, 2);
		set_satp(satp(root[1], 2));
		if (call(window(0, 0)) != i % CODES)
			return 23;
		set_satp(satp(root[0], 1));
		if (call(window(0, 0)) != 0)
			return 24;
	}
	return 0;
}

/* a0, a1: two values for satp: `csrw satp, a1` in the middle of code that is at one address in both spaces; back in time */
static int switching_code(void)
{
	for (unsigned n = 0; n < 2; n++) {
		code[n][0] = 0x18059073u;	/* csrw satp, a1 */
		put(n, 1, 200 + n);
		leaf[n][0] = pte(code[n], RX);
	}
	fence_i();
	sfence(0, 0, 0);
	for (unsigned i = 0; i < ROUNDS; i++) {
		unsigned to = (i & 1) ^ 1;
		long v = ((long (*)(uint64_t, uint64_t))window(0, 0))(0, satp(root[to], to + 1));
		if (v != 200 + to)
			return 27;
	}
	set_satp(satp(root[0], 1));
	return 0;
}

/* ---- global entries, in both halves ---- */

static int globals(void)
{
	fill();
	for (unsigned i = 0; i < ROUNDS; i++) {
		unsigned n = i % CODES;
		/* page 1 of both halves is the same in all spaces, page 0 each space's own */
		for (unsigned s = 0; s < SPACES; s++) {
			leaf[s][1] = high_leaf[s][1] = pte(code[n], RX | G);
			if (i == 0)
				leaf[s][0] = high_leaf[s][0] = pte(code[s], RX);
		}
		sfence(i == 0 ? 0 : 1, WINDOW + PAGE, 0);
		sfence(1, HIGH + PAGE, 0);
		for (unsigned k = 0; k < SPACES; k++) {
			unsigned s = (i + k) % SPACES;
			set_satp(satp(root[s], s + 1));
			if (call(window(1, 0)) != n || call((void *)(HIGH + PAGE)) != n)
				return 30;
			if (i & 1 && (call(window(0, 0)) != s || call((void *)HIGH) != s))
				return 31;
		}
	}
	set_satp(satp(root[0], 1));
	return 0;
}

/* ---- from page to page ---- */

#define LAST 1023				/* a page's last word */

/* An instruction in two pages, of which the first, the second or both are mapped elsewhere */
static int crossing(void)
{
	for (unsigned n = 0; n < 4; n++) {
		uint16_t *end = (uint16_t *)code[n] + 2047, *start = (uint16_t *)code[n + 4];
		/* c.li a0, n; addi a0 or a1, x0, immediate 256 more for each second page; ret */
		end[-1] = C_LI_A0(n);
		end[0] = (uint16_t)ADDI(n & 1 ? 11u : 10u, 0u, 0);
		start[0] = (uint16_t)(LI_A0(256 * (n + 1)) >> 16);
		start[1] = C_RET;
	}
	fence_i();
	leaf[0][0] = leaf[0][1] = 0;
	sfence(0, 0, 0);
	for (unsigned i = 0; i < ROUNDS; i++) {
		unsigned first = i / 3 % 4, second = i / 2 % 4;
		const void *at = window(0, 4092);
		leaf[0][0] = pte(code[first], RX);
		sfence(i, WINDOW, 1);
		leaf[0][1] = pte(code[second + 4], RX);
		sfence(i / 4, WINDOW + PAGE, 1);
		if (call(at) != (first & 1 ? first : 256 * (second + 1)))
			return 40;
		if (i % 5)
			continue;
		leaf[0][1] = 0;
		sfence(1, WINDOW + PAGE, 0);
		call(at);
		if (!faulted(12, window(0, 4094), window(1, 0)))
			return 41;
		expect_mend(&leaf[0][1], pte(code[second + 4], RX));
		if (call(at) != (first & 1 ? first : 256 * (second + 1)) || !faulted(12, window(0, 4094), window(1, 0)))
			return 42;
		leaf[0][0] = 0;
		sfence(1, WINDOW, 0);
		call(window(0, 4094));
		if (!faulted(12, window(0, 4094), window(0, 4094)))
			return 43;
	}
	return 0;
}

/* Out of a page by falling off its end, by jal, by a branch, by an indirect jump: into a page that changes */
static int leaving(void)
{
	fill();
	code[8][LAST] = NOP;
	code[8][0] = jal(0, 4096);
	code[8][64] = jal(0, 4096 - 256);
	code[8][128] = 0x1597u;			/* auipc a1, 1 */
	code[8][129] = 0xe0058067u;		/* jr -512(a1) */
	code[8][1000] = 0x6000063u;		/* beq x0, x0, +96 */
	fence_i();
	leaf[0][0] = pte(code[8], RX);
	sfence(0, 0, 0);
	static const unsigned from[] = { LAST * 4, 0, 64 * 4, 128 * 4, 1000 * 4 };
	for (unsigned i = 0; i < ROUNDS; i++) {
		unsigned n = i % 8, how = i / 8 % 5;
		leaf[0][1] = pte(code[n], RX);
		sfence(i, WINDOW + PAGE, 1);
		for (unsigned k = i % 100 ? 1 : 200; k-- > 0;)
			if (call(window(0, from[how])) != n)
				return 50 + how;
		if (i % 3)
			continue;
		leaf[0][1] = 0;
		sfence(i / 3, WINDOW + PAGE, 1);
		call(window(0, from[how]));
		if (!faulted(12, window(1, 0), window(1, 0)))
			return 55 + how;
		expect_mend(&leaf[0][1], pte(code[(n + 1) % 8], RX));
		if (call(window(0, from[how])) != (n + 1) % 8 || !faulted(12, window(1, 0), window(1, 0)))
			return 60 + how;
	}
	return 0;
}

/* ---- permission ---- */

/* Each leaf that takes away the right to execute, under code that runs all the time; reads go on */
static int permission(void)
{
	fill();
	for (unsigned i = 0; i < ROUNDS; i++) {
		uint64_t good = pte(code[i % CODES], RX);
		const uint64_t bad[] = { 0, good & ~(uint64_t)XX, good & ~(uint64_t)V, good | U, good & ~(uint64_t)A,
			(good | W) & ~(uint64_t)R };
		uint64_t to = bad[i % 6];
		leaf[0][0] = good;
		sfence(i, WINDOW, 1);
		if (call(window(0, 0)) != i % CODES)
			return 79;
		leaf[0][0] = to;
		sfence(i / 2, WINDOW, 1);
		call(window(0, 0));
		if (!faulted(12, window(0, 0), window(0, 0)))
			return 70 + i % 6;
		if (i % 6 == 1 && *(volatile uint32_t *)window(0, 0) != code[i % CODES][0])
			return 76;
		/* the middle of a block that was translated, too */
		call(window(0, 4));
		if (!faulted(12, window(0, 4), window(0, 4)))
			return 77;
		expect_mend(&leaf[0][0], good);
		if (call(window(0, 0)) != i % CODES || !faulted(12, window(0, 0), window(0, 0)))
			return 78;
	}
	return 0;
}

/* An address that no page table can hold, one outside memory, one in a large page that is not aligned */
static int nowhere(void)
{
	for (unsigned i = 0; i < ROUNDS; i++) {
		void *far = (void *)(0x4000000000ul + (uint64_t)i * 2);
		call(far);
		if (!faulted(12, far, far))
			return 80;
		leaf[0][2] = pte((void *)0x5000000000ul, RX);
		sfence(1, WINDOW + 2 * PAGE, 0);
		call(window(2, 2 * (i % 2000)));
		if (!faulted(1, window(2, 2 * (i % 2000)), window(2, 2 * (i % 2000))))
			return 81;
		void *large = (void *)(WINDOW + (2 << 20) + 2 * (uint64_t)i);
		middle[0][1] = pte(code[1], RX);
		sfence(0, 0, 0);
		call(large);
		if (!faulted(12, large, large))
			return 82;
	}
	return 0;
}

static long run(uint64_t hart)
{
	__asm__ volatile("mv tp, %0" :: "r"(hart));
	if (hart == 0) {
		fill();
		leaf[0][0] = pte(code[0], RX);
		sfence(0, 0, 0);
	}
	meet(&all, HARTS);
	fence_i();
	sfence(0, 0, 0);
	CSR_SET(sie, SIE_SOFTWARE);
	CSR_SET(sstatus, SSTATUS_SIE);
	int bad = other_harts((unsigned)hart);
	if (bad)
		finish((uint64_t)bad);
	meet(&all, HARTS);
	CSR_CLEAR(sstatus, SSTATUS_SIE);
	if (hart)
		return 0;
	return leaves() ?: under_itself() ?: spaces() ?: switching_code() ?: globals() ?: crossing() ?: leaving() ?:
		permission() ?: nowhere();
}

int main(uint64_t hart)
{
	if (hart >= HARTS)
		return 0;
	for (unsigned s = 0; hart == 0 && s < SPACES; s++) {
		map_self(root[s]);
		root[s][1] = pte(middle[s], V);
		middle[s][0] = pte(leaf[s], V);
		root[s][256] = pte(high_middle[s], V);
		high_middle[s][0] = pte(high_leaf[s], V);
	}
	meet(&all, HARTS);
	return (int)supervisor(run, hart, satp(root[0], 1));
}

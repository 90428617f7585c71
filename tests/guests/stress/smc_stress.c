// SPDX-License-Identifier: Apache-2.0
/*
 * Self-modifying code in its many forms: what is changed, by which store, through which address, from which hart. Each
 * check has a number, which is the exit status if it fails.
 */
#include "super.h"

#ifndef ROUNDS
#define ROUNDS 4000u
#endif
#ifndef HARTS
#define HARTS 2
#endif
#define IMM(i) ((i) & 0x7ffu)		/* what fits an immediate, not negative */

#define PAGES 64
static uint32_t page[PAGES][1024] PAGE_ALIGNED;
#define ALIAS 0x40000000ul		/* the same pages, twice more */
#define ALIAS2 (ALIAS + PAGES * PAGE)
#define AT(base, p) ((void *)((base) + ((uint64_t)(p) - (uint64_t)page)))

static uint64_t root[512] PAGE_ALIGNED, middle[512] PAGE_ALIGNED, leaf[512] PAGE_ALIGNED;

/* ---- in one's own way ---- */

/* Each stores instruction a0 somewhere in its own straight line and executes it. */
long patch_next(uint64_t insn), patch_later(uint64_t insn), patch_before(uint64_t insn), patch_halves(uint64_t insn);
long patch_pair(uint64_t insns);
__asm__(".text\n.option push\n.option norvc\n.balign 64\n"
	"patch_next:	lla a1, 1f\n sw a0, (a1)\n fence.i\n"
	"1:	nop\n ret\n"
	"patch_later:	lla a1, 1f\n li a2, 1\n sw a0, (a1)\n addi a2, a2, 2\n fence.i\n addi a2, a2, 4\n add a2, a2, a2\n"
	"1:	nop\n addi a2, a2, -14\n add a0, a0, a2\n ret\n"
	/* what has been executed already, again after the store */
	"patch_before:	lla a1, 1f\n li a2, 2\n mv a3, a0\n"
	"1:	nop\n addi a2, a2, -1\n beqz a2, 2f\n sw a3, (a1)\n fence.i\n j 1b\n"
	"2:	li a4, 0x13\n sw a4, (a1)\n fence.i\n ret\n"
	"patch_halves:	lla a1, 1f\n srli a2, a0, 16\n sh a0, (a1)\n sh a2, 2(a1)\n fence.i\n"
	"1:	nop\n ret\n"
	".balign 8\n"
	"patch_pair:	lla a1, 1f\n nop\n sd a0, (a1)\n fence.i\n nop\n nop\n"
	"1:	nop\n nop\n ret\n"
	".option pop\n");

static int own_line(void)
{
	for (unsigned i = 0; i < ROUNDS; i++) {
		uint32_t li = LI_A0(IMM(i));
		if (patch_next(li) != IMM(i))
			return 1;
		if (patch_later(li) != IMM(i))
			return 2;
		if (patch_before(li) != IMM(i))
			return 3;
		if (patch_halves(li) != IMM(i))
			return 4;
		/* two short instructions in the place of a long one: c.li a0, n; c.nop */
		if (patch_next(C_NOP << 16 | C_LI_A0(i & 31)) != (i & 31))
			return 5;
		if (patch_pair((uint64_t)ADDI(10u, 10u, 3) << 32 | li) != IMM(i) + 3)
			return 6;
	}
	return 0;
}

/* ---- the target of a hot jump ---- */

/*
 * a: j b; b: li a0, i; ret. Either is changed while the other leads to it, or comes from it. c stands where a may be led
 * instead.
 */
static int linked(void)
{
	uint32_t *a = page[0], *b = page[0] + 100, *c = page[0] + 200;
	a[0] = jal(0, 400);
	b[0] = LI_A0(0);
	b[1] = c[1] = RET;
	c[0] = LI_A0(0x7ff);
	fence_i();
	for (unsigned i = 0; i < ROUNDS; i++) {
		b[0] = LI_A0(IMM(i));
		fence_i();
		/* many times with no change, so that a faster engine takes it up */
		for (unsigned k = i % 64 ? 0 : 1000; k-- > 0;)
			if (call(a) != IMM(i))
				return 10;
		if (call(a) != IMM(i) || call(b) != IMM(i))
			return 11;
		if (i % 8 == 0) {
			a[0] = jal(0, 800);
			fence_i();
			if (call(a) != 0x7ff)
				return 12;
			a[0] = jal(0, 400);
			fence_i();
			if (call(a) != IMM(i))
				return 13;
		}
	}
	return 0;
}

/* A loop of two blocks in generated code, whose step is changed between runs: sum of n steps */
static int loop(void)
{
	uint32_t *f = page[1];
	f[0] = ADDI(11u, 10u, 0);	/* mv a1, a0 */
	f[1] = LI_A0(0);
	f[2] = ADDI(10u, 10u, 1);	/* the step */
	f[3] = jal(0, 0x100 - 12);
	f[0x40] = ADDI(11u, 11u, -1 & 0xfff);
	f[0x41] = 0x58463u;		/* beqz a1, +8 */
	f[0x42] = jal(0, 8 - 0x108);
	f[0x43] = RET;
	fence_i();
	for (unsigned i = 0; i < ROUNDS / 4; i++) {
		unsigned step = i % 1000 + 1;
		f[2] = ADDI(10u, 10u, step);
		fence_i();
		if (call1(f, 100) != 100 * step)
			return 20;
	}
	return 0;
}

/* ---- data and code in one page ---- */

/* Code that counts in a word of its own 64 bytes, with a step that changes now and then */
static int counting(void)
{
	uint32_t *f = page[2];
	volatile uint32_t *count = f + 8, *far = f + 900;
	uint64_t wanted = 0;
	*count = 0;
	f[0] = 0x517u;			/* auipc a0, 0 */
	f[1] = 0x2052583u;		/* lw a1, 32(a0) */
	f[3] = 0x2b52023u;		/* sw a1, 32(a0) */
	f[4] = ADDI(10u, 11u, 0);
	f[5] = RET;
	for (unsigned i = 0; i < ROUNDS * 4; i++) {
		if (i % 16 == 0) {
			f[2] = ADDI(11u, 11u, IMM(i));
			fence_i();
		}
		wanted += IMM(i - i % 16);
		*far = i;
		if (call(f) != (long)(int32_t)wanted || *count != (uint32_t)wanted || *far != i)
			return 30;
		switch (i % 7) {	/* other ways to write beside code; the words around are checked by executing them */
		case 0:
			__atomic_fetch_add(count, 5, __ATOMIC_SEQ_CST);
			wanted += 5;
			break;
		case 1:
			((volatile uint8_t *)f)[64] = (uint8_t)i;
			break;
		case 2:
			*(volatile uint64_t *)(f + 10) = ~(uint64_t)i;
			break;
		}
	}
	return 0;
}

/* ---- every kind of store ---- */

static void zero_block(void *at) { __asm__ volatile("cbo.zero (%0)" :: "r"(at) : "memory"); }
static volatile uint64_t illegal_at;	/* where the last illegal instruction was */

static int stores(void)
{
	uint32_t *f = page[3];
	for (unsigned i = 0; i < ROUNDS; i++) {
		uint32_t old, failed, li = LI_A0(IMM(i));
		uint64_t both = (uint64_t)RET << 32 | li;
		f[0] = LI_A0(0x7ff);
		f[1] = RET;
		fence_i();
		if (call(f) != 0x7ff)
			return 40;
		switch (i % 10) {
		case 0: __asm__ volatile("amoswap.w x0, %1, (%0)" :: "r"(f), "r"(li) : "memory"); break;
		case 1: __asm__ volatile("amoxor.d x0, %1, (%0)" :: "r"(f), "r"((uint64_t)(f[0] ^ li)) : "memory"); break;
		case 2:
			__asm__ volatile("1: lr.w %0, (%2)\n sc.w %1, %3, (%2)\n bnez %1, 1b"
				: "=&r"(old), "=&r"(failed) : "r"(f), "r"(li) : "memory");
			break;
		case 3: __asm__ volatile("fmv.w.x ft0, %1\n fsw ft0, (%0)" :: "r"(f), "r"(li) : "ft0", "memory"); break;
		case 4: __asm__ volatile("fmv.d.x ft0, %1\n fsd ft0, (%0)" :: "r"(f), "r"(both) : "ft0", "memory"); break;
		case 5: __asm__ volatile("sb %1, 2(%0)\n sb %2, 3(%0)" :: "r"(f), "r"(li >> 16), "r"(li >> 24) : "memory"); break;
		case 6: __asm__ volatile("sh %1, 2(%0)" :: "r"(f), "r"(li >> 16) : "memory"); break;
		case 7:
			__asm__ volatile("mv a5, %0\n mv a4, %1\n c.sw a4, 0(a5)" :: "r"(f), "r"(li) : "a4", "a5", "memory");
			break;
		case 8:	/* misaligned: the upper half of the first, the lower of the second */
			__asm__ volatile("sw %1, 2(%0)" :: "r"(f), "r"(RET << 16 | li >> 16) : "memory");
			break;
		default:
			zero_block((void *)((uint64_t)f & -64ul));
			fence_i();
			illegal_at = 0;
			call(f);
			if (illegal_at != (uint64_t)f)
				return 41;
			*(volatile uint64_t *)f = both;
		}
		fence_i();
		if (call(f) != IMM(i))
			return 42 + i % 10;
	}
	return 0;
}

/* ---- one function at many addresses, over each other ---- */

/* li a0, n; some times addi a0, a0, 1; ret: at any even address, across pages as it falls; then with a ret in its middle */
static int copies(void)
{
	uint64_t seed = 88172645463325252ul;
	for (unsigned i = 0; i < ROUNDS * 2; i++) {
		uint64_t r = random_next(&seed);
		unsigned n = r & 0x3ff, more = r >> 10 & 15, cut = r >> 14 & 15;
		uint8_t *at = (uint8_t *)page[4] + (r >> 18) % ((PAGES - 5) * PAGE) / 2 * 2, *to = at, *middle_at = at;
		put32(to, LI_A0(n));
		to += 4;
		for (unsigned k = 0; k < more; k++) {
			if (k == cut)
				middle_at = to;
			if (r >> (40 + k) & 1) {
				put32(to, ADDI(10u, 10u, 1));
				to += 4;
			} else {
				*(volatile uint16_t *)to = 0x0505;	/* c.addi a0, 1 */
				to += 2;
			}
		}
		*(volatile uint16_t *)to = C_RET;
		fence_i();
		if (call(at) != n + more)
			return 60;
		if (cut >= more)
			continue;
		*(volatile uint16_t *)middle_at = C_RET;
		fence_i();
		if (call(at) != n + cut)
			return 61;
	}
	return 0;
}

/* ---- on a page's border ---- */

/* li a0, 5; then an instruction that lies in both pages, of which one half is changed; ret */
static int border(void)
{
	for (unsigned i = 0; i < ROUNDS; i++) {
		unsigned p = 10 + i % 4;
		volatile uint16_t *second = (uint16_t *)page[p + 1], *first = second - 1;
		uint32_t insn = ADDI(10u, 0u, IMM(i)), other = ADDI(11u, 0u, IMM(i));
		if (i < 4) {
			first[-1] = C_LI_A0(5);
			put32((void *)first, insn);
			second[1] = C_RET;
			fence_i();
		}
		second[0] = (uint16_t)(insn >> 16);
		fence_i();
		if (call((void *)(first - 1)) != IMM(i))
			return 70;
		second[0] = (uint16_t)(ADDI(10u, 0u, IMM(~i)) >> 16);
		fence_i();
		if (call((void *)(first - 1)) != IMM(~i))
			return 74;
		second[0] = (uint16_t)(insn >> 16);
		first[0] = (uint16_t)other;	/* now it sets a1 */
		fence_i();
		if (call((void *)(first - 1)) != 5)
			return 71;
		first[0] = (uint16_t)insn;
		second[100] = (uint16_t)i;
		first[-100] = (uint16_t)i;
		fence_i();
		if (call((void *)(first - 1)) != IMM(i))
			return 72;
		/* by one store across the border */
		put32((void *)first, NOP);
		*(volatile uint32_t *)first = ADDI(10u, 10u, IMM(i) >> 1);
		fence_i();
		if (call((void *)(first - 1)) != 5 + (IMM(i) >> 1))
			return 73;
		first[0] = (uint16_t)insn;
		second[0] = (uint16_t)(insn >> 16);
	}
	return 0;
}

/* ---- through other addresses ---- */

static int alias(void)
{
	const uint64_t base[] = { (uint64_t)page, ALIAS, ALIAS2 };
	for (unsigned i = 0; i < ROUNDS; i++) {
		unsigned write = i % 3, p = 20 + i % 2;
		uint32_t *f = page[p] + 512;
		uint16_t *over = (uint16_t *)page[24] - 1;
		*(volatile uint32_t *)AT(base[write], f) = LI_A0(IMM(i));
		*(volatile uint32_t *)AT(base[(write + 1) % 3], f + 1) = RET;
		put32(AT(base[write], over), LI_A0(IMM(i + 1)));
		*(volatile uint16_t *)AT(base[(write + 2) % 3], over + 2) = C_RET;
		fence_i();
		for (unsigned k = 0; k < 3; k++)
			if (call(AT(base[k], f)) != IMM(i) || call(AT(base[k], over)) != IMM(i + 1))
				return 80 + write;
	}
	return 0;
}

/* ---- from hart to hart ---- */

static struct barrier all;
static uint32_t version[HARTS], acked[HARTS];	/* of the function that the hart writes; up to which the hart has fenced */

static unsigned watched(unsigned hart) { return (hart + HARTS - 1) % HARTS; }

void trap(struct frame *f)
{
	uint64_t cause = CSR_READ(scause);
	if (cause == 2) {	/* on hart 0 alone: back to the caller */
		illegal_at = f->pc;
		f->pc = X(f, 1);
		return;
	}
	if (cause != (INTERRUPT | 1))
		finish(1000 + cause);
	unsigned hart = (unsigned)X(f, 4);
	CSR_CLEAR(sip, SIE_SOFTWARE);
	uint32_t v = LOAD(&version[watched(hart)]);
	fence_i();
	STORE(&acked[hart], v);
}

static bool not_after(uint32_t a, uint32_t b) { return ((b - a) & 0x7ff) < 0x400; }

/*
 * Each hart changes its function, interrupts the next hart, which fences, and waits; meanwhile it calls the function of the
 * hart before. From its own fence on it may see no older version.
 */
static int handshake(unsigned hart)
{
	unsigned next = (hart + 1) % HARTS, other = watched(hart);
	for (unsigned i = 1; i <= ROUNDS; i++) {
		put32(page[30] + 16 * hart, LI_A0(IMM(i)));	/* aligned: two halves, of which the lower never changes */
		STORE(&version[hart], i);
		send_ipi(next);
		do {
			uint32_t before = LOAD(&acked[hart]);
			long v = call(page[30] + 16 * other);
			if (!not_after(IMM(before), (uint32_t)v) || !not_after((uint32_t)v, IMM(LOAD(&version[other]) + 1)))
				return 90;
			pause();
		} while (LOAD(&acked[next]) != i);
	}
	return 0;
}

static long run(uint64_t hart)
{
	int bad = 0;
	__asm__ volatile("mv tp, %0" :: "r"(hart));
	page[30][16 * hart] = LI_A0(0);
	page[30][16 * hart + 1] = RET;
	meet(&all, HARTS);
	fence_i();
	CSR_SET(sie, SIE_SOFTWARE);
	CSR_SET(sstatus, SSTATUS_SIE);
	bad = handshake((unsigned)hart);
	if (bad)
		finish((uint64_t)bad);
	meet(&all, HARTS);
	CSR_CLEAR(sstatus, SSTATUS_SIE);
	if (hart)
		return 0;
	return own_line() ?: linked() ?: loop() ?: counting() ?: stores() ?: copies() ?: border() ?: alias();
}

int main(uint64_t hart)
{
	if (hart >= HARTS)
		return 0;
	if (hart == 0) {
		map_self(root);
		root[1] = pte(middle, V);
		middle[0] = pte(leaf, V);
		for (unsigned i = 0; i < 2 * PAGES; i++)
			leaf[i] = pte(page[i % PAGES], V | R | W | XX | A | D);
	}
	meet(&all, HARTS);
	return (int)supervisor(run, hart, satp(root, 0));
}

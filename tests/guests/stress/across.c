// SPDX-License-Identifier: Apache-2.0
/*
 * A loop that calls what lies in the next page, which is mapped elsewhere, away, beside itself and written to while it runs. Each check has a
 * number, which is the exit status if it fails.
 */
#include "super.h"

#define WINDOW 0x40000000ul	/* the loop's page, and behind it the page of what it calls */
#define CODES 4
#define RX (V | R | XX | A)

static uint64_t root[2][512] PAGE_ALIGNED, middle[2][512] PAGE_ALIGNED, leaf[2][512] PAGE_ALIGNED;
static uint8_t loop_page[PAGE] PAGE_ALIGNED, code[CODES][PAGE] PAGE_ALIGNED;

/*
 * long loop(count, sum, ..): calls the next page's beginning for count, count - 1 and so on to 1; what stands there adds to sum, which is
 * returned. `adding` adds the number behind it and notes in a4 where it is; `remapping` adds what its immediate says, and maps and fences before that when
 * the count is `at`.
 */
extern const uint8_t loop_code[], loop_end[], adding[], adding_end[], remapping[], remapping_end[];
__asm__(".pushsection .rodata\n.balign 8\n.option push\n.option norvc\n"
	"loop_code:\n"
	"	addi	sp, sp, -16\n"
	"	sd	ra, 0(sp)\n"
	"1:	jal	ra, loop_code + 4096\n"
	"	addi	a0, a0, -1\n"
	"	bnez	a0, 1b\n"
	"	ld	ra, 0(sp)\n"
	"	addi	sp, sp, 16\n"
	"	mv	a0, a1\n"
	"	sd	a4, 0(a2)\n"
	"	ret\n"
	"loop_end:\n"
	".balign 8\n"
	"adding:\n"
	"	auipc	a4, 0\n"
	"	ld	a3, 24(a4)\n"
	"	add	a1, a1, a3\n"
	"	ret\n"
	"	nop\n"
	"	nop\n"
	"adding_end:\n"		/* the number */
	"remapping:\n"		/* a5: at, a6: the leaf, a7: where it goes */
	"	bne	a0, a5, 1f\n"
	"	sd	a6, 0(a7)\n"
	"	sfence.vma\n"
	"1:	addi	a1, a1, 0\n"
	"	ret\n"
	"remapping_end:\n"
	".option pop\n.popsection\n");
#define ADDI_A1 3	/* which word of `remapping` */

static uint64_t where;	/* a4 of the last call */
static struct { uint64_t cause, pc, mend; } fault;

static void copy(void *to, const uint8_t *from, const uint8_t *end)
{
	for (volatile uint8_t *t = to; from < end; from++)
		*t++ = *from;
}

static void put_adding(uint8_t *to, uint64_t number)
{
	copy(to, adding, adding_end);
	*(volatile uint64_t *)(to + (adding_end - adding)) = number;
}

static void put_remapping(uint8_t *to, unsigned number)
{
	copy(to, remapping, remapping_end);
	((volatile uint32_t *)to)[ADDI_A1] = ADDI(11u, 11u, number);
}

static long loop(uint64_t count, uint64_t at, uint64_t entry, uint64_t *to)
{
	register uint64_t a0 __asm__("a0") = count, a1 __asm__("a1") = 0, a2 __asm__("a2") = (uint64_t)&where, a5 __asm__("a5") = at,
		a6 __asm__("a6") = entry, a7 __asm__("a7") = (uint64_t)to;
	__asm__ volatile("jalr ra, 0(%[loop])"
			 : "+r"(a0), "+r"(a1) : "r"(a2), "r"(a5), "r"(a6), "r"(a7), [loop] "r"(WINDOW) : "ra", "a3", "a4", "memory");
	return (long)a0;
}

static bool adds(uint64_t count, uint64_t number)
{
	where = 0;
	return loop(count, 0, 0, NULL) == (long)(count * number) && where == WINDOW + PAGE;
}

/* A fault at the next page's beginning: maps it, and tries again. */
void trap(struct frame *f)
{
	fault.cause = CSR_READ(scause);
	fault.pc = f->pc;
	if (fault.cause != 12 || !fault.mend)
		finish(1000 + fault.cause);
	leaf[0][1] = fault.mend;
	fault.mend = 0;
	sfence(1, fault.pc, 0);
}

static void map(unsigned space, const void *to)
{
	leaf[space][1] = pte(to, RX);
}

static unsigned counts(unsigned i) { return i % 10 ? 500 : 50000; }	/* now and then so many that a faster engine takes it up */

static int remapped(void)
{
	for (unsigned n = 0; n < CODES; n++)
		put_adding(code[n], n + 1);
	fence_i();
	for (unsigned i = 0; i < 200; i++) {
		map(0, code[i % CODES]);
		sfence(i / CODES, WINDOW + PAGE, 1);
		if (!adds(counts(i), i % CODES + 1))
			return 1;
	}
	return 0;
}

static int switched(void)
{
	map(0, code[0]);
	map(1, code[1]);
	sfence(0, 0, 0);
	for (unsigned i = 0; i < 200; i++) {
		CSR_WRITE(satp, satp(root[i % 2], 1 + i % 2));
		if (!adds(counts(i / 2), i % 2 + 1))
			return 2;
	}
	CSR_WRITE(satp, satp(root[0], 1));
	return 0;
}

static int unmapped(void)
{
	for (unsigned i = 0; i < 100; i++) {
		leaf[0][1] = 0;
		sfence(i, WINDOW + PAGE, 1);
		fault.cause = 0;
		fault.mend = pte(code[i % CODES], RX);
		if (!adds(counts(i), i % CODES + 1) || fault.cause != 12 || fault.pc != WINDOW + PAGE)
			return 3;
	}
	return 0;
}

/* What follows the fence comes from the new page, and so do the calls behind it. */
static int remapped_within(void)
{
	put_remapping(code[0], 1);
	put_remapping(code[1], 2);
	fence_i();
	for (unsigned i = 0; i < 200; i++) {
		unsigned from = i % 2, n = counts(i), at = n - n / 3;
		map(0, code[from]);
		sfence(0, 0, 0);
		if (loop(n, at, pte(code[!from], RX), &leaf[0][1]) != (long)((n - at) * (from + 1) + at * (!from + 1)))
			return 4;
	}
	return 0;
}

static int written(void)
{
	for (unsigned i = 0; i < 200; i++) {
		map(0, code[2]);
		put_adding(code[2], 5 + i % 7);
		sfence(0, 0, 0);
		fence_i();
		if (!adds(counts(i), 5 + i % 7))
			return 5;
	}
	return 0;
}

/* The loop's own page stands behind itself, with what is called in its second half. */
static int beside_itself(void)
{
	uint32_t *first = (uint32_t *)(void *)loop_page, *called = (uint32_t *)(void *)(loop_page + 2048);
	uint32_t was = first[2];
	put_adding((uint8_t *)called, 9);
	first[2] = jal(1, PAGE - 8 + 2048);
	map(0, loop_page);
	sfence(0, 0, 0);
	fence_i();
	for (unsigned i = 0; i < 20; i++)
		if (loop(counts(i), 0, 0, NULL) != (long)counts(i) * 9 || where != WINDOW + PAGE + 2048)
			return 6;
	first[2] = was;
	fence_i();
	return 0;
}

static long run(uint64_t hart)
{
	(void)hart;
	int failed = 0;
	for (unsigned round = 0; round < 2 && !failed; round++) {
		copy(loop_page, loop_code, loop_end);
		fence_i();
		int (*const check[])(void) = { remapped, switched, unmapped, remapped_within, written, beside_itself };
		for (unsigned i = 0; i < sizeof check / sizeof *check && !failed; i++)
			failed = check[i]();
	}
	return failed;
}

int main(uint64_t hart)
{
	if (hart)
		return 0;
	for (unsigned s = 0; s < 2; s++) {
		map_self(root[s]);
		root[s][1] = pte(middle[s], V);
		middle[s][0] = pte(leaf[s], V);
		leaf[s][0] = pte(loop_page, RX);
	}
	return (int)supervisor(run, hart, satp(root[0], 1));
}

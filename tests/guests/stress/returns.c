// SPDX-License-Identifier: Apache-2.0
/*
 * Calls and returns that do not match: deeper than any record of return addresses, frames that are left all at once, coroutines, returns to
 * another address; and code that is remapped, rewritten or in another address space when it is returned to.
 */
#include "super.h"

#ifndef ROUNDS
#define ROUNDS 2000u
#endif
#ifndef DEPTH
#define DEPTH 20000u
#endif
#define TEST_VA 0x40007000ul
#define TEST_PAGE 7			/* its index in the last table */
#define INDIRECT 64			/* in words: the form of the caller with an indirect call */

static uint64_t root[2][512] PAGE_ALIGNED, middle[2][512] PAGE_ALIGNED, leaf[2][512] PAGE_ALIGNED;
static uint32_t code[2][1024] PAGE_ALIGNED;
static uint64_t stack[DEPTH * 2 + 64], other_stack[64];

void trap(struct frame *f)
{
	(void)f;
	finish(1000 + CSR_READ(scause));
}

static void check(bool good, unsigned status)
{
	if (!good)
		finish(status);
}

/* ---- what assembly does to its return addresses ---- */
uint64_t on_stack(uint64_t (*fn)(uint64_t), uint64_t arg, uint64_t *top);
uint64_t sum_down(uint64_t n);
uint64_t leap(uint64_t depth);
uint64_t skip(uint64_t n);
uint64_t swap_turns(uint64_t n, uint64_t *top);
uint64_t same_offset(uint64_t n);
__asm__(".text\n.option push\n.option norvc\n"
	/* n times: a call to another page, which jumps to as far into its page as the place behind the call is into its own */
	".option push\n.option norelax\n.balign 4096\nsame_offset: mv t2, ra\n lla t3, 4f\n li t1, 0\n"
	"1: jal 3f\n addi t1, t1, 1\n addi a0, a0, -1\n bgtz a0, 1b\n mv a0, t1\n jr t2\n"
	".balign 4096\n3: jr t3\n .fill 4, 4, 0x13\n 4: addi t1, t1, 1000\n ret\n.option pop\n"
	"on_stack: addi sp, sp, -16\n sd ra, 0(sp)\n sd s0, 8(sp)\n mv s0, sp\n mv sp, a2\n mv t1, a0\n mv a0, a1\n jalr t1\n"
	" mv sp, s0\n ld ra, 0(sp)\n ld s0, 8(sp)\n addi sp, sp, 16\n ret\n"
	/* n + (n - 1) + … + 1, a frame each; the recursive call is direct for odd n, indirect for even n */
	"sum_down: beqz a0, 2f\n addi sp, sp, -16\n sd ra, 0(sp)\n sd a0, 8(sp)\n andi t1, a0, 1\n addi a0, a0, -1\n beqz t1, 1f\n"
	" jal sum_down\n j 3f\n 1: lla t1, sum_down\n jalr t1\n 3: ld t1, 8(sp)\n add a0, a0, t1\n ld ra, 0(sp)\n addi sp, sp, 16\n"
	"2: ret\n"
	/* goes `depth` calls down and from there straight back to its caller */
	"leap: addi sp, sp, -32\n sd ra, 0(sp)\n sd s0, 8(sp)\n sd a0, 16(sp)\n mv s0, sp\n lla t2, 2f\n jal 1f\n j fail\n"
	"1: addi sp, sp, -16\n addi a0, a0, -1\n bgtz a0, 3f\n jr t2\n 3: jal 1b\n j fail\n"
	"2: mv sp, s0\n ld a0, 16(sp)\n ld ra, 0(sp)\n ld s0, 8(sp)\n addi sp, sp, 32\n ret\n"
	/* returns to 4, 8 or 12 bytes behind its call, with bit 0 set, which jalr clears */
	"skip: mv t2, ra\n 1: jal 2f\n addi a0, a0, 100\n addi a0, a0, 200\n addi a0, a0, 400\n jr t2\n"
	"2: slli t1, a0, 2\n add ra, ra, t1\n addi ra, ra, 1\n ret\n"
	/* two coroutines by which n is counted down in turn, each on a stack of its own; a0: how often they changed */
	"swap_turns: addi sp, sp, -48\n sd ra, 0(sp)\n sd s0, 8(sp)\n sd s1, 16(sp)\n sd s2, 24(sp)\n sd s3, 32(sp)\n mv s0, a0\n li s1, 0\n"
	" mv s2, a1\n lla t1, 4f\n sd t1, 0(s2)\n"
	"1: jal 2f\n addi s1, s1, 1\n addi s0, s0, -1\n bgtz s0, 1b\n mv a0, s1\n ld ra, 0(sp)\n ld s0, 8(sp)\n ld s1, 16(sp)\n"
	" ld s2, 24(sp)\n ld s3, 32(sp)\n addi sp, sp, 48\n ret\n"
	/* changes stacks, and with them return addresses */
	"2: addi sp, sp, -16\n sd ra, 0(sp)\n mv t1, sp\n mv sp, s2\n mv s2, t1\n ld ra, 0(sp)\n addi sp, sp, 16\n ret\n"
	"4: jal 2b\n addi s1, s1, 1\n jal 5f\n j 4b\n"
	"5: addi sp, sp, -16\n sd ra, 0(sp)\n jal 2b\n addi s1, s1, 1\n ld ra, 0(sp)\n addi sp, sp, 16\n ret\n"
	"fail: li a0, 99\n j finish\n.option pop\n");

static void mismatches(void)
{
	check(same_offset(5000000) == 5000000 * 1001ul, 15);	/* long enough to be compiled while it runs */
	for (unsigned n = 1; n < DEPTH; n = n * 3 + 1)
		check(on_stack(sum_down, n, &stack[DEPTH * 2 + 48]) == (uint64_t)n * (n + 1) / 2, 10);
	for (unsigned i = 0; i < ROUNDS; i++) {
		check(leap(1 + i % 7) == 1 + i % 7, 11);
		check(sum_down(5) == 15, 12);
		check(skip(0) == 700 && skip(1) == 601 && skip(2) == 402, 13);
		uint64_t turns = 1 + i % 5;
		check(swap_turns(turns, &other_stack[48]) == turns + (turns - 1), 14);
	}
}

/* ---- code that is not the same when it is returned to ---- */

/* A function of one page: calls what a0 says, directly by way of a jump or indirectly, and returns n. */
static void put_caller(uint32_t *at, unsigned n)
{
	const uint32_t f[] = { ADDI(2u, 2u, (uint32_t)-16 & 0xfff), 0x113023u /* sd ra, 0(sp) */, at == code[0] || at == code[1] ?
		jal(1, 24) : 0x500e7u /* jalr a0 */, LI_A0(n), 0x13083u /* ld ra, 0(sp) */, ADDI(2u, 2u, 16), RET, NOP, 0x50067u /* jr a0 */ };
	for (unsigned i = 0; i < sizeof f / sizeof *f; i++)
		at[i] = f[i];
}

static unsigned round_now, expected;

static void nothing(void) {}

static void remap(void)
{
	unsigned to = round_now & 1;
	leaf[0][TEST_PAGE] = pte(code[to], V | R | XX | A);
	sfence(round_now >> 1, TEST_VA, 1);
	expected = 1 + to;
}

static void other_space(void)
{
	CSR_WRITE(satp, satp(root[round_now & 1], 1 + (round_now & 1)));	/* no fence: the ASIDs differ */
	expected = 1 + (round_now & 1);
}

static void rewrite(void)
{
	unsigned n = 3 + round_now % 1000, at = round_now & 1 ? INDIRECT : 0;
	code[0][at + 3] = LI_A0(n);
	fence_i();
	expected = n;
}

static void call_page(unsigned form, void (*callee)(void), unsigned status)
{
	uint64_t result = (uint64_t)call1((const void *)(TEST_VA + form * 4), (uint64_t)callee);
	check(result == expected, status);
}

static void changes(void)
{
	for (unsigned i = 0; i < ROUNDS; i++) {
		round_now = i / 2;
		unsigned form = i & 1 ? INDIRECT : 0;
		call_page(form, remap, 20);
		call_page(form, nothing, 21);
	}
	leaf[0][TEST_PAGE] = pte(code[0], V | R | XX | A);
	leaf[1][TEST_PAGE] = pte(code[1], V | R | XX | A);
	sfence(0, 0, 0);
	for (unsigned i = 0; i < ROUNDS; i++) {
		round_now = i / 2;
		call_page(i & 1 ? INDIRECT : 0, other_space, 22);
	}
	CSR_WRITE(satp, satp(root[0], 1));
	for (round_now = 0; round_now < ROUNDS; round_now++) {
		unsigned form = round_now & 1 ? INDIRECT : 0;
		call_page(form, rewrite, 23);
		call_page(form, nothing, 24);
	}
}

static long run(uint64_t hart)
{
	(void)hart;
	expected = 1;
	call_page(0, nothing, 1);
	mismatches();
	changes();
	return 0;
}

int main(uint64_t hart)
{
	if (hart)
		return 0;
	for (unsigned s = 0; s < 2; s++) {
		put_caller(code[s], 1 + s);
		put_caller(code[s] + INDIRECT, 1 + s);
		map_self(root[s]);
		root[s][1] = pte(middle[s], V);
		middle[s][0] = pte(leaf[s], V);
		leaf[s][TEST_PAGE] = pte(code[s], V | R | XX | A);
	}
	return (int)supervisor(run, 0, satp(root[0], 1));
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A kernel for `calque profile` whose profile is known: `outer` has `hot` execute four times as many instructions as `warm`, and all functions
 * have frame pointers. By macro:
 *	ROUNDS=n	end after so many; else it runs for ever
 *	GONE=n		the same, and something else stands where `hot` was in the end, as when another program has its addresses
 *	USER		all of it in user mode
 *	IDLE		wait for ever instead
 */
#include <stdint.h>

#ifdef GONE
#define ROUNDS GONE
#endif
#define TEST ((volatile uint32_t *)0x100000)
#define HOT_TURNS 4000
#define WARM_TURNS 1000

char stack[16384] __attribute__((aligned(16)));
volatile uint64_t sink;

/* Loops of five instructions, and as many on the way. */
__attribute__((noinline)) void hot(uint64_t n)
{
	uint64_t a = 0, b = 1;
	__asm__ volatile("1: add %0, %0, %1; xor %1, %1, %0; slli %1, %1, 1; addi %2, %2, -1; bnez %2, 1b" : "+r"(a), "+r"(b), "+r"(n));
	sink = a;
}

__attribute__((noinline)) void warm(uint64_t n)
{
	uint64_t a = 0, b = 1;
	__asm__ volatile("1: add %0, %0, %1; xor %1, %1, %0; slli %1, %1, 1; addi %2, %2, -1; bnez %2, 1b" : "+r"(a), "+r"(b), "+r"(n));
	sink = a;
}

/* In a page of its own, as the two above are not. */
__attribute__((noinline, aligned(4096))) void outer(void)
{
	hot(HOT_TURNS);
	warm(WARM_TURNS);
	sink++;
}

__attribute__((used, noinline)) void work(void)
{
#ifdef ROUNDS
	for (unsigned i = 0; i < ROUNDS; i++)
		outer();
#ifdef GONE
	for (volatile uint16_t *p = (volatile uint16_t *)hot; p < (volatile uint16_t *)warm; p++)
		*p = 1;		/* nop */
#endif
	*TEST = 0x5555;
#endif
#ifdef IDLE
	for (;;)
		__asm__ volatile("wfi");
#endif
	for (;;)
		outer();
}

__attribute__((naked, section(".text.init"))) void _start(void)
{
	__asm__ volatile("la sp, stack; li t0, 16384; add sp, sp, t0; li s0, 0\n"
#ifdef USER
			 "la t0, work; csrw sepc, t0; li t0, 0x100; csrc sstatus, t0; sret\n"
#endif
			 "call work");
}

// SPDX-License-Identifier: Apache-2.0
/*
 * Code and data pages that are mapped elsewhere under running code: by changing a leaf and sfence.vma in its several forms, by changing
 * satp (ASIDs), with huge pages. In S-mode; the program itself is mapped one to one by a gigapage.
 */
#include <stdint.h>

#define ROUNDS 2000
#define TEST_VA 0x40000000ul		/* in a table of its own */
enum { V = 1, R = 2, W = 4, X = 8, G = 32, A = 64, D = 128 };

static uint64_t root[2][512] __attribute__((aligned(4096))), middle[2][512] __attribute__((aligned(4096))),
	leaf[2][512] __attribute__((aligned(4096)));
static uint32_t code[2][1024] __attribute__((aligned(4096)));
static uint64_t huge_code[2][262144] __attribute__((aligned(2 << 20)));

static uint64_t pte(const void *to, uint64_t bits) { return (uint64_t)to >> 12 << 10 | bits; }
static uint64_t satp(unsigned space, unsigned asid) { return 8ul << 60 | (uint64_t)asid << 44 | (uint64_t)root[space] >> 12; }
static long call(void) { return ((long (*)(void))TEST_VA)(); }
static void set_satp(uint64_t v) { __asm__ volatile("csrw satp, %0" :: "r"(v) : "memory"); }

static void put(uint32_t *at, unsigned value)
{
	at[0] = 0x513u | value << 20;	/* li a0, value */
	at[1] = 0x8067;			/* ret */
}

static void flush(unsigned how, unsigned asid)
{
	switch (how % 4) {
	case 0: __asm__ volatile("sfence.vma" ::: "memory"); break;
	case 1: __asm__ volatile("sfence.vma %0, x0" :: "r"(TEST_VA) : "memory"); break;
	case 2: __asm__ volatile("sfence.vma x0, %0" :: "r"((uint64_t)asid) : "memory"); break;
	default: __asm__ volatile("sfence.vma %0, %1" :: "r"(TEST_VA), "r"((uint64_t)asid) : "memory");
	}
}

static int changed_leaves(void)
{
	for (unsigned i = 0; i < ROUNDS; i++) {
		leaf[0][0] = pte(code[i & 1], V | R | X | A);
		flush(i >> 1, 1);
		if (call() != (i & 1) + 1 || *(volatile uint32_t *)TEST_VA != code[i & 1][0])
			return 1;
	}
	return 0;
}

static int switched_spaces(void)
{
	leaf[0][0] = pte(code[0], V | R | X | A);
	leaf[1][0] = pte(code[1], V | R | X | A);
	__asm__ volatile("sfence.vma" ::: "memory");
	for (unsigned i = 0; i < ROUNDS; i++) {
		set_satp(satp(i & 1, 1 + (i & 1)));	/* no fence: the ASIDs differ */
		if (call() != (i & 1) + 1 || *(volatile uint32_t *)TEST_VA != code[i & 1][0])
			return 2;
	}
	set_satp(satp(0, 1));
	return 0;
}

/* A store through one mapping changes what another executes */
static int alias(void)
{
	leaf[0][0] = pte(code[0], V | R | X | A);
	leaf[0][1] = pte(code[0], V | R | W | A | D);
	__asm__ volatile("sfence.vma" ::: "memory");
	for (unsigned i = 0; i < ROUNDS; i++) {
		put((uint32_t *)(TEST_VA + 4096), i & 0x7ff);
		__asm__ volatile("fence.i" ::: "memory");
		if (call() != (i & 0x7ff))
			return 3;
	}
	put(code[0], 1);
	return 0;
}

static int huge(void)
{
	put((uint32_t *)huge_code[0], 1);
	put((uint32_t *)huge_code[1], 2);
	for (unsigned i = 0; i < ROUNDS; i++) {
		middle[0][0] = i % 3 == 2 ? pte(leaf[0], V) : pte(huge_code[i & 1], V | R | X | A);
		leaf[0][0] = pte(code[i & 1], V | R | X | A);
		flush(i >> 1, 1);
		if (call() != (i & 1) + 1)
			return 4;
	}
	middle[0][0] = pte(leaf[0], V);
	__asm__ volatile("sfence.vma" ::: "memory");
	return 0;
}

static long supervisor(void)
{
	return changed_leaves() ?: switched_spaces() ?: alias() ?: huge();
}

static long to_supervisor(long (*fn)(void))
{
	long result;
	__asm__ volatile(
		"csrr	s2, mtvec\n la t0, 1f\n csrw mtvec, t0\n"
		"li	t0, 0x1800\n csrc mstatus, t0\n li t0, 0x800\n csrs mstatus, t0\n"
		"la	t0, 2f\n csrw mepc, t0\n csrw satp, %2\n li t0, -1\n csrw pmpaddr0, t0\n li t0, 0x1f\n csrw pmpcfg0, t0\n"
		"mret\n"
		"2: jalr %1\n ecall\n"
		".balign 4\n"
		"1: csrr t0, mcause\n csrw mtvec, s2\n csrw satp, x0\n addi t0, t0, -9\n beqz t0, 3f\n addi a0, t0, 109\n"
		"3: mv %0, a0\n"
		: "=r"(result) : "r"(fn), "r"(satp(0, 1))
		: "memory", "ra", "t0", "t1", "t2", "t3", "t4", "t5", "t6", "a0", "a1", "a2", "a3", "a4", "a5", "a6", "a7", "s2");
	return result;
}

int main(uint64_t hart)
{
	if (hart)
		return 0;
	put(code[0], 1);
	put(code[1], 2);
	for (unsigned s = 0; s < 2; s++) {
		root[s][2] = pte((void *)0x80000000, V | R | W | X | A | D | G);
		root[s][1] = pte(middle[s], V);
		middle[s][0] = pte(leaf[s], V);
	}
	return (int)to_supervisor(supervisor);
}

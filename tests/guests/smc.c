// SPDX-License-Identifier: Apache-2.0
/* Code that changes while it runs: by its own hart, by another, beside data, across a page boundary. */
#include <stdint.h>

#define ROUNDS 3000
#define BROKEN 0xffffffffu
#define RET 0x8067
#define LI_A0(n) (0x513u | (uint32_t)(n) << 20)		/* addi a0, x0, n */
#define PAUSE() __asm__ volatile(".insn 0x0100000f" ::: "memory")

static uint32_t page[2][1024] __attribute__((aligned(4096)));
static volatile uint32_t turn[2];

typedef long code_fn(void);

static long call(const uint32_t *at)
{
	return ((code_fn *)at)();
}

static void fence_i(void)
{
	__asm__ volatile("fence.i" ::: "memory");
}

static void put(volatile uint32_t *at, uint32_t value)
{
	at[0] = LI_A0(value);
	at[1] = RET;
}

static int own(void)
{
	for (unsigned i = 0; i < ROUNDS; i++) {
		put(page[0], i & 0x7ff);
		fence_i();
		if (call(page[0]) != (i & 0x7ff))
			return 1;
	}
	return 0;
}

/* Data in the same page, and in the same 64 bytes, as code that keeps running */
static int beside(void)
{
	volatile uint32_t *near_data = &page[0][4], *far_data = &page[0][512];
	put(page[0], 77);
	fence_i();
	for (unsigned i = 0; i < ROUNDS; i++) {
		*near_data = i;
		*far_data = i * 3;
		if (call(page[0]) != 77 || *near_data != i || *far_data != i * 3)
			return 2;
	}
	return 0;
}

/* The instruction that is changed lies half in each page */
static int crossing(void)
{
	uint16_t *at = (uint16_t *)&page[1][0] - 1;
	uint32_t ret = RET;
	for (unsigned i = 0; i < ROUNDS; i++) {
		uint32_t li = LI_A0(i & 0x7ff);
		at[0] = (uint16_t)li;
		((volatile uint16_t *)at)[1] = (uint16_t)(li >> 16);
		at[2] = (uint16_t)ret;
		at[3] = (uint16_t)(ret >> 16);
		fence_i();
		if (((code_fn *)at)() != (i & 0x7ff))
			return 3;
	}
	return 0;
}

/* The store is an atomic, a byte, or a doubleword over two instructions */
static int other_stores(void)
{
	for (unsigned i = 0; i < ROUNDS; i++) {
		unsigned v = i & 0x7f;
		put(page[0], 0);
		fence_i();
		call(page[0]);
		switch (i % 3) {
		case 0:
			__atomic_fetch_add(&page[0][0], (uint32_t)v << 20, __ATOMIC_SEQ_CST);
			break;
		case 1:
			((volatile uint8_t *)page[0])[2] = (uint8_t)(v << 4);
			((volatile uint8_t *)page[0])[3] = (uint8_t)(v >> 4);
			break;
		default:
			*(volatile uint64_t *)page[0] = (uint64_t)RET << 32 | LI_A0(v);
		}
		fence_i();
		if (call(page[0]) != v)
			return 4;
	}
	return 0;
}

/* Hart 0 writes, hart 1 executes; both take their turns */
static int other_hart(unsigned hart)
{
	for (unsigned i = 1; i < ROUNDS; i++) {
		if (hart == 0) {
			put(page[1], i & 0x7ff);
			__atomic_store_n(&turn[0], i, __ATOMIC_RELEASE);
			uint32_t seen;
			while ((seen = __atomic_load_n(&turn[1], __ATOMIC_ACQUIRE)) != i && seen != BROKEN)
				PAUSE();
			if (seen == BROKEN)
				return 5;
		} else {
			while (__atomic_load_n(&turn[0], __ATOMIC_ACQUIRE) != i)
				PAUSE();
			fence_i();
			long v = call(page[1]);
			__atomic_store_n(&turn[1], v == (i & 0x7ff) ? i : BROKEN, __ATOMIC_RELEASE);
			if (v != (i & 0x7ff))
				return 5;
		}
	}
	return 0;
}

int main(uint64_t hart)
{
	int bad = 0;
	if (hart > 1)
		return 0;
	if (hart == 0)
		bad = own() ?: beside() ?: crossing() ?: other_stores();
	return bad ?: other_hart((unsigned)hart);
}

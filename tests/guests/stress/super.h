/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the stress guests share: S-mode under Sv39 with their own program mapped one to one, interrupts between harts,
 * instructions as numbers. Each guest has a function trap() for whatever arrives in S-mode.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGE		4096ul
#define PAGE_ALIGNED	__attribute__((aligned(4096)))
#define MAX_HARTS	8

/* ---- super.S ---- */
struct frame { uint64_t pc, x[31]; };	/* x[n - 1] is register n */
#define X(f, n) ((f)->x[(n) - 1])
long supervisor(long (*fn)(uint64_t hart), uint64_t hart, uint64_t satp);
__attribute__((noreturn)) void finish(uint64_t status);
void trap(struct frame *f);

/* ---- registers and fences ---- */
#define CSR_READ(name) ({ uint64_t v_; __asm__ volatile("csrr %0, " #name : "=r"(v_) :: "memory"); v_; })
#define CSR_WRITE(name, v) __asm__ volatile("csrw " #name ", %0" :: "r"((uint64_t)(v)) : "memory")
#define CSR_SET(name, v) __asm__ volatile("csrs " #name ", %0" :: "r"((uint64_t)(v)) : "memory")
#define CSR_CLEAR(name, v) __asm__ volatile("csrc " #name ", %0" :: "r"((uint64_t)(v)) : "memory")
enum { SSTATUS_SIE = 1 << 1, SSTATUS_SPP = 1 << 8, SSTATUS_SUM = 1 << 18, SIE_SOFTWARE = 1 << 1, SIE_TIMER = 1 << 5 };
#define INTERRUPT (1ul << 63)

static inline void fence(void) { __asm__ volatile("fence rw, rw" ::: "memory"); }
static inline void fence_i(void) { __asm__ volatile("fence.i" ::: "memory"); }
static inline void pause(void) { __asm__ volatile(".insn 0x0100000f" ::: "memory"); }

/* The forms of sfence.vma that cover this address and ASID. */
static inline void sfence(unsigned how, uint64_t va, uint64_t asid)
{
	switch (how % 4) {
	case 0: __asm__ volatile("sfence.vma" ::: "memory"); break;
	case 1: __asm__ volatile("sfence.vma %0, x0" :: "r"(va) : "memory"); break;
	case 2: __asm__ volatile("sfence.vma x0, %0" :: "r"(asid) : "memory"); break;
	default: __asm__ volatile("sfence.vma %0, %1" :: "r"(va), "r"(asid) : "memory");
	}
}

/* ---- page tables ---- */
enum { V = 1, R = 2, W = 4, XX = 8, U = 16, G = 32, A = 64, D = 128 };
static inline uint64_t pte(const void *to, uint64_t bits) { return (uint64_t)to >> 12 << 10 | bits; }
static inline uint64_t satp(const uint64_t *root, uint64_t asid) { return 8ul << 60 | asid << 44 | (uint64_t)root >> 12; }
/* Devices, and the program itself; both global */
static inline void map_self(uint64_t *root)
{
	root[0] = pte(NULL, V | R | W | A | D | G);
	root[2] = pte((void *)0x80000000, V | R | W | XX | A | D | G);
}

/* ---- the serial port ---- */
static inline void print(const char *text)
{
	while (*text)
		*(volatile uint8_t *)0x10000000 = (uint8_t)*text++;
}
static void __attribute__((unused)) print_number(uint64_t n)
{
	if (n > 9)
		print_number(n / 10);
	*(volatile uint8_t *)0x10000000 = (uint8_t)('0' + n % 10);
}

/* ---- between harts ---- */
/* trap() of the other hart gets a supervisor software interrupt. */
static inline void send_ipi(unsigned hart)
{
	fence();
	((volatile uint32_t *)0x2000000)[hart] = 1;
}
#define LOAD(p)		__atomic_load_n(p, __ATOMIC_ACQUIRE)
#define STORE(p, v)	__atomic_store_n(p, v, __ATOMIC_RELEASE)
#define ADD(p, v)	__atomic_fetch_add(p, v, __ATOMIC_SEQ_CST)

struct barrier { uint32_t arrived, generation; };
static inline void meet(struct barrier *b, unsigned n)
{
	uint32_t g = LOAD(&b->generation);
	if (ADD(&b->arrived, 1) == n - 1) {
		STORE(&b->arrived, 0);
		ADD(&b->generation, 1);
	} else {
		while (LOAD(&b->generation) == g)
			pause();
	}
}

/* ---- instructions ---- */
#define RET		0x8067u
#define NOP		0x13u
#define ADDI(rd, rs, n)	(0x13u | (rd) << 7 | (rs) << 15 | (uint32_t)(n) << 20)
#define LI_A0(n)	ADDI(10u, 0u, n)
#define C_RET		0x8082u
#define C_NOP		0x0001u
#define C_LI_A0(n)	(0x4501u | ((n) & 31u) << 2 | ((n) >> 5 & 1u) << 12)	/* n: -32 to 31 */
/* jal to a place `distance` bytes away */
static inline uint32_t jal(unsigned rd, int32_t distance)
{
	uint32_t d = (uint32_t)distance;
	return 0x6fu | rd << 7 | (d & 0xff000u) | (d >> 11 & 1) << 20 | (d >> 1 & 0x3ff) << 21 | (d >> 20 & 1) << 31;
}
/* Stores a 32-bit instruction anywhere: halves, as it may lie across a border. */
static inline void put32(void *at, uint32_t insn)
{
	volatile uint16_t *p = at;
	p[0] = (uint16_t)insn;
	p[1] = (uint16_t)(insn >> 16);
}
static inline long call(const void *at) { return ((long (*)(void))at)(); }
static inline long call1(const void *at, uint64_t a0) { return ((long (*)(uint64_t))at)(a0); }

/* The next of a sequence that is the same in each run; *state must not be 0. */
static inline uint64_t random_next(uint64_t *state)
{
	uint64_t s = *state;
	s ^= s << 13;
	s ^= s >> 7;
	s ^= s << 17;
	return *state = s;
}

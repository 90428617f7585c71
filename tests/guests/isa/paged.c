// SPDX-License-Identifier: Apache-2.0
/*
 * A kernel of page faults: runs isa_test in U-mode under Sv39 with a handful of frames, so that its pages come and go all
 * the time. Pages are filled on the first touch; their A and D bits are set by the faults that Svade asks for, on every
 * other fill beforehand; what was written goes home when a page is evicted.
 */
#include <stdint.h>

#define PAGE 4096ul
#define USER 0x400000ul		/* where isa_test lies in its address space: one second-level entry, 2 MiB */
#define FRAMES 6

enum { V = 1, R = 2, W = 4, X = 8, U = 16, A = 64, D = 128 };
enum { ECALL_U = 8, FETCH_FAULT = 12, LOAD_FAULT = 13, STORE_FAULT = 15 };

extern char user_start[], user_end[];
extern volatile uint64_t tohost;

#define ALIGNED __attribute__((aligned(4096)))
static uint64_t root[512] ALIGNED, middle[512] ALIGNED, leaf[512] ALIGNED;
static uint64_t frame[FRAMES][PAGE / 8] ALIGNED;
static int64_t holds[FRAMES];	/* the user page that each has, or -1 */
static unsigned fills;

uint64_t kernel(void);
void user_trap(uint64_t a0, uint64_t cause, uint64_t address);

static uint64_t entry(const void *p, unsigned bits)
{
	return (uint64_t)p >> 12 << 10 | bits;
}

static void copy(uint64_t *to, const uint64_t *from)
{
	for (unsigned i = 0; i < PAGE / 8; i++)
		to[i] = from[i];
}

static __attribute__((noreturn)) void finish(uint64_t status)
{
	tohost = status << 1 | 1;
	for (;;)
		;
}

static void evict(unsigned f)
{
	uint64_t page = (uint64_t)holds[f];

	if (holds[f] < 0)
		return;
	if (leaf[page] & D)
		copy((uint64_t *)(user_start + page * PAGE), frame[f]);
	leaf[page] = 0;
	__asm__ volatile("sfence.vma %0, zero" : : "r"(USER + page * PAGE) : "memory");
}

static void fill(uint64_t page)
{
	unsigned f = fills++ % FRAMES;

	evict(f);
	copy(frame[f], (uint64_t *)(user_start + page * PAGE));
	holds[f] = (int64_t)page;
	leaf[page] = entry(frame[f], V | R | W | X | U | (fills & 1 ? A | D : 0));
	__asm__ volatile("fence.i" : : : "memory");
}

void user_trap(uint64_t a0, uint64_t cause, uint64_t address)
{
	uint64_t page = (address - USER) / PAGE;

	if (cause == ECALL_U)
		finish(a0);
	if ((cause != FETCH_FAULT && cause != LOAD_FAULT && cause != STORE_FAULT) || address < USER ||
	    address >= USER + (uint64_t)(user_end - user_start))
		finish(1000 + cause);
	if (!(leaf[page] & V))
		fill(page);
	else if (!(leaf[page] & A) || (cause == STORE_FAULT && !(leaf[page] & D)))
		leaf[page] |= A | (cause == STORE_FAULT ? D : 0);
	else
		finish(1100 + cause);	/* nothing that was missing */
	__asm__ volatile("sfence.vma %0, zero" : : "r"(address) : "memory");
}

uint64_t kernel(void)
{
	for (unsigned f = 0; f < FRAMES; f++)
		holds[f] = -1;
	root[2] = entry((void *)0x80000000, V | R | W | X | A | D);	/* the kernel's gigabyte, as it is */
	root[0] = entry(middle, V);
	middle[USER >> 21] = entry(leaf, V);
	return 8ul << 60 | (uint64_t)root >> 12;
}

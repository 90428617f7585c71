// SPDX-License-Identifier: Apache-2.0
/*
 * Loops over addresses most of which lead nowhere: not canonical, around the ends of the address space, with each bit of a good one changed, and reached
 * from bases that lie far away. Each access must fault with its own address, however the code was compiled while all addresses were good; the good
 * ones among them must be accessed. In S-mode without paging and under Sv39, Sv48 and Sv57.
 */
#include "super.h"

#ifndef WARM
#define WARM 1500u	/* rounds over good addresses, so that an engine knows the code */
#endif
#define ADDRESSES 64u

enum { IS_LOAD, IS_STORE };
struct kernel { uint64_t code, insn, apart, is_store, bytes; };
extern const struct kernel kernels[], kernels_end[];

/*
 * A loop: a0, a1: the table and its end; the access is at (address in the table + apart), with what the instruction adds. Returns the sum of what was
 * loaded. The distance may be one that an engine takes for near, or beyond that.
 */
__asm__(".text\n.option push\n.option norvc\n"
	".macro kernel apart, displacement, is_store, bytes, insn:vararg\n"
	".balign 64\n"
	"771:	li	a4, 0\n"
	"	li	a6, 0x123456\n"
	"772:	ld	t0, 0(a0)\n"
	"	li	t1, \\apart\n"
	"	add	t0, t0, t1\n"
	"	li	a3, 0\n"
	"	fmv.d.x	fa0, zero\n"
	"773:	\\insn\n"
	"	fmv.x.w	a5, fa0\n"
	"	add	a4, a4, a3\n"
	"	add	a4, a4, a5\n"
	"	addi	a0, a0, 8\n"
	"	bne	a0, a1, 772b\n"
	"	mv	a0, a4\n"
	"	ret\n"
	".pushsection .rodata\n"
	".dword	771b, 773b, \\apart + \\displacement, \\is_store, \\bytes\n"
	".popsection\n"
	".endm\n"
	".macro both apart, displacement\n"
	"	kernel \\apart, \\displacement, 0, 1, lb a3, \\displacement(t0)\n"
	"	kernel \\apart, \\displacement, 0, 2, lhu a3, \\displacement(t0)\n"
	"	kernel \\apart, \\displacement, 0, 4, lw a3, \\displacement(t0)\n"
	"	kernel \\apart, \\displacement, 0, 8, ld a3, \\displacement(t0)\n"
	"	kernel \\apart, \\displacement, 0, 4, flw fa0, \\displacement(t0)\n"
	"	kernel \\apart, \\displacement, 0, 8, fld fa0, \\displacement(t0)\n"
	"	kernel \\apart, \\displacement, 1, 1, sb a6, \\displacement(t0)\n"
	"	kernel \\apart, \\displacement, 1, 8, sd a6, \\displacement(t0)\n"
	"	kernel \\apart, \\displacement, 1, 4, fsw fa0, \\displacement(t0)\n"
	".endm\n"
	".pushsection .rodata\n.balign 8\n.globl kernels\nkernels:\n.popsection\n"
	"	both 0, 0\n"
	"	both 0, -2048\n"
	"	both 0x7f000, 2040\n"
	"	both 0x7f800, 2040\n"
	"	both -0x80000, -2048\n"
	"	both 0xff800, 2040\n"
	"	both 0x100000, 8\n"
	"	both -0x100000, -8\n"
	"	both 0x7ffff000, 2040\n"
	"	both -0x7ffff000, -2048\n"
	"	kernel 0, 0, 0, 8, lr.d a3, (t0)\n"
	"	kernel 0, 0, 1, 4, amoadd.w a3, a6, (t0)\n"
	"	kernel 0x100000, 0, 1, 8, amoor.d a3, a6, (t0)\n"
	".pushsection .rodata\n.globl kernels_end\nkernels_end:\n.popsection\n"
	".option pop\n");

static uint64_t root[3][512] PAGE_ALIGNED, leaf[2][512] PAGE_ALIGNED, scratch[512] PAGE_ALIGNED, table[ADDRESSES], address[256];
#define GOOD 0x40000000ul
static unsigned n_addresses, faults;
static const struct kernel *running;
static uint64_t mode;	/* of satp */

void trap(struct frame *f)
{
	uint64_t wanted = mode ? running->is_store ? 15 : 13 : running->is_store ? 7 : 5, at = *(const uint64_t *)X(f, 10) + running->apart;
	if (CSR_READ(scause) != wanted)
		finish(1000 + CSR_READ(scause));
	if (f->pc != running->insn || CSR_READ(stval) != at)
		finish(20);
	if (X(f, 13) || X(f, 16) != 0x123456)
		finish(21);
	faults++;
	f->pc += 4;
}

/* ---- addresses ---- */

static uint64_t good(void) { return mode ? GOOD : (uint64_t)scratch; }

/* Devices, the program, the good page: there nothing faults. */
static bool is_there(uint64_t va)
{
	return va < 1ul << 30 || (va >= 2ul << 30 && va < 3ul << 30) || (va & -PAGE) == (good() & -PAGE);
}

static void take(uint64_t va)
{
	va &= -64ul;
	if (!is_there(va) && n_addresses < sizeof address / sizeof *address)
		address[n_addresses++] = va;
}

static void choose(void)
{
	n_addresses = 0;
	for (unsigned bit = 12; bit < 64; bit++) {
		take(good() ^ 1ul << bit);
		take(1ul << bit);
		take(-(1ul << bit));
		take((1ul << bit) - 64);
	}
	take(-64ul);
	take(GOOD + PAGE);
	take(GOOD - 64);
}

/* ---- running ---- */

static uint64_t sum_of(const struct kernel *k, unsigned n, unsigned n_good)
{
	faults = 0;
	running = k;
	for (unsigned i = 0; i < 16; i++)
		scratch[i] = i == 8 ? 0x5a : 0;
	uint64_t sum = ((uint64_t (*)(const uint64_t *, const uint64_t *))k->code)(table, table + n);
	if (faults != n - n_good)
		finish(22);
	if (k->is_store && scratch[8] == 0x5a && n_good && k->bytes == 8)
		finish(23);
	return sum;
}

static void warm(const struct kernel *k)
{
	for (unsigned i = 0; i < ADDRESSES; i++)
		table[i] = good() + 64 - k->apart;
	for (unsigned i = 0; i < WARM; i++)
		sum_of(k, ADDRESSES, ADDRESSES);
}

/* All hostile addresses, some at a time, with a good one in their midst */
static void attack(const struct kernel *k)
{
	for (unsigned first = 0; first < n_addresses; first += ADDRESSES - 1) {
		unsigned n = n_addresses - first < ADDRESSES - 1 ? n_addresses - first : ADDRESSES - 1;
		for (unsigned i = 0; i < n; i++)
			table[i] = address[first + i] - k->apart;
		table[n] = table[n / 2];
		table[n / 2] = good() + 64 - k->apart;
		uint64_t sum = sum_of(k, n + 1, 1);
		if (!k->is_store && sum != 0x5a)
			finish(24);
	}
}

static long run(uint64_t hart)
{
	(void)hart;
	choose();
	for (const struct kernel *k = kernels; k < kernels_end; k++)
		attack(k);
	return 0;
}

static long run_warm(uint64_t hart)
{
	for (const struct kernel *k = kernels; k < kernels_end; k++)
		warm(k);
	return run(hart);
}

static uint64_t satp_of(uint64_t which)
{
	return which ? which << 60 | (uint64_t)root[which - 8] >> 12 : 0;
}

int main(uint64_t hart)
{
	map_self(root[0]);
	root[0][1] = pte(leaf[0], V);
	leaf[0][0] = pte(leaf[1], V);
	leaf[1][0] = pte(scratch, V | R | W | A | D);
	root[1][0] = pte(root[0], V);
	root[2][0] = pte(root[1], V);
	for (mode = 8; mode <= 10; mode++)
		supervisor(mode == 8 ? run_warm : run, hart, satp_of(mode));
	mode = 0;
	supervisor(run, hart, 0);
	finish(0);
}

// SPDX-License-Identifier: Apache-2.0
#include "tests/lockstep/program.h"
#include <string.h>
#include "tests/riscv/user/asm.h"

enum { RA = 1, SP = 2, T0 = 5, T1 = 6, T2 = 7 };
enum { MSTATUS = 0x300, MEDELEG = 0x302, MIDELEG = 0x303, MIE = 0x304, MTVEC = 0x305, MCOUNTEREN = 0x306, MENVCFG = 0x30a, MSCRATCH = 0x340,
       MEPC = 0x341, MCAUSE = 0x342, PMPCFG0 = 0x3a0, PMPADDR0 = 0x3b0, SCOUNTEREN = 0x106, SENVCFG = 0x10a, STIMECMP = 0x14d, SATP = 0x180,
       TIME = 0xc01 };
#define MRET 0x30200073u
#define SFENCE_VMA 0x12000073u
#define ECALL ASM_ECALL

/* What the handler keeps: three registers, then these. */
enum { SAVED_COUNT = 24, SAVED_RANDOM = 32 };

static uint32_t slli(unsigned rd, unsigned rs, unsigned n) { return asm_i(0x13, 1, rd, rs, (int32_t)n); }
static uint32_t srli(unsigned rd, unsigned rs, unsigned n) { return asm_i(0x13, 5, rd, rs, (int32_t)n); }
static uint32_t add(unsigned rd, unsigned a, unsigned b) { return 0x33 | rd << 7 | a << 15 | b << 20; }
static uint32_t andi(unsigned rd, unsigned rs, int32_t v) { return asm_i(0x13, 7, rd, rs, v & 0xfff); }

/* rd = a physical address, without sign. */
static void put_address(struct program *p, unsigned rd, uint32_t address)
{
	program_li(p, rd, address);
	program_put(p, slli(rd, rd, 32));
	program_put(p, srli(rd, rd, 32));
}

/* A branch from `from` to the present place, which is known only now. */
static void land_branch(struct program *p, uint32_t from, unsigned f3, unsigned a, unsigned b)
{
	uint32_t insn = asm_b(f3, a, b, (int32_t)(p->at - from));
	memcpy(p->image + from, &insn, sizeof insn);
}

static uint32_t hole(struct program *p)
{
	p->at += 4;
	return p->at - 4;
}

/* ---- the handler ---- */

/* Every eighth fault turns one bit of a page's entry over. */
static void put_remap(struct program *p)
{
	program_put(p, asm_ld(T0, SP, SAVED_COUNT));
	program_put(p, asm_addi(T0, T0, 1));
	program_put(p, asm_sd(T0, SP, SAVED_COUNT));
	program_put(p, andi(T1, T0, 7));
	uint32_t skip = hole(p);
	program_put(p, srli(T0, T0, 3));
	program_put(p, asm_i(0x13, 0, T2, 0, 5));
	program_put(p, 0x02000033u | T2 << 7 | T0 << 15 | T2 << 20);	/* mul: neighbours are not enough */
	program_put(p, andi(T2, T2, 31));
	program_put(p, slli(T2, T2, 3));
	put_address(p, T1, PROGRAM_TABLES + 2 * PAGE_SIZE);
	program_put(p, add(T2, T2, T1));
	program_put(p, asm_ld(T1, T2, 0));
	static const uint8_t bit[] = { 1, 4, 0x40, 0x80 };	/* V, W, A, D */
	program_put(p, asm_i(0x13, 4, T1, T1, bit[rng_below(&p->rng, 4)]));	/* xori */
	program_put(p, asm_sd(T1, T2, 0));
	program_put(p, SFENCE_VMA);
	land_branch(p, skip, 1, T1, 0);
}

static void put_handler(struct program *p)
{
	program_put(p, asm_csrrw(SP, MSCRATCH, SP));
	for (unsigned i = 0; i < 3; i++)
		program_put(p, asm_sd(T0 + i, SP, (int32_t)(8 * i)));
	program_put(p, asm_csrrs(T0, MCAUSE, 0));
	uint32_t interrupt = hole(p);
	program_put(p, asm_addi(T1, T0, -8));		/* environment calls of U- and S-mode */
	program_put(p, asm_i(0x13, 3, T1, T1, 2));	/* sltiu */
	uint32_t end = hole(p);
	/* skips the instruction, of two or four bytes */
	program_put(p, asm_csrrs(T0, MEPC, 0));
	program_put(p, asm_i(0x03, 5, T1, T0, 0));
	program_put(p, andi(T1, T1, 3));
	program_put(p, asm_addi(T1, T1, -3));
	program_put(p, asm_i(0x13, 3, T1, T1, 1));
	program_put(p, slli(T1, T1, 1));
	program_put(p, asm_addi(T1, T1, 2));
	program_put(p, add(T0, T0, T1));
	program_put(p, asm_csrrw(0, MEPC, T0));
	put_remap(p);
	uint32_t out = hole(p);
	/* the next interrupt: at once, or up to 15 ticks of 100 instructions later */
	land_branch(p, interrupt, 4, T0, 0);
	program_put(p, asm_ld(T0, SP, SAVED_RANDOM));
	program_put(p, slli(T1, T0, 2));
	program_put(p, add(T0, T0, T1));
	program_put(p, asm_addi(T0, T0, 7));
	program_put(p, asm_sd(T0, SP, SAVED_RANDOM));
	program_put(p, srli(T1, T0, 8));
	program_put(p, andi(T1, T1, 15));
	program_put(p, asm_csrrs(T2, TIME, 0));
	program_put(p, add(T2, T2, T1));
	program_put(p, asm_addi(T2, T2, 1));
	program_put(p, asm_csrrw(0, STIMECMP, T2));
	land_branch(p, out, 0, 0, 0);
	for (unsigned i = 0; i < 3; i++)
		program_put(p, asm_ld(T0 + i, SP, (int32_t)(8 * i)));
	program_put(p, asm_csrrw(SP, MSCRATCH, SP));
	program_put(p, MRET);
	land_branch(p, end, 1, T1, 0);
	program_li(p, T0, PROGRAM_DEVICE);
	program_put(p, asm_sd(0, T0, 0));
	program_put(p, asm_jal(0, 0));
}

/* ---- the way in ---- */

static void put_pte(struct program *p, uint32_t table, unsigned n, uint64_t pte)
{
	memcpy(p->image + (table - PROGRAM_BASE) + 8 * n, &pte, sizeof pte);
}

static void put_tables(struct program *p)
{
	uint32_t root = PROGRAM_TABLES, middle = root + PAGE_SIZE, leaf = middle + PAGE_SIZE;
	unsigned rights = PTE_LEAF | (p->user ? PTE_U : 0);
	put_pte(p, root, 0, rights);						/* the device */
	put_pte(p, root, PROGRAM_BASE >> 30, (uint64_t)PROGRAM_BASE >> 2 | rights);
	put_pte(p, root, PROGRAM_DATA >> 30, (uint64_t)middle >> 2 | 1);
	put_pte(p, root, 511, (uint64_t)middle >> 2 | 1);
	put_pte(p, middle, 0, (uint64_t)leaf >> 2 | 1);
	uint64_t data[PROGRAM_PAGES];
	program_map_data(p, data, PROGRAM_FRAMES);
	memcpy(p->image + (leaf - PROGRAM_BASE), data, sizeof data);
}

static void set_csr(struct program *p, unsigned csr, uint32_t value, unsigned shift)
{
	program_li(p, T0, value);
	if (shift)
		program_put(p, slli(T0, T0, shift));
	program_put(p, asm_csrrw(0, csr, T0));
}

void program_begin(struct program *p, bool user)
{
	memset(p->image, 0, PROGRAM_SIZE);
	p->at = 0x1000;
	uint32_t handler = p->at;
	put_handler(p);
	p->user = user;
	put_tables(p);
	for (uint32_t i = 0; i < PROGRAM_PAGES * PAGE_SIZE; i += 8) {
		uint64_t v = rng_next(&p->rng) >> (rng_below(&p->rng, 2) ? 0 : rng_below(&p->rng, 64));
		memcpy(p->image + (PROGRAM_FRAMES - PROGRAM_BASE) + i, &v, sizeof v);
	}
	uint64_t random = rng_next(&p->rng);
	memcpy(p->image + (PROGRAM_SAVED - PROGRAM_BASE) + SAVED_RANDOM, &random, sizeof random);

	uint32_t program = p->at = (p->at + 63) & ~63u;
	p->at = 0;
	put_address(p, T0, PROGRAM_BASE + handler);
	program_put(p, asm_csrrw(0, MTVEC, T0));
	put_address(p, T0, PROGRAM_SAVED);
	program_put(p, asm_csrrw(0, MSCRATCH, T0));
	set_csr(p, PMPADDR0, 0xffffffff, 0);
	set_csr(p, PMPCFG0, 0x1f, 0);
	program_li(p, T0, 5);
	program_put(p, slli(T0, T0, 61));
	program_put(p, asm_i(0x13, 6, T0, T0, 0xf0));
	program_put(p, asm_csrrw(0, MENVCFG, T0));		/* STCE, ADUE, cache blocks */
	set_csr(p, SENVCFG, 0xf0, 0);
	set_csr(p, MCOUNTEREN, 7, 0);
	set_csr(p, SCOUNTEREN, 7, 0);
	set_csr(p, MEDELEG, 0, 0);
	set_csr(p, MIDELEG, 0, 0);
	set_csr(p, MIE, 0x20, 0);
	set_csr(p, STIMECMP, 3, 0);
	program_li(p, T0, 8);
	program_put(p, slli(T0, T0, 60));
	program_li(p, T1, PROGRAM_TABLES >> PAGE_BITS);
	program_put(p, add(T0, T0, T1));
	program_put(p, asm_csrrw(0, SATP, T0));
	set_csr(p, MSTATUS, 0x6000 | (user ? 0 : 0x800), 0);	/* FS; MPP */
	put_address(p, T0, PROGRAM_BASE + program);
	program_put(p, asm_csrrw(0, MEPC, T0));
	put_address(p, SP, PROGRAM_STACK);
	program_put(p, MRET);
	p->at = program;
}

void program_end(struct program *p)
{
	program_put(p, ECALL);
}

// SPDX-License-Identifier: Apache-2.0
/*
 * Every kind of memory access faults in the middle of a block, in S-mode and U-mode, for each reason that a page table can
 * give. At the fault all registers, flags, memory, sepc, stval, scause and the count of instructions must be as the manual
 * has them; with the page mended the rest must do what it does. The cases are by faults.py: label c<n> is case n. The exit
 * status names the check, and the console the case, and the register, byte or number that was wrong.
 */
#include "super.h"

#ifndef ROUNDS
#define ROUNDS 2		/* each case's faults, of changing reason */
#endif
#ifndef WARM
#define WARM 3			/* runs without fault before, so that an engine knows the code */
#endif

enum flags { STORE_ = 1, FLOAT = 2, CROSS = 4, MISALIGNED = 8, ZERO = 16, FEW = 32 };
struct test {
	uint64_t address, base, mended_base, result, stored;
	uint32_t code, fault;
	uint16_t lead, trail;
	uint8_t rs1, rd, size, flags, n_lead, n_trail, pad[6];
};
extern const struct test table[], table_end[];
extern char cases[], cases_end[];

struct context { uint64_t x[32], f[32], fcsr, before, after, cause, value, sp, vector; };
void resume(struct context *c);
#define RESUME_INSNS 65		/* faults.S */

#define WINDOW	0x40000000ul
#define CODE	0x60000000ul
static uint64_t root[512] PAGE_ALIGNED, middle[512] PAGE_ALIGNED, leaf[512] PAGE_ALIGNED;
static uint8_t frame_of[3][4096] PAGE_ALIGNED;	/* scratch page, target, its neighbour */
static struct context now, want;
static unsigned user;				/* 0 in S-mode, U in U-mode */

void trap(struct frame *f)
{
	(void)f;
	finish(1000 + CSR_READ(scause));
}

/* ---- as faults.py has it ---- */

static const uint8_t pool[] = { 10, 13, 14, 15, 5, 28 }, step[] = { 3, 5, 7, 11, 13, 17 };
#define SCRATCH_WORD 0x1122334455667788ul

static uint64_t pattern(unsigned n) { return (n + 1) * 0x9e3779b97f4a7c15ul + 0x1234567; }
static uint8_t memory(uint64_t va) { return (uint8_t)(va * 37 + 11); }
static volatile uint8_t *at_va(uint64_t va) { return &frame_of[0][va - WINDOW]; }
static volatile uint64_t *scratch(unsigned n) { return (uint64_t *)frame_of[0] + n; }

/* ---- one case ---- */

static void map(unsigned page, uint64_t entry)
{
	leaf[page] = entry;
	sfence(1, WINDOW + page * PAGE, 0);
}

static uint64_t good(unsigned page) { return pte(frame_of[page], V | R | W | A | D | user); }

/* A leaf that does not allow the access. */
static uint64_t bad(const struct test *t, unsigned page, unsigned why, uint64_t *cause)
{
	bool store = t->flags & STORE_;
	*cause = store ? 15 : 13;
	switch (t->flags & FEW ? 0 : why % (t->flags & CROSS ? 5 : 6)) {
	case 0: return good(page) & ~(uint64_t)V;
	case 1: return store ? good(page) & ~(uint64_t)(W | D) : (good(page) & ~(uint64_t)(R | W)) | XX;
	case 2: return good(page) & ~(uint64_t)A;
	case 3: return store ? good(page) & ~(uint64_t)D : 0;
	case 4: return good(page) ^ U;
	default:
		*cause = store ? 7 : 5;
		return pte((void *)0x5000000000ul, V | R | W | A | D | user);	/* nothing is there */
	}
}

static void start(const struct test *t, uint64_t base)
{
	for (unsigned i = 0; i < 32; i++) {
		want.x[i] = pattern(i);
		want.f[i] = pattern(100 + i);
	}
	want.f[25] = 0;
	want.f[26] = want.f[29] = 0x3ff0000000000000;	/* 1.0 */
	want.f[30] = 0x3c30000000000000;		/* 2^-60: their sum is inexact */
	want.x[12] = WINDOW;
	want.x[t->rs1] = base;
	for (unsigned k = 0; k < sizeof pool; k++)
		if (t->lead >> k & 1 && pool[k] == t->rs1)
			want.x[t->rs1] -= step[k];
	want.fcsr = 0;
	want.x[0] = CODE + t->code;
	*scratch(1) = SCRATCH_WORD;
	*scratch(2) = *scratch(3) = 0;
	for (uint64_t va = t->address - 72; va < t->address + 72; va++)
		*at_va(va) = memory(va);
	now = want;
}

static void lead(const struct test *t)
{
	for (unsigned k = 0; k < sizeof pool; k++)
		if (t->lead >> k & 1)
			want.x[pool[k]] += step[k];
	if (t->lead >> 6 & 1) {
		want.f[28] = want.f[29];
		want.fcsr |= 1;
	}
	if (t->lead >> 7 & 1)
		want.x[11] = SCRATCH_WORD;
}

static void access(const struct test *t)
{
	if (t->flags & FLOAT && !(t->flags & STORE_))
		want.f[t->rd] = t->result;
	else if (t->rd)
		want.x[t->rd] = t->result;
}

static uint64_t trail(const struct test *t)
{
	uint64_t stored = t->trail >> 7 & 1 ? want.x[13] : 0;
	for (unsigned k = 0; k < sizeof pool; k++)
		if (t->trail >> k & 1)
			want.x[pool[k]] += 3 * step[k];
	if (t->trail >> 6 & 1) {
		want.f[27] = 0x7ff0000000000000;	/* 1 / 0 */
		want.fcsr |= 8;
	}
	return stored;
}

static void fail(const struct test *t, unsigned status, unsigned which)
{
	print(user ? "U-mode, case " : "S-mode, case ");
	print_number((uint64_t)(t - table));
	print(": ");
	print_number(which);
	finish(status);
}

static void check_registers(const struct test *t, unsigned status)
{
	for (unsigned i = 1; i < 32; i++)
		if (now.x[i] != want.x[i])
			fail(t, status, i);
	for (unsigned i = 0; i < 32; i++)
		if (now.f[i] != want.f[i])
			fail(t, status + 1, i);
	if (now.fcsr != want.fcsr)
		fail(t, status + 2, 0);
}

/* Memory around the access, before it or after */
static void check_memory(const struct test *t, bool after, unsigned status)
{
	uint64_t va = t->flags & MISALIGNED ? t->mended_base : t->address, from = va, size = t->size, stored = t->stored;
	if (t->flags & ZERO)
		from &= ~63ul;
	for (uint64_t b = va - 64; b < va + 64; b++) {
		bool in = after && t->flags & STORE_ && b - from < size;
		uint8_t wanted = in ? t->flags & ZERO ? 0 : (uint8_t)(stored >> 8 * (b - from)) : memory(b);
		if (*at_va(b) != wanted)
			fail(t, status, (unsigned)(b - from));
	}
}

static void check_end(const struct test *t, uint64_t first, unsigned n, unsigned status)
{
	access(t);
	uint64_t stored = trail(t);
	if (now.cause != 3)
		fail(t, status, (unsigned)now.cause);
	check_registers(t, status + 1);
	if (now.after - first - RESUME_INSNS != n)
		fail(t, status + 4, (unsigned)(now.after - first - RESUME_INSNS));
	check_memory(t, true, status + 5);
	if (*scratch(3) != stored || *scratch(2) != (t->lead >> 7 & 1 ? SCRATCH_WORD : 0))
		fail(t, status + 6, 0);
}

static void without_fault(const struct test *t)
{
	start(t, t->mended_base);
	resume(&now);
	lead(t);
	check_end(t, now.before, t->n_lead + 1u + t->n_trail, 10);
}

static void with_fault(const struct test *t, unsigned why)
{
	unsigned page = t->flags & CROSS ? 1 + why % 2 : 1;
	uint64_t cause, value = t->address;
	start(t, t->base);
	if (t->flags & MISALIGNED)
		cause = t->flags & STORE_ ? 6 : 4;
	else
		map(page, bad(t, page, t->flags & CROSS ? why / 2 : why, &cause));
	if (page == 2)
		value = WINDOW + 2 * PAGE;	/* of a misaligned access, the part that faults */
	resume(&now);
	lead(t);
	if (now.cause != cause)
		fail(t, 30, (unsigned)now.cause);
	if (now.x[0] != CODE + t->fault)
		fail(t, 31, 0);
	if (now.value != value)
		fail(t, 32, 0);
	check_registers(t, 33);
	if (now.after - now.before - RESUME_INSNS != t->n_lead)
		fail(t, 36, (unsigned)(now.after - now.before - RESUME_INSNS));
	check_memory(t, false, 37);
	if (*scratch(3) != 0 || *scratch(2) != (t->lead >> 7 & 1 ? SCRATCH_WORD : 0))
		fail(t, 38, 0);
	map(page, good(page));
	if (t->flags & MISALIGNED)
		now.x[t->rs1] = want.x[t->rs1] = t->mended_base;
	resume(&now);
	check_end(t, now.before, 1u + t->n_trail, 40);
}

static void all_cases(void)
{
	for (unsigned i = 0; i < 3; i++)
		map(i, good(i));
	for (char *c = cases; c < cases_end; c += 2 << 20)
		middle[256 + ((c - cases) >> 21)] = pte(c, V | R | XX | A | user);
	sfence(0, 0, 0);
	for (const struct test *t = table; t < table_end; t++) {
		for (unsigned i = 0; i < WARM; i++)
			without_fault(t);
		for (unsigned i = 0; i < ROUNDS; i++)
			with_fault(t, (unsigned)(t - table) + i);
	}
}

static long run(uint64_t hart)
{
	(void)hart;
	for (user = 0; user <= U; user += U) {
		if (user)	/* from then on each trap leaves there where it came from */
			CSR_CLEAR(sstatus, SSTATUS_SPP);
		else
			CSR_SET(sstatus, SSTATUS_SPP);
		all_cases();
	}
	return table_end - table > 6000 ? 0 : 9;
}

int main(uint64_t hart)
{
	if (hart)
		return 0;
	map_self(root);
	root[1] = pte(middle, V);
	middle[0] = pte(leaf, V);
	return (int)supervisor(run, 0, satp(root, 0));
}

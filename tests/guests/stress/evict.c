// SPDX-License-Identifier: Apache-2.0
/*
 * More code than a small arena holds, again and again: megabytes of functions that call each other, in an
 * order that is random but the same each time. What is called is thrown out while its callers wait for it to return.
 */
#include "super.h"

#ifndef HARTS
#define HARTS 1
#endif
#ifndef FUNCTIONS
#define FUNCTIONS 16384u		/* of 128 bytes: 2 MiB */
#endif
#ifndef CALLS
#define CALLS (FUNCTIONS / 2)
#endif

static uint32_t code[FUNCTIONS][32] PAGE_ALIGNED;
static uint64_t root[512] PAGE_ALIGNED;
static uint32_t spares[HARTS][1024] PAGE_ALIGNED;
static struct barrier all;

void trap(struct frame *f)
{
	(void)f;
	finish(1000 + CSR_READ(scause));
}

/*
 * Function n: a0 = value, a1 = how many more to go through. Adds n's constants in two blocks of which a0 chooses one; then,
 * unless a1 is 0, calls function next(n) and flips what that gave.
 */
static unsigned next(unsigned n) { return (n * 40503u + 977) % FUNCTIONS; }
static unsigned constant(unsigned n, unsigned which) { return (n * 2654435761u >> (9 + 8 * which)) & 0x7ff; }

static void generate(unsigned n)
{
	uint32_t *f = code[n], k = 0;
	int64_t to = (int64_t)((uint64_t)code[next(n)]);
	f[k++] = 0x157613u;				/* andi a2, a0, 1 */
	f[k++] = 0x60663u;				/* beqz a2, +12 */
	f[k++] = ADDI(10u, 10u, constant(n, 0));
	f[k++] = jal(0, 8);
	f[k++] = 0x54513u | constant(n, 1) << 20;	/* xori a0, a0, … */
	f[k++] = 0x59463u;				/* bnez a1, +8 */
	f[k++] = RET;
	f[k++] = ADDI(11u, 11u, 0xfff);
	f[k++] = ADDI(2u, 2u, (uint32_t)-16 & 0xfff);
	f[k++] = 0x113023u;				/* sd ra, 0(sp) */
	int64_t distance = to - (int64_t)(uint64_t)&f[k];
	int32_t low = (int32_t)((distance & 0xfff) ^ 0x800) - 0x800;
	f[k++] = 0x297u | (uint32_t)(distance - low);	/* auipc t0, … */
	f[k++] = 0x280e7u | (uint32_t)low << 20;	/* jalr ra, …(t0) */
	f[k++] = 0x13083u;				/* ld ra, 0(sp) */
	f[k++] = ADDI(2u, 2u, 16);
	f[k++] = 0x54513u | constant(n, 2) << 20;	/* xori a0, a0, … */
	f[k++] = RET;
}

static uint64_t model(unsigned n, uint64_t a0, unsigned more)
{
	uint64_t flip = 0;
	for (;; n = next(n), more--) {
		a0 = a0 & 1 ? a0 + constant(n, 0) : a0 ^ constant(n, 1);
		if (!more)
			return a0 ^ flip;
		flip ^= constant(n, 2);
	}
}

static long run(uint64_t hart)
{
	uint64_t seed = 0x9e3779b97f4a7c15ul * (hart + 1);
	for (unsigned n = (unsigned)hart; n < FUNCTIONS; n += HARTS)
		generate(n);
	meet(&all, HARTS);
	fence_i();
	/* every function in turn, a hart's work apart from the others' */
	for (unsigned i = 0; i < FUNCTIONS; i++) {
		unsigned n = (i + (unsigned)hart * (FUNCTIONS / HARTS)) % FUNCTIONS;
		if (((uint64_t(*)(uint64_t, uint64_t))code[n])(i, 0) != model(n, i, 0))
			finish(10);
	}
	for (unsigned i = 0; i < CALLS; i++) {
		uint64_t r = random_next(&seed);
		unsigned n = r % FUNCTIONS, more = r >> 40 & 31;
		if (((uint64_t(*)(uint64_t, uint64_t))code[n])(r, more) != model(n, r, more))
			finish(11);
		/* a store of what stands there drops its blocks all the same, and unties what led to them */
		*(volatile uint32_t *)&code[n][r >> 51 & 15] = code[n][r >> 51 & 15];
		/* code changes in the middle of it all; in a part that is this hart's own */
		if (r >> 50 & 1) {
			uint32_t *spare = spares[hart];
			spare[0] = LI_A0(i & 0x7ff);
			spare[1] = RET;
			fence_i();
			if (call(spare) != (i & 0x7ff))
				finish(12);
		}
	}
	meet(&all, HARTS);
	return 0;
}

int main(uint64_t hart)
{
	if (hart >= HARTS)
		return 0;
	if (hart == 0)
		map_self(root);
	meet(&all, HARTS);
	return (int)supervisor(run, hart, satp(root, 0));
}

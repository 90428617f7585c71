// SPDX-License-Identifier: Apache-2.0
/*
 * Loops that never end by themselves are left when an interrupt comes: by the hart's own timer, and by another hart. In the
 * handler pc and registers are exact.
 */
#include "super.h"

#ifndef ROUNDS
#define ROUNDS 20u
#endif
#ifndef HARTS
#define HARTS 1
#endif

/* name: begins at name, lies between name_in and name_out, goes on at spin_left when it was interrupted */
#define LOOP(name, before, body) #name ": " before "\n" #name "_in: " body "\n" #name "_out: nop\n"
__asm__(".text\n.option push\n.option norvc\n.balign 4096\n"
	LOOP(self, "", "j self_in")
	".option rvc\n" LOOP(self_short, "", "c.j self_short_in") ".option norvc\n"
	/* a0 and a1 are counted up in turn */
	LOOP(two, "li a0, 0\n li a1, 0", "addi a0, a0, 1\n j 1f\n .word 0\n 1: addi a1, a1, 1\n j two_in")
	LOOP(indirect, "lla a2, indirect_in", "jr a2")
	LOOP(indirect_two, "li a0, 0\n li a1, 0\n lla a2, indirect_two_in\n lla a3, 1f",
		"addi a0, a0, 1\n jr a3\n .word 0\n 1: addi a1, a1, 1\n jr a2")
	LOOP(calls, "", "jal t0, 1f\n j calls_in\n 1: jr t0")
	LOOP(branch, "li a0, 0", "addi a0, a0, 1\n beqz zero, branch_in")
	LOOP(not_taken, "", "bnez zero, not_taken_in\n bnez zero, not_taken_in\n beqz zero, not_taken_in")
	LOOP(memory, "lla a2, 1f", "ld a0, (a2)\n addi a0, a0, 1\n sd a0, (a2)\n j memory_in\n .balign 64\n 1: .dword 0")
	LOOP(atomic, "lla a2, 1f\n li a0, 1", "amoadd.w zero, a0, (a2)\n j atomic_in\n .balign 64\n 1: .dword 0")
	LOOP(fences, "", "fence.i\n fence\n j fences_in")
	LOOP(counters, "", "csrr a0, instret\n rdtime a1\n j counters_in")
	LOOP(pauses, "", ".insn 0x0100000f\n j pauses_in")
	LOOP(floats, "fmv.d.x ft0, zero", "fadd.d ft0, ft0, ft0\n j floats_in")
	/* two blocks in two pages; an instruction across their border */
	".balign 4096\n.skip 4096 - 16\n"
	LOOP(pages, "", "nop\n nop\n nop\n nop\n j pages_in")
	".balign 4096\n.skip 4096 - 6\n.option rvc\n"
	LOOP(border, "c.nop", "c.nop\n .option norvc\n addi a0, a0, 1\n j border_in")
	"spin_left: ret\n.option pop\n");
extern char spin_left[];
#define LOOPS(X) X(self) X(self_short) X(two) X(indirect) X(indirect_two) X(calls) X(branch) X(not_taken) X(memory) X(atomic) \
	X(fences) X(counters) X(pauses) X(floats) X(pages) X(border)
#define DECLARE(name) extern char name[], name##_in[], name##_out[];
LOOPS(DECLARE)
#define ENTRY(name) { name, name##_in, name##_out },
static const struct { char *start, *in, *out; } loop[] = { LOOPS(ENTRY) };

static uint64_t root[512] PAGE_ALIGNED;
static struct barrier all;
static volatile unsigned current, timers, others;
static volatile bool spinning, done;

/* Both counters stand as the place in the loop says: the first is ahead from behind its addi to behind the other's. */
static bool counted(const struct frame *f, const char *in)
{
	uint64_t at = f->pc - (uint64_t)in, ahead = X(f, 10) - X(f, 11);
	return ahead == (at > 0 && at < 16 ? 1 : 0);
}

void trap(struct frame *f)
{
	uint64_t cause = CSR_READ(scause);
	bool within = f->pc >= (uint64_t)loop[current].in && f->pc < (uint64_t)loop[current].out;
	if (cause == (INTERRUPT | 5)) {
		CSR_WRITE(0x14d, -1);		/* stimecmp */
		timers++;
	} else if (cause == (INTERRUPT | 1)) {
		CSR_CLEAR(sip, SIE_SOFTWARE);
		others++;
	} else {
		finish(1000 + cause);
	}
	if (!within) {
		/* before the loop: once more, soon */
		if (cause == (INTERRUPT | 5))
			CSR_WRITE(0x14d, CSR_READ(time) + 100);
		else
			spinning = true;
		return;
	}
	if ((loop[current].start == two || loop[current].start == indirect_two) && !counted(f, loop[current].in))
		finish(10);
	f->pc = (uint64_t)spin_left;
}

/* The other hart: interrupts hart 0 some time after it says so. */
static void interrupter(void)
{
	uint64_t seed = 1;
	while (!done) {
		if (!spinning) {
			pause();
			continue;
		}
		for (uint64_t n = random_next(&seed) % 5000; n > 0; n--)
			__asm__ volatile("");
		spinning = false;
		send_ipi(0);
	}
}

static long run(uint64_t hart)
{
	meet(&all, HARTS);
	if (hart) {
		interrupter();
		return 0;
	}
	uint64_t seed = 1;
	CSR_SET(sie, SIE_SOFTWARE | SIE_TIMER);
	CSR_SET(sstatus, SSTATUS_SIE);
	for (unsigned i = 0; i < ROUNDS; i++)
		for (current = 0; current < sizeof loop / sizeof *loop; current++) {
			unsigned before = timers;
			CSR_WRITE(0x14d, CSR_READ(time) + random_next(&seed) % 1000);
			call(loop[current].start);
			if (timers == before)
				finish(20);
			if (HARTS == 1)
				continue;
			before = others;
			spinning = true;
			call(loop[current].start);
			if (others == before)
				finish(21);
		}
	done = true;
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

// SPDX-License-Identifier: Apache-2.0
/* Traps: delegation, entry and return, interrupts and their order, WFI, the instructions that are illegal by mode, timers. */
#include <stdatomic.h>
#include "tests/riscv/priv/fixture.h"

static const uint8_t modes[] = { PRIV_U, PRIV_S, PRIV_M };

static void raise_at(struct fixture *f, uint64_t pc, uint64_t cause, uint64_t value)
{
	f->cpu->pc = pc;
	f->cpu->exception = (struct exception){ cause, value, true };
	riscv64_frontend.arch->take_exception(f->cpu);
	EXPECT(!f->cpu->exception.pending, "cause %ld is still pending", (long)cause);
}

/* ---- exceptions: every cause from every mode with every bit of delegation (section 3.1.8) ---- */

START_TEST(delegation)
{
	static const uint8_t causes[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 15 };
	struct fixture f;
	fixture_init(&f, "rv64", 1);
	for (unsigned c = 0; c < ARRAY_SIZE(causes); c++) {
		for (unsigned p = 0; p < 3; p++) {
			for (unsigned delegated = 0; delegated < 2; delegated++) {
				for (unsigned vectored = 0; vectored < 2; vectored++) {
					for (unsigned ie = 0; ie < 2; ie++) {
						unsigned cause = causes[c];
						bool to_s = delegated && p < 2 && cause != 11;
						riscv64_frontend.reset(f.cpu);
						csr_set(&f, 0x302, delegated ? (uint64_t)1 << cause : ~((uint64_t)1 << cause));
						csr_set(&f, 0x305, 0x80001000 | vectored);
						csr_set(&f, 0x105, 0x80002000 | vectored);
						csr_set(&f, 0x300, ie ? 0xa : 0xa0 | 1 << 11 | 1 << 8);	/* the opposite of what will be */
						set_priv(&f, modes[p]);
						raise_at(&f, 0x4440, cause, 0xabc0 + cause);
						uint64_t pc = f.cpu->pc, st = f.rv->mstatus;
						unsigned priv = f.rv->priv, mode = f.cpu->mode & MODE_PRIV;
						set_priv(&f, PRIV_M);
						EXPECT_EQ(priv, to_s ? PRIV_S : PRIV_M, "mode after cause", cause);
						EXPECT_EQ(mode, priv, "mode bits after cause", cause);
						EXPECT_EQ(pc, to_s ? 0x80002000 : 0x80001000, "pc after cause", cause);
						EXPECT_EQ(csr_get(&f, to_s ? 0x141 : 0x341), 0x4440, "epc after cause", cause);
						EXPECT_EQ(csr_get(&f, to_s ? 0x142 : 0x342), cause, "cause after cause", cause);
						EXPECT_EQ(csr_get(&f, to_s ? 0x143 : 0x343), 0xabc0 + cause, "tval after cause", cause);
						EXPECT_EQ(csr_get(&f, to_s ? 0x342 : 0x142), 0, "the other mode's cause", cause);
						if (to_s) {
							EXPECT_EQ(st >> 8 & 1, p == 1, "SPP after cause", cause);
							EXPECT_EQ(st >> 5 & 1, ie, "SPIE after cause", cause);
							EXPECT_EQ(st >> 1 & 1, 0, "SIE after cause", cause);
							EXPECT_EQ(st >> 3 & 1, ie, "MIE after cause", cause);
						} else {
							EXPECT_EQ(st >> 11 & 3, modes[p], "MPP after cause", cause);
							EXPECT_EQ(st >> 7 & 1, ie, "MPIE after cause", cause);
							EXPECT_EQ(st >> 3 & 1, 0, "MIE after cause", cause);
							EXPECT_EQ(st >> 1 & 1, ie, "SIE after cause", cause);
						}
					}
				}
			}
		}
	}
	fixture_free(&f);
}
END_TEST

/* ---- interrupts: all combinations of pending, enabled, delegated, mode and global enables ---- */

/* What section 3.1.9 says, in the words of its text: the highest-priority one that is to be taken in M-mode, else in S-mode. */
static int expected_interrupt(uint64_t pending, uint64_t mie, uint64_t mideleg, unsigned priv, bool m_on, bool s_on, unsigned *to)
{
	static const int order[] = { 11, 3, 7, 9, 1, 5 };
	for (unsigned i = 0; i < 6; i++) {
		uint64_t bit = (uint64_t)1 << order[i];
		if (pending & mie & bit && !(mideleg & bit) && (priv < 3 || m_on)) {
			*to = 3;
			return order[i];
		}
	}
	for (unsigned i = 0; i < 6; i++) {
		uint64_t bit = (uint64_t)1 << order[i];
		if (pending & mie & mideleg & bit && (priv < 1 || (priv == 1 && s_on))) {
			*to = 1;
			return order[i];
		}
	}
	return -1;
}

static uint64_t spread(unsigned six)
{
	static const unsigned bit[] = { 1, 3, 5, 7, 9, 11 };
	uint64_t v = 0;
	for (unsigned i = 0; i < 6; i++)
		v |= (uint64_t)(six >> i & 1) << bit[i];
	return v;
}

START_TEST(interrupts)
{
	struct fixture f;
	uint64_t taken = 0;
	fixture_init(&f, "rv64", 1);
	for (unsigned pending = 0; pending < 64; pending++) {
		for (unsigned enabled = 0; enabled < 64; enabled += 1 + (pending & 1)) {
			for (unsigned n = 0; n < 8 * 3 * 4; n++) {
				uint64_t lines = spread(pending), mie = spread(enabled), deleg = spread((n & 1) | (n & 2) << 1 | (n & 4) << 2);
				unsigned priv = modes[n / 8 % 3], on = n / 24, to = 9;
				bool m_on = on & 1, s_on = on & 2;
				f.rv->mie = mie;
				f.rv->mideleg = deleg;
				f.rv->mstatus = (m_on ? MSTATUS_MIE : 0) | (s_on ? MSTATUS_SIE : 0);
				f.rv->priv = (uint8_t)priv;
				f.rv->m.tvec = 0x1001;
				f.rv->s.tvec = 0x2001;
				f.cpu->pc = 0x7770;
				atomic_store(&f.cpu->irq_lines, lines);
				int want = expected_interrupt(lines, mie, deleg, priv, m_on, s_on, &to);
				EXPECT_EQ(riscv64_frontend.arch->has_work(f.cpu), (lines & mie) != 0, "has_work with", lines);
				EXPECT(riscv64_frontend.arch->take_interrupt(f.cpu) == (want >= 0), "pending %#lx enabled %#lx", (long)lines, (long)mie);
				if (want < 0)
					continue;
				taken++;
				struct riscv_trap_regs *t = to == 3 ? &f.rv->m : &f.rv->s;
				EXPECT_EQ(f.rv->priv, to, "mode after", want);
				EXPECT_EQ(t->cause, (uint64_t)1 << 63 | (unsigned)want, "cause of", want);
				EXPECT_EQ(t->epc, 0x7770, "epc after", want);
				EXPECT_EQ(t->tval, 0, "tval after", want);
				EXPECT_EQ(f.cpu->pc, (to == 3 ? 0x1000 : 0x2000) + 4 * (unsigned)want, "vector of", want);
			}
		}
	}
	ck_assert_uint_gt(taken, 10000);
	fixture_free(&f);
}
END_TEST

START_TEST(pending_bits)
{
	struct fixture f;
	uint64_t old;
	fixture_init(&f, "rv64", 1);
	/* devices' bits can be read and not written */
	vcpu_set_irq(f.cpu, IRQ_MTI, true);
	vcpu_set_irq(f.cpu, IRQ_SEI, true);
	ck_assert_uint_eq(csr_get(&f, 0x344), 0x280);
	csr_set(&f, 0x344, 0);
	ck_assert_uint_eq(csr_get(&f, 0x344), 0x280);
	/* a csrrs of something else must not copy the controller's SEIP into the software bit (section 3.1.9) */
	ck_assert(csr_op(&f, CSRRS, 0x344, 2, &old));
	ck_assert_uint_eq(old, 0x280);
	vcpu_set_irq(f.cpu, IRQ_SEI, false);
	ck_assert_uint_eq(csr_get(&f, 0x344), 0x82);
	csr_set(&f, 0x344, 0x200);
	ck_assert_uint_eq(csr_get(&f, 0x344), 0x280);
	/* SSIP from outside and from inside are one bit */
	riscv_set_software_pending(f.cpu, true);
	csr_set(&f, 0x303, 0x222);
	set_priv(&f, PRIV_S);
	ck_assert_uint_eq(csr_get(&f, 0x144), 0x202);
	csr_set(&f, 0x144, 0);
	ck_assert_uint_eq(csr_get(&f, 0x144), 0x200);
	ck_assert_uint_eq(atomic_load(&f.cpu->irq_lines), 0x80);
	/* an enable that lets an interrupt through makes the engine leave its block */
	atomic_store(&f.cpu->deadline, UINT64_MAX);
	csr_set(&f, 0x104, 0x200);
	ck_assert_uint_eq(atomic_load(&f.cpu->deadline), UINT64_MAX);
	csr_set(&f, 0x100, 2);
	ck_assert_uint_eq(atomic_load(&f.cpu->deadline), 0);
	fixture_free(&f);
}
END_TEST

/* ---- return ---- */

START_TEST(returns)
{
	struct fixture f;
	fixture_init(&f, "rv64", 1);
	for (unsigned n = 0; n < 3 * 8; n++) {
		unsigned xpp = modes[n % 3], bits = n / 3;
		uint64_t pc, st;
		bool pie = bits & 1, ie = bits & 2, mprv = bits & 4;
		set_priv(&f, PRIV_M);
		csr_set(&f, 0x300, (uint64_t)xpp << 11 | (uint64_t)pie << 7 | (uint64_t)ie << 3 | (uint64_t)mprv << 17);
		csr_set(&f, 0x341, 0x123456);
		f.cpu->reservation.size = 8;
		ck_assert(run_helper(&f, HELPER_mret, 0x30200073, 0, 0, &pc));
		st = f.rv->mstatus;
		ck_assert_uint_eq(pc, 0x123456);
		ck_assert_uint_eq(f.rv->priv, xpp);
		ck_assert_uint_eq(f.cpu->mode & MODE_PRIV, xpp);
		ck_assert_uint_eq(st >> 3 & 1, pie);
		ck_assert_uint_eq(st >> 7 & 1, 1);
		ck_assert_uint_eq(st >> 11 & 3, 0);
		ck_assert_uint_eq(st >> 17 & 1, mprv && xpp == 3);
		ck_assert_uint_eq(f.cpu->reservation.size, 0);
		/* sret, from M-mode and from S-mode */
		set_priv(&f, PRIV_M);
		csr_set(&f, 0x300, (uint64_t)(xpp != 0) << 8 | (uint64_t)pie << 5 | (uint64_t)ie << 1 | (uint64_t)mprv << 17);
		csr_set(&f, 0x141, 0x654320);
		if (!mprv)
			set_priv(&f, PRIV_S);
		f.cpu->reservation.size = 8;
		ck_assert(run_helper(&f, HELPER_sret, 0x10200073, 0, 0, &pc));
		st = f.rv->mstatus;
		ck_assert_uint_eq(pc, 0x654320);
		ck_assert_uint_eq(f.rv->priv, xpp ? 1 : 0);
		ck_assert_uint_eq(st >> 1 & 1, pie);
		ck_assert_uint_eq(st >> 5 & 1, 1);
		ck_assert_uint_eq(st >> 8 & 1, 0);
		ck_assert_uint_eq(st >> 17 & 1, 0);
		ck_assert_uint_eq(f.cpu->reservation.size, 0);
	}
	fixture_free(&f);
}
END_TEST

/* ---- who may execute what ---- */

static const struct {
	enum riscv_helper helper;
	uint32_t insn;
	bool u, s, m;
	uint64_t trap_bit;	/* of mstatus, that makes it illegal in S-mode; 0: none */
} instructions[] = {
	{ HELPER_mret, 0x30200073, false, false, true, 0 },
	{ HELPER_sret, 0x10200073, false, true, true, MSTATUS_TSR },
	{ HELPER_wfi, 0x10500073, false, true, true, MSTATUS_TW },
	{ HELPER_sfence_vma, 0x12000073, false, true, true, MSTATUS_TVM },
	{ HELPER_sfence_vma, 0x16000073, false, true, true, MSTATUS_TVM },	/* sinval.vma */
	{ HELPER_fence_priv, 0x18000073, false, true, true, 0 },		/* sfence.w.inval */
	{ HELPER_fence_priv, 0x18100073, false, true, true, 0 },		/* sfence.inval.ir */
};

START_TEST(privileges)
{
	struct fixture f;
	fixture_init(&f, "rv64", 1);
	for (unsigned i = 0; i < ARRAY_SIZE(instructions); i++) {
		for (unsigned p = 0; p < 3; p++) {
			for (unsigned bits = 0; bits < 8; bits++) {
				bool legal = p == 0 ? instructions[i].u : p == 1 ? instructions[i].s : instructions[i].m;
				uint64_t st = (bits & 1 ? MSTATUS_TVM : 0) | (bits & 2 ? MSTATUS_TW : 0) | (bits & 4 ? MSTATUS_TSR : 0);
				if (p == 1 && st & instructions[i].trap_bit)
					legal = false;
				riscv64_frontend.reset(f.cpu);
				csr_set(&f, 0x300, st);
				set_priv(&f, modes[p]);
				ck_assert_int_eq(run_helper(&f, instructions[i].helper, instructions[i].insn, 0, 0, NULL), legal);
				ck_assert_int_eq(atomic_load(&f.cpu->waiting), legal && instructions[i].helper == HELPER_wfi);
				atomic_store(&f.cpu->waiting, false);
				if (!legal) {
					ck_assert_uint_eq(f.cpu->exception.cause, EXC_ILLEGAL);
					ck_assert_uint_eq(f.cpu->exception.value, instructions[i].insn);
				}
			}
		}
	}
	/* nothing to wait for: WFI goes on at once, whatever the global enables say */
	riscv64_frontend.reset(f.cpu);
	csr_set(&f, 0x304, 8);
	vcpu_set_irq(f.cpu, IRQ_MSI, true);
	ck_assert(run_helper(&f, HELPER_wfi, 0x10500073, 0, 0, NULL));
	ck_assert(!atomic_load(&f.cpu->waiting));
	fixture_free(&f);
}
END_TEST

START_TEST(jump_targets)
{
	struct fixture f;
	fixture_init(&f, "rv64,c=off", 1);
	ck_assert(run_helper(&f, HELPER_check_target, 0, 0x80000004, 0, NULL));
	ck_assert(run_helper(&f, HELPER_check_target, 0, 0x80000005, 0, NULL));
	ck_assert(!run_helper(&f, HELPER_check_target, 0, 0x80000006, 0, NULL));
	ck_assert_uint_eq(f.cpu->exception.cause, EXC_INSN_MISALIGNED);
	ck_assert_uint_eq(f.cpu->exception.value, 0x80000006);
	fixture_free(&f);
}
END_TEST

/* ---- cache-block operations: volume I, chapter 23, table of the envcfg fields ---- */

START_TEST(cache_blocks)
{
	struct fixture f;
	fixture_init(&f, "rv64", 1);
	csr_set(&f, 0x3b0, ~(uint64_t)0);
	csr_set(&f, 0x3a0, 0x1f);
	for (unsigned op = 0; op <= 4; op++) {
		if (op == 3)
			continue;
		uint32_t insn = op << 20 | 10 << 15 | 2 << 12 | 0x0f;
		for (unsigned p = 0; p < 3; p++) {
			for (unsigned n = 0; n < 64; n++) {
				static const unsigned cbie[] = { 0, 1, 3, 3 };
				uint64_t menv = cbie[n & 3] << 4 | (n & 4) << 4 | (n & 4) << 5;
				uint64_t senv = cbie[n >> 3 & 3] << 4 | (n & 32) << 1 | (n & 32) << 2;
				uint64_t bits = op == 0 ? 0x30 : op == 4 ? 0x80 : 0x40;
				bool legal = p == 2 || (menv & bits && (p == 1 || senv & bits));
				set_priv(&f, PRIV_M);
				csr_set(&f, 0x30a, menv);
				csr_set(&f, 0x10a, senv);
				set_priv(&f, modes[p]);
				memset(f.ram, 0xaa, 256);
				ck_assert_int_eq(run_helper(&f, HELPER_cbo, insn, RAM_BASE + 100, 0, NULL), legal);
				for (unsigned i = 0; i < 256; i++)
					EXPECT_EQ(f.ram[i], legal && op == 4 && i >= 64 && i < 128 ? 0 : 0xaa, "byte", i);
				if (!legal)
					ck_assert_uint_eq(f.cpu->exception.value, insn);
			}
		}
		/* where nothing is: a store's access fault at the address given */
		set_priv(&f, PRIV_M);
		ck_assert(!run_helper(&f, HELPER_cbo, insn, 0x1234, 0, NULL));
		ck_assert_uint_eq(f.cpu->exception.cause, EXC_STORE_ACCESS);
		ck_assert_uint_eq(f.cpu->exception.value, 0x1234);
	}
	fixture_free(&f);
}
END_TEST

/* ---- timers ---- */

static void run_time(struct fixture *f, uint64_t ns)
{
	f->cpu->icount += ns;
	if (atomic_load(&f->cpu->timer_deadline) <= clock_now(&f->m))
		riscv64_frontend.arch->update_timer(f->cpu);
}

START_TEST(supervisor_timer)
{
	struct fixture f;
	fixture_init(&f, "rv64", 1);
	csr_set(&f, 0x14d, 1000);
	ck_assert_uint_eq(atomic_load(&f.cpu->timer_deadline), UINT64_MAX);	/* off: STCE = 0 */
	csr_set(&f, 0x344, 0x20);			/* then STIP is software's */
	ck_assert_uint_eq(csr_get(&f, 0x344), 0x20);
	csr_set(&f, 0x30a, ENVCFG_STCE);
	ck_assert_uint_eq(csr_get(&f, 0x344), 0);
	ck_assert_uint_eq(atomic_load(&f.cpu->timer_deadline), 100000);
	csr_set(&f, 0x344, 0x20);			/* and now read-only */
	ck_assert_uint_eq(csr_get(&f, 0x344), 0);
	run_time(&f, 99999 - f.cpu->icount);
	ck_assert_uint_eq(csr_get(&f, 0xc01), 999);
	ck_assert_uint_eq(csr_get(&f, 0x344), 0);
	run_time(&f, 1);
	ck_assert_uint_eq(csr_get(&f, 0xc01), 1000);
	ck_assert_uint_eq(csr_get(&f, 0x344), 0x20);
	csr_set(&f, 0x14d, 1001);
	ck_assert_uint_eq(csr_get(&f, 0x344), 0);
	csr_set(&f, 0x14d, 0);
	ck_assert_uint_eq(csr_get(&f, 0x344), 0x20);
	/* never: no overflow on the way to nanoseconds */
	for (unsigned i = 0; i < 3; i++) {
		csr_set(&f, 0x14d, (uint64_t[]){ ~(uint64_t)0, ~(uint64_t)0 / 100, ~(uint64_t)0 / 100 + 1 }[i]);
		ck_assert_uint_eq(csr_get(&f, 0x344), 0);
		ck_assert_uint_ge(atomic_load(&f.cpu->timer_deadline), ~(uint64_t)0 - 200);
	}
	/* turned off again, the bit is what software left there */
	csr_set(&f, 0x14d, 0);
	csr_set(&f, 0x30a, 0);
	csr_set(&f, 0x344, 0);
	ck_assert_uint_eq(csr_get(&f, 0x344), 0);
	fixture_free(&f);
}
END_TEST

START_TEST(firmware_timer)
{
	for (unsigned sstc = 0; sstc < 2; sstc++) {
		struct fixture f;
		fixture_init(&f, sstc ? "rv64" : "rv64,sstc=off", 1);
		riscv_enter_supervisor(f.cpu, RAM_BASE, 0, 0);
		ck_assert_uint_eq(csr_get(&f, 0x144), 0);
		uint64_t now = csr_get(&f, 0xc01);
		riscv_set_stimer(f.cpu, now + 5);
		ck_assert_uint_eq(csr_get(&f, 0x144), 0);
		run_time(&f, 500);
		ck_assert_uint_eq(csr_get(&f, 0x144), 0x20);
		riscv_set_stimer(f.cpu, ~(uint64_t)0);
		ck_assert_uint_eq(csr_get(&f, 0x144), 0);
		fixture_free(&f);
	}
}
END_TEST

/* ---- dead guests, and calls that leave the guest ---- */

static unsigned exits;
static void count_exit(void *opaque, const struct guest_exit *e)
{
	exits++;
}

START_TEST(trap_loop)
{
	struct fixture f;
	fixture_init(&f, "rv64", 1);
	f.m.observer.exit = count_exit;
	exits = 0;
	csr_set(&f, 0x305, 0x4000);
	raise_at(&f, 0x1000, EXC_ILLEGAL, 0);
	for (unsigned i = 0; i < 5000 && !f.m.ended; i++)
		raise_at(&f, 0x4000, EXC_INSN_ACCESS, 0x4000);
	ck_assert_uint_eq(f.m.exit.cause, EXIT_DIED);
	ck_assert_uint_eq(exits, 1);
	ck_assert_str_eq(f.m.exit.text, "hart 0: the M-mode trap handler at 0x4000 traps for ever: instruction access fault (cause 1), value "
			 "0x4000; entered for illegal instruction at 0x1000");
	ck_assert(atomic_load(&f.cpu->halted));
	fixture_free(&f);
	/* a handler that gets on, however slowly, is alive */
	fixture_init(&f, "rv64", 1);
	csr_set(&f, 0x305, 0x4000);
	for (unsigned i = 0; i < 5000; i++) {
		raise_at(&f, 0x4000, EXC_ECALL_M, 0);
		f.cpu->icount += 1;
	}
	ck_assert(!f.m.ended);
	/* and so is one in S-mode with M-mode above it, or in any mode whose trap goes elsewhere */
	csr_set(&f, 0x105, 0x4000);
	csr_set(&f, 0x302, 2);
	set_priv(&f, PRIV_S);
	for (unsigned i = 0; i < 5000; i++)
		raise_at(&f, 0x4000, EXC_INSN_ACCESS, 0x4000);
	ck_assert(!f.m.ended);
	fixture_free(&f);
}
END_TEST

static enum { DECLINE, HANDLE, JUMP, FAULT } answer;
static bool firmware(struct vcpu *cpu)
{
	EXPECT(!cpu->exception.pending, "the call is no exception any more");
	if (answer == JUMP)
		cpu->pc = 0x9000;
	if (answer == FAULT)
		riscv_raise(cpu, EXC_LOAD_PAGE, 0x77);
	return answer != DECLINE;
}

START_TEST(outside_calls)
{
	struct fixture f;
	fixture_init(&f, "rv64", 1);
	csr_set(&f, 0x305, 0x4000);
	csr_set(&f, 0x105, 0x5000);
	csr_set(&f, 0x302, 1 << EXC_LOAD_PAGE);
	f.m.firmware_call = firmware;
	for (answer = DECLINE; answer <= FAULT; answer++) {
		static const uint64_t to[] = { 0x4000, 0x1004, 0x9000, 0x5000 };
		set_priv(&f, PRIV_S);
		raise_at(&f, 0x1000, EXC_ECALL_S, 0);
		ck_assert_uint_eq(f.cpu->pc, to[answer]);
	}
	ck_assert_uint_eq(f.rv->s.epc, 0x1000);		/* the fault is the call's */
	ck_assert_uint_eq(f.rv->s.cause, EXC_LOAD_PAGE);
	ck_assert_uint_eq(f.rv->m.cause, EXC_ECALL_S);
	answer = HANDLE;
	set_priv(&f, PRIV_U);
	raise_at(&f, 0x1000, EXC_ECALL_U, 0);		/* not the firmware's */
	ck_assert_uint_eq(f.cpu->pc, 0x4000);
	/* semihosting: never from U-mode */
	f.m.breakpoint_call = firmware;
	answer = JUMP;
	for (unsigned p = 0; p < 3; p++) {
		set_priv(&f, modes[p]);
		raise_at(&f, 0x1000, EXC_BREAKPOINT, 0x1000);
		ck_assert_uint_eq(f.cpu->pc, p ? 0x9000 : 0x4000);
	}
	fixture_free(&f);
}
END_TEST

START_TEST(names)
{
	static const struct { uint64_t cause; bool interrupt; const char *name; } cases[] = {
		{ 2, false, "illegal instruction" }, { 15, false, "store/AMO page fault" }, { 5, true, "supervisor timer interrupt" },
		{ 11, true, "machine external interrupt" }, { 10, false, "reserved" }, { 14, false, "reserved" }, { 16, false, "reserved" },
		{ 0, true, "reserved" }, { 12, true, "reserved" }, { ~(uint64_t)0, true, "reserved" }, { ~(uint64_t)0, false, "reserved" },
	};
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++)
		ck_assert_str_eq(riscv64_frontend.exception_name(cases[i].cause, cases[i].interrupt), cases[i].name);
}
END_TEST

/* ---- mode switches choose the right rights ---- */

START_TEST(mprv)
{
	struct fixture f;
	struct mmu_leaf leaf;
	fixture_init(&f, "rv64", 1);
	/* PMP: nothing for S and U, M free */
	ck_assert(mmu_translate(f.cpu, RAM_BASE, MMU_READ, &leaf));
	csr_set(&f, 0x300, MSTATUS_MPRV | (uint64_t)PRIV_S << 11);
	ck_assert(!mmu_translate(f.cpu, RAM_BASE, MMU_READ, &leaf));
	ck_assert_uint_eq(f.cpu->exception.cause, EXC_LOAD_ACCESS);
	ck_assert(mmu_translate(f.cpu, RAM_BASE, MMU_FETCH, &leaf));
	csr_set(&f, 0x300, MSTATUS_MPRV | (uint64_t)PRIV_M << 11);
	ck_assert(mmu_translate(f.cpu, RAM_BASE, MMU_READ, &leaf));
	/* entering a trap in M-mode keeps MPRV, and data then follow the mode that trapped */
	raise_at(&f, RAM_BASE, EXC_ILLEGAL, 0);
	ck_assert_uint_eq(f.rv->mstatus & MSTATUS_MPRV, MSTATUS_MPRV);
	ck_assert(mmu_translate(f.cpu, RAM_BASE, MMU_READ, &leaf));
	fixture_free(&f);
}
END_TEST

START_TEST(supervisor_entry)
{
	struct fixture f;
	fixture_init(&f, "rv64", 2);
	riscv_enter_supervisor(f.m.vcpu[1], RAM_BASE + 0x200000, 1, 0x8765);
	f.cpu = f.m.vcpu[1];
	f.rv = riscv_cpu(f.cpu);
	ck_assert_uint_eq(f.cpu->pc, RAM_BASE + 0x200000);
	ck_assert_uint_eq(f.cpu->reg[10], 1);
	ck_assert_uint_eq(f.cpu->reg[11], 0x8765);
	ck_assert_uint_eq(f.rv->priv, PRIV_S);
	ck_assert_uint_eq(csr_get(&f, 0x180), 0);
	ck_assert_uint_eq(csr_get(&f, 0x100) & 2, 0);
	uint64_t v;
	for (unsigned csr = 0xc00; csr < 0xc20; csr++)
		ck_assert(csr_try_read(&f, csr, &v));
	ck_assert(csr_try_read(&f, 0x14d, &v));
	ck_assert(mmu_load(f.cpu, RAM_BASE, 8, &v));
	ck_assert(mmu_store(f.cpu, RAM_BASE, 8, v));
	/* every exception that S-mode can have goes there, but the call to firmware */
	csr_set(&f, 0x105, 0x5000);
	for (unsigned cause = 0; cause < 16; cause++) {
		if (!(0xb1ff >> cause & 1))
			continue;
		set_priv(&f, PRIV_S);
		raise_at(&f, RAM_BASE, cause, 0);
		ck_assert_uint_eq(f.rv->priv, PRIV_S);
	}
	set_priv(&f, PRIV_M);
	ck_assert_uint_eq(csr_get(&f, 0xf14), 1);
	ck_assert_uint_eq(csr_get(&f, 0x302), 0xb1ff);
	ck_assert_uint_eq(csr_get(&f, 0x303), 0x222);
	fixture_free(&f);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("trap");
	TCase *t = tcase_create("trap");
	tcase_set_timeout(t, 60);
	tcase_add_test(t, delegation);
	tcase_add_test(t, interrupts);
	tcase_add_test(t, pending_bits);
	tcase_add_test(t, returns);
	tcase_add_test(t, privileges);
	tcase_add_test(t, jump_targets);
	tcase_add_test(t, cache_blocks);
	tcase_add_test(t, supervisor_timer);
	tcase_add_test(t, firmware_timer);
	tcase_add_test(t, trap_loop);
	tcase_add_test(t, outside_calls);
	tcase_add_test(t, names);
	tcase_add_test(t, mprv);
	tcase_add_test(t, supervisor_entry);
	suite_add_tcase(s, t);
	return run_suites("riscv_trap", 1, &s);
}

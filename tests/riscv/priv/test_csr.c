// SPDX-License-Identifier: Apache-2.0
/*
 * Which CSRs exist, who may touch them, and what writes leave behind: every number in every privilege mode against the list
 * below, which is taken from the tables of volume II, chapter 2, and the chapters of the extensions.
 */
#include <fenv.h>
#include <float.h>
#include <stdatomic.h>
#include "tests/riscv/priv/fixture.h"

/* ---- who may ---- */

enum { ANY, FP, ZICNTR, ZIHPM, SSTC, PMP16, PMP64 };
static const struct {
	uint16_t first, last, step;
	uint8_t needs;
} listed[] = {
	{ 0x001, 0x003, 1, FP },		/* fflags frm fcsr */
	{ 0xc00, 0xc02, 1, ZICNTR },		/* cycle time instret */
	{ 0xc03, 0xc1f, 1, ZIHPM },		/* hpmcounter3 to 31 */
	{ 0x100, 0x100, 1, ANY },		/* sstatus */
	{ 0x104, 0x106, 1, ANY },		/* sie stvec scounteren */
	{ 0x10a, 0x10a, 1, ANY },		/* senvcfg */
	{ 0x140, 0x144, 1, ANY },		/* sscratch sepc scause stval sip */
	{ 0x14d, 0x14d, 1, SSTC },		/* stimecmp */
	{ 0x180, 0x180, 1, ANY },		/* satp */
	{ 0xf11, 0xf15, 1, ANY },		/* mvendorid marchid mimpid mhartid mconfigptr */
	{ 0x300, 0x306, 1, ANY },		/* mstatus misa medeleg mideleg mie mtvec mcounteren */
	{ 0x30a, 0x30a, 1, ANY },		/* menvcfg */
	{ 0x340, 0x344, 1, ANY },		/* mscratch mepc mcause mtval mip */
	{ 0x3a0, 0x3a2, 2, PMP16 },		/* pmpcfg0, 2 */
	{ 0x3a4, 0x3ae, 2, PMP64 },		/* pmpcfg4 to 14 */
	{ 0x3b0, 0x3bf, 1, PMP16 },
	{ 0x3c0, 0x3ef, 1, PMP64 },
	{ 0xb00, 0xb00, 1, ANY },		/* mcycle */
	{ 0xb02, 0xb1f, 1, ANY },		/* minstret, mhpmcounter3 to 31 */
	{ 0x320, 0x320, 1, ANY },		/* mcountinhibit */
	{ 0x323, 0x33f, 1, ANY },		/* mhpmevent3 to 31 */
	{ 0x7a0, 0x7a3, 1, ANY },		/* tselect, tdata1 to 3: a hart without triggers */
};

/* What the test has set up */
struct setup {
	const char *cpu;
	bool f, zicntr, zihpm, sstc;
	unsigned pmp;
	bool fs, tvm, stce;
	uint32_t mcounteren, scounteren;
};

static bool expected(const struct setup *s, unsigned csr, unsigned priv, bool write)
{
	bool exists = false;
	for (unsigned i = 0; i < ARRAY_SIZE(listed); i++) {
		if (csr < listed[i].first || csr > listed[i].last || (csr - listed[i].first) % listed[i].step)
			continue;
		switch (listed[i].needs) {
		case FP:	exists = s->f && s->fs; break;
		case ZICNTR:	exists = s->zicntr; break;
		case ZIHPM:	exists = s->zihpm; break;
		case SSTC:	exists = s->sstc; break;
		case PMP16:	exists = s->pmp > 0; break;
		case PMP64:	exists = s->pmp > 16; break;
		default:	exists = true;
		}
	}
	if (!exists || (write && csr >= 0xc00))
		return false;
	/* the lowest mode by the middle digit: 0 user, 1 supervisor, 3 machine */
	static const unsigned lowest[] = { PRIV_U, PRIV_S, PRIV_M, PRIV_M };
	if (priv < lowest[csr >> 8 & 3])
		return false;
	if (csr >= 0xc00 && csr <= 0xc1f) {
		uint32_t bit = 1u << (csr - 0xc00);
		if (priv < PRIV_M && !(s->mcounteren & bit))
			return false;
		if (priv < PRIV_S && !(s->scounteren & bit))
			return false;
	}
	if (csr == 0x180 && priv == PRIV_S && s->tvm)
		return false;
	if (csr == 0x14d && priv == PRIV_S && !(s->stce && s->mcounteren & 2))
		return false;
	return true;
}

static const struct setup setups[] = {
	{ "rv64", true, true, true, true, 16, true, false, true, ~0u, ~0u },
	{ "rv64", true, true, true, true, 16, false, true, false, ~0u, ~0u },
	{ "rv64", true, true, true, true, 16, true, false, true, 0x5555555d, 0xffff0f0e },
	{ "rv64", true, true, true, true, 16, true, false, true, 0xaaaaaaa2, 7 },
	{ "rv64,pmp=64", true, true, true, true, 64, true, true, true, 0, ~0u },
	{ "rv64,pmp=0,sstc=off", true, true, true, false, 0, true, false, false, ~0u, 0 },
	{ "rv64,zihpm=off,zicntr=off", true, false, false, true, 16, true, false, true, 2, 0 },
	{ "rv64,d=off,zfhmin=off,f=off", false, true, true, true, 16, false, false, true, ~0u, ~0u },
	{ "rv64,satp=bare", true, true, true, true, 16, true, false, true, ~0u, ~0u },
};

static void prepare(struct fixture *f, const struct setup *s)
{
	riscv64_frontend.reset(f->cpu);
	csr_set(f, 0x300, (s->fs ? (uint64_t)1 << 13 : 0) | (s->tvm ? 1 << 20 : 0));
	csr_set(f, 0x306, s->mcounteren);
	csr_set(f, 0x106, s->scounteren);
	csr_set(f, 0x30a, s->stce ? (uint64_t)1 << 63 : 0);
}

START_TEST(every_number)
{
	const struct setup *s = &setups[_i];
	static const uint8_t privs[] = { PRIV_U, PRIV_S, PRIV_M };
	struct fixture f;
	fixture_init(&f, s->cpu, 1);
	prepare(&f, s);
	for (unsigned p = 0; p < 3; p++) {
		for (unsigned csr = 0; csr < 4096; csr++) {
			uint64_t v;
			set_priv(&f, privs[p]);
			EXPECT(csr_try_read(&f, csr, &v) == expected(s, csr, privs[p], false), "read %#x, mode %u", csr, privs[p]);
			EXPECT(csr_op(&f, CSRRS, csr, 0, &v) == expected(s, csr, privs[p], true), "csrrs %#x, mode %u", csr,
			       privs[p]);	/* a write of nothing through a register that is not x0 */
			bool ok = csr_op(&f, CSRRW, csr, rnd(&(uint64_t){ csr }), &v);
			EXPECT(ok == expected(s, csr, privs[p], true), "csrrw %#x, mode %u", csr, privs[p]);
			if (ok)
				prepare(&f, s);
		}
	}
	fixture_free(&f);
}
END_TEST

/* csrrw to x0 reads nothing, csrrs and csrrc from x0 or zero write nothing: legal on a read-only register, and no change. */
START_TEST(read_and_write_forms)
{
	struct fixture f;
	uint64_t old;
	fixture_init(&f, "rv64", 1);
	csr_set(&f, 0x340, 0xf0f0);
	ck_assert(run_helper(&f, HELPER_csr, csr_insn(CSRRSI, 0x340, 5, 0), 0, 0, &old));
	ck_assert_uint_eq(old, 0xf0f0);
	ck_assert(run_helper(&f, HELPER_csr, csr_insn(CSRRSI, 0x340, 5, 15), 15, 0, &old));
	ck_assert_uint_eq(csr_get(&f, 0x340), 0xf0ff);
	ck_assert(run_helper(&f, HELPER_csr, csr_insn(CSRRCI, 0x340, 5, 3), 3, 0, &old));
	ck_assert_uint_eq(old, 0xf0ff);
	ck_assert_uint_eq(csr_get(&f, 0x340), 0xf0fc);
	ck_assert(run_helper(&f, HELPER_csr, csr_insn(CSRRWI, 0x340, 0, 9), 9, 0, &old));
	ck_assert_uint_eq(csr_get(&f, 0x340), 9);
	ck_assert(csr_op(&f, CSRRC, 0x340, 1, &old));
	ck_assert_uint_eq(old, 9);
	ck_assert_uint_eq(csr_get(&f, 0x340), 8);
	for (unsigned op = CSRRS; op <= CSRRCI; op++) {
		if (op == 4)
			continue;
		bool writes = op == CSRRWI;
		ck_assert_int_eq(run_helper(&f, HELPER_csr, csr_insn(op, 0xf14, 5, 0), 0, 0, &old), !writes);
		f.cpu->exception.pending = false;
		ck_assert(!run_helper(&f, HELPER_csr, csr_insn(op, 0xf14, 5, 1), 1, 0, &old));
		f.cpu->exception.pending = false;
	}
	fixture_free(&f);
}
END_TEST

/* Reset leaves nothing of what was there, whatever it was. */
START_TEST(reset_is_complete)
{
	struct fixture f;
	uint64_t seed = 5;
	fixture_init(&f, "rv64", 1);
	struct riscv_cpu fresh = *f.rv;
	uint64_t lines = atomic_load(&f.cpu->irq_lines), deadline = atomic_load(&f.cpu->timer_deadline);
	struct vcpu before = { .mode = f.cpu->mode, .fp_control = f.cpu->fp_control };
	for (unsigned round = 0; round < 50; round++) {
		for (unsigned csr = 0; csr < 4096; csr++) {
			uint64_t old;
			set_priv(&f, PRIV_M);
			csr_op(&f, CSRRW, csr, csr == 0x14d ? 0 : rnd(&seed), &old);
		}
		riscv_set_stimer(f.cpu, 0);
		riscv_set_software_pending(f.cpu, true);
		for (unsigned i = 0; i < VCPU_SLOTS; i++)
			f.cpu->reg[i] = rnd(&seed);
		f.cpu->fp_flags = FE_INVALID;
		f.cpu->reservation.size = 4;
		riscv_raise(f.cpu, EXC_ILLEGAL, 0);
		atomic_store(&f.cpu->waiting, true);
		atomic_store(&f.cpu->halted, true);
		f.cpu->icount += 1000;
		riscv64_frontend.reset(f.cpu);
		ck_assert_uint_eq(csr_get(&f, 0xb00), 0);
		ck_assert_uint_eq(csr_get(&f, 0xb02), 0);
		fresh.cycle.base = fresh.instret.base = f.cpu->icount;
		ck_assert_mem_eq(f.rv, &fresh, sizeof fresh);
		for (unsigned i = 0; i < VCPU_SLOTS; i++)
			EXPECT_EQ(f.cpu->reg[i], 0, "slot", i);
		ck_assert_uint_eq(f.cpu->pc, 0x1000);
		ck_assert_uint_eq(f.cpu->mode, before.mode);
		ck_assert_uint_eq(f.cpu->fp_control, before.fp_control);
		ck_assert_uint_eq(f.cpu->fp_flags, 0);
		ck_assert_uint_eq(f.cpu->reservation.size, 0);
		ck_assert(!f.cpu->exception.pending && !atomic_load(&f.cpu->waiting) && !atomic_load(&f.cpu->halted));
		ck_assert_uint_eq(atomic_load(&f.cpu->irq_lines), lines);
		ck_assert_uint_eq(atomic_load(&f.cpu->timer_deadline), deadline);
	}
	fixture_free(&f);
}
END_TEST

/* ---- what a write leaves: after all ones, after zero, and the value at reset ---- */

#define ONES (~(uint64_t)0)

static const struct {
	uint16_t csr;
	uint64_t reset, ones, zero;
} warl[] = {
	{ 0x300, 0xa00000000, 0x8000000a007e79aa, 0xa00000000 },
	{ 0x302, 0, 0xb3ff, 0 },
	{ 0x303, 0, 0x222, 0 },
	{ 0x304, 0, 0xaaa, 0 },
	{ 0x305, 0, 0xfffffffffffffffc, 0 },	/* mode 3 is reserved: the mode stays direct */
	{ 0x306, 0, 0xffffffff, 0 },
	{ 0x30a, 0, 0xe0000000000000f1, 0 },
	{ 0x320, 0, 5, 0 },
	{ 0x323, 0, 0, 0 },
	{ 0x33f, 0, 0, 0 },
	{ 0x340, 0, ONES, 0 },
	{ 0x341, 0, ONES - 1, 0 },
	{ 0x342, 0, ONES, 0 },
	{ 0x343, 0, ONES, 0 },
	{ 0x344, 0, 0x222, 0 },			/* SSIP, STIP, SEIP; the machine's bits belong to devices */
	{ 0x100, 0x200000000, 0x80000002000c6122, 0x200000000 },
	{ 0x104, 0, 0, 0 },			/* nothing is delegated */
	{ 0x105, 0, 0xfffffffffffffffc, 0 },
	{ 0x106, 0, 0xffffffff, 0 },
	{ 0x10a, 0, 0xf1, 0 },
	{ 0x140, 0, ONES, 0 },
	{ 0x141, 0, ONES - 1, 0 },
	{ 0x142, 0, ONES, 0 },
	{ 0x143, 0, ONES, 0 },
	{ 0x144, 0, 0, 0 },
	{ 0x14d, ONES, ONES, 0 },
	{ 0x180, 0, 0, 0 },			/* mode 15 does not exist: no effect */
	{ 0xb03, 0, 0, 0 },
	{ 0xb1f, 0, 0, 0 },
	{ 0x7a0, 0, 0, 0 },
	{ 0x7a1, 0, 0, 0 },
	{ 0x7a3, 0, 0, 0 },
	{ 0x3a1 - 1, 0, 0x9f9f9f9f9f9f9f9f, 0x9f9f9f9f9f9f9f9f },	/* locked for good */
	{ 0x3b8, 0, 0x3fffffffffffff, 0 },
};

START_TEST(warl_values)
{
	struct fixture f;
	fixture_init(&f, "rv64", 1);
	for (unsigned i = 0; i < ARRAY_SIZE(warl); i++) {
		riscv64_frontend.reset(f.cpu);
		EXPECT_EQ(csr_get(&f, warl[i].csr), warl[i].reset, "reset of csr", warl[i].csr);
		csr_set(&f, warl[i].csr, ONES);
		EXPECT_EQ(csr_get(&f, warl[i].csr), warl[i].ones, "ones to csr", warl[i].csr);
		csr_set(&f, warl[i].csr, 0);
		EXPECT_EQ(csr_get(&f, warl[i].csr), warl[i].zero, "zero to csr", warl[i].csr);
	}
	fixture_free(&f);
}
END_TEST

START_TEST(warl_without_extensions)
{
	struct fixture f;
	fixture_init(&f, "rv64,c=off,d=off,zfhmin=off,f=off,sstc=off,svadu=off,svpbmt=off,zicbom=off,zicboz=off,zihpm=off", 1);
	static const struct {
		uint16_t csr;
		uint64_t ones;
	} cases[] = { { 0x300, 0xa007e19aa }, { 0x30a, 1 }, { 0x10a, 1 }, { 0x306, 7 }, { 0x106, 7 }, { 0x341, ONES - 3 },
		      { 0x141, ONES - 3 } };
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		csr_set(&f, cases[i].csr, ONES);
		EXPECT_EQ(csr_get(&f, cases[i].csr), cases[i].ones, "csr", cases[i].csr);
	}
	fixture_free(&f);
}
END_TEST

START_TEST(fields)
{
	struct fixture f;
	uint64_t old;
	fixture_init(&f, "rv64", 1);
	/* MPP: 2 is no mode */
	for (unsigned mpp = 0; mpp < 4; mpp++) {
		csr_set(&f, 0x300, 1 << 11);
		csr_set(&f, 0x300, mpp << 11);
		ck_assert_uint_eq(csr_get(&f, 0x300) >> 11 & 3, mpp == 2 ? 1 : mpp);
	}
	/* SD is FS = Dirty and nothing else */
	for (unsigned fs = 0; fs < 4; fs++) {
		csr_set(&f, 0x300, fs << 13);
		ck_assert_uint_eq(csr_get(&f, 0x300) >> 63, fs == 3);
		ck_assert_uint_eq(csr_get(&f, 0x100) >> 63, fs == 3);
	}
	/* CBIE: 2 is reserved */
	for (unsigned csr = 0x10a; csr <= 0x30a; csr += 0x200)
		for (unsigned cbie = 0; cbie < 4; cbie++) {
			csr_set(&f, csr, 0x30);
			csr_set(&f, csr, cbie << 4 | 1);
			ck_assert_uint_eq(csr_get(&f, csr), (cbie == 2 ? 3 : cbie) << 4 | 1);
		}
	/* vectors: modes 0 and 1 */
	for (unsigned csr = 0x105; csr <= 0x305; csr += 0x200) {
		csr_set(&f, csr, 0x80001001);
		ck_assert_uint_eq(csr_get(&f, csr), 0x80001001);
		csr_set(&f, csr, 0x80002002);
		ck_assert_uint_eq(csr_get(&f, csr), 0x80002001);
		csr_set(&f, csr, 0x80002000);
		ck_assert_uint_eq(csr_get(&f, csr), 0x80002000);
	}
	/* sstatus is a window on mstatus */
	csr_set(&f, 0x300, ONES & ~((uint64_t)1 << 19));
	ck_assert_uint_eq(csr_get(&f, 0x100), 0x8000000200046122);
	ck_assert(csr_op(&f, CSRRW, 0x100, 1 << 19, &old));
	ck_assert_uint_eq(csr_get(&f, 0x300), 0xa007a1888 - 0);
	/* sie and sip show what is delegated */
	csr_set(&f, 0x304, 0xaaa);
	csr_set(&f, 0x303, 0x202);
	ck_assert_uint_eq(csr_get(&f, 0x104), 0x202);
	csr_set(&f, 0x104, 0);
	ck_assert_uint_eq(csr_get(&f, 0x304), 0x8a8);
	csr_set(&f, 0x344, 0x222);
	ck_assert_uint_eq(csr_get(&f, 0x144), 0x202);
	csr_set(&f, 0x144, 0);
	ck_assert_uint_eq(csr_get(&f, 0x344), 0x220);
	fixture_free(&f);
}
END_TEST

START_TEST(satp_modes)
{
	static const struct {
		const char *cpu;
		unsigned modes;		/* bit per mode */
	} cases[] = { { "rv64,satp=bare", 0 }, { "rv64,satp=sv39", 1 << 0 | 1 << 8 }, { "rv64,satp=sv48", 1 << 0 | 3 << 8 },
		      { "rv64", 1 << 0 | 7 << 8 } };
	for (unsigned c = 0; c < ARRAY_SIZE(cases); c++) {
		struct fixture f;
		uint64_t seed = c;
		fixture_init(&f, cases[c].cpu, 1);
		for (unsigned n = 0; n < 200; n++) {
			uint64_t old = csr_get(&f, 0x180), v = rnd(&seed), mode = v >> 60;
			csr_set(&f, 0x180, v);
			EXPECT_EQ(csr_get(&f, 0x180), cases[c].modes >> mode & 1 ? v : old, "satp", v);
		}
		fixture_free(&f);
	}
}
END_TEST

/* ---- floating point ---- */

START_TEST(float_status)
{
	struct fixture f;
	uint64_t old;
	fixture_init(&f, "rv64", 1);
	csr_set(&f, 0x300, 1 << 13);
	csr_set(&f, 0x003, ONES);
	ck_assert_uint_eq(csr_get(&f, 0x003), 0xff);
	ck_assert_uint_eq(csr_get(&f, 0x001), 0x1f);
	ck_assert_uint_eq(csr_get(&f, 0x002), 7);
	ck_assert_uint_eq(csr_get(&f, 0x300) >> 13 & 3, 3);	/* a write makes the state dirty */
	for (unsigned csr = 1; csr <= 3; csr++) {
		csr_set(&f, 0x300, 1 << 13);
		csr_set(&f, csr, 0);
		ck_assert_uint_eq(csr_get(&f, 0x300) >> 13 & 3, 3);
	}
	csr_set(&f, 0x003, 0x45);
	ck_assert_uint_eq(csr_get(&f, 0x001), 5);
	ck_assert_uint_eq(csr_get(&f, 0x002), 2);
	ck_assert(csr_op(&f, CSRRC, 0x001, 1, &old));
	ck_assert_uint_eq(csr_get(&f, 0x003), 0x44);
	/* flags: the host's, as fenv.h names them */
	static const struct {
		unsigned guest;
		int host;
		double a, b;	/* whose quotient raises it */
	} flags[] = { { 1, FE_INEXACT, 1, 3 }, { 2, FE_UNDERFLOW, DBL_MIN, 3 }, { 4, FE_OVERFLOW, DBL_MAX, 0.1 },
		      { 8, FE_DIVBYZERO, 1, 0 }, { 16, FE_INVALID, 0, 0 } };
	for (unsigned i = 0; i < ARRAY_SIZE(flags); i++) {
		csr_set(&f, 0x001, 0);
		volatile double a = flags[i].a, b = flags[i].b, q = a / b;	/* as generated code would, on this thread */
		(void)q;
		ck_assert_uint_eq(csr_get(&f, 0x001) & flags[i].guest, flags[i].guest);
		csr_set(&f, 0x001, 0);
		ck_assert_uint_eq(csr_get(&f, 0x001), 0);
		csr_set(&f, 0x001, flags[i].guest);
		ck_assert_uint_eq(f.cpu->fp_flags, flags[i].host);
	}
	/* rounding: host control word and mode bits */
	unsigned rm_mode[] = { MODE_RM_HOST, MODE_RM_HOST, MODE_RM_HOST, MODE_RM_HOST, MODE_RM_RMM, MODE_RM_INVALID, MODE_RM_INVALID,
			       MODE_RM_INVALID };
	for (unsigned rm = 0; rm < 8; rm++) {
		csr_set(&f, 0x002, rm);
		ck_assert_uint_eq(f.cpu->mode >> MODE_RM_SHIFT & 3, rm_mode[rm]);
#ifdef __x86_64__
		static const unsigned rc[] = { 0, 3, 1, 2, 0, 0, 0, 0 };
		ck_assert_uint_eq(f.cpu->fp_control, 0x1f80 | rc[rm] << 13);
#endif
	}
	/* an instruction that wrote FP registers marks the slot; FS = Off cannot become dirty */
	csr_set(&f, 0x300, 1 << 13);
	f.cpu->reg[SLOT_FS_DIRTY] = 1;
	ck_assert_uint_eq(csr_get(&f, 0x100) >> 13 & 3, 3);
	ck_assert_uint_eq(f.cpu->reg[SLOT_FS_DIRTY], 0);
	f.cpu->reg[SLOT_FS_DIRTY] = 1;
	csr_set(&f, 0x300, 2 << 13);	/* a write of Clean after the last FP instruction holds */
	ck_assert_uint_eq(csr_get(&f, 0x300) >> 13 & 3, 2);
	ck_assert(f.cpu->mode & MODE_FS_ON);
	csr_set(&f, 0x300, 0);
	ck_assert(!(f.cpu->mode & MODE_FS_ON));
	fixture_free(&f);
}
END_TEST

/* ---- counters ---- */

START_TEST(counters)
{
	struct fixture f;
	fixture_init(&f, "rv64", 1);
	for (unsigned csr = 0xb00; csr <= 0xb02; csr += 2) {
		uint64_t v = csr_get(&f, csr);
		f.cpu->icount += 100;
		ck_assert_uint_eq(csr_get(&f, csr), v + 100);
		ck_assert_uint_eq(csr_get(&f, csr + 0x100), v + 100);
		/* the next instruction reads what was written (volume II, section 3.1.11) */
		csr_set(&f, csr, 0x1234567800000000);
		f.cpu->icount += 1;
		ck_assert_uint_eq(csr_get(&f, csr), 0x1234567800000000);
		f.cpu->icount += 7;
		ck_assert_uint_eq(csr_get(&f, csr), 0x1234567800000007);
		/* inhibited: it stands, and can be written */
		csr_set(&f, 0x320, 1 << (csr & 31));
		v = csr_get(&f, csr);
		f.cpu->icount += 50;
		ck_assert_uint_eq(csr_get(&f, csr), v);
		csr_set(&f, csr, 42);
		f.cpu->icount += 50;
		ck_assert_uint_eq(csr_get(&f, csr), 42);
		csr_set(&f, 0x320, 0);
		f.cpu->icount += 1 + 3;
		ck_assert_uint_eq(csr_get(&f, csr), 45);
	}
	/* time: 10 MHz of guest time, which here is one instruction a nanosecond */
	uint64_t t = csr_get(&f, 0xc01);
	f.cpu->icount += 12345600;
	ck_assert_uint_eq(csr_get(&f, 0xc01), t + 123456);
	fixture_free(&f);
}
END_TEST

/* ---- debuggers ---- */

START_TEST(registers)
{
	struct fixture f;
	fixture_init(&f, "rv64", 1);
	bool seen[4162] = { false };
	for (unsigned i = 0; i < riscv64_frontend.n_regs; i++) {
		const struct frontend_reg *r = &riscv64_frontend.regs[i];
		uint64_t v = 0;
		EXPECT(r->gdb_number < ARRAY_SIZE(seen) && !seen[r->gdb_number], "%s has a number of its own", r->name);
		seen[r->gdb_number] = true;
		bool present = riscv64_frontend.reg_read(f.cpu, i, &v);
		if (r->gdb_number >= 65 && r->gdb_number < 4161)
			EXPECT(present == (riscv_csr_find(f.rv, r->gdb_number - 65) != NULL), "%s", r->name);
		else
			EXPECT(present, "%s", r->name);
		/* writes that legalise must not fall over, whatever the value */
		if (present && r->gdb_number != 32) {
			riscv64_frontend.reg_write(f.cpu, i, 0x0123456789abcdef);
			riscv64_frontend.reset(f.cpu);
		}
	}
	ck_assert(!riscv64_frontend.reg_read(f.cpu, riscv64_frontend.n_regs, &(uint64_t){ 0 }));
	static const struct {
		const char *name;
		unsigned number;
	} known[] = { { "x0", 0 }, { "x31", 31 }, { "pc", 32 }, { "f0", 33 }, { "f31", 64 }, { "fflags", 66 }, { "fcsr", 68 },
		      { "satp", 65 + 0x180 }, { "mstatus", 65 + 0x300 }, { "mhartid", 65 + 0xf14 }, { "priv", 4161 },
		      { "hpmcounter17", 65 + 0xc11 }, { "pmpaddr63", 65 + 0x3ef } };
	for (unsigned k = 0; k < ARRAY_SIZE(known); k++) {
		unsigned i = 0;
		while (i < riscv64_frontend.n_regs && strcmp(riscv64_frontend.regs[i].name, known[k].name))
			i++;
		ck_assert_uint_lt(i, riscv64_frontend.n_regs);
		ck_assert_uint_eq(riscv64_frontend.regs[i].gdb_number, known[k].number);
	}
	/* what is written is read back: fields that hold all bits, and counters though no instruction runs */
	static const unsigned whole[] = { 5, 40, 65 + 0x140, 65 + 0x340, 65 + 0xb00, 65 + 0xb02 };
	for (unsigned k = 0; k < ARRAY_SIZE(whole); k++) {
		unsigned i = 0;
		uint64_t v;
		while (riscv64_frontend.regs[i].gdb_number != whole[k])
			i++;
		ck_assert(riscv64_frontend.reg_write(f.cpu, i, 0x123456789abcdef0));
		ck_assert(riscv64_frontend.reg_read(f.cpu, i, &v));
		ck_assert_uint_eq(v, 0x123456789abcdef0);
	}
	/* x0 stays zero, pc is even, a mode that does not exist is refused, read-only ones are refused */
	ck_assert(riscv64_frontend.reg_write(f.cpu, 0, 5));
	ck_assert_uint_eq(f.cpu->reg[0], 0);
	ck_assert(riscv64_frontend.reg_write(f.cpu, 32, 0x1001));
	ck_assert_uint_eq(f.cpu->pc, 0x1000);
	unsigned priv = riscv64_frontend.n_regs - 1;
	ck_assert(!riscv64_frontend.reg_write(f.cpu, priv, 2));
	ck_assert(riscv64_frontend.reg_write(f.cpu, priv, 1));
	ck_assert_uint_eq(f.cpu->mode & MODE_PRIV, PRIV_S);
	fixture_free(&f);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("csr");
	TCase *t = tcase_create("csr");
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, every_number, 0, (int)ARRAY_SIZE(setups));
	tcase_add_test(t, read_and_write_forms);
	tcase_add_test(t, reset_is_complete);
	tcase_add_test(t, warl_values);
	tcase_add_test(t, warl_without_extensions);
	tcase_add_test(t, fields);
	tcase_add_test(t, satp_modes);
	tcase_add_test(t, float_status);
	tcase_add_test(t, counters);
	tcase_add_test(t, registers);
	suite_add_tcase(s, t);
	return run_suites("riscv_csr", 1, &s);
}

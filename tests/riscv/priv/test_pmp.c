// SPDX-License-Identifier: Apache-2.0
/*
 * PMP against a model that decides byte by byte, written from section 3.7: which entry is the lowest that holds a byte, and what
 * the bytes of an access have in common.
 */
#include "tests/riscv/priv/fixture.h"

/* ---- the model ---- */

struct model {
	unsigned n;
	uint8_t cfg[64];
	uint64_t addr[64];
};

/* Table 18: the encodings of pmpaddr in NAPOT mode, from yyyy...yyy0 = 8 bytes on, one line after the other */
static bool in_napot(uint64_t pmpaddr, uint64_t byte)
{
	for (unsigned ones = 0; ones <= 54; ones++) {
		uint64_t low = ((uint64_t)1 << ones) - 1;
		if ((pmpaddr & low) == low && (ones == 54 || !(pmpaddr >> ones & 1))) {
			uint64_t unit = (uint64_t)8 << ones;	/* bytes */
			return byte / unit == (pmpaddr * 4) / unit;
		}
	}
	return false;
}

static int entry_of(const struct model *m, uint64_t byte)
{
	for (unsigned i = 0; i < m->n; i++) {
		bool in = false;
		switch (m->cfg[i] >> 3 & 3) {
		case 1:
			in = byte >= (i ? m->addr[i - 1] : 0) * 4 && byte < m->addr[i] * 4;
			break;
		case 2:
			in = byte / 4 == m->addr[i];
			break;
		case 3:
			in = in_napot(m->addr[i], byte);
			break;
		}
		if (in)
			return (int)i;
	}
	return -1;
}

static unsigned rights_of(const struct model *m, int entry, bool machine)
{
	if (entry < 0)
		return machine || !m->n ? 7 : 0;
	return machine && !(m->cfg[entry] & 0x80) ? 7 : m->cfg[entry] & 7;
}

static bool model_allows(const struct model *m, uint64_t pa, unsigned size, unsigned access, bool machine)
{
	int first = -1;
	bool same = true;
	for (unsigned i = 0; i < size; i++) {
		int e = entry_of(m, pa + i);
		if (i && e != first)
			same = false;
		if (!i)
			first = e;
	}
	if (!same)	/* at least one of the bytes has an entry that does not match all of them */
		return false;
	return rights_of(m, first, machine) >> access & 1;
}

/* ---- random entries around one page ---- */

#define AREA 0x1000u

static void random_entry(struct model *m, unsigned i, uint64_t *seed)
{
	unsigned mode = rnd(seed) & 3;
	unsigned perm = rnd(seed) & 7;
	if ((perm & 3) == 2)
		perm &= ~2u;
	m->cfg[i] = (uint8_t)(perm | mode << 3 | (rnd(seed) & 1 ? 0x80 : 0));
	m->addr[i] = (AREA + rnd(seed) % (3 * AREA)) / 4;
	if (mode == 3) {
		unsigned ones = rnd(seed) % 12;
		m->addr[i] |= ((uint64_t)1 << ones) - 1;
		if (rnd(seed) % 16 == 0)
			m->addr[i] = ((uint64_t)1 << 54) - 1;
	}
}

static void load(struct pmp *p, const struct model *m)
{
	pmp_reset(p, m->n);
	for (unsigned i = 0; i < m->n; i++)
		pmp_write_addr(p, i, m->addr[i], ~(uint64_t)0);
	for (unsigned i = m->n; i--;)	/* downwards: a locked TOR entry must not keep its lower bound from being set */
		pmp_write_cfg(p, i & ~7u, (uint64_t)m->cfg[i] << 8 * (i & 7), (uint64_t)0xff << 8 * (i & 7));
}

START_TEST(every_byte)
{
	uint64_t seed = (uint64_t)_i * 7919;
	for (unsigned round = 0; round < 60; round++) {
		struct model m = { .n = round % 5 == 4 ? 64 : rnd(&seed) % 6 };
		struct pmp p;
		for (unsigned i = 0; i < m.n; i++)
			random_entry(&m, i, &seed);
		if (m.n == 64)	/* mostly off, so that high entries get their turn */
			for (unsigned i = 0; i < m.n; i++)
				if (rnd(&seed) % 4)
					m.cfg[i] &= 0xe7;
		load(&p, &m);
		for (unsigned n = 0; n < 300; n++) {
			unsigned size = 1u << rnd(&seed) % 7, access = rnd(&seed) % 3;
			bool machine = rnd(&seed) & 1;
			uint64_t pa = AREA + rnd(&seed) % (3 * AREA);
			if (n & 1)
				pa &= ~(uint64_t)(size - 1);
			EXPECT(pmp_allows(&p, pa, size, access, machine) == model_allows(&m, pa, size, access, machine),
				      "pa %#lx size %u access %u machine %d", (long)pa, size, access, machine);
		}
	}
}
END_TEST

/* The extent is uniform, as large as can be, and an aligned access passes exactly if it fits into one that grants it. */
START_TEST(extents)
{
	uint64_t seed = (uint64_t)_i * 104729 + 1;
	for (unsigned round = 0; round < 25; round++) {
		struct model m = { .n = 1 + rnd(&seed) % 6 };
		struct pmp p;
		for (unsigned i = 0; i < m.n; i++)
			random_entry(&m, i, &seed);
		load(&p, &m);
		for (unsigned n = 0; n < 60; n++) {
			bool machine = rnd(&seed) & 1;
			uint64_t pa = AREA + rnd(&seed) % (3 * AREA);
			uint8_t bits = 13;
			unsigned rights = pmp_extent(&p, pa, machine, &bits);
			EXPECT(bits >= 2 && bits <= 13, "%u bits", bits);
			uint64_t first = pa >> bits << bits, size = (uint64_t)1 << bits;
			int e = entry_of(&m, pa);
			EXPECT_EQ(rights, rights_of(&m, e, machine), "rights at", pa);
			for (uint64_t a = first; a < first + size; a++)
				EXPECT_EQ(entry_of(&m, a), e, "entry at", a);
			if (bits < 13) {	/* its neighbour is decided elsewhere */
				bool uniform = true;
				uint64_t other = first ^ size;
				for (uint64_t a = other; uniform && a < other + size; a++)
					uniform = entry_of(&m, a) == e;
				EXPECT(!uniform, "extent at %#lx could be larger", (long)pa);
			}
			for (unsigned s = 0; s < 7; s++) {
				uint64_t at = pa >> s << s;
				uint8_t b = 13;
				unsigned r = pmp_extent(&p, at, machine, &b);
				bool fits = s <= b;
				for (unsigned access = 0; access < 3; access++)
					EXPECT_EQ(fits && r >> access & 1, model_allows(&m, at, 1u << s, access, machine), "access at", at);
			}
		}
	}
}
END_TEST

/* ---- registers ---- */

START_TEST(register_rules)
{
	struct fixture f;
	fixture_init(&f, "rv64", 1);
	/* reserved bits read as zero, and so does W without R */
	csr_set(&f, 0x3a0, ~(uint64_t)0x8080808080808080);
	ck_assert_uint_eq(csr_get(&f, 0x3a0), 0x1f1f1f1f1f1f1f1f);
	csr_set(&f, 0x3a0, 0x0006020e16001a1e);
	ck_assert_uint_eq(csr_get(&f, 0x3a0), 0x0004000c1400181c);
	csr_set(&f, 0x3b3, ~(uint64_t)0);
	ck_assert_uint_eq(csr_get(&f, 0x3b3), ((uint64_t)1 << 54) - 1);
	/* csrrs and csrrc reach single bytes */
	uint64_t old;
	csr_set(&f, 0x3a2, 0);
	ck_assert(csr_op(&f, CSRRS, 0x3a2, 0x0900, &old));
	ck_assert(csr_op(&f, CSRRC, 0x3a2, 0x0800, &old));
	ck_assert_uint_eq(old, 0x0900);
	ck_assert_uint_eq(csr_get(&f, 0x3a2), 0x0100);
	fixture_free(&f);
}
END_TEST

START_TEST(locks)
{
	struct fixture f;
	fixture_init(&f, "rv64", 1);
	csr_set(&f, 0x3b0, 0x1000);
	csr_set(&f, 0x3b1, 0x2000);
	csr_set(&f, 0x3b2, 0x3000);
	/* entry 1: TOR, locked; entry 2: TOR, not locked */
	csr_set(&f, 0x3a0, 0x0f8f00);
	csr_set(&f, 0x3a0, 0);
	ck_assert_uint_eq(csr_get(&f, 0x3a0), 0x8f00);
	csr_set(&f, 0x3b1, 0);			/* its own address */
	ck_assert_uint_eq(csr_get(&f, 0x3b1), 0x2000);
	csr_set(&f, 0x3b0, 0);			/* the lower bound of a locked TOR */
	ck_assert_uint_eq(csr_get(&f, 0x3b0), 0x1000);
	csr_set(&f, 0x3b2, 0x77);
	ck_assert_uint_eq(csr_get(&f, 0x3b2), 0x77);
	/* entry 4 locked NAPOT: the address below stays open */
	csr_set(&f, 0x3a0, (uint64_t)0x99 << 32);
	csr_set(&f, 0x3b3, 0x55);
	ck_assert_uint_eq(csr_get(&f, 0x3b3), 0x55);
	/* locks bind M-mode, and last until reset */
	ck_assert(!pmp_allows(&f.rv->pmp, 0x4000, 4, MMU_WRITE, true) || f.rv->pmp.cfg[1] & PMP_W);
	riscv64_frontend.reset(f.cpu);
	csr_set(&f, 0x3b1, 5);
	ck_assert_uint_eq(csr_get(&f, 0x3b1), 5);
	fixture_free(&f);
}
END_TEST

START_TEST(numbers)
{
	static const struct {
		const char *cpu;
		unsigned usable, present;
	} cases[] = { { "rv64,pmp=0", 0, 0 }, { "rv64,pmp=3", 3, 16 }, { "rv64", 16, 16 }, { "rv64,pmp=17", 17, 64 },
		      { "rv64,pmp=64", 64, 64 } };
	for (unsigned c = 0; c < ARRAY_SIZE(cases); c++) {
		struct fixture f;
		fixture_init(&f, cases[c].cpu, 1);
		for (unsigned i = 0; i < 64; i++) {
			uint64_t v;
			bool there = csr_try_read(&f, 0x3b0 + i, &v);
			ck_assert_int_eq(there, i < cases[c].present);
			if (!there)
				continue;
			csr_set(&f, 0x3b0 + i, 0x1234);
			ck_assert_uint_eq(csr_get(&f, 0x3b0 + i), i < cases[c].usable ? 0x1234 : 0);
		}
		for (unsigned i = 0; i < 16; i++) {
			uint64_t v, want = 0;
			ck_assert_int_eq(csr_try_read(&f, 0x3a0 + i, &v), !(i & 1) && i * 4 < cases[c].present);
			if (i & 1 || i * 4 >= cases[c].present)
				continue;
			csr_set(&f, 0x3a0 + i, 0x0101010101010101);
			for (unsigned b = 0; b < 8; b++)
				if (i * 4 + b < cases[c].usable)
					want |= (uint64_t)1 << 8 * b;
			ck_assert_uint_eq(csr_get(&f, 0x3a0 + i), want);
		}
		fixture_free(&f);
	}
}
END_TEST

/* ---- through the soft MMU: the byte-exact slow path ---- */

START_TEST(accesses)
{
	struct fixture f;
	uint64_t seed = (uint64_t)_i + 77;
	fixture_init(&f, "rv64", 1);
	for (unsigned round = 0; round < 40; round++) {
		struct model m = { .n = 16 };
		for (unsigned i = 0; i < 4; i++) {
			random_entry(&m, i, &seed);
			m.addr[i] += RAM_BASE / 4;
			m.cfg[i] &= 0x7f;
			if (m.addr[i] >> 54)
				m.addr[i] = ((uint64_t)1 << 54) - 1;
		}
		set_priv(&f, PRIV_M);
		for (unsigned i = 0; i < 4; i++)
			csr_set(&f, 0x3b0 + i, m.addr[i]);
		csr_set(&f, 0x3a0, m.cfg[0] | m.cfg[1] << 8 | m.cfg[2] << 16 | (uint64_t)m.cfg[3] << 24);
		set_priv(&f, PRIV_S);
		for (unsigned n = 0; n < 400; n++) {
			unsigned size = 1u << rnd(&seed) % 4;
			uint64_t pa = (RAM_BASE + AREA + rnd(&seed) % (3 * AREA)) & ~(uint64_t)(size - 1), v;
			bool write = rnd(&seed) & 1;
			f.cpu->exception.pending = false;
			bool ok = write ? mmu_store(f.cpu, pa, size, n) : mmu_load(f.cpu, pa, size, &v);
			EXPECT(ok == model_allows(&m, pa, size, write ? MMU_WRITE : MMU_READ, false), "%s %#lx, %u bytes",
				      write ? "store" : "load", (long)pa, size);
			if (ok)
				continue;
			EXPECT_EQ(f.cpu->exception.cause, write ? EXC_STORE_ACCESS : EXC_LOAD_ACCESS, "cause at", pa);
			EXPECT_EQ(f.cpu->exception.value, pa, "value at", pa);
		}
	}
	fixture_free(&f);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("pmp");
	TCase *t = tcase_create("pmp");
	tcase_set_timeout(t, 120);
	tcase_add_loop_test(t, every_byte, 0, 10);
	tcase_add_loop_test(t, extents, 0, 10);
	tcase_add_loop_test(t, accesses, 0, 5);
	tcase_add_test(t, register_rules);
	tcase_add_test(t, locks);
	tcase_add_test(t, numbers);
	suite_add_tcase(s, t);
	return run_suites("riscv_pmp", 1, &s);
}

// SPDX-License-Identifier: Apache-2.0
/*
 * Page-table walks on tables of random entries, against a model that follows the ten steps of section 10.3.2 one by one (with
 * the additions of Svadu, Svnapot and Svpbmt). Faults, addresses, rights, extents and the updates of A and D must agree.
 */
#include "frontends/riscv/priv/ptbuild.h"
#include "tests/riscv/priv/fixture.h"

#define POOL_PAGES 20u
#define POOL (RAM_BASE + 0x100000u)		/* tables lie here */
#define DATA (RAM_BASE + 0x400000u)

/* ---- the model ---- */

struct region { uint64_t base, size; unsigned perm; };	/* PMP, first match counts */

struct world {
	uint64_t satp, mstatus, menvcfg;
	unsigned priv;
	bool svnapot;
	unsigned n_regions;
	struct region region[8];
	uint64_t pool[POOL_PAGES * 512];	/* a copy of the tables */
};

enum verdict { TRANSLATED, PAGE_FAULT, ACCESS_FAULT };

struct answer {
	enum verdict verdict;
	uint64_t pa;
	unsigned leaf_bits;
	bool global, updated;
};

static unsigned pmp_of(const struct world *w, uint64_t pa)
{
	for (unsigned i = 0; i < w->n_regions; i++)
		if (pa - w->region[i].base < w->region[i].size)
			return w->region[i].perm;
	return 0;
}

static bool pmp_span(const struct world *w, uint64_t pa, unsigned size, unsigned perm)
{
	for (unsigned i = 0; i < size; i++)
		if (!(pmp_of(w, pa + i) & perm))
			return false;
	return true;
}

static uint64_t field(uint64_t v, unsigned hi, unsigned lo)
{
	return v << (63 - hi) >> (63 - hi + lo);
}

static struct answer model(struct world *w, uint64_t va, enum mmu_access access)
{
	static const unsigned need[] = { 1, 2, 4 };	/* R W X of PMP and, shifted by one, of PTEs */
	struct answer no = { .verdict = PAGE_FAULT }, denied = { .verdict = ACCESS_FAULT }, yes = { 0 };
	unsigned priv = w->priv;
	if (access != MMU_FETCH && w->mstatus >> 17 & 1)
		priv = field(w->mstatus, 12, 11);
	unsigned mode = field(w->satp, 63, 60);
	if (priv == 3 || mode == 0) {
		yes.pa = va;
		yes.leaf_bits = 12;
		yes.global = true;
		if (priv != 3 && !(pmp_of(w, va) & need[access]))
			return denied;
		return yes;
	}
	/* "bits 63-39 must all be equal to bit 38", and so on, "or else a page-fault exception occurs" */
	unsigned top = mode == 8 ? 38 : mode == 9 ? 47 : 56, levels = mode == 8 ? 3 : mode == 9 ? 4 : 5;
	for (unsigned bit = top + 1; bit < 64; bit++)
		if ((va >> bit & 1) != (va >> top & 1))
			return no;
	/* 1 */
	uint64_t a = field(w->satp, 43, 0) * 4096;
	int i = (int)levels - 1;
	for (;;) {
		/* 2 */
		uint64_t at = a + field(va, 12 + 9 * (unsigned)i + 8, 12 + 9 * (unsigned)i) * 8;
		if (at < RAM_BASE || at >= RAM_BASE + RAM_SIZE || !pmp_span(w, at, 8, 1))
			return denied;
		if (at < POOL || at >= POOL + POOL_PAGES * 4096)	/* empty RAM */
			return no;
		uint64_t *slot = &w->pool[(at - POOL) / 8], pte = *slot;
		bool v = pte & 1, r = pte >> 1 & 1, wr = pte >> 2 & 1, x = pte >> 3 & 1, u = pte >> 4 & 1, g = pte >> 5 & 1;
		/* 3 */
		if (!v || (!r && wr) || field(pte, 60, 54))
			return no;
		yes.global |= g;
		if (!r && !x) {
			/* 4: a pointer; A, D, U, PBMT and N are reserved in it */
			if (u || pte >> 6 & 3 || field(pte, 63, 61))
				return no;
			if (--i < 0)
				return no;
			a = field(pte, 53, 10) * 4096;
			continue;
		}
		unsigned pbmt = field(pte, 62, 61);
		if (pbmt == 3 || (pbmt && !(w->menvcfg >> 62 & 1)))
			return no;
		uint64_t ppn = field(pte, 53, 10);
		yes.leaf_bits = 12 + 9 * (unsigned)i;
		if (pte >> 63) {	/* Svnapot, table 43: only xxxx 1000 at level 0 */
			if (!w->svnapot || i != 0 || (ppn & 0xf) != 0x8)
				return no;
			ppn = (ppn & ~(uint64_t)0xf) | field(va, 15, 12);
			yes.leaf_bits = 16;
		}
		/* 5 */
		for (int k = 0; k < i; k++)
			if (ppn >> 9 * k & 0x1ff)
				return no;
		/* 6 */
		bool sum = w->mstatus >> 18 & 1, mxr = w->mstatus >> 19 & 1;
		if (priv == 0 && !u)
			return no;
		if (priv == 1 && u && (access == MMU_FETCH || !sum))
			return no;
		/* 7 */
		if ((access == MMU_READ && !(r || (mxr && x))) || (access == MMU_WRITE && !wr) || (access == MMU_FETCH && !x))
			return no;
		/* 8, 9 */
		bool accessed = pte >> 6 & 1, dirty = pte >> 7 & 1;
		if (!accessed || (access == MMU_WRITE && !dirty)) {
			if (!(w->menvcfg >> 61 & 1))
				return no;
			if (!pmp_span(w, at, 8, 2))
				return denied;
			*slot = pte | 0x40 | (access == MMU_WRITE ? 0x80 : 0);
			yes.updated = true;
		}
		/* 10 */
		uint64_t offset = field(va, 11, 0);
		for (int k = 0; k < i; k++)
			ppn |= field(va, 20 + 9 * (unsigned)k, 12 + 9 * (unsigned)k) << 9 * k;
		yes.pa = ppn * 4096 + offset;
		if (!(pmp_of(w, yes.pa) & need[access]))
			yes.verdict = ACCESS_FAULT;
		return yes;
	}
}

/* ---- random worlds ---- */

static uint64_t random_pte(uint64_t *seed)
{
	unsigned kind = rnd(seed) % 16;
	uint64_t pte = 1;
	if (kind < 9) {		/* a table */
		pte |= (POOL / 4096 + rnd(seed) % POOL_PAGES) << 10;
		if (rnd(seed) % 8 == 0)
			pte |= 0x20;
	} else if (kind < 15) {	/* a leaf */
		uint64_t ppn = DATA / 4096 + rnd(seed) % 16;
		if (rnd(seed) & 1)	/* aligned for some level */
			ppn = rnd(seed) >> 20 >> 9 * (rnd(seed) % 4) << 9 * (rnd(seed) % 5);
		if (rnd(seed) % 3 == 0)
			ppn = (ppn & ~(uint64_t)15) | 8;
		pte |= (ppn & (((uint64_t)1 << 44) - 1)) << 10 | (rnd(seed) & 0xfe);
		if (rnd(seed) & 1)
			pte |= 0xc2;
		if (rnd(seed) % 4 == 0)
			pte |= (uint64_t)1 << 63;
		if (rnd(seed) % 4 == 0)
			pte |= (rnd(seed) & 3) << 61;
	} else {
		pte = rnd(seed);
	}
	if (rnd(seed) % 16 == 0)	/* one bit of damage */
		pte ^= (uint64_t)1 << rnd(seed) % 64;
	return pte;
}

static uint64_t random_va(const struct world *w, uint64_t *seed)
{
	unsigned mode = w->satp >> 60, bits = mode == 8 ? 39 : mode == 9 ? 48 : 57;
	uint64_t va = rnd(seed);
	if (mode == 0)
		return rnd(seed) & 1 ? DATA + va % 0x10000 : va & ~((uint64_t)1 << 63);
	if (rnd(seed) % 16)
		va = (uint64_t)sign_extend(va, bits);
	return va;
}

static void random_pmp(struct fixture *f, struct world *w, uint64_t *seed)
{
	w->n_regions = 0;
	uint64_t cfg = 0;
	/* single tables, single entries and pieces of the data area, then everything */
	for (unsigned i = 0; i < 4; i++) {
		static const unsigned perms[] = { 0, 1, 3, 4, 5, 7 };
		unsigned bits = i == 0 ? 12 : i == 1 ? 3 + rnd(seed) % 4 : 3 + rnd(seed) % 12;
		uint64_t base = i < 2 ? POOL + rnd(seed) % (POOL_PAGES * 4096) : DATA + rnd(seed) % 0x10000;
		struct region r = { base >> bits << bits, (uint64_t)1 << bits, perms[rnd(seed) % ARRAY_SIZE(perms)] };
		if (rnd(seed) & 1)
			continue;
		csr_set(f, 0x3b0 + w->n_regions, r.base >> 2 | (r.size / 8 - 1));
		cfg |= (uint64_t)(r.perm | 3 << 3) << 8 * w->n_regions;
		w->region[w->n_regions++] = r;
	}
	csr_set(f, 0x3b0 + w->n_regions, ~(uint64_t)0);
	cfg |= (uint64_t)0x1f << 8 * w->n_regions;
	w->region[w->n_regions++] = (struct region){ 0, (uint64_t)1 << 57, 7 };
	csr_set(f, 0x3a0, cfg);
}

static void random_world(struct fixture *f, struct world *w, uint64_t *seed)
{
	static const unsigned modes[] = { 8, 9, 10, 8, 9, 10, 8, 0 };
	static const unsigned privs[] = { 0, 1, 1, 3 };
	set_priv(f, PRIV_M);
	random_pmp(f, w, seed);
	w->menvcfg = (rnd(seed) & 1) << 61 | (rnd(seed) & 1) << 62;
	csr_set(f, 0x30a, w->menvcfg);
	w->satp = (uint64_t)modes[rnd(seed) % 8] << 60 | (rnd(seed) & 0xffff) << 44 | (POOL / 4096 + rnd(seed) % POOL_PAGES);
	if (rnd(seed) % 32 == 0)
		w->satp ^= (uint64_t)1 << 43;	/* no memory there */
	csr_set(f, 0x180, w->satp);
	w->mstatus = (rnd(seed) & 3) << 18;
	w->priv = privs[rnd(seed) % 4];
	if (w->priv == 3 && rnd(seed) & 1)
		w->mstatus |= 1 << 17;
	w->mstatus |= (uint64_t)privs[rnd(seed) % 4] << 11;
	csr_set(f, 0x300, w->mstatus);
	set_priv(f, (enum riscv_priv)w->priv);
}

static void check_extent(const struct world *w, const struct mmu_leaf *leaf, uint64_t va, const struct answer *want)
{
	uint64_t span = ((uint64_t)1 << leaf->size_bits) - 1;
	EXPECT(leaf->size_bits <= want->leaf_bits, "extent at %#lx", (long)va);
	EXPECT((va & span) == (leaf->pa & span), "offset at %#lx", (long)va);
	for (unsigned i = 0; i < w->n_regions; i++) {	/* no region before the one that decides cuts the extent */
		uint64_t first = leaf->pa & ~span, last = leaf->pa | span;
		const struct region *r = &w->region[i];
		bool in = first >= r->base && last - r->base < r->size, out = last < r->base || first - r->base >= r->size;
		EXPECT(in || out || w->priv == 3, "extent at %#lx and region %u", (long)va, i);
		if (in)
			break;
	}
}

/* prot: exactly what would go on without a fault and without changing an entry. */
static void check_rights(struct world *w, const struct mmu_leaf *leaf, uint64_t va, enum mmu_access access)
{
	for (unsigned a = 0; a < 3; a++) {
		/* data and fetches have different eyes: MPRV, SUM and MXR are for data only */
		if (a != MMU_FETCH ? access == MMU_FETCH : access != MMU_FETCH && w->mstatus >> 17 & 1)
			continue;
		struct answer then = model(w, va, a);
		bool free_pass = then.verdict == TRANSLATED && !then.updated;
		EXPECT((leaf->prot >> a & 1) == free_pass, "right %u at %#lx", a, (long)va);
		EXPECT(!then.updated || a == MMU_WRITE, "entry at %#lx should have A by now", (long)va);
		if (then.updated)	/* that was a question, not an access */
			return;
	}
}

START_TEST(random_tables)
{
	struct fixture f;
	uint64_t seed = (uint64_t)_i * 1000003, seen[3] = { 0 }, updates = 0, paged = 0;
	struct world *w = calloc(1, sizeof *w), *probe = calloc(1, sizeof *probe);
	fixture_init(&f, _i % 4 == 3 ? "rv64,svnapot=off" : "rv64", 1);
	w->svnapot = _i % 4 != 3;
	uint8_t *pool = f.ram + (POOL - RAM_BASE);
	for (unsigned round = 0; round < 400; round++) {
		if (round % 10 == 0)
			for (unsigned i = 0; i < ARRAY_SIZE(w->pool); i++)
				w->pool[i] = random_pte(&seed);
		memcpy(pool, w->pool, sizeof w->pool);
		random_world(&f, w, &seed);
		for (unsigned n = 0; n < 100; n++) {
			uint64_t va = random_va(w, &seed);
			enum mmu_access access = (enum mmu_access)(rnd(&seed) % 3);
			struct mmu_leaf leaf;
			struct answer want = model(w, va, access);
			f.cpu->exception.pending = false;
			bool ok = mmu_translate(f.cpu, va, access, &leaf);
			EXPECT(ok == (want.verdict == TRANSLATED), "va %#lx access %u satp %#lx: got %d (cause %ld), model %u", (long)va,
			       access, (long)w->satp, ok, (long)f.cpu->exception.cause, want.verdict);
			EXPECT(!memcmp(pool, w->pool, sizeof w->pool), "tables differ after va %#lx access %u", (long)va, access);
			seen[want.verdict]++;
			updates += want.updated;
			paged += want.verdict == TRANSLATED && w->satp >> 60 && w->priv != 3;
			if (!ok) {
				static const unsigned page[] = { 13, 15, 12 }, denied[] = { 5, 7, 1 };
				EXPECT_EQ(f.cpu->exception.cause, (want.verdict == PAGE_FAULT ? page : denied)[access], "cause at", va);
				EXPECT_EQ(f.cpu->exception.value, va, "value at", va);
				continue;
			}
			EXPECT_EQ(leaf.pa, want.pa, "address of", va);
			EXPECT_EQ(leaf.global, want.global, "global at", va);
			check_extent(w, &leaf, va, &want);
			*probe = *w;
			check_rights(probe, &leaf, va, access);
		}
	}
	/* the worlds must not be all faults */
	ck_assert_uint_gt(seen[TRANSLATED], 800);
	ck_assert_uint_gt(seen[PAGE_FAULT], 800);
	ck_assert_uint_gt(seen[ACCESS_FAULT], 100);
	ck_assert_uint_gt(updates, 50);
	ck_assert_uint_gt(paged, 500);
	free(w);
	free(probe);
	fixture_free(&f);
}
END_TEST

/* ---- one by one ---- */

START_TEST(debug_walk)
{
	struct fixture f;
	struct ptbuild b;
	struct error err;
	uint64_t pa;
	fixture_init(&f, "rv64", 1);
	ck_assert(ptbuild_init(&b, &f.m.phys, 4, POOL, 0x10000, &err));
	ck_assert(ptbuild_map(&b, 0x40001000, DATA, PAGE_SIZE, PTE_X, 0, &err));	/* no R, no A, no U */
	csr_set(&f, 0x180, ptbuild_satp(&b, 3));
	set_priv(&f, PRIV_U);
	ck_assert(mmu_debug_translate(f.cpu, 0x40001234, &pa));
	ck_assert_uint_eq(pa, DATA + 0x234);
	ck_assert(!mmu_debug_translate(f.cpu, 0x40002000, &pa));
	ck_assert(!mmu_debug_translate(f.cpu, (uint64_t)1 << 50, &pa));
	ck_assert(!f.cpu->exception.pending);
	uint64_t at = ptbuild_entry(&b, 0x40001000, 0, &err), pte;
	ck_assert(phys_read(&f.m.phys, GPA(at), &pte, 8));
	ck_assert_uint_eq(pte & (PTE_A | PTE_D), 0);
	fixture_free(&f);
}
END_TEST

START_TEST(builder)
{
	for (unsigned levels = 3; levels <= 5; levels++) {
		struct fixture f;
		struct ptbuild b;
		struct error err;
		uint64_t bits = PTE_R | PTE_W | PTE_A | PTE_D;
		uint64_t high = (uint64_t)sign_extend((uint64_t)1 << (PAGE_BITS + 9 * levels - 1), PAGE_BITS + 9 * levels);
		fixture_init(&f, "rv64", 1);
		ck_assert(ptbuild_init(&b, &f.m.phys, levels, POOL, 0x20000, &err));
		/* pages around one large page, at both ends of the address space */
		ck_assert(ptbuild_map(&b, 0x3ff000, RAM_BASE + 0x3ff000, 0x203000, bits, 1, &err));
		ck_assert(ptbuild_map(&b, high, RAM_BASE, PAGE_SIZE, bits, 2, &err));
		csr_set(&f, 0x180, ptbuild_satp(&b, 1));
		csr_set(&f, 0x3b0, ~(uint64_t)0);
		csr_set(&f, 0x3a0, 0x1f);
		set_priv(&f, PRIV_S);
		struct mmu_leaf leaf;
		for (uint64_t va = 0x3ff000; va < 0x602000; va += PAGE_SIZE) {
			EXPECT(mmu_translate(f.cpu, va + 5, MMU_WRITE, &leaf), "va %#lx", (long)va);
			EXPECT_EQ(leaf.pa, RAM_BASE + va + 5, "pa of", va);
			EXPECT_EQ(leaf.size_bits, va >= 0x400000 && va < 0x600000 ? 21 : 12, "size at", va);
		}
		ck_assert(!mmu_translate(f.cpu, 0x3fe000, MMU_READ, &leaf));
		ck_assert(!mmu_translate(f.cpu, 0x602000, MMU_READ, &leaf));
		ck_assert(mmu_translate(f.cpu, high, MMU_READ, &leaf));
		ck_assert_uint_eq(leaf.pa, RAM_BASE);
		/* what cannot be built says so */
		ck_assert(!ptbuild_map(&b, 0x1001, RAM_BASE, PAGE_SIZE, bits, 0, &err));
		ck_assert(!ptbuild_map(&b, 0, RAM_BASE, (uint64_t)1 << 34, bits, 0, &err));	/* more tables than there is room for */
		ck_assert(!ptbuild_init(&b, &f.m.phys, 2, POOL, 0x1000, &err));
		ck_assert(!ptbuild_init(&b, &f.m.phys, 3, 0x1000, 0x1000, &err));
		fixture_free(&f);
	}
}
END_TEST

/* ---- fences: what stays cached, and what must go ---- */

struct space { struct ptbuild b; uint64_t satp; };

static void make_space(struct fixture *f, struct space *s, unsigned n)
{
	struct error err;
	ck_assert(ptbuild_init(&s->b, &f->m.phys, 3, POOL + n * 0x20000, 0x20000, &err));
	s->satp = ptbuild_satp(&s->b, n + 1);
}

static void map(struct fixture *f, struct space *s, uint64_t va, uint64_t pa, uint64_t bits)
{
	struct error err;
	ck_assert(ptbuild_map(&s->b, va, pa, PAGE_SIZE, bits | PTE_R | PTE_W | PTE_A | PTE_D, 0, &err));
}

static uint64_t peek(struct fixture *f, uint64_t va)
{
	uint64_t v = 0;
	EXPECT(mmu_load(f->cpu, va, 8, &v), "load at %#lx", (long)va);
	return v;
}

static void sfence(struct fixture *f, unsigned rs1, uint64_t va, unsigned rs2, uint64_t asid)
{
	ck_assert(run_helper(f, HELPER_sfence_vma, 0x12000073 | rs1 << 15 | rs2 << 20, va, asid, NULL));
}

START_TEST(fences)
{
	struct fixture f;
	struct space s[2];
	const uint64_t local = 0x5000, other = 0x7000, global = 0xffffffffc0001000;
	fixture_init(&f, "rv64", 1);
	csr_set(&f, 0x3b0, ~(uint64_t)0);
	csr_set(&f, 0x3a0, 0x1f);
	for (uint64_t i = 0; i < 8; i++)
		ck_assert(phys_write(&f.m.phys, GPA(DATA + i * PAGE_SIZE), &i, sizeof i));
	for (unsigned i = 0; i < 2; i++) {
		make_space(&f, &s[i], i);
		map(&f, &s[i], local, DATA + i * PAGE_SIZE, 0);
		map(&f, &s[i], other, DATA + i * PAGE_SIZE, 0);
		map(&f, &s[i], global, DATA + 2 * PAGE_SIZE, PTE_G);
	}
	set_priv(&f, PRIV_S);
	/* switching between spaces needs no fence, for they have ASIDs of their own */
	for (unsigned n = 0; n < 4; n++) {
		csr_set(&f, 0x180, s[n & 1].satp);
		ck_assert_uint_eq(peek(&f, local), n & 1);
		ck_assert_uint_eq(peek(&f, global), 2);
	}
	/* every way to fence the new mapping in must show it */
	static const struct { unsigned rs1, rs2; } ways[] = { { 0, 0 }, { 1, 0 }, { 0, 1 }, { 1, 1 } };
	for (unsigned i = 0; i < ARRAY_SIZE(ways); i++) {
		csr_set(&f, 0x180, s[0].satp);
		map(&f, &s[0], local, DATA, 0);
		sfence(&f, 0, 0, 0, 0);
		ck_assert_uint_eq(peek(&f, local), 0);
		map(&f, &s[0], local, DATA + (4 + i) * PAGE_SIZE, 0);
		sfence(&f, ways[i].rs1, local + 0x123, ways[i].rs2, 0xabcd0000 | 1);
		ck_assert_uint_eq(peek(&f, local), 4 + i);
		/* from another address space too */
		map(&f, &s[0], local, DATA, 0);
		csr_set(&f, 0x180, s[1].satp);
		sfence(&f, ways[i].rs1, local, ways[i].rs2, 1);
		csr_set(&f, 0x180, s[0].satp);
		ck_assert_uint_eq(peek(&f, local), 0);
	}
	/* without an ASID the global mapping goes as well */
	map(&f, &s[0], global, DATA + 3 * PAGE_SIZE, PTE_G);
	map(&f, &s[1], global, DATA + 3 * PAGE_SIZE, PTE_G);
	sfence(&f, 1, global, 0, 0);
	ck_assert_uint_eq(peek(&f, global), 3);
	/* a large page goes whole, whichever of its addresses is named */
	struct error err;
	ck_assert(ptbuild_map(&s[0].b, 0x40000000, DATA, 0x200000, PTE_R | PTE_A, 1, &err));
	sfence(&f, 0, 0, 0, 0);
	ck_assert_uint_eq(peek(&f, 0x40001000), 1);
	ck_assert(ptbuild_map(&s[0].b, 0x40000000, DATA + 0x200000, 0x200000, PTE_R | PTE_A, 1, &err));
	sfence(&f, 1, 0x40100000, 0, 0);
	ck_assert_uint_eq(peek(&f, 0x40001000), 0);
	/* also where PMP has cut it into pieces */
	set_priv(&f, PRIV_M);
	csr_set(&f, 0x3b1, ~(uint64_t)0);
	csr_set(&f, 0x3b0, (DATA + 0x80000) >> 2 | 0x1ff);
	csr_set(&f, 0x3a0, 0x1f1f);
	set_priv(&f, PRIV_S);
	static const struct { unsigned rs1, rs2; } cut_ways[] = { { 1, 0 }, { 1, 1 }, { 0, 1 }, { 0, 0 } };
	for (unsigned i = 0; i < ARRAY_SIZE(cut_ways); i++) {
		ck_assert(ptbuild_map(&s[0].b, 0x40000000, DATA, 0x200000, PTE_R | PTE_A, 1, &err));
		sfence(&f, 0, 0, 0, 0);
		ck_assert_uint_eq(peek(&f, 0x40001000), 1);
		/* fences for another space, or for one address of it, leave this one's pieces and the memory of them */
		sfence(&f, 0, 0, 1, 2);
		sfence(&f, 1, local, 1, 2);
		ck_assert_uint_eq(peek(&f, 0x40001000), 1);
		ck_assert(ptbuild_map(&s[0].b, 0x40000000, DATA + 0x200000, 0x200000, PTE_R | PTE_A, 1, &err));
		sfence(&f, cut_ways[i].rs1, 0x40100000, cut_ways[i].rs2, 1);
		ck_assert_uint_eq(peek(&f, 0x40001000), 0);
	}
	fixture_free(&f);
}
END_TEST

/* PMP writes and the enables of menvcfg take effect at once. */
START_TEST(controls_flush)
{
	struct fixture f;
	struct space s;
	uint64_t v;
	fixture_init(&f, "rv64", 1);
	csr_set(&f, 0x3b0, ~(uint64_t)0);
	csr_set(&f, 0x3a0, 0x1f);
	csr_set(&f, 0x30a, ENVCFG_PBMTE);
	make_space(&f, &s, 0);
	map(&f, &s, 0x5000, DATA, (uint64_t)1 << 61);
	csr_set(&f, 0x180, s.satp);
	set_priv(&f, PRIV_S);
	ck_assert(mmu_load(f.cpu, 0x5000, 8, &v));
	set_priv(&f, PRIV_M);
	csr_set(&f, 0x30a, 0);
	set_priv(&f, PRIV_S);
	ck_assert(!mmu_load(f.cpu, 0x5000, 8, &v));
	ck_assert_uint_eq(f.cpu->exception.cause, EXC_LOAD_PAGE);
	set_priv(&f, PRIV_M);
	csr_set(&f, 0x30a, ENVCFG_PBMTE);
	set_priv(&f, PRIV_S);
	ck_assert(mmu_load(f.cpu, 0x5000, 8, &v));
	set_priv(&f, PRIV_M);
	csr_set(&f, 0x3a0, 0x1c);
	set_priv(&f, PRIV_S);
	ck_assert(!mmu_load(f.cpu, 0x5000, 8, &v));
	ck_assert_uint_eq(f.cpu->exception.cause, EXC_LOAD_ACCESS);
	fixture_free(&f);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("walk");
	TCase *t = tcase_create("walk");
	tcase_set_timeout(t, 120);
	tcase_add_loop_test(t, random_tables, 0, 16);
	tcase_add_test(t, debug_walk);
	tcase_add_test(t, builder);
	tcase_add_test(t, fences);
	tcase_add_test(t, controls_flush);
	suite_add_tcase(s, t);
	return run_suites("riscv_walk", 1, &s);
}

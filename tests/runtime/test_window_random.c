// SPDX-License-Identifier: Apache-2.0
/* Everything at random: what windows show is always what the tables grant. */
#include "tests/check_main.h"
#include "tests/runtime/windowed.h"

static uint64_t seed;

static uint64_t below(uint64_t n)
{
	seed = seed * 6364136223846793005 + 1442695040888963407;
	return (seed >> 33) % n;
}

enum { PAGES = 220, LARGE = 8 };

static unsigned random_prot(void) { return below(4) ? RW : MMU_PROT_R; }

static void random_page(struct fake_page *p)
{
	p->prot = random_prot();
	p->pa = p->size_bits == 12 ? FAKE_RAM + below(1024) * 4096 : FAKE_RAM + below(1024 >> (p->size_bits - 12)) * (1u << p->size_bits);
	p->clean = below(2);
	p->valid = below(8);
}

/*
 * Remaps with the flush that belongs to it, protections, context and index switches, code; every access through windows that
 * succeeds reaches the RAM that the tables say, and with the right that they say; what should succeed does.
 */
START_TEST(random_traffic_agrees_with_the_tables)
{
	seed = (uint64_t)_i * 0x9e3779b97f4a7c15 + 1;
	for (unsigned i = 0; i < LARGE; i++)
		fake_map(&f, (i & 1 ? KERNEL : 0x40000000) + i * 0x400000, FAKE_RAM, RW, i & 2 ? 21 : 16, true);
	for (unsigned i = 0; i < PAGES; i++)
		fake_map(&f, (below(2) ? 0xffffffc000000000 : 0x1000000) + i * 4096 + below(3) * WINDOW_SIZE, FAKE_RAM, RW, 12, below(8));
	for (unsigned i = 0; i < f.n_pages; i++)
		random_page(&f.page[i]);
	for (unsigned n = 0; n < 20000; n++) {
		struct fake_page *p = &f.page[below(4) ? LARGE + below(PAGES) : below(LARGE)];
		uint64_t v = 0, offset = below((uint64_t)1 << p->size_bits), at = p->va + offset, want = below(1 << 30);
		uint64_t in_ram = p->pa + offset - FAKE_RAM;
		struct phys_page *page = ram_page(in_ram);
		uint8_t *host = ram(in_ram);
		switch (below(24)) {
		case 0:
			random_page(p);
			flush_at(p->va + below((uint64_t)1 << p->size_bits));
			break;
		case 1:
			for (unsigned i = below(6); i--;)
				random_page(&f.page[below(f.n_pages)]);
			flush_all();
			break;
		case 2:
			flush_all();
			break;
		case 3: case 4:
			mmu_set_context(cpu, 1 + below(5), below(3), 1);
			break;
		case 5:
			for (unsigned i = 0; i < 40 && !below(40); i++)
				mmu_set_context(cpu, 100 + below(100), 0, 1);
			break;
		case 6:
			mmu_protect_code(cpu, page, ram(in_ram & PAGE_MASK));
			break;
		case 7:
			atomic_store(&page->code, 0);
			break;
		case 8: case 9:		/* the soft TLB lives beside */
			cpu->exception.pending = false;
			if (mmu_store(cpu, at, 1, want))
				ck_assert_uint_eq(*host, (uint8_t)want);
			break;
		case 10: case 11: case 12: case 13: case 14: {
			bool may = p->valid && p->prot & MMU_PROT_W && !page->code, done = store(at, 1, want);
			/* the first that is not global in the upper half parts the tables, and is left; then it is there */
			if (!done && may)
				done = store(at, 1, want);
			ck_assert_uint_eq(done, may);
			if (done) {
				ck_assert_uint_eq(*host, (uint8_t)want);
				ck_assert(!p->clean && page->writers);
			}
			break;
		}
		default: {
			bool done = load(at, 1, &v) || (p->valid && load(at, 1, &v));
			ck_assert_uint_eq(done, p->valid);
			if (done)
				ck_assert_uint_eq(v, *host);
		}
		}
	}
	ck_assert_uint_gt(stats().window_kept, 1000);
	ck_assert_uint_gt(stats().window_dropped, 100);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("window at random");
	TCase *t = tcase_create("window at random");
	tcase_add_checked_fixture(t, windowed_setup, windowed_teardown);
	tcase_add_loop_test(t, random_traffic_agrees_with_the_tables, 0, 8);
	tcase_set_timeout(t, 60);
	suite_add_tcase(s, t);
	return run_suites("runtime-window-random", 1, &s);
}

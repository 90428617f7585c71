// SPDX-License-Identifier: Apache-2.0
#include <string.h>
#include "tests/check_main.h"
#include "tests/runtime/fake.h"

enum { RW = MMU_PROT_R | MMU_PROT_W, RX = MMU_PROT_R | MMU_PROT_X };
static struct fake f;
static struct vcpu *cpu;

static void setup(void)
{
	fake_init(&f, 1);
	cpu = f.m.vcpu[0];
	mmu_set_context(cpu, 1, 0, 1);
}

static void teardown(void) { fake_destroy(&f); }

static bool always(uint64_t key, uint64_t arg) { return true; }
static bool same_key(uint64_t key, uint64_t arg) { return key == arg; }
static void flush_all(void) { mmu_flush(cpu, &(struct mmu_flush){ .all_addresses = true, .all_contexts = true }); }

static uint64_t load(uint64_t va, unsigned size)
{
	uint64_t v = 0;
	ck_assert_msg(mmu_load(cpu, va, size, &v), "load at %#llx faulted", (unsigned long long)va);
	return v;
}

/* What an executor's inline look-up would find */
static bool hits(uint64_t va, unsigned size, enum mmu_access access)
{
	struct tlb_entry *e = TLB_ENTRY(&cpu->tlb[va >> 63], va);
	return (va & (PAGE_MASK | (size - 1))) == e->tag[access];
}

START_TEST(loads_and_stores_of_every_size_and_alignment)
{
	fake_map(&f, 0x10000, FAKE_RAM, RW, 12, false);
	fake_map(&f, 0x11000, FAKE_RAM + 0x5000, RW, 12, false);
	uint8_t model[8192];
	for (unsigned i = 0; i < 8192; i++)
		ck_assert(mmu_store(cpu, 0x10000 + i, 1, model[i] = (uint8_t)(i * 37 + i / 256)));
	for (unsigned size = 1; size <= 8; size *= 2)
		for (unsigned at = 4096 - 16; at < 4096 + 8; at++) {
			uint64_t want = 0;
			memcpy(&want, model + at, size);
			ck_assert_uint_eq(load(0x10000 + at, size), want);
			uint64_t v = UINT64_C(0x0123456789abcdef) * (at + size);
			ck_assert(mmu_store(cpu, 0x10000 + at, size, v));
			memcpy(model + at, &v, size);
		}
	for (unsigned i = 0; i < 8192; i++)
		ck_assert_uint_eq(load(0x10000 + i, 1), model[i]);
	ck_assert_mem_eq(phys_dma(&f.m.phys, GPA(FAKE_RAM + 0x5000), 4096), model + 4096, 4096);
}
END_TEST

START_TEST(a_crossing_store_that_faults_writes_nothing)
{
	fake_map(&f, 0x10000, FAKE_RAM, RW, 12, false);
	ck_assert(mmu_store(cpu, 0x10ff8, 8, 0x1111111111111111));
	ck_assert(!mmu_store(cpu, 0x10ffc, 8, ~(uint64_t)0));
	ck_assert_uint_eq(cpu->exception.cause, FAKE_PAGE_FAULT + MMU_WRITE);
	ck_assert_uint_eq(cpu->exception.value, 0x11000);
	ck_assert_uint_eq(load(0x10ff8, 8), 0x1111111111111111);
}
END_TEST

START_TEST(entries_are_exact)
{
	fake_map(&f, 0x10000, FAKE_RAM, RW, 12, false);
	fake_map(&f, 0x20000, FAKE_RAM + 0x1000, MMU_PROT_R, 12, false);
	load(0x10008, 8);
	ck_assert(hits(0x10010, 8, MMU_READ));
	ck_assert(!hits(0x10011, 8, MMU_READ));		/* misaligned ones take the slow path */
	ck_assert(!hits(0x10010, 8, MMU_WRITE));	/* only a write makes a write entry */
	ck_assert(!hits(0x10010, 8, MMU_FETCH));
	ck_assert(mmu_store(cpu, 0x10000, 8, 1));
	ck_assert(hits(0x10ff8, 8, MMU_WRITE));
	load(0x20000, 1);
	ck_assert(!mmu_store(cpu, 0x20000, 1, 1));
	ck_assert_uint_eq(cpu->exception.cause, FAKE_PAGE_FAULT + MMU_WRITE);
	unsigned walks = f.walks;
	load(0x20ff8, 8);
	ck_assert_uint_eq(f.walks, walks);
}
END_TEST

START_TEST(mmio_is_reached_and_refusals_fault)
{
	fake_map(&f, 0x30000, FAKE_MMIO, RW, 12, false);
	fake_map(&f, 0x40000, 0x50000000, RW, 12, false);
	ck_assert(mmu_store(cpu, 0x30008, 8, 0x1234567890));
	ck_assert_uint_eq(f.mmio[1], 0x1234567890);
	ck_assert_uint_eq(load(0x30009, 1), 0x78);
	ck_assert(!hits(0x30008, 8, MMU_READ));
	uint64_t v;
	ck_assert(!mmu_store(cpu, 0x30008, 4, 1));	/* the device refuses */
	ck_assert_uint_eq(cpu->exception.cause, FAKE_ACCESS_FAULT + MMU_WRITE);
	ck_assert(!mmu_load(cpu, 0x30001, 4, &v));	/* misaligned */
	ck_assert_uint_eq(cpu->exception.cause, FAKE_ACCESS_FAULT + MMU_READ);
	ck_assert(!mmu_load(cpu, 0x40000, 4, &v));	/* nobody there */
	ck_assert_uint_eq(cpu->exception.cause, FAKE_ACCESS_FAULT + MMU_READ);
	ck_assert_ptr_null(mmu_host(cpu, 0x30008, 8, MMU_WRITE));
	ck_assert_uint_eq(cpu->exception.cause, FAKE_ACCESS_FAULT + MMU_WRITE);
}
END_TEST

START_TEST(atomics_must_be_aligned)
{
	fake_map(&f, 0x10000, FAKE_RAM, RW, 12, false);
	ck_assert_ptr_eq(mmu_host(cpu, 0x10018, 8, MMU_WRITE), (char *)phys_dma(&f.m.phys, GPA(FAKE_RAM), 4096) + 0x18);
	ck_assert_ptr_null(mmu_host(cpu, 0x1001c, 8, MMU_WRITE));
	ck_assert_uint_eq(cpu->exception.cause, FAKE_MISALIGNED + MMU_WRITE);
}
END_TEST

START_TEST(extents_below_a_page_are_checked_each_time)
{
	/* bytes 0 to 31 may be read, 32 to 63 not */
	fake_map(&f, 0x10000, FAKE_RAM, MMU_PROT_R, 5, false);
	fake_map(&f, 0x10040, FAKE_RAM + 0x40, MMU_PROT_R, 6, false);
	fake_map(&f, 0x10080, FAKE_RAM + 0x80, MMU_PROT_R, 2, false);
	fake_map(&f, 0x10084, FAKE_RAM + 0x84, MMU_PROT_R, 2, false);
	uint64_t v;
	load(0x10018, 8);
	ck_assert(!hits(0x10018, 8, MMU_READ));
	ck_assert(!mmu_load(cpu, 0x10020, 1, &v));
	ck_assert_uint_eq(cpu->exception.cause, FAKE_PAGE_FAULT + MMU_READ);
	ck_assert(!mmu_load(cpu, 0x1001e, 4, &v));
	ck_assert_uint_eq(cpu->exception.value, 0x10020);
	load(0x10080, 4);
	ck_assert(!mmu_load(cpu, 0x10080, 8, &v));	/* aligned, but two entries match */
	ck_assert_uint_eq(cpu->exception.cause, FAKE_ACCESS_FAULT + MMU_READ);
	load(0x10082, 4);				/* misaligned: byte by byte */
}
END_TEST

START_TEST(contexts_survive_switches_and_flushes_choose)
{
	fake_map(&f, 0x10000, FAKE_RAM, RW, 12, false);
	load(0x10000, 8);
	mmu_set_context(cpu, 2, 0, 1);
	ck_assert(!hits(0x10000, 8, MMU_READ));
	f.page[0].pa = FAKE_RAM + 0x1000;
	ck_assert(mmu_store(cpu, 0x10000, 8, 42));
	mmu_set_context(cpu, 1, 0, 1);
	ck_assert(hits(0x10000, 8, MMU_READ));
	ck_assert_uint_eq(load(0x10000, 8), 0);
	mmu_flush(cpu, &(struct mmu_flush){ .all_addresses = true, .match = same_key, .arg = 1 });
	ck_assert(!hits(0x10000, 8, MMU_READ));
	mmu_set_context(cpu, 2, 0, 1);
	ck_assert(hits(0x10000, 8, MMU_READ));
	mmu_flush(cpu, &(struct mmu_flush){ .va = 0x10123, .match = always });
	ck_assert(!hits(0x10000, 8, MMU_READ));
}
END_TEST

START_TEST(global_upper_entries_are_shared_and_others_are_not)
{
	uint64_t kernel = 0xffffffff80000000, own = 0xffffffff90000000;
	fake_map(&f, kernel, FAKE_RAM, RW, 12, true);
	fake_map(&f, own, FAKE_RAM + 0x2000, RW, 12, false);
	load(kernel, 8);
	mmu_set_context(cpu, 2, 0, 1);
	ck_assert(hits(kernel, 8, MMU_READ));
	mmu_flush(cpu, &(struct mmu_flush){ .all_addresses = true, .match = always });
	ck_assert(hits(kernel, 8, MMU_READ));		/* a flush of address spaces leaves global entries */
	load(own, 8);					/* not global: context 2 has an upper half of its own from now on */
	ck_assert(hits(own, 8, MMU_READ));
	mmu_set_context(cpu, 1, 0, 1);
	ck_assert(!hits(own, 8, MMU_READ));
	ck_assert(hits(kernel, 8, MMU_READ));
	mmu_set_context(cpu, (uint64_t)8 << 60 | 1, 0, 1);	/* another translation mode */
	ck_assert(!hits(kernel, 8, MMU_READ));
	mmu_set_context(cpu, 1, 0, 1);
	flush_all();
	ck_assert(!hits(kernel, 8, MMU_READ));
}
END_TEST

START_TEST(a_page_flush_drops_the_whole_large_leaf)
{
	fake_map(&f, 0x40000000, FAKE_RAM, RW, 21, false);
	for (unsigned i = 0; i < 128; i++)
		load(0x40000000 + i * 4096, 8);
	ck_assert(hits(0x40005000, 8, MMU_READ));
	mmu_flush(cpu, &(struct mmu_flush){ .va = 0x401ff000, .match = always });
	unsigned walks = f.walks;
	for (unsigned i = 0; i < 128; i++)
		load(0x40000000 + i * 4096, 8);
	ck_assert_uint_eq(f.walks - walks, 128);
}
END_TEST

START_TEST(many_contexts_reuse_the_oldest)
{
	fake_map(&f, 0x10000, FAKE_RAM, RW, 12, false);
	for (unsigned key = 1; key < 200; key++) {
		mmu_set_context(cpu, key, 0, 1);
		ck_assert(!hits(0x10000, 8, MMU_READ));
		load(0x10000, 8);
	}
	mmu_set_context(cpu, 190, 0, 1);
	ck_assert(hits(0x10000, 8, MMU_READ));
}
END_TEST

START_TEST(code_pages_lose_write_entries_and_stores_invalidate)
{
	uint8_t *host = phys_dma(&f.m.phys, GPA(FAKE_RAM), 4096);
	struct phys_page *page = phys_page(&f.m.phys, phys_find(&f.m.phys, GPA(FAKE_RAM)), GPA(FAKE_RAM));
	for (unsigned second = 0; second < 2; second++) {	/* one virtual address, then several */
		fake_map(&f, 0x10000 + second * 0x5000, FAKE_RAM, RW, 12, false);
		ck_assert(mmu_store(cpu, 0x10000, 8, 1));
		ck_assert(mmu_store(cpu, 0x10000 + second * 0x5000, 8, 1));
		ck_assert(hits(0x10000 + second * 0x5000, 8, MMU_WRITE));
		mmu_protect_code(cpu, page, host);
		ck_assert(!hits(0x10000, 8, MMU_WRITE));
		ck_assert(!hits(0x10000 + second * 0x5000, 8, MMU_WRITE));
		unsigned before = f.invalidated;
		ck_assert(mmu_store(cpu, 0x10000, 8, 2));
		ck_assert_uint_eq(f.invalidated, before + 1);
		ck_assert_uint_eq(page->code, 0);
		mmu_protect_code(cpu, page, host);
		ck_assert_ptr_nonnull(mmu_host(cpu, 0x10000, 8, MMU_WRITE));
		ck_assert_uint_eq(f.invalidated, before + 2);
	}
}
END_TEST

START_TEST(code_ids_change_when_mappings_may)
{
	uint32_t id = mmu_code_id(cpu, 0);
	mmu_note_code(cpu, 0x10000, 12);
	mmu_flush(cpu, &(struct mmu_flush){ .va = 0x10000, .match = always });
	ck_assert_uint_ne(mmu_code_id(cpu, 0), id);
	id = mmu_code_id(cpu, 0);
	mmu_note_code(cpu, 0x40000000, 21);
	mmu_flush(cpu, &(struct mmu_flush){ .va = 0x401ff000, .match = always });
	ck_assert_uint_ne(mmu_code_id(cpu, 0), id);
	id = mmu_code_id(cpu, 0);
	mmu_flush(cpu, &(struct mmu_flush){ .va = 0x70000000, .match = always });
	ck_assert_uint_eq(mmu_code_id(cpu, 0), id);	/* nothing was noted there */
	mmu_set_context(cpu, 2, 0, 1);
	ck_assert_uint_ne(mmu_code_id(cpu, 0), id);
	mmu_set_context(cpu, 1, 0, 1);
	ck_assert_uint_eq(mmu_code_id(cpu, 0), id);
}
END_TEST

/* Svvptc and its like: what was not mapped is never remembered. */
START_TEST(a_mapping_that_appears_needs_no_flush)
{
	uint64_t v;
	struct mmu_code code;
	for (unsigned half = 0; half < 2; half++) {
		uint64_t va = half ? 0xffffffff80010000 : 0x10000;
		ck_assert(!mmu_load(cpu, va, 8, &v) && !mmu_store(cpu, va, 8, 1) && !mmu_fetch(cpu, va, &code));
		cpu->exception.pending = false;
		fake_map(&f, va, FAKE_RAM + 0x3000, RW | RX, 12, half);
		ck_assert(mmu_load(cpu, va, 8, &v) && mmu_store(cpu, va, 8, 1) && mmu_fetch(cpu, va, &code));
		ck_assert_uint_eq(code.pa, FAKE_RAM + 0x3000);
	}
}
END_TEST

START_TEST(fetches_walk_once_and_again_after_a_flush)
{
	struct mmu_code code;
	fake_map(&f, 0x200000, FAKE_RAM + 0x200000, RX, 21, false);
	ck_assert(mmu_fetch(cpu, 0x203456, &code));
	unsigned walks = f.walks;
	for (unsigned i = 0; i < 3; i++) {
		ck_assert(mmu_fetch(cpu, 0x203458 + 2 * i, &code));
		ck_assert_uint_eq(code.pa, FAKE_RAM + 0x203458 + 2 * i);
		ck_assert_ptr_eq(code.host, phys_dma(&f.m.phys, GPA(code.pa), 1));
		ck_assert_ptr_eq(code.page, phys_page(&f.m.phys, phys_find(&f.m.phys, GPA(code.pa)), GPA(code.pa)));
		ck_assert_uint_eq(code.leaf_bits, 21);
	}
	ck_assert_uint_eq(f.walks, walks);
	/* a flush by another vCPU may come before the caller has noted what it found */
	uint32_t id = mmu_code_id(cpu, 0);
	mmu_flush(cpu, &(struct mmu_flush){ .va = 0x200000, .match = always });
	ck_assert_uint_ne(mmu_code_id(cpu, 0), id);
	fake_map(&f, 0x200000, FAKE_RAM, RX, 21, false);
	ck_assert(mmu_fetch(cpu, 0x203456, &code));
	ck_assert_uint_eq(code.pa, FAKE_RAM + 0x3456);
}
END_TEST

/* A page that becomes code loses its write entry; an atomic drops the code and is waited for by the next translator. */
START_TEST(writers_and_translators)
{
	struct phys_page *page = phys_page(&f.m.phys, phys_find(&f.m.phys, GPA(FAKE_RAM)), GPA(FAKE_RAM));
	uint8_t *host = phys_dma(&f.m.phys, GPA(FAKE_RAM), 4096);
	fake_map(&f, 0x10000, FAKE_RAM, RW, 12, false);
	ck_assert(mmu_store(cpu, 0x10000, 8, 1));
	ck_assert(hits(0x10000, 8, MMU_WRITE));
	ck_assert_uint_eq(page->writers, 1);
	mmu_protect_code(cpu, page, host);
	ck_assert(!hits(0x10000, 8, MMU_WRITE));
	ck_assert_uint_eq(page->writers, 0);
	ck_assert_uint_eq(page->code, 1);
	atomic_store(&page->code, 0);	/* as when the last block of a page is dropped */
	ck_assert_ptr_nonnull(mmu_host(cpu, 0x10000, 8, MMU_WRITE));
	ck_assert_uint_eq(page->writers, 1);
	mmu_protect_code(cpu, page, host);
	ck_assert_uint_eq(page->writers, 0);
	ck_assert_uint_eq(page->code, 1);
}
END_TEST

START_TEST(switches_and_fills_are_counted)
{
	struct mmu_stats a, b;
	fake_map(&f, 0x10000, FAKE_RAM, RW, 12, false);
	fake_map(&f, 0xffffffff80000000, FAKE_RAM, RW, 12, true);
	mmu_get_stats(cpu, &a);
	for (unsigned i = 0; i < 3; i++) {
		mmu_set_context(cpu, 2 + i, 0, 1);
		mmu_set_context(cpu, 2 + i, 1, 1);	/* no other context */
		load(0x10000, 8);
		load(0xffffffff80000000, 8);
	}
	mmu_get_stats(cpu, &b);
	ck_assert_uint_eq(b.switches - a.switches, 3);
	ck_assert_uint_eq(b.contexts - a.contexts, 3);
	ck_assert_uint_eq(b.fills[0] - a.fills[0], 3);
	ck_assert_uint_eq(b.fills[1] - a.fills[1], 1);
}
END_TEST

/* Two pages of one entry as long as the table has fewer than 2^12; used in turn they end the turns' slow paths. */
START_TEST(pages_that_displace_each_other_get_room)
{
	const uint64_t va[2] = { 0x10000, 0x10000 + ((uint64_t)1 << (12 + 11)) };
	unsigned missed = 0;
	for (unsigned i = 0; i < 2; i++) {
		fake_map(&f, va[i], FAKE_RAM + i * 4096, RW, 12, false);
		ck_assert(mmu_store(cpu, va[i], 8, i));
	}
	for (unsigned i = 0; i < 100000; i++)
		if (!hits(va[i % 2], 8, MMU_READ)) {
			missed++;
			ck_assert_uint_eq(load(va[i % 2], 8), i % 2);
		}
	ck_assert_uint_lt(missed, 20000);
	ck_assert(hits(va[0], 8, MMU_READ) && hits(va[1], 8, MMU_READ));
	ck_assert_uint_eq(load(va[0], 8), 0);
	ck_assert_uint_eq(load(va[1], 8), 1);
}
END_TEST

static uint64_t seed;

static uint64_t below(uint64_t n)
{
	seed = seed * 6364136223846793005 + 1442695040888963407;
	return (seed >> 33) % n;
}

/* Random mappings, accesses, remappings with the flush that they need, and context switches, against the table itself. */
START_TEST(random_traffic_agrees_with_the_tables)
{
	seed = (uint64_t)_i * 0x9e3779b97f4a7c15 + 1;
	for (unsigned i = 0; i < 300; i++) {
		uint64_t va = (below(2) ? 0xffffffc000000000 : 0x1000000) + i * 4096 + below(8) * 0x200000;
		fake_map(&f, va, FAKE_RAM + below(1024) * 4096, below(4) ? RW : MMU_PROT_R, 12, below(2));
	}
	for (unsigned n = 0; n < 60000; n++) {
		struct fake_page *p = &f.page[below(300)];
		uint64_t v = 0, at = p->va + below(4096), want = below(1 << 30);
		uint8_t *host = (uint8_t *)phys_dma(&f.m.phys, GPA(p->pa), 4096) + (at & 4095);
		switch (below(20)) {
		case 0:
			p->pa = FAKE_RAM + below(1024) * 4096;
			p->prot = below(4) ? RW : MMU_PROT_R;
			mmu_flush(cpu, &(struct mmu_flush){ .va = p->va, .all_contexts = true });
			break;
		case 1:
			mmu_set_context(cpu, 1 + below(3), 0, 1);
			break;
		case 2: case 3: case 4: case 5: case 6: case 7:
			cpu->exception.pending = false;
			if (mmu_store(cpu, at, 1, want))
				ck_assert_uint_eq(*host, (uint8_t)want);
			else
				ck_assert(!(p->prot & MMU_PROT_W));
			break;
		default:
			ck_assert(mmu_load(cpu, at, 1, &v));
			ck_assert_uint_eq(v, *host);
			if (hits(at, 1, MMU_WRITE))
				ck_assert(p->prot & MMU_PROT_W);
		}
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("mmu");
	TCase *t = tcase_create("mmu");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, loads_and_stores_of_every_size_and_alignment);
	tcase_add_test(t, a_crossing_store_that_faults_writes_nothing);
	tcase_add_test(t, entries_are_exact);
	tcase_add_test(t, mmio_is_reached_and_refusals_fault);
	tcase_add_test(t, atomics_must_be_aligned);
	tcase_add_test(t, extents_below_a_page_are_checked_each_time);
	tcase_add_test(t, contexts_survive_switches_and_flushes_choose);
	tcase_add_test(t, global_upper_entries_are_shared_and_others_are_not);
	tcase_add_test(t, a_page_flush_drops_the_whole_large_leaf);
	tcase_add_test(t, many_contexts_reuse_the_oldest);
	tcase_add_test(t, code_pages_lose_write_entries_and_stores_invalidate);
	tcase_add_test(t, code_ids_change_when_mappings_may);
	tcase_add_test(t, a_mapping_that_appears_needs_no_flush);
	tcase_add_test(t, fetches_walk_once_and_again_after_a_flush);
	tcase_add_test(t, writers_and_translators);
	tcase_add_test(t, switches_and_fills_are_counted);
	tcase_add_test(t, pages_that_displace_each_other_get_room);
	tcase_add_loop_test(t, random_traffic_agrees_with_the_tables, 0, 8);
	suite_add_tcase(s, t);
	return run_suites("runtime-mmu", 1, &s);
}

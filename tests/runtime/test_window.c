// SPDX-License-Identifier: Apache-2.0
#include <string.h>
#include <sys/mman.h>
#include "tests/check_main.h"
#include "runtime/debug.h"
#include "tests/runtime/guarded.h"
#include "tests/runtime/windowed.h"

#define MODE(n) ((uint64_t)(n) << 60)

static bool always(uint64_t key, uint64_t arg) { return true; }
static bool same_key(uint64_t key, uint64_t arg) { return key == arg; }
static void flush_key(uint64_t key) { mmu_flush(cpu, &(struct mmu_flush){ .all_addresses = true, .match = same_key, .arg = key }); }

/* ---- filling ---- */

START_TEST(pages_are_filled_and_are_the_guests)
{
	fake_map(&f, 0x10000, FAKE_RAM + 0x3000, RW, 12, false);
	fake_map(&f, 0x11000, FAKE_RAM + 0x9000, RW, 12, false);
	memcpy(ram(0x3008), "\1\2\3\4\5\6\7\10", 8);
	ck_assert(poisoned(0x10000));
	ck_assert_uint_eq(must_load(0x10008), 0x0807060504030201);
	ck_assert(!poisoned(0x10000));
	unsigned before = faults;
	must_store(0x10008, 42);
	ck_assert_uint_eq(faults, before + 1);		/* a page that has been read only is not writable */
	must_store(0x10010, 43);
	ck_assert_uint_eq(faults, before + 1);
	ck_assert_uint_eq(*(uint64_t *)ram(0x3008), 42);
	/* across pages that do not lie side by side, the second of which is not mapped yet */
	must_store(0x10ffc, 0x1122334455667788);
	ck_assert_uint_eq(*(uint32_t *)ram(0x3ffc), 0x55667788);
	ck_assert_uint_eq(*(uint32_t *)ram(0x9000), 0x11223344);
	ck_assert_uint_eq(must_load(0x10ffc), 0x1122334455667788);
	/* and what the guest stores in another way is seen */
	ck_assert(mmu_store(cpu, 0x10018, 8, 99));
	ck_assert_uint_eq(must_load(0x10018), 99);
	ck_assert_uint_eq(stats().window_fills, 3);
}
END_TEST

START_TEST(what_is_not_granted_is_left)
{
	uint64_t v;
	fake_map(&f, 0x10000, FAKE_RAM, MMU_PROT_R, 12, false);
	fake_map(&f, 0x11000, FAKE_MMIO, RW, 12, false);
	fake_map(&f, 0x12000, 0x1000, RW, 12, false);		/* ROM */
	fake_map(&f, 0x13000, FAKE_WATCHED, RW, 12, false);
	fake_map(&f, 0x14000, 0x50000000, RW, 12, false);	/* nobody there */
	fake_map(&f, 0x15000, FAKE_RAM, RW, 5, false);		/* divided by PMP */
	fake_map(&f, 0x16000, FAKE_RAM, MMU_PROT_X, 12, false);
	fake_map(&f, 0x18000, FAKE_RAM, RW, 12, false);
	must_load(0x18000);
	ck_assert(load(0x10000, 8, &v) && !store(0x10000, 8, 1));
	ck_assert(!load(0x11000, 8, &v) && !store(0x11000, 8, 1));
	ck_assert(load(0x12000, 8, &v) && !store(0x12000, 8, 1));
	ck_assert(load(0x13000, 8, &v) && !store(0x13000, 8, 1));
	ck_assert_uint_eq(f.watched, 0);
	ck_assert(!load(0x14000, 8, &v) && !store(0x14000, 8, 1));
	ck_assert(!load(0x15000, 8, &v) && !store(0x15000, 8, 1));
	ck_assert(!load(0x16000, 8, &v) && !store(0x16000, 8, 1));
	ck_assert(!load(0x17000, 8, &v) && !store(0x17000, 8, 1));
	ck_assert(!store(0x18ffc, 8, ~(uint64_t)0));		/* in part */
	ck_assert_uint_eq(*(uint64_t *)ram(0xff8), 0);
	/* the exception is for who does the instruction again */
	ck_assert(!cpu->exception.pending);
	ck_assert_uint_eq(stats().window_leaves, left - 1);	/* the first touch of the segment has no address to ask for */
	ck_assert_uint_gt(left, 12);
}
END_TEST

START_TEST(an_exception_that_was_there_stays)
{
	struct exception before = cpu->exception = (struct exception){ 17, 18, false };
	ck_assert_int_eq(window_fault_at(cpu, 0x10000, false), WINDOW_LEAVE);
	ck_assert_uint_eq(cpu->exception.cause, before.cause);
	ck_assert_uint_eq(cpu->exception.value, before.value);
	ck_assert(!cpu->exception.pending);
}
END_TEST

START_TEST(a_clean_page_is_read_only)
{
	fake_map(&f, 0x10000, FAKE_RAM, RW, 12, false);
	struct fake_page *p = &f.page[0];
	for (unsigned i = 0; i < 3; i++) {
		p->clean = true;
		if (i == 1)
			flush_at(0x10000);
		else
			flush_all();
		must_load(0x10000);
		ck_assert(p->clean);
		must_store(0x10000, i);
		ck_assert(!p->clean);
		ck_assert(maps(0x10000, true));
	}
}
END_TEST

START_TEST(a_large_leaf_is_one_mapping)
{
	fake_map(&f, 0x40000000, FAKE_RAM + 0x200000, RW, 21, false);
	for (unsigned i = 0; i < 512; i++) {
		*ram(0x200000 + i * 4096) = (uint8_t)i;
		ck_assert_uint_eq(must_load(0x40000000 + i * 4096), (uint8_t)i);
	}
	ck_assert_uint_eq(stats().window_fills, 1);
	/* what is written becomes writable in small blocks, and nothing else */
	must_store(0x40023000, 77);
	ck_assert_uint_eq(*ram(0x223000), 77);
	ck_assert(maps(0x40023000, true));
	for (unsigned i = 0; i < 512; i++)
		ck_assert_uint_eq(!!ram_page(0x200000 + i * 4096)->writers, i / 16 == 2);
	unsigned before = faults;
	must_store(0x40033000, 78);
	ck_assert_uint_eq(faults, before + 1);
	ck_assert_uint_eq(stats().window_extents, 3);
	/* no longer writable: all of it */
	f.page[0].prot = MMU_PROT_R;
	flush_at(0x40100000);
	ck_assert_uint_eq(stats().window_extents, 1);
	ck_assert(!store(0x40023000, 8, 1) && !store(0x40033000, 8, 1));
	ck_assert(maps(0x40023000, false));
	/* divided into small ones */
	f.page[0].valid = false;
	fake_map(&f, 0x40000000, FAKE_RAM + 0x200000, RW, 12, false);
	fake_map(&f, 0x40023000, FAKE_RAM, RW, 12, false);
	fake_map(&f, 0x40033000, FAKE_RAM + 0x233000, RW, 12, false);
	*(uint64_t *)ram(0) = 0x1234;
	flush_at(0x40023000);
	ck_assert_uint_eq(must_load(0x40023000), 0x1234);
	ck_assert_uint_eq(must_load(0x40033000), 78);
}
END_TEST

/* A leaf larger than the RAM that it leads to: only RAM is mapped, and a flush of any address in it counts. */
START_TEST(a_leaf_beyond_the_ram)
{
	uint64_t v;
	fake_map(&f, 0x40000000, FAKE_RAM & ~((1u << 30) - 1), RW, 30, false);
	must_store(0x40000000, 5);
	must_load(0x403ff000);
	ck_assert(!load(0x40400000, 8, &v));
	ck_assert_uint_eq(stats().window_extents, 2);	/* 4 MiB, and a block to write to */
	f.page[0].valid = false;
	flush_at(0x7ffff000);
	ck_assert(!load(0x40000000, 8, &v));
	ck_assert(!load(0x403ff000, 8, &v));
}
END_TEST

/* ---- flushes ---- */

START_TEST(a_flush_keeps_what_is_still_so)
{
	uint64_t v;
	for (unsigned i = 0; i < 64; i++) {
		fake_map(&f, 0x10000 + i * 0x2000, FAKE_RAM + i * 4096, RW, 12, false);
		must_store(0x10000 + i * 0x2000, i);
	}
	f.page[3].pa = FAKE_RAM + 200 * 4096;
	f.page[4].valid = false;
	f.page[5].prot = MMU_PROT_R;
	*ram(200 * 4096) = 99;
	unsigned before = faults;
	struct mmu_stats was = stats();
	flush_all();
	struct mmu_stats is = stats();
	ck_assert_uint_eq(is.window_kept - was.window_kept, 61);
	ck_assert_uint_eq(is.window_dropped - was.window_dropped, 2);
	ck_assert_uint_eq(is.window_extents, 62);
	for (unsigned i = 6; i < 64; i++)
		ck_assert_uint_eq(must_load(0x10000 + i * 0x2000), i);
	ck_assert_uint_eq(must_load(0x10000 + 5 * 0x2000), 5);
	ck_assert_uint_eq(faults, before);
	ck_assert(!store(0x10000 + 5 * 0x2000, 8, 1));
	ck_assert(!load(0x10000 + 4 * 0x2000, 8, &v));
	ck_assert_uint_eq(must_load(0x10000 + 3 * 0x2000), 99);
	/* all gone: at once */
	for (unsigned i = 0; i < 64; i++)
		f.page[i].valid = false;
	flush_all();
	ck_assert_uint_eq(stats().window_extents, 0);
	for (unsigned i = 0; i < 64; i++)
		ck_assert(!load(0x10000 + i * 0x2000, 8, &v));
}
END_TEST

START_TEST(a_flush_of_one_address_looks_there_alone)
{
	for (unsigned i = 0; i < 64; i++) {
		fake_map(&f, 0x10000 + i * 4096, FAKE_RAM + i * 4096, RW, 12, false);
		must_store(0x10000 + i * 4096, i);
	}
	unsigned probes = f.probes;
	flush_at(0x900000);
	ck_assert_uint_eq(f.probes, probes);
	flush_at(0x20123);
	ck_assert_uint_eq(f.probes, probes + 1);
	ck_assert(maps(0x20000, true));
	f.page[16].pa = FAKE_RAM + 200 * 4096;
	f.page[17].pa = FAKE_RAM + 201 * 4096;
	*(uint64_t *)ram(200 * 4096) = 99;
	flush_at(0x20123);
	ck_assert_uint_eq(must_load(0x20000), 99);
	ck_assert_uint_eq(must_load(0x21000), 17);	/* nobody asked for that one, as with a TLB */
}
END_TEST

START_TEST(other_contexts_are_checked_when_they_come_back)
{
	uint64_t v;
	for (unsigned i = 0; i < 8; i++) {
		fake_map(&f, 0x10000 + i * 0x2000, FAKE_RAM + i * 4096, RW, 12, false);
		must_store(0x10000 + i * 0x2000, i);
	}
	mmu_set_context(cpu, 2, 0, 1);
	ck_assert(poisoned(0x10000));
	f.page[2].pa = FAKE_RAM + 100 * 4096;
	*(uint64_t *)ram(100 * 4096) = 7777;
	ck_assert_uint_eq(must_load(0x14000), 7777);
	unsigned probes = f.probes;
	flush_key(1);
	ck_assert_uint_eq(f.probes, probes);
	mmu_set_context(cpu, 1, 0, 1);
	ck_assert_uint_eq(f.probes, probes + 8);
	ck_assert_uint_eq(must_load(0x14000), 7777);
	unsigned before = faults;
	for (unsigned i = 3; i < 8; i++)
		ck_assert_uint_eq(must_load(0x10000 + i * 0x2000), i);
	ck_assert_uint_eq(faults, before);
	/* one address: dropped at once, for the tables that can be looked at say nothing */
	mmu_set_context(cpu, 2, 0, 1);
	mmu_flush(cpu, &(struct mmu_flush){ .va = 0x1c000, .match = always });
	mmu_set_context(cpu, 1, 0, 1);
	f.page[6].valid = false;
	ck_assert(!load(0x1c000, 8, &v));
	/* an MMU index has windows of its own, checked when it is the current one */
	mmu_set_context(cpu, 1, 2, 1);
	ck_assert(poisoned(0x10000));
	must_load(0x10000);
	f.page[0].valid = false;
	flush_all();
	ck_assert(!load(0x10000, 8, &v));
	mmu_set_context(cpu, 1, 0, 1);
	ck_assert(!load(0x10000, 8, &v));
}
END_TEST

START_TEST(contexts_that_are_reused_begin_empty)
{
	uint64_t v;
	for (unsigned key = 1; key < 100; key++) {
		mmu_set_context(cpu, key, 0, 1);
		ck_assert(poisoned(0x10000));
		f.n_pages = 0;
		fake_map(&f, 0x10000 + key % 3 * 4096, FAKE_RAM + key * 4096, RW, 12, false);
		for (unsigned i = 0; i < 3; i++)
			ck_assert(load(0x10000 + i * 4096, 8, &v) == (key % 3 == i));
		must_store(0x10000 + key % 3 * 4096, key);
		ck_assert_uint_eq(*(uint64_t *)ram(key * 4096), key);
	}
	for (unsigned key = 90; key < 100; key++) {	/* these are still there */
		mmu_set_context(cpu, key, 0, 1);
		ck_assert(maps(0x10000 + key % 3 * 4096, true));
		ck_assert_uint_eq(must_load(0x10000 + key % 3 * 4096), key);
	}
}
END_TEST

/* Tables that change without a flush: the old mapping may be seen, but a walk that was made counts. */
START_TEST(what_a_walk_says_is_mapped)
{
	fake_map(&f, 0x10000, FAKE_RAM, RW, 12, false);
	must_load(0x10000);
	f.page[0].pa = FAKE_RAM + 0x5000;
	must_store(0x10000, 55);
	ck_assert_uint_eq(*(uint64_t *)ram(0), 0);
	ck_assert_uint_eq(*(uint64_t *)ram(0x5000), 55);
	/* a large leaf that has become small ones … */
	fake_map(&f, 0x40000000, FAKE_RAM + 0x200000, RW, 21, false);
	must_store(0x40050000, 1);
	f.page[1].valid = false;
	fake_map(&f, 0x40003000, FAKE_RAM + 0x7000, RW, 12, false);
	must_store(0x40003000, 77);
	ck_assert_uint_eq(*(uint64_t *)ram(0x7000), 77);
	ck_assert(!maps(0x40050000, false) && !maps(0x40002000, false));
	ck_assert_uint_eq(stats().window_extents, 2);
	/* … and one again */
	f.page[1].valid = true;
	f.page[2].valid = false;
	ck_assert_uint_eq(must_load(0x40050000), 1);
	ck_assert_uint_eq(must_load(0x40003000), 0);
	ck_assert_uint_eq(stats().window_extents, 2);
}
END_TEST

START_TEST(a_mapping_that_is_gone_is_made_again)
{
	fake_map(&f, 0x10000, FAKE_RAM, RW, 12, false);
	must_store(0x10000, 5);
	ck_assert(!mprotect((void *)(uintptr_t)host_of(0x10000), 4096, PROT_NONE));
	ck_assert_uint_eq(must_load(0x10000), 5);
	ck_assert(!mprotect((void *)(uintptr_t)host_of(0x10000), 4096, PROT_NONE));
	must_store(0x10000, 6);
	ck_assert_uint_eq(must_load(0x10000), 6);
}
END_TEST

/* ---- the upper half ---- */

START_TEST(global_mappings_are_shared)
{
	uint64_t v;
	fake_map(&f, KERNEL, FAKE_RAM + 0x5000, RW, 12, true);
	must_store(KERNEL, 5);
	unsigned before = faults;
	mmu_set_context(cpu, 2, 0, 1);
	ck_assert_uint_eq(must_load(KERNEL), 5);
	mmu_set_context(cpu, MODE(0) | 3, 0, 1);
	ck_assert_uint_eq(must_load(KERNEL), 5);
	ck_assert_uint_eq(faults, before);
	mmu_set_context(cpu, MODE(8) | 1, 0, 1);	/* another translation mode */
	ck_assert(poisoned(KERNEL));
	mmu_set_context(cpu, 2, 3, 1);			/* another way of checking permissions */
	ck_assert(poisoned(KERNEL));
	mmu_set_context(cpu, 2, 0, 1);
	flush_key(2);					/* address spaces, not what is global */
	ck_assert(maps(KERNEL, true));
	f.page[0].valid = false;
	mmu_set_context(cpu, MODE(8) | 1, 0, 1);
	flush_all();
	mmu_set_context(cpu, 1, 0, 1);
	ck_assert(!load(KERNEL, 8, &v));
}
END_TEST

START_TEST(a_mapping_that_is_not_global_parts_them)
{
	uint64_t v;
	fake_map(&f, KERNEL, FAKE_RAM + 0x5000, RW, 12, true);
	fake_map(&f, KERNEL + 0x1000, FAKE_RAM + 0x6000, RW, 12, false);
	must_store(KERNEL, 5);
	mmu_set_context(cpu, 2, 0, 1);
	ck_assert_uint_eq(must_load(KERNEL), 5);
	uint64_t shared = host_of(KERNEL);
	ck_assert(!direct_load(KERNEL + 0x1000, 8, &v));	/* the window was the shared one … */
	ck_assert(poisoned(KERNEL));				/* … which is not this context's any more */
	*(uint64_t *)ram(0x6000) = 6;
	ck_assert_uint_eq(must_load(KERNEL + 0x1000), 6);
	ck_assert_uint_eq(must_load(KERNEL), 5);
	ck_assert_uint_ne(host_of(KERNEL), shared);
	mmu_set_context(cpu, 1, 0, 1);
	ck_assert_uint_eq(host_of(KERNEL), shared);
	/* a global mapping that ceases to be one must not stay in the shared window */
	f.page[0].global = false;
	flush_all();
	mmu_set_context(cpu, 1, 0, 1);
	ck_assert(!maps(KERNEL, false));
	mmu_set_context(cpu, 3, 0, 1);
	ck_assert(!maps(KERNEL, false));
	/* the context's key goes to another: shared tables again */
	for (unsigned key = 10; key < 60; key++)
		mmu_set_context(cpu, key, 0, 1);
	f.page[0].global = true;
	must_load(KERNEL);
	ck_assert_uint_eq(stats().windows, 1);
	mmu_set_context(cpu, 2, 0, 1);
	ck_assert(maps(KERNEL, false));
}
END_TEST

/* ---- pages with code ---- */

START_TEST(pages_with_code_are_read_only)
{
	fake_map(&f, 0x10000, FAKE_RAM, RW, 12, false);
	fake_map(&f, 0x40000000, FAKE_RAM, RW, 21, false);
	for (unsigned i = 0; i < 4; i++) {	/* one virtual address, then several, then in a large leaf alone */
		uint64_t va = i < 2 ? 0x10000 : 0x40000000;
		must_store(va, i);
		if (i == 1)
			must_store(0x40000000, i);
		ck_assert(maps(va, true));
		mmu_protect_code(cpu, ram_page(0), ram(0));
		ck_assert(maps(va, false));
		ck_assert(!direct_store(0x10000, 8, 8));
		ck_assert(!store(0x40000000, 8, 8));
		ck_assert_uint_eq(*(uint64_t *)ram(0), i);
		ck_assert_uint_eq(ram_page(0)->writers, 0);
		/* its neighbours can be written, each by itself */
		must_store(0x40001000, i);
		must_store(0x40002000, i);
		ck_assert(!maps(0x40000000, true));
		/* the store is done elsewhere, and drops the code */
		ck_assert(mmu_store(cpu, va, 8, 9));
		ck_assert_uint_eq(ram_page(0)->code, 0);
		mmu_protect_code(cpu, ram_page(0), ram(0));
		atomic_store(&ram_page(0)->code, 0);
	}
	/* stale windows too */
	must_store(0x10000, 1);
	must_store(0x40000000, 1);
	mmu_set_context(cpu, 2, 0, 1);
	flush_key(1);
	mmu_protect_code(cpu, ram_page(0), ram(0));
	mmu_set_context(cpu, 1, 0, 1);
	ck_assert(!store(0x10000, 8, 8) && !store(0x40000000, 8, 8));
}
END_TEST

START_TEST(windows_of_other_vcpus_lose_the_right_too)
{
	windowed_teardown();
	windowed_start(2);
	struct vcpu *one = cpu, *two = f.m.vcpu[1];
	fake_map(&f, 0x10000, FAKE_RAM, RW, 12, false);
	cpu = two;
	mmu_set_context(cpu, 1, 0, 1);
	must_store(0x10000, 3);
	mmu_protect_code(one, ram_page(0), ram(0));
	ck_assert(maps(0x10000, false));
	ck_assert(!store(0x10000, 8, 4));
	cpu = one;
}
END_TEST

/* ---- addresses ---- */

/* With windows beside each other, and a page at each end of the segment, no address but those of the two pages reaches anything. */
START_TEST(hostile_addresses_fault)
{
	static const int64_t around[] = { 0, 1, -1, -7, 8, 4088, 4095, 4096, -4096, -4097, 8192, 1 << 20, -(1 << 20), (1 << 20) - 8,
					  1ll << 38, -(1ll << 38) };
	uint64_t segment[] = { 0, 5 * WINDOW_SIZE, 6 * WINDOW_SIZE, ((uint64_t)1 << 56) - WINDOW_SIZE, -((uint64_t)1 << 56), -WINDOW_SIZE };
	memset(ram(0), 0x5a, FAKE_RAM_SIZE);
	for (unsigned s = 0; s < ARRAY_SIZE(segment); s++)
		for (unsigned end = 0; end < 2; end++) {
			uint64_t page = segment[s] + (end ? WINDOW_SIZE - 4096 : 0);
			fake_map(&f, page, FAKE_RAM, RW, 12, true);
			must_load(page);
		}
	unsigned done = 0, reached = 0;
	for (unsigned s = 0; s < ARRAY_SIZE(segment); s++)
		for (unsigned upper = 0; upper <= 128; upper++)
			for (unsigned a = 0; a < ARRAY_SIZE(around); a++)
				for (unsigned end = 0; end < 2; end++)
					for (int d = -1; d <= 1; d++) {
						/* other upper bits, and one bit less than the index has */
						uint64_t flip = upper < 128 ? (uint64_t)upper << 57 : (uint64_t)1 << 56;
						uint64_t base = ((segment[s] + (end ? WINDOW_SIZE : 0)) ^ flip) + (uint64_t)around[a];
						uint64_t at = base + (uint64_t)(int64_t)d * ((1 << 20) - 8), v = 0;
						struct fake_page *p = fake_find(&f, at), *last = fake_find(&f, at + 7);
						bool ok = guarded_load(host_of(base) + (at - base), 8, &v);
						done++;
						if (!ok)
							continue;
						/* the addresses of the window and those of the guest are the same */
						ck_assert_msg(p && last, "%#llx + %lld", (unsigned long long)base, (long long)(at - base));
						ck_assert_uint_eq(v, 0x5a5a5a5a5a5a5a5a);
						reached++;
					}
	ck_assert_uint_gt(reached, 0);
	ck_assert_uint_lt(reached, done / 20);
	/* every segment that has no window */
	for (uint64_t i = 0; i < WINDOW_ENTRIES; i += i < 300 || i > WINDOW_ENTRIES - 300 ? 1 : 977)
		for (unsigned upper = 0; upper < 128; upper += 21) {
			uint64_t v, va = i << WINDOW_BITS | (uint64_t)upper << 57;
			if (poisoned(va)) {
				ck_assert(!direct_load(va, 8, &v) && !direct_load(va + WINDOW_SIZE - 8, 8, &v));
				ck_assert(!guarded_load(host_of(va) - WINDOW_GUARD, 8, &v));
				ck_assert(!guarded_load(host_of(va) + WINDOW_SIZE + WINDOW_GUARD - 8, 8, &v));
			}
		}
	/* an address that no window can show, however it is asked for */
	fake_map(&f, (uint64_t)1 << 60, FAKE_RAM, RW, 12, true);
	fake_map(&f, (uint64_t)1 << 56, FAKE_RAM, RW, 12, true);
	ck_assert_int_eq(window_fault_at(cpu, (uint64_t)1 << 60, false), WINDOW_LEAVE);
	ck_assert_int_eq(window_fault_at(cpu, (uint64_t)1 << 56, false), WINDOW_LEAVE);
}
END_TEST

/* The host addresses of all poisoned entries, without touching them: none is one that a program can have. */
START_TEST(poison_is_nowhere)
{
	for (uint64_t i = 0; i < WINDOW_ENTRIES; i++)
		for (uint64_t k = 0; k < 128; k++) {
			uint64_t va = i << WINDOW_BITS | k << 57;
			uint64_t first = va + WINDOW_POISON(va) - WINDOW_GUARD, last = va + WINDOW_POISON(va) + WINDOW_SIZE + WINDOW_GUARD;
			if (first < (uint64_t)1 << 56 || last < first || first >> 63 != last >> 63)
				ck_abort_msg("%#llx", (unsigned long long)va);
			if (last >= -(uint64_t)1 << 23 << 3)	/* where the kernel shows programs a page of its own */
				ck_abort_msg("%#llx", (unsigned long long)va);
		}
}
END_TEST

/* ---- debuggers ---- */

START_TEST(what_a_debugger_watches_is_not_mapped)
{
	struct debug d = { 0 };
	uint64_t v;
	fake_map(&f, 0x200000, FAKE_RAM, RW, 21, false);
	must_store(0x200000, 1);
	must_store(0x340000, 2);
	ck_assert(maps(0x340000, true));
	ck_assert(debug_watchpoint(&d, 0x340ff8, 16, WATCH_WRITE, true));
	debug_arm(&f.m, &d, false);
	ck_assert(!load(0x340000, 8, &v) && !store(0x340000, 8, 3) && !load(0x341000, 8, &v));
	must_store(0x33f000, 4);
	must_store(0x342000, 5);
	must_store(0x200000, 6);
	ck_assert(!load(0x341ff8, 8, &v) && !load(0x340000, 8, &v));
	ck_assert_uint_eq(*(const uint64_t *)(const void *)ram(0x140000), 2);
	/* pages mapped ahead stop before it, too */
	for (uint64_t va = 0x800000; va < 0x808000; va += 0x1000)
		fake_map(&f, va, FAKE_RAM + 0x200000 + va - 0x800000, RW, 12, false);
	ck_assert(debug_watchpoint(&d, 0x804000, 1, WATCH_WRITE, true));
	debug_arm(&f.m, &d, false);
	for (uint64_t va = 0x800000; va < 0x804000; va += 0x1000)
		must_load(va);
	ck_assert(!load(0x804000, 8, &v));
	must_load(0x805000);
	ck_assert(debug_watchpoint(&d, 0x340ff8, 16, WATCH_WRITE, false) && debug_watchpoint(&d, 0x804000, 1, WATCH_WRITE, false));
	debug_arm(&f.m, &d, false);
	must_load(0x804000);
	must_store(0x340ff8, 7);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("window");
	TCase *t = tcase_create("window");
	tcase_add_checked_fixture(t, windowed_setup, windowed_teardown);
	tcase_add_test(t, pages_are_filled_and_are_the_guests);
	tcase_add_test(t, what_is_not_granted_is_left);
	tcase_add_test(t, an_exception_that_was_there_stays);
	tcase_add_test(t, a_clean_page_is_read_only);
	tcase_add_test(t, a_large_leaf_is_one_mapping);
	tcase_add_test(t, a_leaf_beyond_the_ram);
	tcase_add_test(t, a_flush_keeps_what_is_still_so);
	tcase_add_test(t, a_flush_of_one_address_looks_there_alone);
	tcase_add_test(t, other_contexts_are_checked_when_they_come_back);
	tcase_add_test(t, contexts_that_are_reused_begin_empty);
	tcase_add_test(t, what_a_walk_says_is_mapped);
	tcase_add_test(t, a_mapping_that_is_gone_is_made_again);
	tcase_add_test(t, global_mappings_are_shared);
	tcase_add_test(t, a_mapping_that_is_not_global_parts_them);
	tcase_add_test(t, pages_with_code_are_read_only);
	tcase_add_test(t, windows_of_other_vcpus_lose_the_right_too);
	tcase_add_test(t, hostile_addresses_fault);
	tcase_add_test(t, poison_is_nowhere);
	tcase_add_test(t, what_a_debugger_watches_is_not_mapped);
	tcase_set_timeout(t, 60);
	suite_add_tcase(s, t);
	return run_suites("runtime-window", 1, &s);
}

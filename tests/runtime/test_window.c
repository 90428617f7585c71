// SPDX-License-Identifier: Apache-2.0
#include <string.h>
#include <sys/mman.h>
#include "tests/check_main.h"
#include "runtime/debug.h"
#include "runtime/process.h"
#include "runtime/window.h"
#include "tests/runtime/fake.h"
#include "tests/runtime/guarded.h"

/* The sanitizer's own handler would be there before ours, and report what ours repairs. */
const char *__asan_default_options(void);
const char *__asan_default_options(void) { return "handle_segv=0:handle_sigbus=0:allow_user_segv_handler=1"; }

enum { RW = MMU_PROT_R | MMU_PROT_W, RX = MMU_PROT_R | MMU_PROT_X };
#define KERNEL 0xffffffff80000000u
#define MODE(n) ((uint64_t)(n) << 60)

static struct fake f;
static struct vcpu *cpu;
static unsigned faults, left;

/* What an engine's handler does; one that is asked for the same again and again is a failure of its own. */
static bool on_fault(void *opaque, struct process_fault *p)
{
	static uint64_t last_address;
	static unsigned last;
	faults++;
	last = p->located && p->address == last_address ? last + 1 : 0;
	last_address = p->address;
	ck_assert_uint_lt(last, 3);
	if (p->located && window_fault(cpu, p->address, p->write) == WINDOW_RETRY)
		return true;
	last = 0;
	left++;
	guarded_leave(p);
	return true;
}

static void start(unsigned n_vcpus)
{
	struct error err = { 0 };
	fake_init(&f, n_vcpus);
	cpu = f.m.vcpu[0];
	ck_assert_msg(window_enable(&f.m, &err), "%s", err.text);
	ck_assert_msg(process_add_code(guarded_begin, guarded_end, on_fault, NULL, &err), "%s", err.text);
	mmu_set_context(cpu, 1, 0, 1);
	faults = left = 0;
}

static void setup(void) { start(1); }

static void teardown(void)
{
	process_remove_code(guarded_begin);
	fake_destroy(&f);
}

static bool always(uint64_t key, uint64_t arg) { return true; }
static bool same_key(uint64_t key, uint64_t arg) { return key == arg; }
static void flush_all(void) { mmu_flush(cpu, &(struct mmu_flush){ .all_addresses = true, .all_contexts = true }); }
static void flush_at(uint64_t va) { mmu_flush(cpu, &(struct mmu_flush){ .va = va, .all_contexts = true }); }
static void flush_key(uint64_t key) { mmu_flush(cpu, &(struct mmu_flush){ .all_addresses = true, .match = same_key, .arg = key }); }
static uint8_t *ram(uint64_t offset) { return (uint8_t *)phys_dma(&f.m.phys, GPA(FAKE_RAM), FAKE_RAM_SIZE) + offset; }
static struct phys_page *ram_page(uint64_t offset)
{
	return phys_page(&f.m.phys, phys_find(&f.m.phys, GPA(FAKE_RAM)), GPA(FAKE_RAM + offset));
}

static struct mmu_stats stats(void)
{
	struct mmu_stats s;
	mmu_get_stats(cpu, &s);
	return s;
}

/* ---- accesses as optimised code makes them ---- */

static uint64_t host_of(uint64_t va)
{
	return va + cpu->window_table[WINDOW_INDEX(va)];
}

static bool poisoned(uint64_t va)
{
	return cpu->window_table[WINDOW_INDEX(va)] == WINDOW_POISON(va);
}

/* Through the window alone */
static bool direct_load(uint64_t va, unsigned size, uint64_t *v) { return guarded_load(host_of(va), size, v); }
static bool direct_store(uint64_t va, unsigned size, uint64_t v) { return guarded_store(host_of(va), size, v); }

/* With a first touch of the segment, whose address is known */
static bool load(uint64_t va, unsigned size, uint64_t *v)
{
	return direct_load(va, size, v) || (poisoned(va) && window_fault_at(cpu, va, false) == WINDOW_RETRY && direct_load(va, size, v));
}

static bool store(uint64_t va, unsigned size, uint64_t v)
{
	return direct_store(va, size, v) || (poisoned(va) && window_fault_at(cpu, va, true) == WINDOW_RETRY && direct_store(va, size, v));
}

static uint64_t must_load(uint64_t va)
{
	uint64_t v;
	ck_assert_msg(load(va, 8, &v), "load at %#llx was left", (unsigned long long)va);
	return v;
}

static void must_store(uint64_t va, uint64_t v)
{
	ck_assert_msg(store(va, 8, v), "store at %#llx was left", (unsigned long long)va);
}

/* Whether the page is mapped, without filling it: what a fault tells */
static bool maps(uint64_t va, bool write)
{
	uint64_t v;
	unsigned before = faults;
	if (poisoned(va))
		return false;
	bool ok = direct_load(va, 8, &v) && (!write || direct_store(va, 8, v));
	return ok && faults == before;
}

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

START_TEST(a_walk_through_memory_is_mapped_ahead)
{
	/* the page that is stored to, and what that maps in all; page 40 is read-only */
	static const struct { unsigned page, fills; } step[] = { { 0, 1 }, { 1, 2 }, { 2, 0 }, { 3, 4 }, { 7, 8 }, { 15, 16 }, { 31, 9 }, { 39, 0 } };
	for (unsigned i = 0; i < 64; i++)
		fake_map(&f, 0x10000 + i * 4096, FAKE_RAM + i * 4096, i == 40 ? MMU_PROT_R : RW, 12, false);
	for (unsigned i = 0; i < ARRAY_SIZE(step); i++) {
		uint64_t before = stats().window_fills;
		must_store(0x10000 + step[i].page * 4096, 7);
		ck_assert_uint_eq(stats().window_fills - before, step[i].fills);
	}
	ck_assert(!store(0x10000 + 40 * 4096, 8, 7));
	ck_assert(maps(0x10000 + 39 * 4096, true));
}
END_TEST

START_TEST(what_the_tlb_knows_is_mapped_with_it)
{
	enum { READ, STORED, CODE, LOADED, PROTECTED, GONE, DEVICE, OTHER_CONTEXT, OTHER_INDEX, UNKNOWN, CASES };
	static const struct { bool mapped, write; } want[CASES] = {
		[READ] = { true, false }, [STORED] = { true, true }, [CODE] = { true, false }, [LOADED] = { true, false },
	};
	uint64_t va[CASES], v;
	unsigned mapped = 0;
	/* far from the others, so that nothing lies behind: as many as are to be mapped at once */
	for (unsigned i = 0; i < 16; i++) {
		fake_map(&f, 0x4000000 + i * 0x2000, FAKE_RAM + 0x100000 + i * 4096, RW, 12, false);
		must_load(0x4000000 + i * 0x2000);
	}
	ck_assert_uint_eq(stats().window_known, 0);
	for (unsigned i = 0; i < CASES; i++) {
		va[i] = 0x10000 + i * 0x3000;
		fake_map(&f, va[i], i == DEVICE ? FAKE_MMIO : FAKE_RAM + i * 4096, i == READ ? MMU_PROT_R : RW, 12, false);
		mapped += want[i].mapped;
		if (i == OTHER_CONTEXT || i == OTHER_INDEX)
			mmu_set_context(cpu, i == OTHER_CONTEXT ? 2 : 1, i == OTHER_INDEX ? 2 : 0, 1);
		if (i != UNKNOWN)
			ck_assert(mmu_load(cpu, va[i], 8, &v));
		if (i == STORED || i == CODE || i == PROTECTED)
			ck_assert(mmu_store(cpu, va[i], 8, 77));
		mmu_set_context(cpu, 1, 0, 1);
	}
	mmu_protect_code(cpu, ram_page(CODE * 4096), ram(CODE * 4096));
	fake_find(&f, va[PROTECTED])->prot = MMU_PROT_R;	/* the guest takes its right to write, the flush is yet to come: not with the TLB's rights */
	fake_find(&f, va[GONE])->valid = false;
	uint64_t fills = stats().window_fills, touched = 0x200000;
	fake_map(&f, touched, FAKE_RAM + 0x200000, RW, 12, false);
	ck_assert(mmu_load(cpu, touched, 8, &v));
	must_load(touched);
	ck_assert_uint_eq(stats().window_known, mapped);
	ck_assert_uint_eq(stats().window_fills, fills + 1 + mapped);
	unsigned before = faults;
	for (unsigned i = 0; i < CASES; i++)
		if (want[i].mapped)
			must_load(va[i]);
	must_store(va[STORED], 78);
	ck_assert_uint_eq(faults, before);
	for (unsigned i = 0; i < CASES; i++) {
		if (want[i].write)
			continue;
		before = faults;
		(void)!(want[i].mapped ? direct_store(va[i], 8, 1) : direct_load(va[i], 8, &v));
		ck_assert_uint_gt(faults, before);
	}
}
END_TEST

START_TEST(what_the_tlb_knows_is_mapped_in_growing_steps)
{
	uint64_t v;
	for (unsigned i = 0; i < 200; i++) {
		fake_map(&f, 0x10000 + i * 0x1000, FAKE_RAM + (i * 7 % 256) * 4096, RW, 12, false);
		ck_assert(mmu_store(cpu, 0x10000 + i * 0x1000, 8, i));
	}
	for (unsigned i = 0; i < 200; i++)
		must_store(0x10000 + i * 0x1000, i);
	ck_assert_uint_eq(stats().window_fills, 200);
	ck_assert_uint_lt(faults, 12);
	/* an empty window again, and a TLB that has been filled anew; then one that has not */
	for (unsigned round = 0; round < 2; round++) {
		for (unsigned i = 0; i < 200; i++)
			f.page[i].valid = false;
		flush_all();
		for (unsigned i = 0; i < 200; i++) {
			f.page[i].valid = true;
			ck_assert(round || mmu_load(cpu, 0x10000 + i * 0x1000, 8, &v));
		}
		unsigned before = faults;
		uint64_t known = stats().window_known;
		for (unsigned i = 0; i < 200; i += 2)
			must_load(0x10000 + i * 0x1000);
		ck_assert(round ? stats().window_known == known : stats().window_known - known > 180);
		ck_assert(round ? faults - before == 100 : faults - before < 12);
	}
}
END_TEST

START_TEST(what_is_not_global_is_not_mapped_ahead_for_all)
{
	for (unsigned i = 0; i < 3; i++)
		fake_map(&f, KERNEL + i * 4096, FAKE_RAM + i * 4096, RW, 12, i < 2);
	must_load(KERNEL);
	must_load(KERNEL + 0x1000);
	ck_assert_uint_eq(stats().window_extents, 2);
	fake_find(&f, KERNEL + 0x2000)->global = true;
	flush_all();
	fake_map(&f, KERNEL + 0x3000, FAKE_RAM + 0x3000, RW, 12, true);
	fake_map(&f, KERNEL + 0x4000, FAKE_RAM + 0x4000, RW, 12, true);
	must_load(KERNEL + 0x2000);
	ck_assert_uint_eq(stats().window_extents, 5);
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
	teardown();
	start(2);
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

/* ---- limits ---- */

START_TEST(windows_are_bounded)
{
	for (uint64_t round = 0; round < 2; round++)
		for (uint64_t i = 0; i < 100; i++) {
			if (!round)
				fake_map(&f, i * WINDOW_SIZE, FAKE_RAM + i * 4096, RW, 12, false);
			must_store(i * WINDOW_SIZE, round << 32 | i);
			ck_assert_uint_eq(*(uint64_t *)ram(i * 4096), round << 32 | i);
			ck_assert_uint_le(stats().windows, 64);
		}
	ck_assert_uint_ge(stats().window_evictions, 100);
	unsigned live = 0;
	for (uint64_t i = 0; i < WINDOW_ENTRIES; i++)
		live += !poisoned(i << WINDOW_BITS);
	ck_assert_uint_eq(live, stats().windows);
}
END_TEST

START_TEST(mappings_are_bounded)
{
	unsigned most = process_max_mappings() - 20;
	fake_map(&f, 0, FAKE_RAM, RW, 12, false);
	for (unsigned i = 1; i < 300; i++)
		fake_map(&f, i % 3 * WINDOW_SIZE + i * 8192, FAKE_RAM + i * 4096, RW, 12, false);
	ck_assert(process_take_mappings(most));
	for (unsigned round = 0; round < 2; round++)
		for (unsigned i = 0; i < 300; i++) {
			must_store(f.page[i].va, i + round);
			ck_assert_uint_eq(*(uint64_t *)ram(i * 4096), i + round);
			ck_assert_uint_le(stats().window_extents, 16);
		}
	ck_assert_uint_gt(stats().window_evictions, 10);
	/* nothing left at all: left, and counted; and what is mapped goes on */
	struct mmu_stats before = stats();
	unsigned rest = 0;
	mmu_set_context(cpu, 2, 0, 1);
	while (process_take_mappings(1))
		rest++;
	ck_assert_int_eq(window_fault_at(cpu, 0, false), WINDOW_LEAVE);
	ck_assert_uint_eq(stats().window_refused, before.window_refused + 1);
	process_give_mappings(rest + most);
	must_load(0);
}
END_TEST

/* What the kernel refuses */
static void *reserve(uint64_t size)
{
	return mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

START_TEST(no_more_address_space)
{
	uint64_t v;
	static char *hole[1 << 10];
	unsigned n = 0;
	fake_map(&f, 0, FAKE_RAM, RW, 12, false);
	fake_map(&f, WINDOW_SIZE, FAKE_RAM, RW, 12, false);
	for (uint64_t size = (uint64_t)1 << 46; size >= 1 << 30; size /= 2)
		while (n < ARRAY_SIZE(hole) && (hole[n] = reserve(size)) != MAP_FAILED)
			n++;
	ck_assert(!load(0, 8, &v));
	ck_assert_uint_eq(stats().window_refused, 1);
	munmap(hole[0], (uint64_t)1 << 46);
	must_load(0);
	must_load(WINDOW_SIZE);
}
END_TEST

/* As many mappings as the kernel allows: fills are refused, flushes still take away what must go. */
START_TEST(no_more_mappings)
{
	enum { PAGES = 40, MANY = 200000 };
	uint64_t v;
	for (unsigned i = 0; i < PAGES; i++)
		fake_map(&f, i * 8192, FAKE_RAM + i * 4096, RW, 12, false);
	fake_map(&f, 0x40000000, FAKE_RAM, RW, 21, false);
	for (unsigned i = 0; i < PAGES / 2; i++)
		must_store(i * 8192, i);
	must_store(0x40030000, 1);
	must_store(0x40050000, 1);
	char *all = reserve((size_t)MANY * 4096);
	ck_assert_ptr_ne(all, MAP_FAILED);
	for (unsigned i = 0; i < MANY && !mprotect(all + (size_t)i * 4096, 4096, i & 1 ? PROT_READ : PROT_NONE); i++)
		;
	for (unsigned i = PAGES / 2; i < PAGES; i++)
		ck_assert(!store(i * 8192, 8, i));
	for (unsigned i = 0; i < PAGES; i += 2)
		f.page[i].valid = false;
	f.page[1].prot = MMU_PROT_R;
	f.page[PAGES].prot = MMU_PROT_R;
	flush_all();
	for (unsigned i = 0; i < PAGES; i += 2)
		ck_assert(!load(i * 8192, 8, &v));
	ck_assert(!store(8192, 8, 9));
	ck_assert(!store(0x40030000, 8, 9) && !store(0x40050000, 8, 9));
	munmap(all, (size_t)MANY * 4096);
	for (unsigned i = 3; i < PAGES; i += 2) {
		must_store(i * 8192, i);
		ck_assert_uint_eq(*(uint64_t *)ram(i * 4096), i);
	}
}
END_TEST

START_TEST(machines_come_and_go)
{
	for (unsigned i = 0; i < 20; i++) {
		teardown();
		start(2);
		fake_map(&f, 0x10000, FAKE_RAM, RW, 12, false);
		must_store(0x10000, i);
		ck_assert_uint_eq(must_load(0x10000), i);
	}
	teardown();
	unsigned max = process_max_mappings();
	ck_assert(process_take_mappings(max));		/* all has been given back */
	process_give_mappings(max);
	start(1);
}
END_TEST

/* ---- everything at random ---- */

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
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, pages_are_filled_and_are_the_guests);
	tcase_add_test(t, what_is_not_granted_is_left);
	tcase_add_test(t, an_exception_that_was_there_stays);
	tcase_add_test(t, a_clean_page_is_read_only);
	tcase_add_test(t, a_large_leaf_is_one_mapping);
	tcase_add_test(t, a_leaf_beyond_the_ram);
	tcase_add_test(t, a_flush_keeps_what_is_still_so);
	tcase_add_test(t, a_walk_through_memory_is_mapped_ahead);
	tcase_add_test(t, what_the_tlb_knows_is_mapped_with_it);
	tcase_add_test(t, what_the_tlb_knows_is_mapped_in_growing_steps);
	tcase_add_test(t, what_is_not_global_is_not_mapped_ahead_for_all);
	tcase_add_test(t, what_a_debugger_watches_is_not_mapped);
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
	tcase_add_test(t, windows_are_bounded);
	tcase_add_test(t, mappings_are_bounded);
	tcase_add_test(t, no_more_address_space);
	tcase_add_test(t, no_more_mappings);
	tcase_add_test(t, machines_come_and_go);
	tcase_add_loop_test(t, random_traffic_agrees_with_the_tables, 0, 8);
	tcase_set_timeout(t, 60);
	suite_add_tcase(s, t);
	return run_suites("runtime-window", 1, &s);
}

// SPDX-License-Identifier: Apache-2.0
#include "tests/check_main.h"
#include "runtime/debug.h"
#include "tests/runtime/fake.h"

enum { RW = MMU_PROT_R | MMU_PROT_W, RX = MMU_PROT_R | MMU_PROT_X };
static struct fake f;
static struct vcpu *cpu;
static struct debug d;

static void setup(void)
{
	fake_init(&f, 1);
	cpu = f.m.vcpu[0];
	mmu_set_context(cpu, 1, 0, 1);
	d = (struct debug){ 0 };
}

static void teardown(void) { fake_destroy(&f); }

static bool hits(uint64_t va, enum mmu_access access)
{
	return TLB_ENTRY(&cpu->tlb[va >> 63], va)->tag[access] == (va & PAGE_MASK);
}

static void watch(uint64_t va, uint64_t size, unsigned access)
{
	ck_assert(debug_watchpoint(&d, va, size, access, true));
	debug_arm(&f.m, &d, false);
}

/* What the run loop does with a stop. */
static bool stopped_at(uint64_t address, unsigned access)
{
	bool hit = cpu->debug.stop == DEBUG_WATCHPOINT && cpu->debug.address == address && cpu->debug.access == access;
	ck_assert(!cpu->exception.pending);
	cpu->debug.stop = DEBUG_NOT;
	return hit;
}

START_TEST(points_come_and_go)
{
	ck_assert_uint_eq(debug_breaks_at(&d, 0x1000), 0);
	ck_assert(debug_breakpoint(&d, 0x1000, BREAK_SOFT, true) && debug_breakpoint(&d, 0x1000, BREAK_HARD, true));
	ck_assert(debug_breakpoint(&d, 0x2000, BREAK_SOFT, true) && debug_breakpoint(&d, 0x2000, BREAK_SOFT, true));
	ck_assert_uint_eq(d.n_breakpoints, 2);
	ck_assert(debug_breakpoint(&d, 0x1000, BREAK_SOFT, false));
	ck_assert_uint_eq(debug_breaks_at(&d, 0x1000), BREAK_HARD);
	ck_assert(debug_breakpoint(&d, 0x1000, BREAK_HARD, false) && debug_breakpoint(&d, 0x3000, BREAK_HARD, false));
	ck_assert_uint_eq(debug_breaks_at(&d, 0x1000), 0);
	ck_assert_uint_eq(debug_breaks_at(&d, 0x2000), BREAK_SOFT);
	for (unsigned i = 1; i < DEBUG_BREAKPOINTS; i++)
		ck_assert(debug_breakpoint(&d, 0x10000 + 2 * i, BREAK_SOFT, true));
	ck_assert(!debug_breakpoint(&d, 0x4000, BREAK_SOFT, true));
	ck_assert(debug_breakpoint(&d, 0x2000, BREAK_HARD, true));
}
END_TEST

START_TEST(watchpoints_have_bytes_that_exist)
{
	ck_assert(!debug_watchpoint(&d, 0x1000, 0, WATCH_READ, true));
	ck_assert(!debug_watchpoint(&d, ~(uint64_t)0, 2, WATCH_READ, true));
	ck_assert(debug_watchpoint(&d, ~(uint64_t)0, 1, WATCH_READ, true));
	for (unsigned i = 1; i < DEBUG_WATCHPOINTS; i++)
		ck_assert(debug_watchpoint(&d, 8 * i, 8, WATCH_WRITE, true));
	ck_assert(!debug_watchpoint(&d, 0x4000, 8, WATCH_WRITE, true));
	ck_assert(debug_watchpoint(&d, 8, 8, WATCH_READ, false));	/* another one */
	ck_assert(!debug_watchpoint(&d, 0x4000, 8, WATCH_WRITE, true));
	ck_assert(debug_watchpoint(&d, 8, 8, WATCH_WRITE, false));
	ck_assert(debug_watchpoint(&d, 0x4000, 8, WATCH_WRITE, true));
}
END_TEST

START_TEST(accesses_that_overlap_are_refused_before_they_happen)
{
	uint64_t v;
	fake_map(&f, 0x10000, FAKE_RAM, RW, 12, false);
	fake_map(&f, 0x11000, FAKE_RAM + 0x5000, RW, 12, false);
	ck_assert(mmu_store(cpu, 0x10ff8, 8, 0x55));
	watch(0x10ffe, 4, WATCH_WRITE);
	ck_assert(mmu_store(cpu, 0x10ff8, 4, 1) && mmu_load(cpu, 0x10ff8, 8, &v));
	ck_assert(!mmu_store(cpu, 0x10ff8, 8, 2) && stopped_at(0x10ffe, WATCH_WRITE));
	ck_assert(!mmu_store(cpu, 0x10ffd, 8, 2) && stopped_at(0x10ffe, WATCH_WRITE));
	ck_assert(!mmu_store(cpu, 0x11001, 1, 2) && stopped_at(0x11001, WATCH_WRITE));
	ck_assert(mmu_store(cpu, 0x11002, 1, 2));
	ck_assert(mmu_load(cpu, 0x10ff8, 8, &v));
	ck_assert_uint_eq(v, 1);
	/* atomics read and write, a cache block that is zeroed is written */
	ck_assert(mmu_host(cpu, 0x10ff8, 8, MMU_READ) && !mmu_host(cpu, 0x10ff8, 8, MMU_WRITE) && stopped_at(0x10ffe, WATCH_WRITE));
	ck_assert(!mmu_host_range(cpu, 0x10fc0, 64, MMU_WRITE) && stopped_at(0x10ffe, WATCH_WRITE));
	cpu->debug.passing = true;
	ck_assert(mmu_store(cpu, 0x10ff8, 8, 3));
	cpu->debug.passing = false;
	watch(0x10ff8, 8, WATCH_READ);
	ck_assert(!mmu_load(cpu, 0x10fff, 1, &v) && stopped_at(0x10fff, WATCH_READ));
	ck_assert(!mmu_host(cpu, 0x10ff8, 4, MMU_WRITE) && stopped_at(0x10ff8, WATCH_READ));
}
END_TEST

START_TEST(watched_pages_have_no_entries_for_data)
{
	uint64_t v;
	struct mmu_code code;
	fake_map(&f, 0x10000, FAKE_RAM, RW | RX, 12, false);
	fake_map(&f, 0x11000, FAKE_RAM + 0x1000, RW, 12, false);
	ck_assert(mmu_store(cpu, 0x10000, 8, 1) && hits(0x10000, MMU_WRITE) && hits(0x10000, MMU_READ));
	watch(0x10800, 1, WATCH_READ);
	ck_assert(!hits(0x10000, MMU_WRITE) && !hits(0x10000, MMU_READ));
	ck_assert(mmu_store(cpu, 0x10000, 8, 1) && mmu_load(cpu, 0x10000, 8, &v) && mmu_host(cpu, 0x10000, 8, MMU_WRITE));
	ck_assert(mmu_store(cpu, 0x11000, 8, 1) && hits(0x11000, MMU_WRITE));
	mmu_set_context(cpu, 1, 0, 0);	/* the index that data have */
	ck_assert(mmu_fetch(cpu, 0x10000, &code) && hits(0x10000, MMU_FETCH));
	ck_assert(!hits(0x10000, MMU_WRITE) && !hits(0x10000, MMU_READ));
	/* gone, all is as it was */
	ck_assert(debug_watchpoint(&d, 0x10800, 1, WATCH_READ, false));
	debug_arm(&f.m, &d, false);
	ck_assert(!f.m.debug);
	ck_assert(mmu_load(cpu, 0x10800, 8, &v) && mmu_store(cpu, 0x10000, 8, 1) && hits(0x10000, MMU_WRITE) && hits(0x10000, MMU_READ));
}
END_TEST

/* GDB takes its points away for each step over one of them: that must not cost the TLB. */
START_TEST(points_that_come_back_flush_nothing)
{
	struct mmu_stats before, after;
	watch(0x10800, 8, WATCH_WRITE);
	ck_assert(debug_breakpoint(&d, 0x20000, BREAK_SOFT, true));
	debug_arm(&f.m, &d, false);
	mmu_get_stats(cpu, &before);
	for (unsigned i = 0; i < 10; i++) {
		bool briefly = i % 2 == 0;
		ck_assert(debug_breakpoint(&d, 0x20000, BREAK_SOFT, !briefly) && debug_watchpoint(&d, 0x10800, 8, WATCH_WRITE, !briefly));
		debug_arm(&f.m, &d, briefly);
		ck_assert(debug_breaks_page(f.m.debug, 0x20ffe) && debug_watches_block(f.m.debug, 0x10000, PAGE_BITS));
	}
	mmu_get_stats(cpu, &after);
	ck_assert_uint_eq(after.flushes, before.flushes);
	ck_assert(debug_breakpoint(&d, 0x21000, BREAK_SOFT, true));
	debug_arm(&f.m, &d, true);
	mmu_get_stats(cpu, &after);
	ck_assert_uint_eq(after.flushes, before.flushes + 1);
}
END_TEST

START_TEST(blocks_around_an_address)
{
	watch(0x12340ffc, 8, WATCH_WRITE);
	ck_assert(debug_watches_block(&d, 0x12340000, PAGE_BITS) && debug_watches_block(&d, 0x12341fff, PAGE_BITS));
	ck_assert(!debug_watches_block(&d, 0x1233f000, PAGE_BITS) && !debug_watches_block(&d, 0x12342000, PAGE_BITS));
	ck_assert(debug_watches_block(&d, 0x12200000, 21) && !debug_watches_block(&d, 0x12400000, 21));
	ck_assert(debug_watches_block(&d, 0x12342000, 14));
}
END_TEST

START_TEST(breakpoints_stop_all_but_steps)
{
	ck_assert(debug_breakpoint(&d, 0x2000, BREAK_SOFT, true));
	debug_arm(&f.m, &d, false);
	ck_assert(!debug_stops_at(cpu, 0x2002));
	ck_assert(debug_stops_at(cpu, 0x2000) && debug_stops(cpu) && cpu->debug.stop == DEBUG_BREAKPOINT);
	cpu->debug = (struct vcpu_debug){ .step = true };
	ck_assert(!debug_stops_at(cpu, 0x2000));
	cpu->pc = 0x2000;
	ck_assert(debug_stops(cpu) && cpu->debug.stop == DEBUG_STEPPED);
	/* a range is left, or a breakpoint met in it */
	cpu->debug = (struct vcpu_debug){ .step = true, .step_first = 0x1ff0, .step_end = 0x2004 };
	cpu->pc = 0x2002;
	ck_assert(!debug_stops(cpu));
	cpu->pc = 0x2004;
	ck_assert(debug_stops(cpu) && cpu->debug.stop == DEBUG_STEPPED);
	cpu->debug.stop = DEBUG_NOT;
	cpu->pc = 0x2000;
	ck_assert(debug_stops(cpu) && cpu->debug.stop == DEBUG_BREAKPOINT);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("debug");
	TCase *t = tcase_create("debug");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, points_come_and_go);
	tcase_add_test(t, watchpoints_have_bytes_that_exist);
	tcase_add_test(t, accesses_that_overlap_are_refused_before_they_happen);
	tcase_add_test(t, watched_pages_have_no_entries_for_data);
	tcase_add_test(t, points_that_come_back_flush_nothing);
	tcase_add_test(t, blocks_around_an_address);
	tcase_add_test(t, breakpoints_stop_all_but_steps);
	suite_add_tcase(s, t);
	return run_suites("runtime-debug", 1, &s);
}

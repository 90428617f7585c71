// SPDX-License-Identifier: Apache-2.0
/* The block cache by itself: no micro-op is executed here. */
#include "tests/backend/cache_fixture.h"

static uint64_t base = 0xffffffc000000000;	/* of the kernel's mapping of memory */

/* A block of `bytes` bytes of code with two micro-ops, of which the second is `end`, that goes to `target`. */
static struct code_block *add_ending(enum uop_op end, uint64_t pa, unsigned bytes, int64_t target)
{
	struct ir_block b = { .uop[1].op = end, .n_uops = 2, .n_insns = 1, .bytes = bytes, .target = { target, target } };
	bool crosses = (pa & 4095) + bytes > 4096;
	struct phys_page *pages[2] = { page(pa), crosses ? page(pa + 4096) : NULL };
	b.crosses_page = crosses;
	b.insn[0].size = (uint8_t)bytes;
	codecache_lock(cc);
	atomic_store(&pages[0]->code, 1);
	if (crosses)
		atomic_store(&pages[1]->code, 1);
	struct code_block *c = codecache_add(cc, &b, base + pa, pa, crosses ? (pa + 4096) & PAGE_MASK : CODE_NO_PAGE, 3, pages);
	codecache_unlock(cc);
	return c;
}

static struct code_block *add(uint64_t pa, unsigned bytes, int64_t target)
{
	return add_ending(UOP_beq, pa, bytes, target);
}

static struct code_block *find(uint64_t pa)
{
	codecache_lock(cc);
	struct code_block *b = codecache_find(cc, pa, 3);
	codecache_unlock(cc);
	return b;
}

static void link_to(struct code_block *from, unsigned n, struct code_block *to)
{
	codecache_lock(cc);
	codecache_link(cc, &code_exits(&from->uop[from->n_uops - 1])[n], to);
	codecache_unlock(cc);
}

static struct code_exit *exit_of(struct code_block *b, unsigned n) { return &code_exits(&b->uop[b->n_uops - 1])[n]; }

START_TEST(blocks_are_found_by_address_and_mode)
{
	struct code_block *a = add(FAKE_RAM, 8, 16), *b = add(FAKE_RAM + 2, 8, 16);
	ck_assert_ptr_eq(find(FAKE_RAM), a);
	ck_assert_ptr_eq(find(FAKE_RAM + 2), b);
	ck_assert_ptr_null(find(FAKE_RAM + 4));
	codecache_lock(cc);
	for (uint32_t mode = 0; mode < 1 << 20; mode++)	/* so many that some share the block's place in the table */
		ck_assert(mode == 3 || !codecache_find(cc, FAKE_RAM, mode));
	codecache_unlock(cc);
}
END_TEST

START_TEST(every_micro_op_knows_its_block)
{
	struct code_block *b[500];
	for (unsigned i = 0; i < 500; i++)
		b[i] = add(FAKE_RAM + i * 8, 8, 16);
	for (unsigned i = 0; i < 500; i++)
		for (unsigned k = 0; k < 2; k++)
			ck_assert_ptr_eq(codecache_owner(cc, &b[i]->uop[k]), b[i]);
}
END_TEST

START_TEST(exits_within_the_page_are_near)
{
	struct code_block *b = add(FAKE_RAM + 16, 8, 4095), *c = add(FAKE_RAM + 32, 8, 4096), *d = add(FAKE_RAM + 48, 8, -2);
	ck_assert_ptr_eq(exit_of(b, 0)->miss.handler, &near);
	ck_assert_ptr_eq(exit_of(c, 0)->miss.handler, &far);
	ck_assert_ptr_eq(exit_of(d, 1)->miss.handler, &far);
	ck_assert_int_eq(exit_of(d, 1)->miss.imm, -2);
	ck_assert_ptr_eq(exit_of(b, 0)->to, &exit_of(b, 0)->miss);
}
END_TEST

START_TEST(a_block_has_room_for_the_exits_that_its_end_has)
{
	static const struct { enum uop_op end; unsigned exits; } kind[] = { { UOP_beq, 2 }, { UOP_jmp, 1 }, { UOP_leave, 1 }, { UOP_jr, 0 } };
	for (unsigned i = 0; i < ARRAY_SIZE(kind); i++) {
		struct code_block *b = add_ending(kind[i].end, FAKE_RAM + 64 * i, 6, 64);
		const char *end = (const char *)(b->insn + 1);
		ck_assert_uint_eq(b->n_exits, kind[i].exits);
		ck_assert_ptr_eq(b->insn, exit_of(b, kind[i].exits));
		ck_assert_uint_eq(b->insn[0].size, 6);
		for (unsigned n = 0; n < b->n_exits; n++)
			ck_assert_int_eq(exit_of(b, n)->miss.imm, 64);
		ck_assert_uint_lt((unsigned long)((const char *)b + b->size - end), 8);
	}
}
END_TEST

START_TEST(a_dropped_block_is_unlinked_and_unfindable)
{
	struct code_block *a = add(FAKE_RAM, 8, 128), *b = add(FAKE_RAM + 128, 8, 0);
	link_to(a, 0, b);
	link_to(a, 1, b);
	link_to(b, 0, a);
	ck_assert_ptr_eq(exit_of(a, 0)->to, b->uop);
	codecache_invalidate(cc, page(FAKE_RAM), page_granules(130, 1));
	ck_assert_ptr_eq(exit_of(a, 0)->to, &exit_of(a, 0)->miss);
	ck_assert_ptr_eq(exit_of(a, 1)->to, &exit_of(a, 1)->miss);
	ck_assert(b->dead);
	ck_assert_ptr_null(find(FAKE_RAM + 128));
	ck_assert_ptr_eq(find(FAKE_RAM), a);
	ck_assert_uint_eq(page(FAKE_RAM)->code, 1);
	link_to(a, 0, b);		/* too late: it is dead */
	ck_assert_ptr_eq(exit_of(a, 0)->to, &exit_of(a, 0)->miss);
	codecache_invalidate(cc, page(FAKE_RAM), page_granules(0, 1));
	ck_assert_uint_eq(page(FAKE_RAM)->code, 0);
}
END_TEST

START_TEST(a_block_that_accesses_both_halves_is_made_anew_for_them)
{
	struct code_block *a = add(FAKE_RAM, 8, 0), *b = add(FAKE_RAM + 4092, 8, 0);
	ck_assert(!a->both_halves);
	codecache_widen(cc, b);		/* crosses into the next page */
	ck_assert(b->dead);
	ck_assert_ptr_null(find(FAKE_RAM + 4092));
	ck_assert_uint_eq(page(FAKE_RAM + 4096)->code, 0);
	ck_assert_ptr_eq(find(FAKE_RAM), a);
	ck_assert_uint_eq(page(FAKE_RAM)->code, 1);
	ck_assert(add(FAKE_RAM + 4092, 8, 0)->both_halves);
	ck_assert(!add(FAKE_RAM + 8, 8, 0)->both_halves);
	codecache_widen(cc, b);		/* once is enough */
	ck_assert_ptr_nonnull(find(FAKE_RAM + 4092));
}
END_TEST

START_TEST(a_kernel_in_the_lower_half_has_both)
{
	base = 0;
	ck_assert(add(FAKE_RAM, 8, 0)->both_halves);
}
END_TEST

START_TEST(a_block_dies_by_its_last_bytes)
{
	struct code_block *b = add(FAKE_RAM + 60, 6, 0);
	codecache_invalidate(cc, page(FAKE_RAM), page_granules(65, 1));
	ck_assert(b->dead);
}
END_TEST

/* A block stands in a virtual-PC cache at each address that its page is mapped to. */
START_TEST(a_dropped_block_is_forgotten_at_every_address)
{
	struct vcpu *cpu = f.m.vcpu[0];
	struct code_block *gone = add(FAKE_RAM + 256, 8, 0), *kept = add(FAKE_RAM + 512, 8, 0);
	codecache_lock(cc);
	ck_assert(codecache_prepare(cc, gone) && codecache_prepare(cc, kept));
	codecache_unlock(cc);
	for (uint64_t va = 0; va < 2 * JUMP_CACHE_SIZE; va += PAGE_SIZE) {
		*JUMP_CACHE_ENTRY(cpu, va + 256) = (struct jump_cache_entry){ va + 256, 1, gone->code };
		*JUMP_CACHE_ENTRY(cpu, va + 512) = (struct jump_cache_entry){ va + 512, 1, kept->code };
	}
	codecache_invalidate(cc, page(FAKE_RAM + 256), page_granules(256, 1));
	for (uint64_t va = 0; va < 2 * JUMP_CACHE_SIZE; va += PAGE_SIZE) {
		ck_assert_uint_eq(JUMP_CACHE_ENTRY(cpu, va + 256)->key, 0);
		ck_assert_uint_eq(JUMP_CACHE_ENTRY(cpu, va + 512)->key, 1);
	}
}
END_TEST

START_TEST(a_write_beside_code_drops_nothing)
{
	struct code_block *a = add(FAKE_RAM + 256, 8, 0);
	codecache_invalidate(cc, page(FAKE_RAM), ~page_granules(256, 8));
	ck_assert_ptr_eq(find(FAKE_RAM + 256), a);
	ck_assert_uint_eq(page(FAKE_RAM)->code, 1);
	/* marked, nothing translated yet: a write clears the mark */
	atomic_store(&page(FAKE_RAM + 8192)->code, 1);
	codecache_invalidate(cc, page(FAKE_RAM + 8192), 1);
	ck_assert_uint_eq(page(FAKE_RAM + 8192)->code, 0);
}
END_TEST

START_TEST(a_crossing_block_dies_by_either_page)
{
	for (unsigned which = 0; which < 2; which++) {
		struct code_block *b = add(FAKE_RAM + 4094, 4, 0), *other = add(FAKE_RAM + 4096 + 512, 4, 0);
		ck_assert_ptr_eq(find(FAKE_RAM + 4094), b);
		if (which)
			codecache_invalidate(cc, page(FAKE_RAM + 4096), page_granules(0, 1));
		else
			codecache_invalidate(cc, page(FAKE_RAM), page_granules(4094, 1));
		ck_assert_ptr_null(find(FAKE_RAM + 4094));
		ck_assert_uint_eq(page(FAKE_RAM)->code, 0);
		ck_assert_ptr_null(page(FAKE_RAM)->blocks);
		ck_assert_uint_eq(page(FAKE_RAM + 4096)->code, 1);
		ck_assert_ptr_eq(find(FAKE_RAM + 4096 + 512), other);
		codecache_invalidate(cc, page(FAKE_RAM + 4096), ~(uint64_t)0);
		ck_assert_ptr_null(page(FAKE_RAM + 4096)->blocks);
	}
}
END_TEST

START_TEST(a_full_arena_is_emptied_whole)
{
	unsigned n = 0;
	f.m.vcpu[0]->jump_cache[5].pc = 10;
	while (add(FAKE_RAM + n * 8, 8, 16))
		n++;
	ck_assert_uint_gt(n, 500);
	uint64_t epoch = codecache_epoch(cc);
	codecache_flush(cc);
	ck_assert_uint_eq(codecache_epoch(cc), epoch + 1);
	ck_assert_uint_eq(f.m.vcpu[0]->jump_cache[5].pc, 0);
	for (unsigned i = 0; i < n; i++) {
		ck_assert_ptr_null(find(FAKE_RAM + i * 8));
		ck_assert_uint_eq(page(FAKE_RAM + i * 8)->code, 0);
		ck_assert_ptr_null(page(FAKE_RAM + i * 8)->blocks);
	}
	ck_assert_ptr_nonnull(add(FAKE_RAM, 8, 16));
	struct codecache_stats s;
	codecache_get_stats(cc, &s);
	ck_assert_uint_le(s.arena, ARENA);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("codecache");
	TCase *t = tcase_create("codecache");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, blocks_are_found_by_address_and_mode);
	tcase_add_test(t, every_micro_op_knows_its_block);
	tcase_add_test(t, exits_within_the_page_are_near);
	tcase_add_test(t, a_block_has_room_for_the_exits_that_its_end_has);
	tcase_add_test(t, a_dropped_block_is_unlinked_and_unfindable);
	tcase_add_test(t, a_block_that_accesses_both_halves_is_made_anew_for_them);
	tcase_add_test(t, a_kernel_in_the_lower_half_has_both);
	tcase_add_test(t, a_block_dies_by_its_last_bytes);
	tcase_add_test(t, a_dropped_block_is_forgotten_at_every_address);
	tcase_add_test(t, a_write_beside_code_drops_nothing);
	tcase_add_test(t, a_crossing_block_dies_by_either_page);
	tcase_add_test(t, a_full_arena_is_emptied_whole);
	suite_add_tcase(s, t);
	return run_suites("backend-codecache", 1, &s);
}

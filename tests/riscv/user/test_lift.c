// SPDX-License-Identifier: Apache-2.0
/* The lifter: where blocks end, pages that instructions cross, what depends on mode bits; and the verifier on random code. */
#include "tests/check_main.h"
#include <string.h>
#include "frontends/riscv/priv/cpu.h"
#include "frontends/riscv/user/decode.h"
#include "ir/ir.h"
#include "tests/riscv/user/rng.h"

#define MODE_M (PRIV_M | MODE_FS_ON)
#define NO_C (~((uint64_t)1 << EXT_C | (uint64_t)1 << EXT_ZIHINTPAUSE))
#define PC 0x80001000

/* A hart as far as the lifter looks at it */
struct hart {
	struct vcpu cpu;
	struct riscv_cpu rv;
	const uint8_t *next;	/* the next page; NULL: it faults */
	unsigned asked;		/* how often it was asked for */
};

static struct hart *hart_new(uint64_t ext, uint32_t mode)
{
	struct hart *h = calloc(1, sizeof(*h));

	ck_assert(h != NULL);
	h->cpu.arch = &h->rv;
	h->cpu.mode = mode;
	h->rv.config.ext = ext;
	return h;
}

static const uint8_t *next_page(void *opaque)
{
	struct hart *h = opaque;

	h->asked++;
	if (!h->next)
		h->cpu.exception = (struct exception){ EXC_INSN_PAGE, 0, true };
	return h->next;
}

static bool lift(struct hart *h, struct ir_block *b, uint64_t va, const void *code, unsigned size, unsigned max_insns)
{
	struct lift_request req = { &h->cpu, h->cpu.mode, va, code, size, next_page, h, max_insns };
	struct error err;

	if (!riscv_lift(&req, b))
		return false;
	if (!ir_verify(b, riscv_helpers, HELPER_COUNT, &err))
		ck_abort_msg("verifier: %s", err.text);
	return true;
}

/* The micro-ops of the code (32-bit words, 16-bit if their upper half is 0 and they are compressed) at PC, one a line. */
static void lift_text(uint64_t ext, uint32_t mode, const uint32_t *words, char *text, size_t size)
{
	static struct ir_block b;
	struct hart *h = hart_new(ext, mode);
	uint8_t code[64];
	unsigned n = 0;
	size_t len = 0;

	for (; *words; words++) {
		unsigned bytes = insn_size((uint16_t)*words);

		memcpy(code + n, words, bytes);
		n += bytes;
	}
	ck_assert(lift(h, &b, PC, code, n, BLOCK_MAX_INSNS));
	text[0] = 0;
	for (unsigned i = 0; i < b.n_uops; i++) {
		char line[100];

		ir_print_uop(&b.uop[i], &b, riscv_slot_name, riscv_helpers, line, sizeof(line));
		len += (size_t)snprintf(text + len, size - len, "%s\n", line);
	}
	free(h);
}

static const struct shape {
	uint32_t code[8];
	uint64_t ext;
	uint32_t mode;
	const char *text;
} shapes[] = {
	/* ends: the size of the code stands for the end of a page */
	{ { 0x00158593 }, ~0ull, MODE_M, "a1 = add_i a1, 1\njmp -> 0x4\n" },
	{ { 0x0585, 0x00158593 }, ~0ull, MODE_M, "a1 = add_i a1, 1\na1 = add_i a1, 1\njmp -> 0x6\n" },
	{ { 0x0001, 0x00000013 }, ~0ull, MODE_M, "jmp -> 0x6\n" },
	/* jumps: what follows is not lifted */
	{ { 0x00000013, 0x008000ef, 0x00158593 }, ~0ull, MODE_M, "ra = add_i page, 8\njmp -> 0xc\n" },
	{ { 0xff9ff06f }, ~0ull, MODE_M, "jmp -> -0x8\n" },
	{ { 0xbfdd }, ~0ull, MODE_M, "jmp -> -0xa\n" },
	{ { 0x00008067 }, ~0ull, MODE_M, "jr ra, 0\n" },
	{ { 0x008500e7 }, ~0ull, MODE_M, "ra = add_i page, 4\njr a0, 8\n" },
	{ { 0x008080e7 }, ~0ull, MODE_M, "tmp0 = mov ra\nra = add_i page, 4\njr tmp0, 8\n" },
	{ { 0x9082 }, ~0ull, MODE_M, "tmp0 = mov ra\nra = add_i page, 2\njr tmp0, 0\n" },
	{ { 0x00b50463 }, ~0ull, MODE_M, "beq a0, a1 -> 0x8 else 0x4\n" },
	{ { 0xdd75 }, ~0ull, MODE_M, "beq a0, zero -> -0x4 else 0x2\n" },
	{ { 0x00000013, 0x00000517 }, ~0ull, MODE_M, "a0 = add_i page, 4\njmp -> 0x8\n" },
	{ { 0x7ffff517, 0x00000013 }, ~0ull, MODE_M, "a0 = add_i page, 2147479552\njmp -> 0x8\n" },
	/* without C, misaligned targets: of jumps, of branches if taken */
	{ { 0x006000ef }, NO_C, MODE_M, "tmp0 = add_i page, 6\nraise tmp0, 0\n" },
	{ { 0x00b50363 }, NO_C, MODE_M, "tmp0 = xor a0, a1\ntmp0 = sltu_i tmp0, 1\ntmp1 = add_i page, 6\n"
		"tmp1 = czero_eqz tmp1, tmp0\nsink = helper check_target(tmp1, zero, 11862883)\njmp -> 0x4\n" },
	{ { 0x00b50463 }, NO_C, MODE_M, "beq a0, a1 -> 0x8 else 0x4\n" },
	{ { 0x008080e7 }, NO_C, MODE_M, "tmp0 = add_i ra, 8\ntmp0 = and_i tmp0, -2\n"
		"sink = helper check_target(tmp0, zero, 8421607)\nra = add_i page, 4\njr tmp0, 0\n" },
	{ { 0x0585 }, NO_C, MODE_M, "tmp0 = li 1413\nraise tmp0, 2\n" },
	/* system */
	{ { 0x00000073 }, ~0ull, PRIV_U, "raise zero, 8\n" },
	{ { 0x00000073 }, ~0ull, PRIV_S, "raise zero, 9\n" },
	{ { 0x00000013, 0x00000073 }, ~0ull, PRIV_M, "raise zero, 11\n" },
	{ { 0x00000013, 0x9002 }, ~0ull, PRIV_M, "tmp0 = add_i page, 4\nraise tmp0, 3\n" },
	{ { 0x0000100f }, ~0ull, MODE_M, "leave -> 0x4\n" },
	{ { 0xc0102573, 0x00158593 }, ~0ull, MODE_M, "a0 = helper csr(zero, zero, -1072683661)\na1 = add_i a1, 1\njmp -> 0x8\n" },
	{ { 0x0001, 0xc0102573 }, ~0ull, MODE_M, "jmp -> 0x2\n" },		/* reads time: starts its block */
	{ { 0x0001, 0x32051073 }, ~0ull, MODE_M, "jmp -> 0x2\n" },		/* stops counters */
	{ { 0x0022d073 }, ~0ull, MODE_M, "tmp0 = li 5\nsink = helper csr(tmp0, zero, 2281587)\njmp -> 0x4\n" },
	{ { 0x30200073 }, ~0ull, MODE_M, "tmp0 = helper mret(zero, zero, 807403635)\nleave_jr tmp0, 0\n" },
	{ { 0x10500073 }, ~0ull, MODE_M, "sink = helper wfi(zero, zero, 273678451)\nleave -> 0x4\n" },
	{ { 0x12b50073 }, ~0ull, MODE_M, "sink = helper sfence_vma(a0, a1, 313852019)\nleave -> 0x4\n" },
	/* fences: only store-to-load costs */
	{ { 0x0ff0000f }, ~0ull, MODE_M, "fence 1\njmp -> 0x4\n" },
	{ { 0x0330000f }, ~0ull, MODE_M, "fence 1\njmp -> 0x4\n" },		/* rw, rw */
	{ { 0x0120000f }, ~0ull, MODE_M, "fence 1\njmp -> 0x4\n" },		/* w, r */
	{ { 0x0480000f }, ~0ull, MODE_M, "fence 1\njmp -> 0x4\n" },		/* o, i */
	{ { 0x0310000f }, ~0ull, MODE_M, "fence 0\njmp -> 0x4\n" },		/* rw, w */
	{ { 0x0230000f }, ~0ull, MODE_M, "fence 0\njmp -> 0x4\n" },		/* r, rw */
	{ { 0x8330000f }, ~0ull, MODE_M, "fence 0\njmp -> 0x4\n" },		/* tso */
	{ { 0x0100000f }, ~0ull, MODE_M, "sink = helper pause(zero, zero, 16777231)\njmp -> 0x4\n" },
	{ { 0x0100000f }, NO_C, MODE_M, "jmp -> 0x4\n" },			/* a fence that orders nothing */
	/* illegal: stval has the bits */
	{ { 0x00000013, 0xffffffff }, ~0ull, MODE_M, "tmp0 = lih 1\ntmp0 = add_i tmp0, -1\nraise tmp0, 2\n" },
	/* floating point: FS off, rounding */
	{ { 0x02c5f553 }, ~0ull, PRIV_M, "tmp0 = li 46527827\nraise tmp0, 2\n" },
	{ { 0x02c5f553, 0x02c5f553 }, ~0ull, MODE_M, "fa0 = fadd_d fa1, fa2\nfs_dirty = li 1\nfa0 = fadd_d fa1, fa2\njmp -> 0x8\n" },
	{ { 0x02c59553 }, ~0ull, MODE_M, "fp_round 1\nfa0 = fadd_d fa1, fa2\nfp_round 7\nfs_dirty = li 1\njmp -> 0x4\n" },
	{ { 0x02c5c553 }, ~0ull, MODE_M, "fa0 = fsoft fa1, fa2, zero, 1030\nfs_dirty = li 1\njmp -> 0x4\n" },
	{ { 0x02c5f553 }, ~0ull, MODE_M | MODE_RM_RMM << MODE_RM_SHIFT, "fa0 = fsoft fa1, fa2, zero, 1030\nfs_dirty = li 1\njmp -> 0x4\n" },
	{ { 0x02c5f553 }, ~0ull, MODE_M | MODE_RM_INVALID << MODE_RM_SHIFT, "tmp0 = li 46527827\nraise tmp0, 2\n" },
	{ { 0x02c58553 }, ~0ull, MODE_M | MODE_RM_INVALID << MODE_RM_SHIFT,
		"fp_round 0\nfa0 = fadd_d fa1, fa2\nfp_round 7\nfs_dirty = li 1\njmp -> 0x4\n" },
	{ { 0x02c5d553 }, ~0ull, MODE_M, "tmp0 = li 46519635\nraise tmp0, 2\n" },	/* rm 5 */
	{ { 0xd2057553 }, ~0ull, MODE_M | MODE_RM_INVALID << MODE_RM_SHIFT, "tmp0 = lih 1\ntmp0 = add_i tmp0, -771394221\nraise tmp0, 2\n" },
	{ { 0xc2051553 }, ~0ull, MODE_M, "a0 = fcvtz_w_d fa0\nfs_dirty = li 1\njmp -> 0x4\n" },
	{ { 0x00052507 }, ~0ull, MODE_M, "fa0 = ld_box32 [a0 + 0]\nfs_dirty = li 1\njmp -> 0x4\n" },
	{ { 0x00a52027 }, ~0ull, MODE_M, "st_32 [a0 + 0], fa0\njmp -> 0x4\n" },
	{ { 0x00a52027 }, ~0ull, PRIV_M, "tmp0 = li 10821671\nraise tmp0, 2\n" },
};

START_TEST(shape)
{
	const struct shape *s = &shapes[_i];
	char text[1000];

	lift_text(s->ext, s->mode, s->code, text, sizeof(text));
	ck_assert_str_eq(text, s->text);
}
END_TEST

/* ---- pages ---- */

static struct ir_block block;

START_TEST(crossing_alone)
{
	static const uint8_t page[] = { 0x85, 0x05, 0x93, 0x85 }, next[] = { 0x15, 0x00 };	/* c.addi a1, 1; addi a1, a1, 1 */
	struct hart *h = hart_new(~0ull, MODE_M);

	h->next = next;
	/* not first: the block ends before it and the next page is not asked for */
	ck_assert(lift(h, &block, PC + 0xffc, page, 4, 64));
	ck_assert_uint_eq(block.n_insns, 1);
	ck_assert_uint_eq(block.bytes, 2);
	ck_assert(!block.crosses_page);
	ck_assert_uint_eq(h->asked, 0);
	ck_assert_int_eq(block.target[0], 0xffe);
	/* first: alone */
	ck_assert(lift(h, &block, PC + 0xffe, page + 2, 2, 64));
	ck_assert_uint_eq(block.n_insns, 1);
	ck_assert_uint_eq(block.bytes, 4);
	ck_assert(block.crosses_page);
	ck_assert_uint_eq(h->asked, 1);
	ck_assert_int_eq(block.target[0], 0x1002);
	ck_assert_uint_eq(block.uop[0].op, UOP_add_i);
	free(h);
}
END_TEST

START_TEST(crossing_faults)
{
	static const uint8_t page[] = { 0x93, 0x85 };
	struct hart *h = hart_new(~0ull, MODE_M);

	ck_assert(!lift(h, &block, PC + 0xffe, page, 2, 64));
	ck_assert(h->cpu.exception.pending);
	free(h);
}
END_TEST

START_TEST(compressed_at_the_end)
{
	static const uint8_t page[] = { 0x85, 0x05 };
	struct hart *h = hart_new(~0ull, MODE_M);

	ck_assert(lift(h, &block, PC + 0xffe, page, 2, 64));
	ck_assert_uint_eq(h->asked, 0);
	ck_assert(!block.crosses_page);
	ck_assert_int_eq(block.target[0], 0x1000);
	free(h);
}
END_TEST

/* A crossing jump and a crossing illegal instruction have their ends, too. */
START_TEST(crossing_jump)
{
	static const uint8_t jal[] = { 0xef, 0xf0 }, rest[] = { 0x9f, 0xff };	/* jal ra, -8 */
	struct hart *h = hart_new(~0ull, MODE_M);

	h->next = rest;
	ck_assert(lift(h, &block, PC + 0xffe, jal, 2, 64));
	ck_assert(block.crosses_page);
	ck_assert_int_eq(block.target[0], 0xff6);
	ck_assert_int_eq(block.uop[0].imm, 0x1002);
	free(h);
}
END_TEST

START_TEST(limits)
{
	static uint8_t nops[PAGE_SIZE];
	struct hart *h = hart_new(~0ull, MODE_M);

	for (unsigned i = 0; i < sizeof(nops); i += 2)
		nops[i] = 1;	/* c.nop */
	ck_assert(lift(h, &block, PC, nops, sizeof(nops), BLOCK_MAX_INSNS));
	ck_assert_uint_eq(block.n_insns, BLOCK_MAX_INSNS);
	ck_assert_int_eq(block.target[0], 2 * BLOCK_MAX_INSNS);
	ck_assert(lift(h, &block, PC + 6, nops, sizeof(nops) - 6, 1));
	ck_assert_uint_eq(block.n_insns, 1);
	ck_assert_int_eq(block.target[0], 8);
	ck_assert(lift(h, &block, PC + 0xffa, nops, 6, 64));
	ck_assert_uint_eq(block.n_insns, 3);
	ck_assert_int_eq(block.target[0], 0x1000);
	free(h);
}
END_TEST

/* ---- random code ---- */

static void random_code(struct rng *r, uint8_t *code, unsigned size)
{
	for (unsigned n = 0; n < size;) {
		const struct insn_pattern *p = rng_below(r, 3) ? &riscv_patterns32[rng_below(r, riscv_n_patterns32)]
							       : &riscv_patterns16[rng_below(r, riscv_n_patterns16)];
		uint32_t bits = p->value | ((uint32_t)rng_next(r) & ~p->mask);
		unsigned bytes;

		if (!rng_below(r, 40))
			bits = (uint32_t)rng_next(r);
		bytes = insn_size((uint16_t)bits);
		if (n + bytes > size)
			bytes = size - n;
		memcpy(code + n, &bits, bytes);
		n += bytes;
	}
}

/* Instructions lie end to end, within the page or alone across its end. */
static void check_block(const struct ir_block *b, unsigned size, unsigned max_insns)
{
	unsigned offset = 0;

	ck_assert(b->n_insns >= 1 && b->n_insns <= max_insns);
	for (unsigned i = 0; i < b->n_insns; i++) {
		ck_assert_uint_eq(b->insn[i].offset, offset);
		ck_assert(b->insn[i].size == 4 || b->insn[i].size == 2);
		offset += b->insn[i].size;
	}
	ck_assert_uint_eq(b->bytes, offset);
	ck_assert(b->crosses_page == (offset > size));
	ck_assert(!b->crosses_page || b->n_insns == 1);
}

START_TEST(random_blocks)
{
	static uint8_t page[PAGE_SIZE], next[PAGE_SIZE];
	struct rng r = { (uint64_t)_i };
	struct error err;

	for (unsigned k = 0; k < 5000; k++) {
		uint64_t ext = rng_below(&r, 2) ? ~0ull : rng_next(&r);
		uint32_t mode = rng_below(&r, 4) | rng_below(&r, 2) << 2 | rng_below(&r, 3) << MODE_RM_SHIFT;
		struct hart *h = hart_new(ext, mode);
		unsigned start = rng_below(&r, 8) ? rng_below(&r, 2048) * 2 : 4096 - 2 * (1 + rng_below(&r, 8));
		unsigned max = rng_below(&r, 4) ? BLOCK_MAX_INSNS : 1 + rng_below(&r, BLOCK_MAX_INSNS);

		random_code(&r, page, sizeof(page));
		random_code(&r, next, sizeof(next));
		h->next = next;
		ck_assert(lift(h, &block, PC + start, page + start, 4096 - start, max));
		check_block(&block, 4096 - start, max);
		ir_optimise(&block, riscv_helpers);
		if (!ir_verify(&block, riscv_helpers, HELPER_COUNT, &err))
			ck_abort_msg("after the passes: %s", err.text);
		free(h);
	}
}
END_TEST

/* What writes an f register or may raise a flag marks FS dirty; what only reads them does not. */
START_TEST(fs_dirty)
{
	static const char *const readers[] = {
		"fsh", "fsw", "fsd", "fmv_x_h", "fmv_x_w", "fmv_x_d", "fclass_s", "fclass_d",
	};
	const uint64_t fp = (uint64_t)1 << EXT_F | (uint64_t)1 << EXT_D | (uint64_t)1 << EXT_ZFHMIN;
	unsigned seen = 0;

	for (unsigned n = 0; n < riscv_n_patterns32; n++) {
		const struct insn_pattern *p = &riscv_patterns32[n];
		struct hart *h = hart_new(~0ull, MODE_M);
		bool writes = p->ext & fp, marked = false;

		for (unsigned i = 0; i < ARRAY_SIZE(readers); i++)
			writes &= strcmp(p->name, readers[i]) != 0;
		ck_assert(lift(h, &block, PC, &p->value, 4, 1));
		for (unsigned i = 0; i < block.n_uops; i++)
			marked |= op_info[block.uop[i].op].has_d && block.uop[i].d == SLOT_FS_DIRTY;
		ck_assert_msg(marked == writes, "%s: %s", p->name, marked ? "marks FS dirty" : "does not mark FS dirty");
		seen += writes;
		free(h);
	}
	ck_assert_uint_gt(seen, 60);
}
END_TEST

START_TEST(slot_names)
{
	for (unsigned a = 0; a < VCPU_SLOTS; a++)
		for (unsigned b = 0; b < a; b++)
			ck_assert_str_ne(riscv_slot_name(a), riscv_slot_name(b));
	ck_assert_str_eq(riscv_slot_name(SLOT_X + 10), "a0");
	ck_assert_str_eq(riscv_slot_name(SLOT_F + 31), "ft11");
	ck_assert_str_eq(riscv_slot_name(SLOT_TEMP), "tmp0");
	ck_assert_str_eq(riscv_slot_name(SLOT_PAGE), "page");
	ck_assert_str_eq(riscv_slot_name(SLOT_SINK), "sink");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("lift");
	TCase *t = tcase_create("lift");

	tcase_set_timeout(t, 0);
	tcase_add_loop_test(t, shape, 0, ARRAY_SIZE(shapes));
	tcase_add_test(t, crossing_alone);
	tcase_add_test(t, crossing_faults);
	tcase_add_test(t, compressed_at_the_end);
	tcase_add_test(t, crossing_jump);
	tcase_add_test(t, limits);
	tcase_add_loop_test(t, random_blocks, 0, 10);
	tcase_add_test(t, fs_dirty);
	tcase_add_test(t, slot_names);
	suite_add_tcase(s, t);
	return run_suites("riscv lift", 1, (Suite *[]){ s });
}

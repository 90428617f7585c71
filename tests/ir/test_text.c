// SPDX-License-Identifier: Apache-2.0
/* Text form: what is printed reads back as the same block, and what is wrong gets an error that names line and word. */
#include <string.h>
#include "tests/check_main.h"
#include "ir/ir.h"
#include "tests/ir/random.h"

static bool no_helper(struct vcpu *cpu, uint64_t a, uint64_t b, int32_t imm, uint64_t *result)
{
	return true;
}

static const struct helper helpers[] = { { "csr", no_helper, 0 }, { "sfence_vma", no_helper, 0 }, { "x.y", no_helper, 0 } };
static struct ir_block block, again;
static char text[1 << 17];

static const char *names(unsigned slot)
{
	static char name[VCPU_SLOTS][8];

	if (slot == SLOT_ZERO)
		return "zero";
	if (slot == SLOT_PAGE)
		return "page";
	if (slot >= 200)
		return NULL;
	if (!name[slot][0])
		snprintf(name[slot], sizeof(name[slot]), "%c%u", slot < 32 ? 'x' : 'f', slot);
	return name[slot];
}

static int32_t random_imm(void)
{
	static const int32_t edge[] = { 0, 1, -1, INT32_MAX, INT32_MIN, 2047, -2048 };

	return random_below(3) ? (int32_t)random_next() : edge[random_below(ARRAY_SIZE(edge))];
}

/* Any op with any slots: the text form knows no rules but its own. */
static void random_block(struct ir_block *b, unsigned n_uops, unsigned first_op)
{
	unsigned offset = 0;
	bool target[2] = { false, false };

	ir_begin(b);
	b->crosses_page = random_below(2);
	b->target[0] = (int64_t)random_next();
	b->target[1] = (int64_t)random_next();
	for (unsigned i = 0; i < n_uops; i++) {
		if (!i || (!random_below(4) && b->n_insns < BLOCK_MAX_INSNS)) {
			unsigned size = 1 + random_below(15);
			ir_insn(b, offset, size);
			offset += size;
		}
		struct uop u = { .op = (first_op + i) % UOP_COUNT, .imm = random_imm() };
		const struct op_info *info = &op_info[u.op];
		u.d = info->has_d ? (uint8_t)random_next() : 0;
		u.a = info->has_a ? (uint8_t)random_next() : 0;
		u.b = info->has_b ? (uint8_t)random_next() : 0;
		u.c = info->has_c ? (uint8_t)random_next() : info->format == F_CALL ? (uint8_t)random_below(ARRAY_SIZE(helpers)) : 0;
		if (!info->has_imm)
			u.imm = 0;
		target[0] |= info->format == F_BR || info->format == F_JMP;
		target[1] |= info->format == F_BR;
		b->uop[b->n_uops++] = u;
	}
	for (unsigned i = 0; i < 2; i++)
		if (!target[i])
			b->target[i] = 0;
	b->bytes += random_below(3);
}

static void check_same(const struct ir_block *a, const struct ir_block *b)
{
	ck_assert_uint_eq(a->n_uops, b->n_uops);
	ck_assert_uint_eq(a->n_insns, b->n_insns);
	ck_assert_uint_eq(a->bytes, b->bytes);
	ck_assert_int_eq(a->crosses_page, b->crosses_page);
	ck_assert_int_eq(a->target[0], b->target[0]);
	ck_assert_int_eq(a->target[1], b->target[1]);
	for (unsigned i = 0; i < a->n_insns; i++) {
		ck_assert_uint_eq(a->insn[i].first_uop, b->insn[i].first_uop);
		ck_assert_uint_eq(a->insn[i].offset, b->insn[i].offset);
		ck_assert_uint_eq(a->insn[i].size, b->insn[i].size);
	}
	ck_assert_mem_eq(a->uop, b->uop, a->n_uops * sizeof(a->uop[0]));
}

START_TEST(round_trips)
{
	struct error err;

	for (unsigned i = 0; i < 1000; i++) {
		ir_slot_name *slot_name = i & 1 ? names : NULL;
		const struct helper *h = i & 2 ? helpers : NULL;
		random_block(&block, 1 + random_below(i % 10 ? 60 : BLOCK_MAX_UOPS), i * 7);
		int n = ir_print(&block, slot_name, h, text, sizeof(text));
		ck_assert_int_gt(n, 0);
		ck_assert_uint_lt((size_t)n, sizeof(text));
		ck_assert_uint_eq(strlen(text), (size_t)n);
		if (!ir_parse(&again, text, slot_name, h, h ? ARRAY_SIZE(helpers) : 0, &err))
			ck_abort_msg("%s in\n%s", err.text, text);
		check_same(&block, &again);
	}
}
END_TEST

START_TEST(printing_into_little_room)
{
	static char small[400];

	random_block(&block, 12, 3);
	int n = ir_print(&block, names, helpers, text, sizeof(text));
	ck_assert_int_eq(ir_print(&block, names, helpers, NULL, 0), n);
	for (size_t size = 1; size < 300; size++) {
		memset(small, '#', sizeof(small));
		ck_assert_int_eq(ir_print(&block, names, helpers, small, size), n);
		ck_assert_int_eq(strncmp(small, text, size - 1), 0);
		ck_assert_uint_eq(strnlen(small, size), (size_t)n < size ? (size_t)n : size - 1);
		ck_assert_int_eq(small[size], '#');
	}
}
END_TEST

START_TEST(one_uop)
{
	static const struct { struct uop u; const char *text; } table[] = {
		{ { .op = UOP_add, .d = 5, .a = 6, .b = 7 }, "x5 = add x6, x7" },
		{ { .op = UOP_add_i, .d = 5, .a = 6, .imm = -7 }, "x5 = add_i x6, -7" },
		{ { .op = UOP_li, .d = 230, .imm = 1 }, "r230 = li 1" },
		{ { .op = UOP_mov, .d = 1, .a = 0 }, "x1 = mov zero" },
		{ { .op = UOP_ld_s32, .d = 5, .a = 2, .imm = -8 }, "x5 = ld_s32 [x2 + -8]" },
		{ { .op = UOP_st_64, .a = 2, .b = 8, .imm = 16 }, "st_64 [x2 + 16], x8" },
		{ { .op = UOP_swap_w, .d = 5, .a = 10, .b = 11 }, "x5 = swap_w [x10], x11" },
		{ { .op = UOP_fmadd_d, .d = 32, .a = 33, .b = 34, .c = 35, .imm = 2 }, "f32 = fmadd_d f33, f34, f35, 2" },
		{ { .op = UOP_beq, .a = 1, .b = 2 }, "beq x1, x2 -> 0x10 else -0x20" },
		{ { .op = UOP_jmp }, "jmp -> 0x10" },
		{ { .op = UOP_jr, .a = 1, .imm = 4 }, "jr x1, 4" },
		{ { .op = UOP_fence, .imm = 1 }, "fence 1" },
		{ { .op = UOP_helper, .d = 3, .a = 4, .b = 5, .c = 1, .imm = 99 }, "x3 = helper sfence_vma(x4, x5, 99)" },
	};

	ir_begin(&block);
	block.target[0] = 0x10;
	block.target[1] = -0x20;
	for (unsigned i = 0; i < ARRAY_SIZE(table); i++) {
		ir_print_uop(&table[i].u, &block, names, helpers, text, sizeof(text));
		ck_assert_str_eq(text, table[i].text);
	}
}
END_TEST

static const struct { const char *text, *line, *word; } wrong[] = {
	{ "r1 = frob r2, r3", "line 1", "frob" },
	{ "\n\nr1 = add r2", "line 3", "expected ','" },
	{ "r1 = add r2, r3, r4", "line 1", "','" },
	{ "r256 = li 1", "line 1", "r256" },
	{ "q = li 1", "line 1", "'q'" },
	{ "r1 = li 0x80000000", "line 1", "0x80000000" },
	{ "r1 = li -2147483649", "line 1", "-2147483649" },
	{ "r1 = li x", "line 1", "'x'" },
	{ "r1 = li 12z", "line 1", "12z" },
	{ "r1 = li 99999999999999999999", "line 1", "out of range" },
	{ "add r1, r2", "line 1", "result" },
	{ "r1 = jmp -> 4", "line 1", "no result" },
	{ "jmp 4", "line 1", "expected '-'" },
	{ "jmp ->", "line 1", "number" },
	{ "beq r1, r2 -> 4", "line 1", "else" },
	{ "r1 = ld_64 r2", "line 1", "expected '['" },
	{ "r1 = ld_64 [r2 - 8]", "line 1", "expected '+'" },
	{ "r1 = ld_64 [r2 + 8", "line 1", "expected ']'" },
	{ "r1 = lr_w [r2 + 8], r0", "line 1", "expected ']'" },
	{ "r1 = helper nothing(r1, r2, 3)", "line 1", "nothing" },
	{ "r1 = helper #256(r1, r2, 3)", "line 1", "256" },
	{ "r1 = helper csr r1, r2, 3", "line 1", "expected '('" },
	{ "insn 0 size 4\ninsn +70000 size 4", "line 2", "70000" },
	{ "insn +0 size 256", "line 1", "256" },
	{ "insn +0 4", "line 1", "size" },
	{ "block 4 bytes\nblock 4 bytes", "line 2", "block" },
	{ "fence 1\nblock 4 bytes", "line 2", "block" },
	{ "block 4 bytes twice", "line 1", "twice" },
	{ "=", "line 1", "'='" },
	{ "r1 =", "line 1", "unknown op" },
	{ "r1 = \001", "line 1", "unknown op" },
};

START_TEST(wrong_text)
{
	struct error err = { 0 };

	ck_assert_msg(!ir_parse(&block, wrong[_i].text, NULL, helpers, ARRAY_SIZE(helpers), &err), "accepted: %s", wrong[_i].text);
	ck_assert_int_eq(err.code, ERROR_USAGE);
	ck_assert_msg(strstr(err.text, wrong[_i].line) && strstr(err.text, wrong[_i].word), "%s: %s", wrong[_i].text, err.text);
}
END_TEST

START_TEST(limits)
{
	struct error err;
	size_t n = 0;

	for (unsigned i = 0; i <= BLOCK_MAX_UOPS; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "fence 0\n");
	ck_assert(!ir_parse(&block, text, NULL, NULL, 0, &err));
	ck_assert_uint_eq(block.n_uops, BLOCK_MAX_UOPS);
	n = 0;
	for (unsigned i = 0; i <= BLOCK_MAX_INSNS; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "insn +%u size 4\n", 4 * i);
	ck_assert(!ir_parse(&block, text, NULL, NULL, 0, &err));
	ck_assert_uint_eq(block.n_insns, BLOCK_MAX_INSNS);
}
END_TEST

START_TEST(comments_and_blanks)
{
	struct error err = { 0 };

	ck_assert_msg(ir_parse(&block, "# head\r\n\n  insn +0 size 2 # one\n\tr1=add_i r2 ,+0x10#c\n\tr3 = helper #1( r0,r0 ,0 )\n"
			       " r4 = ld_u8 [ r1 ]\nbeq r0,r0->-4 else 0x8", NULL, helpers, ARRAY_SIZE(helpers), &err), "%s", err.text);
	ck_assert_uint_eq(block.n_uops, 4);
	ck_assert_int_eq(block.uop[0].imm, 16);
	ck_assert_uint_eq(block.uop[1].c, 1);
	ck_assert_int_eq(block.uop[2].imm, 0);
	ck_assert_int_eq(block.target[0], -4);
	ck_assert_int_eq(block.target[1], 8);
	ck_assert_uint_eq(block.bytes, 2);
}
END_TEST

/* ---- builder ---- */

START_TEST(writes_to_zero)
{
	ir_begin(&block);
	ir_insn(&block, 0, 4);
	uop_add(&block, SLOT_ZERO, 1, 2);
	uop_li(&block, SLOT_ZERO, 1);
	ck_assert_uint_eq(block.n_uops, 0);
	uop_ld_64(&block, SLOT_ZERO, 1, 8);
	uop_fadd_d(&block, SLOT_ZERO, 1, 2);
	uop_helper(&block, 0, SLOT_ZERO, 1, 2, 3);
	uop_swap_w(&block, SLOT_ZERO, 1, 2);
	ck_assert_uint_eq(block.n_uops, 4);
	for (unsigned i = 0; i < 4; i++)
		ck_assert_uint_eq(block.uop[i].d, SLOT_SINK);
}
END_TEST

START_TEST(full_blocks)
{
	ir_begin(&block);
	memset(&again, 0x5a, sizeof(again));
	unsigned insns = 0, tries = 0;
	for (; ir_room(&block); insns++) {
		ir_insn(&block, 4 * insns, 4);
		for (unsigned i = 0; i < 24; i++)
			uop_fence(&block, 0);
	}
	ck_assert_uint_eq(insns, BLOCK_MAX_UOPS / 24);
	for (; tries < 2000; tries++) {
		uop_fence(&block, 0);
		ir_insn(&block, 4 * (insns + tries), 4);
	}
	ck_assert_uint_eq(block.n_uops, BLOCK_MAX_UOPS);
	ck_assert_uint_eq(block.n_insns, BLOCK_MAX_INSNS);
}
END_TEST

START_TEST(constants)
{
	static const uint64_t edge[] = { 0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000, 0x17fffffff, 0x180000000, 0x7fffffffffffffff,
					 0x8000000000000000, 0xffffffff7fffffff, 0xffffffff80000000, 0x7fffffff80000000, 0xffffffff00000000 };

	for (unsigned i = 0; i < 1000; i++) {
		uint64_t v = i < ARRAY_SIZE(edge) ? edge[i] : random_next() >> random_below(64), got = 77;
		ir_begin(&block);
		ir_insn(&block, 0, 4);
		ir_const(&block, 9, v);
		bool small = v + 0x80000000 < 0x100000000, round = !(v & 0xffffffff);
		ck_assert_uint_eq(block.n_uops, small || round ? 1 : 2);
		for (unsigned k = 0; k < block.n_uops; k++) {
			const struct uop *u = &block.uop[k];
			ck_assert_uint_eq(u->d, 9);
			uint64_t imm = (uint64_t)(int64_t)u->imm;
			got = u->op == UOP_li ? imm : u->op == UOP_lih ? imm << 32 : u->op == UOP_add_i && u->a == 9 ? got + imm : ~v;
		}
		ck_assert_uint_eq(got, v);
	}
}
END_TEST

int main(void)
{
	random_init();
	Suite *s = suite_create("text");
	TCase *c = tcase_create("text");
	tcase_set_timeout(c, 0);
	tcase_add_test(c, round_trips);
	tcase_add_test(c, printing_into_little_room);
	tcase_add_test(c, one_uop);
	tcase_add_loop_test(c, wrong_text, 0, ARRAY_SIZE(wrong));
	tcase_add_test(c, limits);
	tcase_add_test(c, comments_and_blanks);
	tcase_add_test(c, writes_to_zero);
	tcase_add_test(c, full_blocks);
	tcase_add_test(c, constants);
	suite_add_tcase(s, c);
	return run_suites("ir/text", 1, (Suite *[]){ s });
}

// SPDX-License-Identifier: Apache-2.0
/*
 * Passes: random blocks do the same before and after, faults, memory and flags included; and blocks written by hand become
 * what they should. CALQUE_TEST_CASES sets the number of random blocks.
 */
#include <string.h>
#include "runtime/fp.h"
#include "runtime/softfp.h"
#include "tests/check_main.h"
#include "tests/ir/mini_exec.h"
#include "tests/ir/random.h"

/* ---- helpers that random blocks call ---- */

static bool helper_pure(struct vcpu *cpu, uint64_t a, uint64_t b, int32_t imm, uint64_t *result)
{
	*result = a * 3 + b + (uint64_t)(int64_t)imm;
	return true;
}

static bool helper_faults(struct vcpu *cpu, uint64_t a, uint64_t b, int32_t imm, uint64_t *result)
{
	if ((a ^ b) % 4 == 0) {
		cpu->exception = (struct exception){ 77, a + cpu->reg[3], true };
		return false;
	}
	*result = b;
	return true;
}

static bool helper_regs(struct vcpu *cpu, uint64_t a, uint64_t b, int32_t imm, uint64_t *result)
{
	*result = cpu->reg[4] + a;
	cpu->reg[5] = cpu->reg[6] + b;
	return true;
}

enum { PURE, FAULTS, REGS };
static const struct helper helpers[] = {
	[PURE] = { "pure", helper_pure, 0 },
	[FAULTS] = { "faults", helper_faults, HELPER_MAY_FAULT },
	[REGS] = { "regs", helper_regs, HELPER_WRITES_REGS },
};

/* ---- random blocks ---- */

#define GUEST_SLOTS 9	/* slots 1 to 8, few, so that micro-ops meet */

static struct ir_block block, optimised;
static struct mini before, after;
static char text[1 << 16];
static uint64_t removed;

static unsigned guest_slot(void)
{
	return 1 + random_below(GUEST_SLOTS - 1);
}

static unsigned source(uint32_t temps)
{
	unsigned k = random_below(16);

	if (k == 0)
		return SLOT_ZERO;
	if (k == 1)
		return SLOT_PAGE;
	if (k < 9 && temps)
		return SLOT_TEMP + (unsigned)__builtin_ctz(temps) + (temps & (temps - 1) && random_below(2) ?
								     (unsigned)__builtin_ctz((temps & (temps - 1)) >> __builtin_ctz(temps)) : 0);
	return guest_slot();
}

static int32_t random_imm(void)
{
	static const int32_t edge[] = { 0, 1, -1, 8, 32, 63, 64, 4096, INT32_MAX, INT32_MIN };

	return random_below(4) ? edge[random_below(ARRAY_SIZE(edge))] : (int32_t)random_next();
}

static bool fits_here(const struct op_info *info, unsigned op)
{
	return !(info->effects & (EFFECT_END | EFFECT_RAISE)) && op != UOP_fp_round;
}

/* One instruction that the verifier accepts: what can fault or touches FP status comes first and last at most once; temporaries before. */
static void random_insn(struct ir_block *b)
{
	uint32_t temps = 0;
	unsigned n = random_below(5), faulting = random_below(3) ? n : random_below(n + 1);

	for (unsigned i = 0; i < n; i++) {
		unsigned op;
		const struct op_info *info;
		do {
			op = random_below(4) ? random_below(UOP_ld_u8) : random_below(UOP_COUNT);
			info = &op_info[op];
		} while (!fits_here(info, op) || (i < faulting && faulting < n && info->effects) ||
			 (i != faulting && info->effects & EFFECT_FAULT));
		/* before the fault point: only temporaries */
		bool may_guest = faulting == n || i >= faulting;
		unsigned t = random_below(3), d = may_guest && random_below(4) ? guest_slot() : SLOT_TEMP + t;
		struct uop u = { .op = op, .imm = random_imm() };
		if (info->has_a)
			u.a = (uint8_t)source(temps);
		if (info->has_b)
			u.b = (uint8_t)source(temps);
		if (info->has_c)
			u.c = (uint8_t)source(temps);
		if (info->has_d)
			u.d = (uint8_t)(random_below(30) ? d : SLOT_SINK);
		if (!info->has_imm)
			u.imm = 0;
		if (op == UOP_fsoft)
			u.imm = FSOFT(random_below(FSOFT_COUNT), random_below(5), random_below(4));
		if (info->format == F_CALL)
			u.c = (uint8_t)(i == faulting ? FAULTS : random_below(2) && may_guest ? REGS : PURE);
		if ((info->format == F_LOAD || info->format == F_STORE) && random_below(4))
			u.imm = (int32_t)random_below(256);
		b->uop[b->n_uops++] = u;
		if (info->has_d && u.d >= SLOT_TEMP && u.d < SLOT_TEMP_END)
			temps |= 1u << (u.d - SLOT_TEMP);
	}
}

static void random_block(struct ir_block *b)
{
	unsigned insns = 1 + random_below(12);

	ir_begin(b);
	for (unsigned i = 0; i < insns; i++) {
		ir_insn(b, 4 * i, 4);
		random_insn(b);
	}
	switch (random_below(5)) {
	case 0:
		uop_jr(b, source(0), random_imm());
		break;
	case 1:
		uop_jmp(b, 8);
		break;
	case 2:
		uop_leave(b, 12);
		break;
	case 3:
		uop_leave_jr(b, source(0), random_imm());
		break;
	default:
		b->uop[b->n_uops++] = (struct uop){ .op = UOP_beq + random_below(6), .a = (uint8_t)source(0), .b = (uint8_t)source(0) };
		b->target[0] = 0x40;
		b->target[1] = 4 * insns;
	}
}

static void start_state(struct mini *m)
{
	static const uint64_t edge[] = { 0, 1, ~(uint64_t)0, 0x8000000000000000, 0x7ff0000000000000, 0x3ff0000000000000, 0xffffffff3f800000 };

	mini_reset(m);
	for (unsigned i = 1; i < GUEST_SLOTS; i++)
		m->cpu.reg[i] = random_below(3) ? MINI_BASE + random_below(1100) * 8 : random_below(2) ? random_next() : edge[random_below(7)];
	for (unsigned i = 0; i < MINI_SIZE; i += 8)
		*(uint64_t *)&m->memory[i] = random_next();
	m->cpu.reg[SLOT_PAGE] = random_below(2) ? random_next() & PAGE_MASK : MINI_BASE;
	m->cpu.fp_control = fp_control_for(random_below(4));
}

static uint64_t destination(const struct mini *m)
{
	return m->end == MINI_TARGET ? m->pc + m->cpu.reg[SLOT_PAGE] : m->pc;
}

static bool same_reservation(void)
{
	return before.cpu.reservation.size == after.cpu.reservation.size && before.cpu.reservation.value == after.cpu.reservation.value;
}

/* What differs, or NULL */
static const char *difference(void)
{
	const struct exception *a = &before.cpu.exception, *b = &after.cpu.exception;

	/* an indirect jump may have become a direct one */
	if ((before.end == MINI_INDIRECT ? MINI_TARGET : before.end) != (after.end == MINI_INDIRECT ? MINI_TARGET : after.end))
		return "end";
	if (destination(&before) != destination(&after))
		return "destination";
	if (memcmp(before.cpu.reg, after.cpu.reg, SLOT_TEMP * sizeof(uint64_t)))
		return "registers";
	if (memcmp(before.memory, after.memory, MINI_SIZE))
		return "memory";
	if (before.cpu.fp_flags != after.cpu.fp_flags)
		return "flags";
	if (a->pending != b->pending || a->cause != b->cause || a->value != b->value)
		return "exception";
	return same_reservation() ? NULL : "reservation";
}

static const char *both_as_text(void)
{
	int n = ir_print(&block, NULL, helpers, text, sizeof(text) / 2);

	ir_print(&optimised, NULL, helpers, text + n, sizeof(text) - (size_t)n);
	return text;
}

START_TEST(random_blocks)
{
	struct error err;
	unsigned long n = random_cases(20000), faults = 0;

	before.helpers = after.helpers = helpers;
	for (unsigned long i = 0; i < n; i++) {
		random_block(&block);
		if (!ir_verify(&block, helpers, ARRAY_SIZE(helpers), &err)) {
			ir_print(&block, NULL, helpers, text, sizeof(text));
			ck_abort_msg("the test's own block: %s\n%s", err.text, text);
		}
		optimised = block;
		ir_optimise(&optimised, helpers);
		if (!ir_verify(&optimised, helpers, ARRAY_SIZE(helpers), &err))
			ck_abort_msg("%s\n%s", err.text, both_as_text());
		ck_assert_uint_le(optimised.n_uops, block.n_uops);
		removed += block.n_uops - optimised.n_uops;
		for (unsigned k = 0; k < 3; k++) {
			start_state(&before);
			after = before;
			/* LR keeps a host address: both run in the same memory */
			mini_run(&before, &block);
			mini_run(&after, &optimised);
			faults += before.end == MINI_FAULT;
			const char *what = difference();
			ck_assert_msg(!what, "%s differ:\n%s", what, both_as_text());
		}
	}
	ck_assert_uint_gt(removed, n);
	ck_assert_uint_gt(faults, n / 10);
}
END_TEST

/* ---- blocks by hand: text before, text after ---- */

static const struct { const char *before, *after; } by_hand[] = {
	/* constants */
	{ "r1 = li 4096\nr1 = add_i r1, 5\njmp -> 4", "r1 = li 4101\njmp -> 4" },
	{ "r1 = li 5\nr2 = li 3\nr3 = divu r1, r2\njmp -> 4", "r1 = li 5\nr2 = li 3\nr3 = li 1\njmp -> 4" },
	{ "r1 = lih 1\nr2 = mov r1\njmp -> 4", "r1 = lih 1\nr2 = lih 1\njmp -> 4" },
	{ "r1 = li 5\nr2 = sub r3, r1\njmp -> 4", "r1 = li 5\nr2 = add_i r3, -5\njmp -> 4" },
	{ "r1 = li 5\nr2 = add r1, r3\njmp -> 4", "r1 = li 5\nr2 = add_i r3, 5\njmp -> 4" },
	{ "r2 = add r3, r0\njmp -> 4", "r2 = mov r3\njmp -> 4" },
	{ "r64 = li 1\nr2 = li 7\nr64 = li 1\njmp -> 4", "r64 = li 1\nr2 = li 7\njmp -> 4" },
	/* extending a word once more */
	{ "r1 = addw r2, r3\nr1 = addw_i r1, 0\njmp -> 4", "r1 = addw r2, r3\njmp -> 4" },
	{ "r1 = ld_s32 [r2 + 0]\nr3 = shrw_i r4, 8\nr1 = xor r1, r3\nr1 = sext32 r1\njmp -> 4",
	  "r1 = ld_s32 [r2 + 0]\nr3 = shrw_i r4, 8\nr1 = xor r1, r3\njmp -> 4" },
	{ "r1 = and_i r2, 255\nr1 = sext32 r1\njmp -> 4", "r1 = and_i r2, 255\njmp -> 4" },
	{ "r1 = ld_u32 [r2 + 0]\nr3 = sext32 r1\njmp -> 4", NULL },
	{ "r1 = addw r2, r3\nr1 = add r1, r2\nr1 = sext32 r1\njmp -> 4", NULL },
	{ "r1 = and_i r2, -1024\nr1 = sext32 r1\njmp -> 4", NULL },
	/* the page: pc-relative addresses, loads, calls */
	{ "insn +0 size 4\nr1 = add_i r255, 4100\ninsn +4 size 4\nr1 = ld_64 [r1 + 16]\njmp -> 8",
	  "insn +0 size 4\nr1 = add_i r255, 4100\ninsn +4 size 4\nr1 = ld_64 [r255 + 4116]\njmp -> 8" },
	{ "insn +0 size 4\nr1 = add_i r255, 4096\ninsn +4 size 4\nr1 = add_i r1, 16\njmp -> 8",
	  "insn +0 size 4\ninsn +4 size 4\nr1 = add_i r255, 4112\njmp -> 8" },
	{ "insn +0 size 4\nr1 = add_i r255, 4096\ninsn +4 size 4\nr224 = mov r1\nr1 = add_i r255, 8\njr r224, -15",
	  "insn +0 size 4\ninsn +4 size 4\nr1 = add_i r255, 8\njmp -> 0xff0" },
	/* not if it does not fit */
	{ "r1 = add_i r255, 2147483647\nr1 = ld_64 [r1 + 16]\njmp -> 8", NULL },
	{ "r1 = li 4\njr r1, 0", NULL },
	{ "r1 = add_i r255, 2147483647\njr r1, 1", NULL },
	/* branches */
	{ "beq r0, r0 -> 0x10 else 4", "jmp -> 0x10" },
	{ "bne r3, r3 -> 0x10 else 4", NULL },
	{ "r1 = li -1\nbltu r1, r0 -> 0x10 else 4", "r1 = li -1\njmp -> 4" },
	{ "r1 = add_i r255, 1\nbltu r255, r1 -> 0x10 else 4", NULL },
	{ "r1 = add_i r255, 1\nbeq r255, r1 -> 0x10 else 4", "r1 = add_i r255, 1\njmp -> 4" },
	/* copies and dead ops */
	{ "r224 = mov r2\nr3 = add r224, r224\njmp -> 4", "r3 = add r2, r2\njmp -> 4" },
	{ "r224 = mov r2\nr2 = li 1\nr3 = add r224, r224\njmp -> 4", NULL },
	{ "insn +0 size 4\nr1 = add r2, r3\ninsn +4 size 4\nr1 = add r4, r3\njmp -> 8",
	  "insn +0 size 4\ninsn +4 size 4\nr1 = add r4, r3\njmp -> 8" },
	/* a temporary dies with its instruction, what is known of it too */
	{ "insn +0 size 4\nr224 = li 5\nr1 = mulhu r2, r224\ninsn +4 size 4\nr224 = li 5\nr3 = mulhu r2, r224\njmp -> 8", NULL },
	/* a fault sees the first value */
	{ "insn +0 size 4\nr1 = add r2, r3\ninsn +4 size 4\nr5 = ld_64 [r6 + 0]\ninsn +8 size 4\nr1 = add r4, r3\njmp -> 12", NULL },
	{ "insn +0 size 4\nr1 = add r2, r3\ninsn +4 size 4\nr5 = helper faults(r6, r6, 0)\ninsn +8 size 4\nr1 = add r4, r3\njmp -> 12", NULL },
	{ "insn +0 size 4\nr6 = add r2, r3\ninsn +4 size 4\nr5 = helper regs(r2, r2, 0)\ninsn +8 size 4\nr6 = add r4, r3\njmp -> 12", NULL },
	{ "insn +0 size 4\nr6 = add r2, r3\ninsn +4 size 4\nr5 = helper pure(r2, r2, 0)\ninsn +8 size 4\nr6 = add r4, r3\njmp -> 12",
	  "insn +0 size 4\ninsn +4 size 4\nr5 = helper pure(r2, r2, 0)\ninsn +8 size 4\nr6 = add r4, r3\njmp -> 12" },
	/* a helper that writes registers: nothing is known after it */
	{ "insn +0 size 4\nr5 = li 1\ninsn +4 size 4\nr254 = helper regs(r2, r2, 0)\ninsn +8 size 4\nr6 = add_i r5, 1\njmp -> 12", NULL },
	/* faulting and flag-raising ops stay, whatever becomes of their results */
	{ "insn +0 size 4\nr1 = ld_64 [r2 + 0]\ninsn +4 size 4\nr1 = fadd_d r2, r3\ninsn +8 size 4\nr1 = li 0\njmp -> 12", NULL },
};

START_TEST(blocks_by_hand)
{
	static char expected[sizeof(text)];
	const char *to = by_hand[_i].after ? by_hand[_i].after : by_hand[_i].before;
	struct error err;

	ck_assert_msg(ir_parse(&block, to, NULL, helpers, ARRAY_SIZE(helpers), &err), "%s", err.text);
	ir_print(&block, NULL, helpers, expected, sizeof(expected));
	ck_assert_msg(ir_parse(&block, by_hand[_i].before, NULL, helpers, ARRAY_SIZE(helpers), &err), "%s", err.text);
	ir_optimise(&block, helpers);
	if (block.uop[block.n_uops - 1].op == UOP_jmp)
		block.target[1] = 0;
	ir_print(&block, NULL, helpers, text, sizeof(text));
	ck_assert_str_eq(text, expected);
}
END_TEST

int main(void)
{
	random_init();
	Suite *s = suite_create("passes");
	TCase *c = tcase_create("passes");
	tcase_set_timeout(c, 0);
	tcase_add_test(c, random_blocks);
	tcase_add_loop_test(c, blocks_by_hand, 0, ARRAY_SIZE(by_hand));
	suite_add_tcase(s, c);
	return run_suites("ir/passes", 1, (Suite *[]){ s });
}

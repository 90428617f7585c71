// SPDX-License-Identifier: Apache-2.0
/*
 * The fp micro-ops, which are the host's arithmetic, against the software operations in the host's four rounding modes, on
 * random and edge operands: two implementations that share nothing but the NaN rules. (test_ops.c holds both against exact
 * rationals, on fewer operands.) CALQUE_TEST_CASES sets the number of operand tuples per op and mode.
 */
#include <inttypes.h>
#include "runtime/fp.h"
#include "runtime/softfp.h"
#include "tests/check_main.h"
#include "tests/ir/mini_exec.h"
#include "tests/ir/random.h"

/* op, its software twin, the format of its operands (16, 32, 64; 1: integer) */
static const struct pair {
	uint8_t op, soft, source;
} pairs[] = {
	{ UOP_fadd_s, FSOFT_ADD_S, 32 }, { UOP_fsub_s, FSOFT_SUB_S, 32 }, { UOP_fmul_s, FSOFT_MUL_S, 32 }, { UOP_fdiv_s, FSOFT_DIV_S, 32 },
	{ UOP_fsqrt_s, FSOFT_SQRT_S, 32 }, { UOP_fmadd_s, FSOFT_MADD_S, 32 },
	{ UOP_fadd_d, FSOFT_ADD_D, 64 }, { UOP_fsub_d, FSOFT_SUB_D, 64 }, { UOP_fmul_d, FSOFT_MUL_D, 64 }, { UOP_fdiv_d, FSOFT_DIV_D, 64 },
	{ UOP_fsqrt_d, FSOFT_SQRT_D, 64 }, { UOP_fmadd_d, FSOFT_MADD_D, 64 },
	{ UOP_fcvt_w_s, FSOFT_CVT_W_S, 32 }, { UOP_fcvt_wu_s, FSOFT_CVT_WU_S, 32 }, { UOP_fcvt_l_s, FSOFT_CVT_L_S, 32 },
	{ UOP_fcvt_lu_s, FSOFT_CVT_LU_S, 32 }, { UOP_fcvt_w_d, FSOFT_CVT_W_D, 64 }, { UOP_fcvt_wu_d, FSOFT_CVT_WU_D, 64 },
	{ UOP_fcvt_l_d, FSOFT_CVT_L_D, 64 }, { UOP_fcvt_lu_d, FSOFT_CVT_LU_D, 64 },
	{ UOP_fcvt_s_w, FSOFT_CVT_S_W, 1 }, { UOP_fcvt_s_wu, FSOFT_CVT_S_WU, 1 }, { UOP_fcvt_s_l, FSOFT_CVT_S_L, 1 },
	{ UOP_fcvt_s_lu, FSOFT_CVT_S_LU, 1 }, { UOP_fcvt_d_w, FSOFT_CVT_D_W, 1 }, { UOP_fcvt_d_wu, FSOFT_CVT_D_WU, 1 },
	{ UOP_fcvt_d_l, FSOFT_CVT_D_L, 1 }, { UOP_fcvt_d_lu, FSOFT_CVT_D_LU, 1 },
	{ UOP_fcvt_s_d, FSOFT_CVT_S_D, 64 }, { UOP_fcvt_d_s, FSOFT_CVT_D_S, 32 }, { UOP_fcvt_s_h, FSOFT_CVT_S_H, 16 },
	{ UOP_fcvt_h_s, FSOFT_CVT_H_S, 32 }, { UOP_fcvt_d_h, FSOFT_CVT_D_H, 16 }, { UOP_fcvt_h_d, FSOFT_CVT_H_D, 64 },
};

static const uint8_t to_zero[][2] = {
	{ UOP_fcvtz_w_s, FSOFT_CVT_W_S }, { UOP_fcvtz_wu_s, FSOFT_CVT_WU_S }, { UOP_fcvtz_l_s, FSOFT_CVT_L_S }, { UOP_fcvtz_lu_s, FSOFT_CVT_LU_S },
	{ UOP_fcvtz_w_d, FSOFT_CVT_W_D }, { UOP_fcvtz_wu_d, FSOFT_CVT_WU_D }, { UOP_fcvtz_l_d, FSOFT_CVT_L_D }, { UOP_fcvtz_lu_d, FSOFT_CVT_LU_D },
};

static struct mini mini;

/* ---- operands ---- */

static uint64_t random_float(unsigned bits)
{
	unsigned fraction = bits == 16 ? 10 : bits == 32 ? 23 : 52, exp_max = (1u << (bits - 1 - fraction)) - 1, bias = exp_max / 2;
	uint64_t frac = random_next() >> (64 - fraction), exp;

	if (!random_below(10)) {	/* zero, infinite, NaNs, one */
		static const uint8_t has_exp[] = { 0, 1, 1, 1, 2 };
		unsigned k = random_below(5);
		uint64_t v = (random_next() & 1) << (bits - 1) | (k == 2 ? (uint64_t)1 << (fraction - 1) : k == 3) |
			     (uint64_t)(has_exp[k] == 1 ? exp_max : has_exp[k] ? bias : 0) << fraction;
		return bits == 64 ? v : v | ~(uint64_t)0 << bits;
	}
	switch (random_below(8)) {
	case 0:		/* few bits set */
		frac &= random_next() & random_next() & random_next();
		break;
	case 1:		/* few bits clear */
		frac |= (random_next() | random_next() | random_next()) >> (64 - fraction);
		break;
	case 2:
		frac = random_below(4);
		break;
	case 3:
		frac = ((uint64_t)1 << fraction) - 1 - random_below(4);
		break;
	}
	switch (random_below(8)) {
	case 0:
		exp = random_below(exp_max + 1);
		break;
	case 1:		/* subnormal, least normal */
		exp = random_below(3);
		break;
	case 2:		/* infinite, NaN, large */
		exp = exp_max - random_below(3);
		break;
	case 3:		/* around where narrower formats and integers end */
		exp = bias + (bits == 64 ? (int)(uint64_t[]){ -1074, -1022, -149, -126, -24, -14, 15, 31, 63, 127 }[random_below(10)]
					 : bits == 32 ? (int)(uint64_t[]){ -24, -14, 15, 31, 63 }[random_below(5)] : 0) - 2 + random_below(5);
		break;
	default:
		exp = bias - fraction + random_below(2 * fraction);
		break;
	}
	exp = (int64_t)exp < 0 ? 0 : exp > exp_max ? exp_max : exp;
	uint64_t v = (random_next() & 1) << (bits - 1) | exp << fraction | frac;
	if (bits == 64)
		return v;
	return random_below(200) ? v | ~(uint64_t)0 << bits : v;	/* now and then badly boxed */
}

static uint64_t random_operand(unsigned source)
{
	if (source == 1) {
		uint64_t v = random_next() >> random_below(64);
		return random_below(4) ? v : random_below(2) ? -v : ((uint64_t)1 << random_below(64)) + random_below(5) - 2;
	}
	return random_float(source);
}

/* ---- running one op ---- */

static uint64_t run(unsigned op, unsigned rm, int32_t imm, const uint64_t v[3], uint32_t *flags)
{
	struct ir_block b;

	ir_begin(&b);
	ir_insn(&b, 0, 4);
	b.uop[b.n_uops++] = (struct uop){ .op = op, .d = 10, .a = 1, .b = 2, .c = 3, .imm = imm };
	uop_jmp(&b, 0);
	for (unsigned i = 0; i < 3; i++)
		mini.cpu.reg[i + 1] = v[i];
	mini.cpu.fp_control = fp_control_for(rm);
	mini.cpu.fp_flags = 0;
	mini_run(&mini, &b);
	*flags = mini.cpu.fp_flags;
	return mini.cpu.reg[10];
}

static void compare(unsigned op, unsigned soft, unsigned host_rm, unsigned rm, const uint64_t v[3])
{
	bool fma = op == UOP_fmadd_s || op == UOP_fmadd_d;
	unsigned negate = fma ? random_below(4) : 0;
	uint32_t flags, soft_flags = 0;
	uint64_t r = run(op, host_rm, fma ? (int32_t)negate : 0, v, &flags);
	uint64_t expected = softfp_eval(FSOFT(soft, rm, negate), v[0], v[1], v[2], &soft_flags);

	ck_assert_msg(r == expected && flags == soft_flags,
		      "%s %#" PRIx64 " %#" PRIx64 " %#" PRIx64 " rm %u negate %u: host %#" PRIx64 " flags %#x, software %#" PRIx64 " flags %#x",
		      op_info[op].name, v[0], v[1], v[2], rm, negate, r, flags, expected, soft_flags);
}

START_TEST(host_against_software)
{
	unsigned long n = random_cases(4000);

	for (unsigned i = 0; i < ARRAY_SIZE(pairs); i++) {
		const struct pair *p = &pairs[i];
		for (unsigned long k = 0; k < n; k++) {
			uint64_t v[3] = { random_operand(p->source), random_operand(p->source), random_operand(p->source) };
			for (unsigned rm = 0; rm < 4; rm++)
				compare(p->op, p->soft, rm, rm, v);
			/* a third operand that cancels the product */
			if (p->op != UOP_fmadd_s && p->op != UOP_fmadd_d)
				continue;
			uint32_t flags = 0;
			v[2] = softfp_eval(FSOFT(p->op == UOP_fmadd_s ? FSOFT_MUL_S : FSOFT_MUL_D, 0, 0), v[0], v[1], 0, &flags) ^ random_below(3);
			for (unsigned rm = 0; rm < 4; rm++)
				compare(p->op, p->soft, rm, rm, v);
		}
	}
}
END_TEST

START_TEST(conversions_towards_zero)
{
	unsigned long n = random_cases(4000);

	for (unsigned i = 0; i < ARRAY_SIZE(to_zero); i++) {
		for (unsigned long k = 0; k < n; k++) {
			uint64_t v[3] = { random_operand(i < 4 ? 32 : 64) };
			compare(to_zero[i][0], to_zero[i][1], random_below(4), SOFTFP_RTZ, v);
		}
	}
}
END_TEST

/* All halves there are, and all singles near each of them and near each halfway point */
START_TEST(halves)
{
	for (uint32_t h = 0; h < 0x10000; h++) {
		uint64_t v[3] = { fp_box16((uint16_t)h) };
		uint32_t flags = 0;
		compare(UOP_fcvt_d_h, FSOFT_CVT_D_H, 0, 0, v);
		compare(UOP_fcvt_s_h, FSOFT_CVT_S_H, 0, 0, v);
		uint64_t s = softfp_eval(FSOFT(FSOFT_CVT_S_H, 0, 0), v[0], 0, 0, &flags);
		uint64_t d = softfp_eval(FSOFT(FSOFT_CVT_D_H, 0, 0), v[0], 0, 0, &flags);
		for (int delta = -1; delta <= 1; delta++) {
			for (int half = 0; half < 2; half++) {
				v[0] = fp_box32((uint32_t)s + ((uint32_t)half << 12) + (uint32_t)delta);
				compare(UOP_fcvt_h_s, FSOFT_CVT_H_S, h & 3, h & 3, v);
				v[0] = d + ((uint64_t)half << 41) + (uint64_t)delta;
				compare(UOP_fcvt_h_d, FSOFT_CVT_H_D, h & 3, h & 3, v);
			}
		}
	}
}
END_TEST

/* ---- the status register ---- */

START_TEST(status)
{
	for (unsigned rm = 0; rm < 4; rm++) {
		fp_load_control(fp_control_for(rm));
		ck_assert_uint_eq(fp_take_flags(), 0);
		volatile double x = 1, y = 3, z = x / y;
		fp_load_rounding(fp_control_for((rm + 1) & 3));
		ck_assert_uint_eq(fp_take_flags(), FP_NX);
		ck_assert_uint_eq(fp_take_flags(), 0);
		y = 0;
		z = x / y;
		(void)z;
		ck_assert_uint_eq(fp_take_flags(), FP_DZ);
		fp_load_control(FP_CONTROL_DEFAULT);
	}
}
END_TEST

START_TEST(unknown_software_ops)
{
	uint32_t flags = 0;

	ck_assert_uint_eq(softfp_eval(FSOFT(FSOFT_COUNT, 0, 0), 1, 2, 3, &flags), FP_NAN64);
	ck_assert_uint_eq(softfp_eval(FSOFT(FSOFT_ADD_D, 5, 0), 1, 2, 3, &flags), FP_NAN64);
	ck_assert_uint_eq(flags, 0);
}
END_TEST

int main(void)
{
	random_init();
	Suite *s = suite_create("floating point");
	TCase *c = tcase_create("fp");
	tcase_set_timeout(c, 0);
	tcase_add_test(c, host_against_software);
	tcase_add_test(c, conversions_towards_zero);
	tcase_add_test(c, halves);
	tcase_add_test(c, status);
	tcase_add_test(c, unknown_software_ops);
	suite_add_tcase(s, c);
	return run_suites("ir/fp", 1, (Suite *[]){ s });
}

// SPDX-License-Identifier: Apache-2.0
/* What the verifier accepts and refuses. */
#include <string.h>
#include "tests/check_main.h"
#include "ir/ir.h"

static bool no_helper(struct vcpu *cpu, uint64_t a, uint64_t b, int32_t imm, uint64_t *result)
{
	return true;
}

static const struct helper helpers[] = {
	{ "pure", no_helper, 0 },
	{ "faults", no_helper, HELPER_MAY_FAULT },
	{ "regs", no_helper, HELPER_WRITES_REGS },
	{ "fp", no_helper, HELPER_READS_FP },
	{ "memory", no_helper, HELPER_WRITES_MEMORY },
	{ "csr", no_helper, HELPER_MAY_FAULT | HELPER_WRITES_REGS | HELPER_READS_FP },
};
static struct ir_block block;

static const char *const accepted[] = {
	"jmp -> 4",
	"r1 = ld_64 [r1 + 8]\njmp -> 4",
	/* a load of a pair: to temporaries first */
	"r224 = ld_64 [r2 + 0]\nr3 = ld_64 [r2 + 8]\nr1 = mov r224\njmp -> 4",
	"st_64 [r1 + 0], r2\nr1 = add_i r1, 8\njmp -> 4",
	"r224 = add r1, r2\nr1 = swap_w [r224], r3\nr2 = li 1\njmp -> 4",
	"r224 = add r1, r2\nr225 = fetch_add_d [r224], r2\nr1 = mov r225\njmp -> 4",
	/* an instruction may write before another one's fault */
	"insn +0 size 4\nst_64 [r1 + 0], r2\nr1 = li 1\ninsn +4 size 4\nr2 = ld_64 [r1 + 8]\njmp -> 8",
	"r1 = helper csr(r2, r0, 1)\nleave -> 4",
	"r254 = ld_64 [r1 + 0]\nr1 = ld_64 [r1 + 8]\njmp -> 4",
	"r224 = helper pure(r1, r2, 3)\nr1 = helper faults(r224, r2, 3)\njmp -> 4",
	"fp_round 1\nr33 = fadd_d r34, r35\nfp_round 7\nr64 = li 1\njmp -> 4",
	"r33 = fsoft r33, r34, r0, 1024\njmp -> 4",
	"r33 = fsoft r33, r34, r35, 13317\njmp -> 4",
	"raise r0, 2",
	"r224 = li 77\nraise r224, 2",
	/* an instruction without micro-ops */
	"insn +0 size 4\ninsn +4 size 2\nr1 = li 1\ninsn +6 size 4\njmp -> 0",
	"insn +0 size 4\nr1 = li 1\njmp -> 4\ninsn +4 size 4",
	"r224 = li 0\nr224 = add r224, r224\nbeq r224, r0 -> 0 else 4",
	"r1 = add r255, r0\njr r1, 0",
	"beq r1, r2 -> 0x7fffffff else -0x80000000",
};

static const struct { const char *text, *what; } refused[] = {
	{ "", "micro-ops" },
	{ "insn +0 size 4", "micro-ops" },
	{ "r1 = li 1", "does not end" },
	{ "jmp -> 4\nr1 = li 1\njmp -> 4", "not its last" },
	{ "jmp -> 4\njmp -> 4", "not its last" },
	{ "r0 = li 1\njmp -> 4", "SLOT_ZERO" },
	{ "r255 = li 1\njmp -> 4", "SLOT_PAGE" },
	{ "r0 = ld_64 [r1 + 0]\njmp -> 4", "SLOT_ZERO" },
	{ "r1 = mov r254\njmp -> 4", "SLOT_SINK" },
	{ "r1 = add r1, r254\njmp -> 4", "SLOT_SINK" },
	{ "r1 = fmadd_d r1, r2, r254, 0\njmp -> 4", "SLOT_SINK" },
	{ "r1 = mov r224\njmp -> 4", "temporary" },
	{ "r1 = add r1, r239\njmp -> 4", "temporary" },
	{ "r224 = add_i r224, 1\njmp -> 4", "temporary" },
	{ "beq r230, r0 -> 0 else 4", "temporary" },
	/* temporaries end with their instruction */
	{ "insn +0 size 4\nr224 = li 1\ninsn +4 size 4\nr1 = mov r224\njmp -> 8", "temporary" },
	{ "jmp -> 0x80000000", "target" },
	{ "beq r1, r2 -> 4 else -0x80000001", "target" },
	{ "r1 = helper #6(r0, r0, 0)\njmp -> 4", "unknown helper" },
	/* state before the last fault point */
	{ "r1 = li 1\nr2 = ld_64 [r3 + 0]\njmp -> 4", "micro-op 0" },
	{ "r1 = ld_64 [r2 + 0]\nr3 = ld_64 [r2 + 8]\njmp -> 4", "micro-op 0" },
	{ "r1 = add_i r1, 8\nst_64 [r1 + 0], r2\njmp -> 4", "guest slot" },
	{ "st_64 [r1 + 0], r2\nst_64 [r1 + 8], r3\njmp -> 4", "guest state" },
	{ "r224 = swap_w [r1], r2\nr2 = ld_64 [r1 + 0]\njmp -> 4", "guest state" },
	{ "r224 = lr_w [r1], r0\nr2 = ld_64 [r1 + 0]\njmp -> 4", "guest state" },
	{ "r1 = li 1\nr2 = helper faults(r0, r0, 0)\njmp -> 4", "guest slot" },
	{ "r224 = helper regs(r0, r0, 0)\nr2 = helper faults(r0, r0, 0)\njmp -> 4", "guest state" },
	{ "r224 = helper memory(r0, r0, 0)\nr2 = ld_u8 [r0 + 0]\njmp -> 4", "guest state" },
	{ "r224 = helper fp(r0, r0, 0)\nr2 = ld_u8 [r0 + 0]\njmp -> 4", "FP status" },
	{ "r224 = fadd_d r1, r2\nst_64 [r1 + 0], r224\njmp -> 4", "FP status" },
	{ "r1 = helper csr(r0, r0, 0)\nraise r0, 2", "micro-op 0" },
	{ "r1 = li 1\nraise r0, 2", "guest slot" },
	{ "fp_round 1\nraise r0, 2", "rounding" },
	/* rounding modes are one instruction's own */
	{ "fp_round 1\nr1 = fadd_d r1, r2\njmp -> 4", "rounding" },
	{ "insn +0 size 4\nfp_round 1\ninsn +4 size 4\nfp_round 7\njmp -> 8", "rounding" },
	{ "fp_round 4\nfp_round 7\njmp -> 8", "none of" },
	{ "fp_round -1\nfp_round 7\njmp -> 8", "none of" },
	{ "r1 = fsoft r1, r2, r3, 255\njmp -> 4", "FSOFT" },
	{ "r1 = fsoft r1, r2, r3, 1280\njmp -> 4", "FSOFT" },
	{ "r1 = fsoft r1, r2, r3, 65536\njmp -> 4", "FSOFT" },
	/* instructions */
	{ "insn +4 size 4\njmp -> 4", "instruction 0" },
	{ "insn +0 size 0\njmp -> 4", "instruction 0" },
	{ "insn +0 size 4\nr1 = li 1\ninsn +2 size 4\njmp -> 4", "instruction 0" },
	{ "block 3 bytes\ninsn +0 size 4\njmp -> 4", "instruction 0" },
};

static void parse(const char *text)
{
	struct error err;

	if (!ir_parse(&block, text, NULL, helpers, ARRAY_SIZE(helpers), &err))
		ck_abort_msg("%s in %s", err.text, text);
}

START_TEST(accepts)
{
	struct error err;

	parse(accepted[_i]);
	if (!ir_verify(&block, helpers, ARRAY_SIZE(helpers), &err))
		ck_abort_msg("%s in\n%s", err.text, accepted[_i]);
}
END_TEST

START_TEST(refuses)
{
	struct error err = { 0 };

	parse(refused[_i].text);
	ck_assert_msg(!ir_verify(&block, helpers, ARRAY_SIZE(helpers), &err), "accepted: %s", refused[_i].text);
	ck_assert_msg(strstr(err.text, refused[_i].what) != NULL, "%s: %s", refused[_i].text, err.text);
}
END_TEST

/* What no text can say */
START_TEST(damaged)
{
	struct error err;

	parse("insn +0 size 4\nr1 = li 1\ninsn +4 size 4\njmp -> 4");
	ck_assert(ir_verify(&block, helpers, ARRAY_SIZE(helpers), &err));
	block.uop[0].op = UOP_COUNT;
	ck_assert(!ir_verify(&block, helpers, ARRAY_SIZE(helpers), &err));
	block.uop[0].op = ~(uint64_t)0;
	ck_assert(!ir_verify(&block, helpers, ARRAY_SIZE(helpers), &err));
	block.uop[0].op = UOP_li;
	block.insn[1].first_uop = 3;
	ck_assert(!ir_verify(&block, helpers, ARRAY_SIZE(helpers), &err));
	block.insn[1].first_uop = 1;
	block.insn[0].first_uop = 1;
	ck_assert(!ir_verify(&block, helpers, ARRAY_SIZE(helpers), &err));
	block.insn[0].first_uop = 0;
	block.n_insns = BLOCK_MAX_INSNS + 1;
	ck_assert(!ir_verify(&block, helpers, ARRAY_SIZE(helpers), &err));
	block.n_insns = 2;
	block.n_uops = BLOCK_MAX_UOPS + 1;
	ck_assert(!ir_verify(&block, helpers, ARRAY_SIZE(helpers), &err));
	block.n_uops = 2;
	ck_assert(ir_verify(&block, helpers, ARRAY_SIZE(helpers), &err));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("verifier");
	TCase *c = tcase_create("verifier");
	tcase_set_timeout(c, 0);
	tcase_add_loop_test(c, accepts, 0, ARRAY_SIZE(accepted));
	tcase_add_loop_test(c, refuses, 0, ARRAY_SIZE(refused));
	tcase_add_test(c, damaged);
	suite_add_tcase(s, c);
	return run_suites("ir/verify", 1, (Suite *[]){ s });
}

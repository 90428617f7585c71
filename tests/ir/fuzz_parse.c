// SPDX-License-Identifier: Apache-2.0
/*
 * libFuzzer target: any text goes through the parser; what it accepts must print and read back the same, and what the
 * verifier accepts must still be accepted, and run to the same end, once optimised.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/ir/mini_exec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool helper_faults(struct vcpu *cpu, uint64_t a, uint64_t b, int32_t imm, uint64_t *result)
{
	*result = a - b;
	cpu->exception = (struct exception){ 1, a, a == b };
	return a != b;
}

static bool helper_regs(struct vcpu *cpu, uint64_t a, uint64_t b, int32_t imm, uint64_t *result)
{
	*result = cpu->reg[1]++;
	return true;
}

static const struct helper helpers[] = { { "faults", helper_faults, HELPER_MAY_FAULT }, { "regs", helper_regs, HELPER_WRITES_REGS } };

static void check(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "%s\n", what);
	abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct ir_block b, again;
	static struct mini before, after;
	static char text[1 << 17], printed[1 << 17];
	struct error err;

	if (size >= sizeof(text))
		return 0;
	memcpy(text, data, size);
	text[size] = 0;
	memset(&b, 0, sizeof(b));
	if (!ir_parse(&b, text, NULL, helpers, ARRAY_SIZE(helpers), &err))
		return 0;
	/* a helper's index may be one that has no name */
	for (unsigned i = 0; i < b.n_uops; i++)
		if (op_info[b.uop[i].op].format == F_CALL && b.uop[i].c >= ARRAY_SIZE(helpers))
			return 0;
	check((size_t)ir_print(&b, NULL, helpers, printed, sizeof(printed)) < sizeof(printed), "long text");
	memset(&again, 0, sizeof(again));
	check(ir_parse(&again, printed, NULL, helpers, ARRAY_SIZE(helpers), &err), "printed text is not accepted");
	check(b.n_uops == again.n_uops && !memcmp(b.uop, again.uop, b.n_uops * sizeof(b.uop[0])), "printed text reads back otherwise");
	if (!ir_verify(&b, helpers, ARRAY_SIZE(helpers), &err))
		return 0;
	again = b;
	ir_optimise(&again, helpers);
	check(ir_verify(&again, helpers, ARRAY_SIZE(helpers), &err), "the optimised block is not accepted");
	before.helpers = after.helpers = helpers;
	mini_reset(&before);
	mini_reset(&after);
	for (unsigned i = 1; i < 32; i++)
		before.cpu.reg[i] = after.cpu.reg[i] = MINI_BASE + 64 * i;
	mini_run(&before, &b);
	mini_run(&after, &again);
	check(before.end == after.end || (before.end == MINI_INDIRECT && after.end == MINI_TARGET), "ends differ");
	check(!memcmp(before.cpu.reg, after.cpu.reg, SLOT_TEMP * sizeof(uint64_t)), "registers differ");
	check(!memcmp(before.memory, after.memory, MINI_SIZE), "memory differs");
	return 0;
}

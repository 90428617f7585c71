// SPDX-License-Identifier: Apache-2.0
/*
 * The decoder against LLVM's verdict: all 16-bit encodings and millions of 32-bit ones, with every extension and with each
 * one off. CALQUE_CASES sets the number of random encodings (default 2,000,000).
 */
#include "tests/check_main.h"
#include "tests/riscv/user/llvm.h"
#include "tests/riscv/user/rng.h"

/* Where LLVM and the manual part: (bits & mask) == value, if the extensions in `off` are off. `legal` is the manual's word. */
static struct difference {
	uint32_t mask, value;
	uint64_t off;
	bool legal;
	const char *why;
	bool used;
} differences[] = {
	{ 0xffff, 0x0000, 0, false, "vol. I, 1.5: all zeros is illegal; LLVM names it unimp" },
	{ 0xf07f, 0x6001, 0, false, "vol. I, 27.5: c.lui with nzimm = 0 is reserved; LLVM prints it" },
	{ 0x707f, 0x000f, 0, true, "vol. I, 2.7: fence's rd, rs1 and unknown fm are ignored; LLVM refuses them" },
	{ 0x707f, 0x100f, 0, true, "vol. I, 6: fence.i's imm, rs1 and rd are ignored; LLVM refuses them" },
	{ 0xbe007fff, 0x26000073, 0, false, "hinval.vvma and hinval.gvma need H and Svinval, LLVM asks for Svinval alone" },
	{ 0x107f, 0x1073, EXT_BIT(ZICSR), false, "LLVM has no predicate on CSR instructions" },
	{ 0x207f, 0x2073, EXT_BIT(ZICSR), false, "LLVM has no predicate on CSR instructions" },
	{ 0xffffffff, 0x100f, EXT_BIT(ZIFENCEI), false, "nor on fence.i" },
};

static bool excused(uint32_t bits, uint64_t ext, bool legal)
{
	for (unsigned i = 0; i < ARRAY_SIZE(differences); i++) {
		struct difference *d = &differences[i];

		if ((bits & d->mask) == d->value && d->legal == legal && !(d->off & ext)) {
			d->used = true;
			return true;
		}
	}
	return false;
}

/* Direct jumps and branches: our offset against the last operand that LLVM prints. */
static bool same_offset(const struct insn *i, const char *text)
{
	const char *last = strrchr(text, ' ') ? strrchr(text, ' ') : strrchr(text, '\t');

	switch (i->kind) {
	case INSN_JAL: case INSN_BEQ: case INSN_BNE: case INSN_BLT: case INSN_BGE: case INSN_BLTU: case INSN_BGEU:
		return last && strtol(last, NULL, 0) == i->imm;
	}
	return true;
}

static void compare(LLVMDisasmContextRef llvm, uint32_t bits, uint64_t ext)
{
	char text[200] = "";
	struct insn i = riscv_decode(bits, ext);
	bool ours = i.kind != INSN_ILLEGAL, theirs = llvm_legal(llvm, bits, text, sizeof(text));

	if (ours != theirs && !excused(bits, ext, ours))
		ck_abort_msg("%08x: %s for us, %s for LLVM (%s), extensions %#llx", bits, ours ? "legal" : "illegal",
			theirs ? "legal" : "illegal", text, (unsigned long long)ext);
	if (ours && theirs && !same_offset(&i, text))
		ck_abort_msg("%08x: offset %d for us, LLVM has %s", bits, i.imm, text);
}

static void compare16(uint64_t ext)
{
	LLVMDisasmContextRef llvm = llvm_open(ext);

	for (uint32_t bits = 0; bits < 0x10000; bits++)
		if (insn_size((uint16_t)bits) == 2)
			compare(llvm, bits, ext);
	LLVMDisasmDispose(llvm);
}

/* Around each line of the table: its fixed bits with the others random, every other time with one or two bits changed. */
static void compare_lines(uint64_t ext, unsigned rounds)
{
	LLVMDisasmContextRef llvm = llvm_open(ext);
	struct rng r = { ext };

	for (unsigned n = 0; n < riscv_n_patterns32; n++)
		for (unsigned k = 0; k < rounds; k++) {
			const struct insn_pattern *p = &riscv_patterns32[n];
			uint32_t bits = p->value | ((uint32_t)rng_next(&r) & ~p->mask);

			if (k & 1)
				bits ^= 1u << rng_below(&r, 32);
			if ((k & 3) == 3)
				bits ^= 1u << rng_below(&r, 32);
			compare(llvm, bits | 3, ext);
		}
	LLVMDisasmDispose(llvm);
}

/* LLVM's features imply each other; without this one, those that need it are off too. */
static uint64_t without(unsigned e)
{
	uint64_t fp = EXT_BIT(D) | EXT_BIT(ZFHMIN);

	switch (e) {
	case EXT_F:
		return EXT_ALL & ~(EXT_BIT(F) | fp);
	case EXT_ZICSR:
		return EXT_ALL & ~(EXT_BIT(ZICSR) | EXT_BIT(F) | fp | EXT_BIT(ZICNTR) | EXT_BIT(ZIHPM) | EXT_BIT(SSTC));
	}
	return EXT_ALL & ~((uint64_t)1 << e);
}

START_TEST(all_16_bit_encodings)
{
	compare16(EXT_ALL);
}
END_TEST

START_TEST(random_32_bit_encodings)
{
	const char *text = getenv("CALQUE_CASES");
	unsigned long n = text ? strtoul(text, NULL, 0) : 2000000;
	LLVMDisasmContextRef llvm = llvm_open(EXT_ALL);
	struct rng r = { n };

	while (n--)
		compare(llvm, (uint32_t)rng_next(&r) | 3, EXT_ALL);
	LLVMDisasmDispose(llvm);
}
END_TEST

START_TEST(lines_of_the_table)
{
	compare_lines(EXT_ALL, 4000);
}
END_TEST

START_TEST(an_extension_off)
{
	compare16(without((unsigned)_i));
	compare_lines(without((unsigned)_i), 200);
}
END_TEST

/* An excuse that nothing needs would hide a later error. */
START_TEST(no_idle_excuse)
{
	struct difference *d = &differences[_i];
	uint64_t ext = d->off ? without((unsigned)__builtin_ctzll(d->off)) : EXT_ALL;
	LLVMDisasmContextRef llvm = llvm_open(ext);
	struct rng r = { 1 };

	for (unsigned k = 0; k < 1000; k++)
		compare(llvm, d->value | ((uint32_t)rng_next(&r) & ~d->mask), ext);
	LLVMDisasmDispose(llvm);
	ck_assert_msg(d->used, "%s: never needed", d->why);
}
END_TEST

/* Fields by hand where LLVM's verdict cannot tell: one line a format. */
START_TEST(fields)
{
	static const struct {
		uint32_t bits;
		struct insn want;
	} cases[] = {
		{ 0xfff10093, { INSN_ADDI, 4, 0, 1, 2, 0, 0, -1, 0 } },		/* addi ra, sp, -1 */
		{ 0x80000fb7, { INSN_LUI, 4, 0, 31, 0, 0, 0, INT32_MIN, 0 } },	/* lui t6, 0x80000 */
		{ 0xfe20bc23, { INSN_SD, 4, 0, 0, 1, 2, 0, -8, 0 } },		/* sd sp, -8(ra) */
		{ 0x03f1d093, { INSN_SRLI, 4, 0, 1, 3, 0, 0, 63, 0 } },		/* srli ra, gp, 63 */
		{ 0xc0102573, { INSN_CSRRS, 4, 0, 10, 0, 0, 0, 0xc01, 0 } },	/* rdtime a0 */
		{ 0x1a20f043, { INSN_FMADD_D, 4, 7, 0, 1, 2, 3, 0, 0 } },	/* fmadd.d f0, f1, f2, f3 */
		{ 0x1ff8, { INSN_ADDI, 2, 0, 14, 2, 0, 0, 1020, 0 } },		/* c.addi4spn a4, sp, 1020 */
		{ 0x7115, { INSN_ADDI, 2, 0, 2, 2, 0, 0, -224, 0 } },		/* c.addi16sp sp, -224 */
		{ 0x757d, { INSN_LUI, 2, 0, 10, 0, 0, 0, -4096, 0 } },		/* c.lui a0, 0xfffff */
		{ 0x5d7c, { INSN_LW, 2, 0, 15, 10, 0, 0, 124, 0 } },		/* c.lw a5, 124(a0) */
		{ 0x7d7c, { INSN_LD, 2, 0, 15, 10, 0, 0, 248, 0 } },		/* c.ld a5, 248(a0) */
		{ 0x557e, { INSN_LW, 2, 0, 10, 2, 0, 0, 252, 0 } },		/* c.lwsp a0, 252(sp) */
		{ 0x757e, { INSN_LD, 2, 0, 10, 2, 0, 0, 504, 0 } },		/* c.ldsp a0, 504(sp) */
		{ 0xdfaa, { INSN_SW, 2, 0, 0, 2, 10, 0, 252, 0 } },		/* c.swsp a0, 252(sp) */
		{ 0xffaa, { INSN_SD, 2, 0, 0, 2, 10, 0, 504, 0 } },		/* c.sdsp a0, 504(sp) */
		{ 0x9502, { INSN_JALR, 2, 0, 1, 10, 0, 0, 0, 0 } },		/* c.jalr a0 */
		{ 0x157d, { INSN_ADDI, 2, 0, 10, 10, 0, 0, -1, 0 } },		/* c.addi a0, -1 */
		{ 0x957d, { INSN_SRAI, 2, 0, 10, 10, 0, 0, 63, 0 } },		/* c.srai a0, 63 */
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct insn got = riscv_decode(cases[i].bits, EXT_ALL), want = cases[i].want;

		want.raw = cases[i].bits;
		ck_assert_msg(got.kind == want.kind && got.size == want.size && got.rd == want.rd && got.rs1 == want.rs1 &&
			got.rs2 == want.rs2 && got.rs3 == want.rs3 && got.rm == want.rm && got.imm == want.imm &&
			got.raw == want.raw, "%x: kind %u rd %u rs1 %u rs2 %u imm %d", want.raw, got.kind, got.rd,
			got.rs1, got.rs2, got.imm);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("decode");
	TCase *t = tcase_create("decode");

	tcase_set_timeout(t, 0);
	tcase_add_test(t, all_16_bit_encodings);
	tcase_add_test(t, random_32_bit_encodings);
	tcase_add_test(t, lines_of_the_table);
	tcase_add_loop_test(t, an_extension_off, 0, EXT_COUNT);
	tcase_add_loop_test(t, no_idle_excuse, 0, ARRAY_SIZE(differences));
	tcase_add_test(t, fields);
	suite_add_tcase(s, t);
	return run_suites("riscv decode", 1, (Suite *[]){ s });
}

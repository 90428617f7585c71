// SPDX-License-Identifier: Apache-2.0
/* Disassembly: text as GNU and LLVM write it, targets as addresses, lengths of whatever the bytes are, many threads at once. */
#include "tests/check_main.h"
#include <pthread.h>
#include <string.h>
#include "frontends/riscv/user/decode.h"
#include "tests/riscv/user/rng.h"

static const struct cpu_config all = { .ext = ~0ull };

static const struct line {
	uint32_t bits;
	unsigned length;
	const char *text;
} lines[] = {
	{ 0x00158593, 4, "addi    a1, a1, 1" },
	{ 0x0585, 2, "addi    a1, a1, 1" },
	{ 0x8082, 2, "ret" },
	{ 0x00000073, 4, "ecall" },
	{ 0xc0102573, 4, "rdtime  a0" },
	{ 0x14d5d573, 4, "csrrwi  a0, stimecmp, 11" },
	{ 0x02c5f553, 4, "fadd.d  fa0, fa1, fa2" },
	{ 0x40a5f5b3, 4, "andn    a1, a1, a0" },
	{ 0x22b58553, 4, "fmv.d   fa0, fa1" },
	{ 0xfeb51ee3, 4, "bne     a0, a1, -4 # 0xffffffff80000ffc" },
	{ 0x0080006f, 4, "j       8 # 0xffffffff80001008" },
	{ 0x00001517, 4, "auipc   a0, 1 # 0xffffffff80002000" },
	{ 0x0000, 2, "unimp" },
	{ 0x6081, 2, ".2byte  0x6081" },		/* c.lui ra, 0: reserved */
	{ 0xffffffff, 4, ".4byte  0xffffffff" },
	{ 0x0000005b, 4, ".4byte  0x0000005b" },
};

START_TEST(text)
{
	const struct line *l = &lines[_i];
	char text[100];

	ck_assert_uint_eq(riscv_disassemble(&all, 0xffffffff80001000, (const uint8_t *)&l->bits, 4, text, sizeof(text)), l->length);
	ck_assert_str_eq(text, l->text);
}
END_TEST

START_TEST(extensions)
{
	static const uint32_t andn = 0x40a5f5b3, c_addi = 0x0585;
	struct cpu_config some = { .ext = ~((uint64_t)1 << EXT_ZBB) };
	char text[100];

	ck_assert_uint_eq(riscv_disassemble(&some, 0, (const uint8_t *)&andn, 4, text, sizeof(text)), 4);
	ck_assert_str_eq(text, ".4byte  0x40a5f5b3");
	some.ext = ~((uint64_t)1 << EXT_C);
	ck_assert_uint_eq(riscv_disassemble(&some, 0, (const uint8_t *)&c_addi, 4, text, sizeof(text)), 2);
	ck_assert_str_eq(text, ".2byte  0x0585");
}
END_TEST

START_TEST(short_input)
{
	static const uint32_t addi = 0x00158593;
	char text[100];

	for (unsigned size = 0; size < 4; size++) {
		ck_assert_uint_eq(riscv_disassemble(&all, 0, (const uint8_t *)&addi, size, text, sizeof(text)), 2);
		ck_assert_str_eq(text, size < 2 ? "(no bytes)" : ".2byte  0x8593");
	}
	for (unsigned room = 1; room < 20; room++) {
		memset(text, 'x', sizeof(text));
		riscv_disassemble(&all, 0, (const uint8_t *)&addi, 4, text, room);
		ck_assert_uint_eq(strlen(text), room - 1 < 17 ? room - 1 : 17);
	}
}
END_TEST

static void *many(void *opaque)
{
	struct rng r = { (uint64_t)(uintptr_t)opaque };
	uintptr_t wrong = 0;

	for (unsigned k = 0; k < 20000; k++) {
		struct cpu_config config = { .ext = k % 1000 ? all.ext : rng_next(&r) };
		uint32_t bits = (uint32_t)rng_next(&r);
		char text[64];

		wrong += riscv_disassemble(&config, rng_next(&r), (const uint8_t *)&bits, 4, text, sizeof(text)) !=
			 insn_size((uint16_t)bits);
		wrong += strlen(text) >= sizeof(text) || !text[0];
	}
	return (void *)wrong;
}

START_TEST(threads)
{
	pthread_t thread[4];
	void *wrong;

	for (uintptr_t i = 0; i < ARRAY_SIZE(thread); i++)
		ck_assert(!pthread_create(&thread[i], NULL, many, (void *)i));
	for (unsigned i = 0; i < ARRAY_SIZE(thread); i++) {
		pthread_join(thread[i], &wrong);
		ck_assert_ptr_null(wrong);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("disassembly");
	TCase *t = tcase_create("disassembly");

	tcase_set_timeout(t, 0);
	tcase_add_loop_test(t, text, 0, ARRAY_SIZE(lines));
	tcase_add_test(t, extensions);
	tcase_add_test(t, short_input);
	tcase_add_test(t, threads);
	suite_add_tcase(s, t);
	return run_suites("riscv disassembly", 1, (Suite *[]){ s });
}

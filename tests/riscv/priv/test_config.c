// SPDX-License-Identifier: Apache-2.0
/* --cpu: what it accepts, and that each mistake gets one line with the mend. */
#include "tests/riscv/priv/fixture.h"

static const struct {
	const char *text, *part;	/* of the message */
} mistakes[] = {
	{ "", "begin with rv64" },
	{ "rv32", "begin with rv64" },
	{ "rv64gc", "begin with rv64" },
	{ ",zba=off", "begin with rv64" },
	{ "rv64,", "name=value" },
	{ "rv64,zba", "name=value" },
	{ "rv64,,zba=off", "name=value" },
	{ "rv64,zba=", "say on or off" },
	{ "rv64,zba=yes", "say on or off" },
	{ "rv64,ZBA=off", "unknown" },
	{ "rv64,=off", "unknown" },
	{ "rv64,v=on", "unknown" },
	{ "rv64,satp=sv32", "sv39, sv48 or sv57" },
	{ "rv64,satp=", "sv39, sv48 or sv57" },
	{ "rv64,pmp=65", "0 to 64" },
	{ "rv64,pmp=-1", "0 to 64" },
	{ "rv64,pmp=+1", "0 to 64" },
	{ "rv64,pmp= 1", "0 to 64" },
	{ "rv64,pmp=", "0 to 64" },
	{ "rv64,pmp=8x", "0 to 64" },
	{ "rv64,pmp=99999999999999999999", "0 to 64" },
	{ "rv64,f=off", "d needs f" },
	{ "rv64,f=off,d=off", "zfhmin needs f" },
	{ "rv64,zicsr=off", "needs zicsr" },
	{ "rv64,satp=bare,svadu=on", "svadu needs paging" },
	{ "rv64,svnapot=on,satp=bare", "svnapot needs paging" },
};

START_TEST(each_mistake_is_named)
{
	struct error err = { 0 };
	ck_assert_ptr_null(riscv_config_parse(mistakes[_i].text, &err));
	ck_assert_int_eq(err.code, ERROR_USAGE);
	ck_assert_msg(strstr(err.text, mistakes[_i].part), "%s: %s", mistakes[_i].text, err.text);
	ck_assert_ptr_null(strchr(err.text, '\n'));
	ck_assert_msg(!strncmp(err.text, "--cpu: ", 7), "%s", err.text);
}
END_TEST

#define FULL \
	"rv64imafdc_zicbom_zicbop_zicboz_zicntr_zicond_zicsr_zifencei_zihintpause_zihpm_zfhmin_zba_zbb_zbc_zbs_sstc_svadu_svinval_" \
	"svnapot_svpbmt_svvptc"

static const struct {
	const char *text, *isa;
	unsigned levels, pmp;
} choices[] = {
	{ "rv64", FULL, 5, 16 },
	{ "rv64,zba=off,satp=sv39", "rv64imafdc_zicbom_zicbop_zicboz_zicntr_zicond_zicsr_zifencei_zihintpause_zihpm_zfhmin_zbb_zbc_"
				    "zbs_sstc_svadu_svinval_svnapot_svpbmt_svvptc", 3, 16 },
	{ "rv64,pmp=0,satp=sv48,pmp=7", NULL, 4, 7 },
	{ "rv64,zba=off,zba=on,satp=sv57", FULL, 5, 16 },
	/* paging's extensions go with it unless they were asked for */
	{ "rv64,satp=bare,pmp=64", "rv64imafdc_zicbom_zicbop_zicboz_zicntr_zicond_zicsr_zifencei_zihintpause_zihpm_zfhmin_zba_zbb_"
				   "zbc_zbs_sstc", 0, 64 },
	{ "rv64,svadu=on,svadu=off,satp=bare", NULL, 0, 16 },
	{ "rv64,d=off,zfhmin=off,f=off,c=off,a=off,m=off", "rv64i_zicbom_zicbop_zicboz_zicntr_zicond_zicsr_zifencei_zihintpause_"
		"zihpm_zba_zbb_zbc_zbs_sstc_svadu_svinval_svnapot_svpbmt_svvptc", 5, 16 },
};

START_TEST(choices_hold)
{
	struct error err = { 0 };
	char isa[400];
	struct cpu_config *c = riscv_config_parse(choices[_i].text, &err);
	ck_assert_msg(c != NULL, "%s", err.text);
	ck_assert_uint_eq(c->satp_levels, choices[_i].levels);
	ck_assert_uint_eq(c->pmp_entries, choices[_i].pmp);
	riscv_isa_string(c, isa, sizeof isa);
	if (choices[_i].isa)
		ck_assert_str_eq(isa, choices[_i].isa);
	/* a short buffer is filled and ended, never overrun */
	memset(isa, 'x', sizeof isa);
	riscv_isa_string(c, isa, 9);
	ck_assert_uint_lt(strlen(isa), 9);
	ck_assert_int_eq(isa[9], 'x');
	riscv_config_free(c);
}
END_TEST

START_TEST(misa_follows)
{
	static const struct {
		const char *text;
		uint64_t misa;
	} cases[] = {
		{ "rv64", (uint64_t)2 << 62 | 0x14112f },	/* A B C D F I M S U */
		{ "rv64,zbb=off", (uint64_t)2 << 62 | 0x14112d },
		{ "rv64,d=off", (uint64_t)2 << 62 | 0x141127 },
		{ "rv64,d=off,zfhmin=off,f=off,c=off,a=off,m=off,zba=off", (uint64_t)2 << 62 | 0x140100 },
	};
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fixture f;
		fixture_init(&f, cases[i].text, 1);
		ck_assert_uint_eq(csr_get(&f, 0x301), cases[i].misa);
		csr_set(&f, 0x301, 0);
		ck_assert_uint_eq(csr_get(&f, 0x301), cases[i].misa);
		fixture_free(&f);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("config");
	TCase *t = tcase_create("cpu");
	tcase_add_loop_test(t, each_mistake_is_named, 0, (int)ARRAY_SIZE(mistakes));
	tcase_add_loop_test(t, choices_hold, 0, (int)ARRAY_SIZE(choices));
	tcase_add_test(t, misa_follows);
	suite_add_tcase(s, t);
	return run_suites("riscv_config", 1, &s);
}

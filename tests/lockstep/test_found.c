// SPDX-License-Identifier: Apache-2.0
/* Lockstep finds what differs: a device of the test's changes the side that acts behind the guest's back, as an engine's fault would. */
#include "tests/check_main.h"
#include "frontends/riscv/priv/cpu.h"
#include "tests/lockstep/lockstep_run.h"
#include "tests/riscv/user/asm.h"

enum { T0 = 5, S10 = 26, S11 = 27 };

static uint8_t *ram(struct machine *m, uint64_t pa)
{
	uint8_t *at = phys_dma(&m->phys, GPA(pa), 8);
	ck_assert(at != NULL);
	return at;
}

#define FIRST_FRAME PROGRAM_FRAMES

static void spoil_register(struct machine *m) { m->vcpu[0]->reg[S11] ^= 1; }
static void spoil_fp(struct machine *m) { m->vcpu[0]->reg[SLOT_F + 3] ^= (uint64_t)1 << 52; }
static void spoil_flags(struct machine *m) { m->vcpu[0]->fp_flags ^= 1; }
static void spoil_csr(struct machine *m) { riscv_cpu(m->vcpu[0])->s.scratch ^= 4; }
static void spoil_reservation(struct machine *m) { m->vcpu[0]->reservation.value ^= 1; }
static void spoil_stored(struct machine *m) { *ram(m, FIRST_FRAME + 8) ^= 0x80; }
static void spoil_other(struct machine *m) { *ram(m, FIRST_FRAME + 5 * PAGE_SIZE) ^= 1; }
static void spoil_time(struct machine *m) { m->vcpu[0]->icount += 1; }
static void spoil_exception(struct machine *m) { m->vcpu[0]->exception = (struct exception){ 2, 0, true }; }
static void spoil_nothing(struct machine *m) {}

static const struct spoil {
	void (*how)(struct machine *m);
	const char *says;	/* part of the line; NULL: nothing is to be found */
} spoils[] = {
	{ spoil_nothing, NULL },
	{ spoil_register, "s11: compiled 0x" },
	{ spoil_fp, "ft3: compiled 0x10000000000000, interpreter 0x0" },
	{ spoil_flags, "fflags: compiled 0x" },
	{ spoil_csr, "sscratch: compiled 0x4, interpreter 0x0" },
	{ spoil_reservation, "value of the reservation" },
	{ spoil_stored, "8 bytes stored at physical 0x80200008" },
	{ spoil_other, "memory at 0x80205000 was changed" },
	{ spoil_time, "s11: compiled 0x1e, interpreter 0x1d" },	/* one instruction behind */
	{ spoil_exception, "instruction count: compiled 0x" },
};

static const struct spoil *current;

static void poke(struct machine *m, uint64_t value)
{
	if (value == 30)	/* of 60 times: with every side at full speed */
		current->how(m);
}

/* A loop that stores, reserves, and tells the device how often it has gone round. */
static void write_program(struct program *p)
{
	program_begin(p, false);
	program_li(p, S10, PROGRAM_DATA);
	program_put(p, asm_addi(S11, 0, 60));
	program_li(p, T0, PROGRAM_DEVICE);
	uint32_t top = p->at;
	program_put(p, asm_addi(S11, S11, -1 & 0xfff));
	program_put(p, asm_sd(S11, S10, 8));
	program_put(p, 0x1000302fu | 6 << 7 | S10 << 15);	/* lr.d t1, (s10) */
	program_put(p, asm_sd(S11, T0, 8));
	program_put(p, asm_b(1, S11, 0, (int32_t)(top - p->at)));
	program_end(p);
}

static void run(enum lockstep_side against, enum memory_mode memory)
{
	struct program p = { .image = malloc(PROGRAM_SIZE), .rng = { 1 } };
	char *report = NULL;
	size_t size;
	struct error err;
	struct lockstep_run r = { .against = against, .memory = memory, .stretch = 40, .sweep = 1000000, .limit = 100000, .poke = poke,
				  .log = open_memstream(&report, &size) };
	ck_assert(p.image && r.log);
	write_program(&p);
	/* the page that the program stores to is there, whatever the rest is like */
	((uint64_t *)(void *)(p.image + (PROGRAM_TABLES - PROGRAM_BASE) + 2 * PAGE_SIZE))[0] = (uint64_t)FIRST_FRAME >> 2 | 0xc7;
	ck_assert_msg(lockstep_run(&r, &p, &err), "%s", err.text);
	fclose(r.log);
	if (current->says) {
		ck_assert_msg(r.exit.cause == EXIT_FAILED, "%s: not found", current->says);
		ck_assert_msg(strstr(r.exit.text, current->says) != NULL, "\"%s\" is not in \"%s\"", current->says, r.exit.text);
		ck_assert(strstr(report, "lockstep: ") == report);
	} else {
		ck_assert_msg(r.exit.cause == EXIT_POWEROFF, "%s", r.exit.text);
		ck_assert_str_eq(report, "");
	}
	free(report);
	free(p.image);
}

START_TEST(found_in_stencils)
{
	current = &spoils[_i];
	run(AGAINST_STENCIL, MEMORY_TLB);
}
END_TEST

START_TEST(found_in_regions)
{
	current = &spoils[_i];
	run(AGAINST_LLVM, MEMORY_TLB);
	run(AGAINST_LLVM, MEMORY_WINDOWS);
}
END_TEST

/* Guest code, micro-ops and both states stand in the report; of a region its IR. */
START_TEST(report_is_whole)
{
	static const struct spoil spoil = { spoil_csr, "sscratch" };
	struct program p = { .image = malloc(PROGRAM_SIZE), .rng = { 1 } };
	char *report = NULL;
	size_t size;
	struct error err;
	struct lockstep_run r = { .against = AGAINST_LLVM, .memory = MEMORY_TLB, .stretch = 2000, .sweep = 1000000, .limit = 100000,
				  .poke = poke, .log = open_memstream(&report, &size) };
	ck_assert(p.image && r.log);
	current = &spoil;
	/* before the device is told, a loop that is hot enough to be a region */
	program_begin(&p, false);
	program_put(&p, asm_addi(T0, 0, 2000));
	program_put(&p, asm_addi(T0, T0, -1 & 0xfff));
	program_put(&p, asm_b(1, T0, 0, -4));
	program_li(&p, T0, PROGRAM_DEVICE);
	program_put(&p, asm_addi(S11, 0, 30));
	program_put(&p, asm_sd(S11, T0, 8));
	program_end(&p);
	ck_assert_msg(lockstep_run(&r, &p, &err), "%s", err.text);
	fclose(r.log);
	const char *const parts[] = { "differ after instructions", "sscratch: compiled 0x4, interpreter 0x0", "addi    t0, t0, -1",
				      "t0 = add_i t0, -1", "define ", "getelementptr", "\nsscratch       0x0000000000000004 0x0000000000000000 <\n" };
	for (unsigned i = 0; i < ARRAY_SIZE(parts); i++)
		ck_assert_msg(strstr(report, parts[i]) != NULL, "\"%s\" is not in the report:\n%s", parts[i], report);
	free(report);
	free(p.image);
}
END_TEST

/* ---- what lockstep has found ---- */

/* A fault in a window, behind another access and a helper in the same block: the count of instructions is the fault's all the same. */
START_TEST(fault_behind_helper)
{
	struct program p = { .image = malloc(PROGRAM_SIZE), .rng = { 1 } };
	struct error err;
	struct lockstep_run r = { .against = AGAINST_LLVM, .memory = MEMORY_WINDOWS, .stretch = 5000, .sweep = 1000000, .limit = 100000,
				  .log = stderr };
	ck_assert(p.image != NULL);
	program_begin(&p, false);
	program_li(&p, S10, PROGRAM_STACK - 64);
	program_put(&p, asm_i(0x13, 1, S10, S10, 32));		/* slli, srli: without sign */
	program_put(&p, asm_i(0x13, 5, S10, S10, 32));
	program_put(&p, asm_addi(S11, 0, 2000));
	uint32_t top = p.at;
	program_put(&p, asm_i(0x13, 7, T0, S11, 127));		/* every 128th time nothing is there: andi, seqz, slli, add */
	program_put(&p, asm_i(0x13, 3, T0, T0, 1));
	program_put(&p, asm_i(0x13, 1, T0, T0, 46));
	program_put(&p, 0x33u | T0 << 7 | T0 << 15 | S10 << 20);
	program_put(&p, asm_ld(6, S10, 0));
	program_put(&p, asm_i(0x0f, 2, 0, S10, 1));		/* cbo.clean (s10) */
	program_put(&p, asm_ld(6, T0, 0));
	program_put(&p, asm_addi(S11, S11, -1 & 0xfff));
	program_put(&p, asm_b(1, S11, 0, (int32_t)(top - p.at)));
	program_end(&p);
	ck_assert_msg(lockstep_run(&r, &p, &err), "%s", err.text);
	ck_assert_msg(r.exit.cause == EXIT_POWEROFF, "%s", r.exit.text);
	free(p.image);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("lockstep");
	TCase *t = tcase_create("found");
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, found_in_stencils, 0, ARRAY_SIZE(spoils));
	tcase_add_loop_test(t, found_in_regions, 0, ARRAY_SIZE(spoils));
	tcase_add_test(t, report_is_whole);
	tcase_add_test(t, fault_behind_helper);
	suite_add_tcase(s, t);
	return run_suites("lockstep finds", 1, (Suite *[]){ s });
}

/* SPDX-License-Identifier: Apache-2.0 */
/* A machine of bare harts with RAM and no engine: tests call the frontend's own entry points. Time is the instruction count. */
#pragma once
#include <stdlib.h>
#include <string.h>
#include "frontends/riscv/priv/csr.h"
#include "runtime/machine.h"
#include "tests/check_main.h"

/* Check logs every assertion, which costs more than the test where there are millions: this one speaks on failure only. */
#define EXPECT(condition, ...) \
	do { \
		if (!(condition)) \
			ck_abort_msg(__VA_ARGS__); \
	} while (0)
#define EXPECT_EQ(a, b, what, n) \
	do { \
		uint64_t a_ = (uint64_t)(a), b_ = (uint64_t)(b); \
		EXPECT(a_ == b_, "%s %#llx: %#llx, expected %#llx", what, (unsigned long long)(n), (unsigned long long)a_, \
		       (unsigned long long)b_); \
	} while (0)

#define RAM_BASE 0x80000000u
#define RAM_SIZE (16u << 20)

struct fixture {
	struct machine m;
	struct cpu_config *config;
	struct vcpu *cpu;		/* hart 0 */
	struct riscv_cpu *rv;
	uint8_t *ram;
};

static inline void fixture_init(struct fixture *f, const char *cpu, unsigned harts)
{
	struct error err = { 0 };
	memset(f, 0, sizeof *f);
	f->config = riscv_config_parse(cpu, &err);
	ck_assert_msg(f->config != NULL, "%s", err.text);
	ck_assert_msg(machine_init(&f->m, RAM_SIZE, &err), "%s", err.text);
	ck_assert_msg(phys_add_ram(&f->m.phys, GPA(RAM_BASE), RAM_SIZE, "ram", &err), "%s", err.text);
	f->m.arch = riscv64_frontend.arch;
	f->m.frontend = &riscv64_frontend;
	f->m.deterministic = true;
	for (unsigned i = 0; i < harts; i++) {
		f->m.vcpu[i] = vcpu_create(&f->m, i, &err);
		ck_assert_msg(f->m.vcpu[i] && riscv64_frontend.vcpu_init(f->m.vcpu[i], f->config, &err), "%s", err.text);
		f->m.n_vcpus = i + 1;
		riscv64_frontend.reset(f->m.vcpu[i]);
	}
	f->cpu = f->m.vcpu[0];
	f->rv = riscv_cpu(f->cpu);
	f->ram = phys_dma(&f->m.phys, GPA(RAM_BASE), RAM_SIZE);
}

static inline void fixture_free(struct fixture *f)
{
	for (unsigned i = 0; i < f->m.n_vcpus; i++)
		riscv64_frontend.vcpu_destroy(f->m.vcpu[i]);
	machine_destroy(&f->m);
	riscv_config_free(f->config);
}

/* A splitmix64 generator: the same numbers in each run. */
static inline uint64_t rnd(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

/* ---- instructions, as lifted code would run them ---- */

static inline bool run_helper(struct fixture *f, enum riscv_helper h, uint32_t insn, uint64_t a, uint64_t b, uint64_t *result)
{
	uint64_t sink;
	f->cpu->exception.pending = false;
	bool ok = riscv_helpers[h].fn(f->cpu, a, b, (int32_t)insn, result ? result : &sink);
	EXPECT(ok == !f->cpu->exception.pending, "helper %u, instruction %#x", h, insn);
	return ok;
}

enum { CSRRW = 1, CSRRS = 2, CSRRC = 3, CSRRWI = 5, CSRRSI = 6, CSRRCI = 7 };

static inline uint32_t csr_insn(unsigned op, unsigned csr, unsigned rd, unsigned rs1)
{
	return csr << 20 | rs1 << 15 | op << 12 | rd << 7 | 0x73;
}

/* True: legal, *old is the register's value. False: the exception is the illegal instruction, with its bits. */
static inline bool csr_op(struct fixture *f, unsigned op, unsigned csr, uint64_t operand, uint64_t *old)
{
	uint32_t insn = csr_insn(op, csr, 5, 6);
	if (run_helper(f, HELPER_csr, insn, operand, 0, old))
		return true;
	EXPECT_EQ(f->cpu->exception.cause, EXC_ILLEGAL, "cause for csr", csr);
	EXPECT_EQ(f->cpu->exception.value, insn, "value for csr", csr);
	f->cpu->exception.pending = false;
	return false;
}

static inline bool csr_try_read(struct fixture *f, unsigned csr, uint64_t *value)
{
	bool ok = run_helper(f, HELPER_csr, csr_insn(CSRRS, csr, 5, 0), 0, 0, value);
	f->cpu->exception.pending = false;
	return ok;
}

static inline uint64_t csr_get(struct fixture *f, unsigned csr)
{
	uint64_t v = 0;
	EXPECT(csr_try_read(f, csr, &v), "csr %#x", csr);
	return v;
}

static inline void csr_set(struct fixture *f, unsigned csr, uint64_t value)
{
	uint64_t old;
	EXPECT(csr_op(f, CSRRW, csr, value, &old), "csr %#x", csr);
}

static inline void set_priv(struct fixture *f, enum riscv_priv priv)
{
	f->rv->priv = (uint8_t)priv;
	riscv_update_mode(f->cpu);
}

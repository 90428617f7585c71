/* SPDX-License-Identifier: Apache-2.0 */
/* Just enough of an assembler to write the frame of a test program: one function an instruction format. */
#pragma once
#include "runtime/util.h"

static inline uint32_t asm_i(uint32_t op, unsigned f3, unsigned rd, unsigned rs1, int32_t imm)
{
	return op | rd << 7 | f3 << 12 | rs1 << 15 | (uint32_t)imm << 20;
}

static inline uint32_t asm_s(uint32_t op, unsigned f3, unsigned rs1, unsigned rs2, int32_t imm)
{
	return op | ((uint32_t)imm & 31) << 7 | f3 << 12 | rs1 << 15 | rs2 << 20 | (uint32_t)imm >> 5 << 25;
}

static inline uint32_t asm_b(unsigned f3, unsigned rs1, unsigned rs2, int32_t imm)
{
	uint32_t i = (uint32_t)imm;

	return 0x63 | (i >> 11 & 1) << 7 | (i >> 1 & 15) << 8 | f3 << 12 | rs1 << 15 | rs2 << 20 | (i >> 5 & 63) << 25 |
	       (i >> 12 & 1) << 31;
}

static inline uint32_t asm_jal(unsigned rd, int32_t imm)
{
	uint32_t i = (uint32_t)imm;

	return 0x6f | rd << 7 | (i >> 12 & 255) << 12 | (i >> 11 & 1) << 20 | (i >> 1 & 1023) << 21 | (i >> 20 & 1) << 31;
}

static inline uint32_t asm_addi(unsigned rd, unsigned rs1, int32_t imm) { return asm_i(0x13, 0, rd, rs1, imm); }
static inline uint32_t asm_ld(unsigned rd, unsigned rs1, int32_t imm) { return asm_i(0x03, 3, rd, rs1, imm); }
static inline uint32_t asm_sd(unsigned rs2, unsigned rs1, int32_t imm) { return asm_s(0x23, 3, rs1, rs2, imm); }
static inline uint32_t asm_fld(unsigned rd, unsigned rs1, int32_t imm) { return asm_i(0x07, 3, rd, rs1, imm); }
static inline uint32_t asm_fsd(unsigned rs2, unsigned rs1, int32_t imm) { return asm_s(0x27, 3, rs1, rs2, imm); }
static inline uint32_t asm_jalr(unsigned rd, unsigned rs1, int32_t imm) { return asm_i(0x67, 0, rd, rs1, imm); }
static inline uint32_t asm_csrrw(unsigned rd, unsigned csr, unsigned rs1) { return asm_i(0x73, 1, rd, rs1, (int32_t)csr); }
static inline uint32_t asm_csrrs(unsigned rd, unsigned csr, unsigned rs1) { return asm_i(0x73, 2, rd, rs1, (int32_t)csr); }
#define ASM_ECALL 0x73u

/* The two halves of an address below 2 GiB: lui rd, HI; addi (or a load or store) with LO. */
static inline uint32_t asm_lui(unsigned rd, uint32_t address) { return 0x37 | rd << 7 | ((address + 0x800) & 0xfffff000); }
static inline int32_t asm_lo(uint32_t address) { return (int32_t)(address << 20) >> 20; }

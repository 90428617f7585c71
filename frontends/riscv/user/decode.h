/* SPDX-License-Identifier: Apache-2.0 */
/* Decoding: from an instruction's bits to its kind and fields. insn32.decode and insn16.decode are the tables. */
#pragma once
#include "frontends/riscv/riscv.h"
#include "frontends/riscv/user/insn_kinds.h"

enum insn_kind {
	INSN_ILLEGAL,
#define INSN(name, NAME, fp, rm, first) INSN_##NAME,
	RISCV_INSNS(INSN)
#undef INSN
	INSN_COUNT
};

/* One instruction. Compressed ones come as what they expand to, with size 2. */
struct insn {
	uint16_t kind;		/* enum insn_kind */
	uint8_t size;		/* bytes */
	uint8_t rm;
	uint8_t rd, rs1, rs2, rs3;
	int32_t imm;		/* also shift amounts and CSR numbers */
	uint32_t raw;		/* as fetched; 16 bits if compressed */
};

/* Bytes of the instruction that begins with these 16 bits. Nothing longer than 32 bits exists: it is illegal at 4 bytes. */
static inline unsigned insn_size(uint16_t low)
{
	return (low & 3) == 3 ? 4 : 2;
}

/* Decodes `bits` for a hart with the extensions `ext` (a bit per enum riscv_ext). */
struct insn riscv_decode(uint32_t bits, uint64_t ext);

/* The lines of the tables, for tests; extensions that a line needs as bits. */
struct insn_pattern {
	const char *name;
	uint32_t mask, value;
	uint64_t ext;
};
extern const struct insn_pattern riscv_patterns32[], riscv_patterns16[];
extern const unsigned riscv_n_patterns32, riscv_n_patterns16;

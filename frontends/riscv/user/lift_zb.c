// SPDX-License-Identifier: Apache-2.0
/* Bit manipulation (Zba, Zbb, Zbc, Zbs: volume I, chapter 28) and Zicond (chapter 11). */
#include "frontends/riscv/user/lift.h"

#define REG(name) LIFT(name) { uop_##name(l->b, X(i->rd), X(i->rs1), X(i->rs2)); }
#define IMM(name, op) LIFT(name) { uop_##op(l->b, X(i->rd), X(i->rs1), i->imm); }
#define ONE(name, op) LIFT(name) { uop_##op(l->b, X(i->rd), X(i->rs1)); }

/* Zba */
LIFT(add_uw)
{
	if (!i->rs2)	/* zext.w */
		uop_zext32(l->b, X(i->rd), X(i->rs1));
	else
		uop_add_uw(l->b, X(i->rd), X(i->rs1), X(i->rs2));
}
REG(sh1add)
REG(sh2add)
REG(sh3add)
REG(sh1add_uw)
REG(sh2add_uw)
REG(sh3add_uw)
IMM(slli_uw, shl_uw_i)

/* Zbb */
REG(andn)
REG(orn)
REG(xnor)
ONE(clz, clz)
ONE(ctz, ctz)
ONE(cpop, popcnt)
ONE(clzw, clzw)
ONE(ctzw, ctzw)
ONE(cpopw, popcntw)
ONE(sext_b, sext8)
ONE(sext_h, sext16)
ONE(zext_h, zext16)
REG(min)
REG(minu)
REG(max)
REG(maxu)
REG(rol)
REG(ror)
REG(rolw)
REG(rorw)
IMM(rori, ror_i)
IMM(roriw, rorw_i)
ONE(orc_b, orcb)
ONE(rev8, bswap)

/* Zbc */
REG(clmul)
REG(clmulr)
REG(clmulh)

/* Zbs */
REG(bclr)
REG(bext)
REG(binv)
REG(bset)
IMM(bclri, bclr_i)
IMM(bexti, bext_i)
IMM(binvi, binv_i)
IMM(bseti, bset_i)

/* Zicond */
REG(czero_eqz)
REG(czero_nez)

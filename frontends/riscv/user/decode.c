// SPDX-License-Identifier: Apache-2.0
#include "frontends/riscv/user/decode.h"
#include "frontends/riscv/user/insn_match.inc"

struct insn riscv_decode(uint32_t bits, uint64_t ext)
{
	struct insn i = { .size = insn_size(bits), .raw = bits };

	if (i.size == 4) {
		i.kind = match32(bits, ext, &i);
	} else {
		i.raw = (uint16_t)bits;
		i.kind = match16(i.raw, ext, &i);
	}
	/* reserved rounding modes, also where the result is exact (volume I, section 20.2) */
	if (i.rm == 5 || i.rm == 6)
		i.kind = INSN_ILLEGAL;
	return i;
}

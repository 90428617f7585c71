// SPDX-License-Identifier: Apache-2.0
/* Lifts straight-line code: fetch, decode, checks that are alike for many instructions, and where a block ends. */
#include "frontends/riscv/user/lift.h"

static const struct lift_kind {
	lift_fn *fn;
	bool fp;	/* illegal while mstatus.FS is Off (volume II, section 3.1.6.6) */
	bool rm;	/* has a rounding mode */
	bool first;	/* may read counters or time: stands_first */
} kinds[INSN_COUNT] = {
	[INSN_ILLEGAL] = { riscv_lift_illegal, false, false, false },
#define INSN(name, NAME, fp, rm, first) [INSN_##NAME] = { riscv_lift_##name, fp, rm, first },
	RISCV_INSNS(INSN)
#undef INSN
};

void riscv_lift_illegal(struct lift *l, const struct insn *i)
{
	ir_const(l->b, TEMP(0), i->raw);
	uop_raise(l->b, TEMP(0), EXC_ILLEGAL);
	l->ended = true;
}

/* A reserved value in frm makes dynamically rounding instructions illegal (volume I, section 20.2). */
static bool frm_reserved(const struct lift *l)
{
	return (l->mode >> MODE_RM_SHIFT & 3) == MODE_RM_INVALID;
}

/* Counters, mcountinhibit and the timer compare register: what they read or write depends on the instructions retired so far. */
static bool stands_first(const struct insn *i)
{
	unsigned csr = (unsigned)i->imm & 0xfff;

	return kinds[i->kind].first && ((csr >= 0xb00 && csr <= 0xb1f) || (csr >= 0xc00 && csr <= 0xc1f) ||
					csr == 0x14d || csr == 0x320);
}

static void lift_insn(struct lift *l, const struct insn *i)
{
	const struct lift_kind *k = &kinds[i->kind];

	if ((k->fp && !(l->mode & MODE_FS_ON)) || (k->rm && i->rm == 7 && frm_reserved(l)))
		riscv_lift_illegal(l, i);
	else
		k->fn(l, i);
}

/* Instructions are two-byte aligned. Another hart may be writing: the translation is dropped then. */
static uint16_t read16(const uint8_t *p)
{
	return __atomic_load_n((const uint16_t *)p, __ATOMIC_RELAXED);
}

/* The bits of the instruction `offset` bytes into the block. *crosses: it continues in the next page. False: that page faulted. */
static bool fetch(const struct lift_request *req, unsigned offset, uint32_t *bits, bool *crosses)
{
	const uint8_t *code = req->code + offset;
	unsigned left = req->size - offset;

	*bits = read16(code);
	*crosses = false;
	if (insn_size((uint16_t)*bits) == 2)
		return true;
	if (left >= 4) {
		*bits |= (uint32_t)read16(code + 2) << 16;
		return true;
	}
	*crosses = true;
	if (offset)		/* ends the block before it: it is not read yet */
		return true;
	code = req->next_page(req->opaque);
	if (!code)
		return false;
	*bits |= (uint32_t)read16(code) << 16;
	return true;
}

bool riscv_lift(const struct lift_request *req, struct ir_block *b)
{
	struct lift l = {
		.b = b, .ext = riscv_config(req->cpu)->ext, .mode = req->mode, .start = req->va & (PAGE_SIZE - 1),
	};
	unsigned n = 0;
	bool crosses = false;

	ir_begin(b);
	while (!l.ended && n < req->max_insns && l.offset + 2 <= req->size && ir_room(b)) {
		uint32_t bits;
		struct insn i;

		if (!fetch(req, l.offset, &bits, &crosses))
			return false;
		if (crosses && n) {
			crosses = false;
			break;
		}
		i = riscv_decode(bits, l.ext);
		if (stands_first(&i) && n)
			break;
		ir_insn(b, l.offset, i.size);
		lift_insn(&l, &i);
		l.offset += i.size;
		n++;
		if (crosses)
			break;
	}
	if (!l.ended)
		uop_jmp(b, (int64_t)l.start + l.offset);
	b->bytes = l.offset;
	b->crosses_page = crosses;
	return true;
}

#define TEN(n) \
	"r" #n "0", "r" #n "1", "r" #n "2", "r" #n "3", "r" #n "4", "r" #n "5", "r" #n "6", "r" #n "7", "r" #n "8", "r" #n "9"

const char *riscv_slot_name(unsigned slot)
{
	static const char names[VCPU_SLOTS][9] = {
		"zero", "ra", "sp", "gp", "tp", "t0", "t1", "t2", "s0", "s1", "a0", "a1", "a2", "a3", "a4", "a5",
		"a6", "a7", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6",
		"ft0", "ft1", "ft2", "ft3", "ft4", "ft5", "ft6", "ft7", "fs0", "fs1", "fa0", "fa1", "fa2", "fa3", "fa4", "fa5",
		"fa6", "fa7", "fs2", "fs3", "fs4", "fs5", "fs6", "fs7", "fs8", "fs9", "fs10", "fs11", "ft8", "ft9", "ft10", "ft11",
		"fs_dirty", "r65", "r66", "r67", "r68", "r69",
		TEN(7), TEN(8), TEN(9), TEN(10), TEN(11), TEN(12), TEN(13), TEN(14), TEN(15), TEN(16), TEN(17), TEN(18),
		TEN(19), TEN(20), TEN(21), "r220", "r221", "r222", "r223",
		"tmp0", "tmp1", "tmp2", "tmp3", "tmp4", "tmp5", "tmp6", "tmp7",
		"tmp8", "tmp9", "tmp10", "tmp11", "tmp12", "tmp13", "tmp14", "tmp15",
		TEN(24), "r250", "r251", "r252", "r253", "sink", "page",
	};

	return names[slot % VCPU_SLOTS];
}

// SPDX-License-Identifier: Apache-2.0
/* The text form: one line per micro-op under a heading per instruction. docs/micro-ops.md describes it; ir/parser.c reads it. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include "ir/ir.h"

struct out {
	char *text;
	size_t size;
	int length;		/* of the whole text, written or not */
};

static __attribute__((format(printf, 2, 3))) void put(struct out *o, const char *fmt, ...)
{
	size_t used = (size_t)o->length < o->size ? (size_t)o->length : o->size;
	va_list args;

	va_start(args, fmt);
	int n = vsnprintf(o->size ? o->text + used : NULL, o->size - used, fmt, args);
	va_end(args);
	if (n > 0)
		o->length += n;
}

static void put_slot(struct out *o, ir_slot_name *slot_name, unsigned slot)
{
	const char *name = slot_name ? slot_name(slot) : NULL;

	if (name)
		put(o, "%s", name);
	else
		put(o, "r%u", slot);
}

static void put_target(struct out *o, int64_t target)
{
	if (target < 0)
		put(o, "-0x%" PRIx64, -(uint64_t)target);
	else
		put(o, "0x%" PRIx64, (uint64_t)target);
}

static void put_address(struct out *o, ir_slot_name *slot_name, const struct uop *u, bool displacement)
{
	put(o, "[");
	put_slot(o, slot_name, u->a);
	if (displacement)
		put(o, " + %d", u->imm);
	put(o, "]");
}

static void put_uop(struct out *o, const struct uop *u, const struct ir_block *b, ir_slot_name *slot_name, const struct helper *helpers)
{
	if (u->op >= UOP_COUNT) {
		put(o, "?");
		return;
	}
	const struct op_info *info = &op_info[u->op];
	if (info->has_d) {
		put_slot(o, slot_name, u->d);
		put(o, " = ");
	}
	put(o, "%s", info->name);
	switch (info->format) {
	case F_DAB:
	case F_DAI:
	case F_DA:
	case F_DI:
	case F_DABC:
	case F_AI:
	case F_I:
	case F_NONE: {
		const char *separator = " ";
		const bool has[] = { info->has_a, info->has_b, info->has_c };
		const uint8_t slot[] = { u->a, u->b, u->c };
		for (unsigned i = 0; i < 3; i++) {
			if (!has[i])
				continue;
			put(o, "%s", separator);
			put_slot(o, slot_name, slot[i]);
			separator = ", ";
		}
		if (info->has_imm)
			put(o, "%s%d", separator, u->imm);
		break;
	}
	case F_LOAD:
		put(o, " ");
		put_address(o, slot_name, u, true);
		break;
	case F_STORE:
	case F_ATOM:
		put(o, " ");
		put_address(o, slot_name, u, info->has_imm);
		put(o, ", ");
		put_slot(o, slot_name, u->b);
		break;
	case F_BR:
		put(o, " ");
		put_slot(o, slot_name, u->a);
		put(o, ", ");
		put_slot(o, slot_name, u->b);
		put(o, " -> ");
		put_target(o, b->target[0]);
		put(o, " else ");
		put_target(o, b->target[1]);
		break;
	case F_JMP:
		put(o, " -> ");
		put_target(o, b->target[0]);
		break;
	case F_CALL:
		if (helpers)
			put(o, " %s(", helpers[u->c].name);
		else
			put(o, " #%u(", u->c);
		put_slot(o, slot_name, u->a);
		put(o, ", ");
		put_slot(o, slot_name, u->b);
		put(o, ", %d)", u->imm);
		break;
	}
}

int ir_print_uop(const struct uop *u, const struct ir_block *b, ir_slot_name *slot_name, const struct helper *helpers, char *text, size_t size)
{
	struct out o = { text, size, 0 };

	put_uop(&o, u, b, slot_name, helpers);
	return o.length;
}

int ir_print(const struct ir_block *b, ir_slot_name *slot_name, const struct helper *helpers, char *text, size_t size)
{
	struct out o = { text, size, 0 };
	unsigned insn = 0;

	put(&o, "block %u bytes%s\n", b->bytes, b->crosses_page ? " crossing" : "");
	for (unsigned i = 0; i <= b->n_uops; i++) {
		for (; insn < b->n_insns && b->insn[insn].first_uop <= i; insn++)
			put(&o, "insn +%u size %u\n", b->insn[insn].offset, b->insn[insn].size);
		if (i == b->n_uops)
			break;
		put(&o, "\t");
		put_uop(&o, &b->uop[i], b, slot_name, helpers);
		put(&o, "\n");
	}
	return o.length;
}

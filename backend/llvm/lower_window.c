// SPDX-License-Identifier: Apache-2.0
/*
 * Accesses through direct windows (runtime/window.h): host = guest address + what the window's table says of its segment. The table is looked
 * at once for what a loop goes along, not at each access (lower_near.h). An address that is not known to be near one that has been looked up is
 * expected in the segment in which most are, which takes a comparison beside the access and no register; elsewhere its entry is looked up.
 */
#include "backend/llvm/lower_window.h"
#include "backend/llvm/lower_site.h"
#include <stdio.h>
#include <stdlib.h>
#include "ir/op_info.h"
#include "runtime/window.h"

static value table_entry(struct lowering *l, value va)
{
	value at = BIN(Mul, BIN(And, BIN(LShr, va, K(WINDOW_BITS)), K(WINDOW_ENTRIES - 1)), K(sizeof(uint64_t)));
	return lower_load(l, l->i64, LLVMBuildInBoundsGEP2(l->b, l->i8, lower_load(l, l->ptr, l->table), &at, 1, ""));
}

static void load_table(struct lowering *l)
{
	value table = lower_load(l, l->ptr, VCPU(window_table));
	LLVMBuildStore(l->b, table, l->table);
	LLVMBuildStore(l->b, lower_load(l, l->i64, FIELD(table, WINDOW_INDEX(l->region->home << WINDOW_BITS) * sizeof(uint64_t))), l->home);
}

void windows_begin_region(struct lowering *l)
{
	if (!l->region->windows)
		return;
	l->table = LLVMBuildAlloca(l->b, l->ptr, "table");
	l->home = LLVMBuildAlloca(l->b, l->i64, "home");
	l->near = near_find(l->region, &l->loops);
	for (unsigned slot = 0; slot < VCPU_SLOTS; slot++)
		if (l->near->base[slot])
			l->addend[slot] = LLVMBuildAlloca(l->b, l->i64, "addend");
}

/* Looks up the entry for a base slot, whether or not it holds an address by now. */
static void look_up(struct lowering *l, unsigned slot)
{
	LLVMBuildStore(l->b, table_entry(l, slot_get(l, slot)), l->addend[slot]);
}

/* Slots have been loaded. */
void windows_enter_region(struct lowering *l)
{
	if (!l->region->windows)
		return;
	load_table(l);
	for (unsigned slot = 0; slot < VCPU_SLOTS; slot++)
		if (near_looks_up_first(l->near, slot))
			look_up(l, slot);
}

void windows_end_region(struct lowering *l)
{
	free(l->near);
}

void windows_begin_block(struct lowering *l, unsigned index)
{
	if (l->region->windows)
		l->at = l->near->at[index];
}

void windows_behind(struct lowering *l, const struct uop *u)
{
	unsigned other;
	if (!l->region->windows)
		return;
	if (u->op == UOP_helper)
		load_table(l);
	switch (near_made(l->near, &l->at, lower_index(l), u, &other)) {
	case NEAR_SHARES:
		LLVMBuildStore(l->b, lower_load(l, l->i64, l->addend[other]), l->addend[u->d]);
		break;
	case NEAR_LOOKS_UP:
		look_up(l, u->d);
		break;
	case NEAR_NO_BASE: case NEAR_UNKNOWN:
		break;
	}
	near_step(l->near, &l->at, lower_index(l), u);
}

/* ---- accesses ---- */

struct access {
	struct site_asm code;
	char head[24], tail[24];	/* of the instruction, around its address */
	unsigned base, entry, cpu, scratch;	/* numbers of operands */
	bool looks;			/* the base's entry is not known */
};

#define TEXT(...) site_text(&x->code, __VA_ARGS__)

/* The operands of the address. First all is stored that a fault does not look for. */
static void add_address(struct lowering *l, struct access *x, const struct uop *u)
{
	lower_write_through(l);
	value base = A, entry;
	if (x->looks)
		entry = lower_load(l, l->i64, l->home);
	else if (l->addend[u->a])
		entry = lower_load(l, l->i64, l->addend[u->a]);
	else	/* the address is a constant */
		entry = table_entry(l, BIN(Add, base, K(IMM)));
	x->base = site_operand(&x->code, base, "r");
	x->entry = site_operand(&x->code, entry, "r");
	if (x->looks)
		x->cpu = site_operand(&x->code, l->cpu, "r");
}

/* The instruction; expects the base in the home segment, or else looks its entry up, out of line. */
static void add_instruction(struct lowering *l, struct access *x, const struct uop *u)
{
	if (x->looks) {
		TEXT("movq $%u, $%u\nshrq $$%u, $%u\n", x->base, x->scratch, WINDOW_BITS, x->scratch);
		if (l->region->home)
			TEXT("cmpl $$%u, ${%u:k}\n", (unsigned)l->region->home, x->scratch);
		TEXT("jne 4f\n");
	}
	TEXT("1: %s%d($%u,$%u)%s", x->head, u->imm, x->base, x->entry, x->tail);
	if (!x->looks)
		return;
	TEXT("\n5:\n.subsection 1\n4: andl $$%u, ${%u:k}\nshlq $$3, $%u\n", (unsigned)WINDOW_ENTRIES - 1, x->scratch, x->scratch);
	TEXT("addq %u($%u), $%u\n", (unsigned)offsetof(struct vcpu, window_table), x->cpu, x->scratch);
	TEXT("movq ($%u), $%u\n6: %s%d($%u,$%u)%s\njmp 5b\n.subsection 0", x->scratch, x->scratch, x->head, u->imm, x->base, x->scratch, x->tail);
}

/* `type`: of what is loaded; void for stores. */
static value build_access(struct lowering *l, struct access *x, const struct uop *u, LLVMTypeRef type)
{
	LLVMTypeRef types[2] = { type, l->i64 };
	bool both = x->code.outputs == 2;
	site_state(l, &x->code);
	add_instruction(l, x, u);
	site_entry(l, &x->code, (unsigned)(l->bound - l->block->bound), x->looks);
	value v = site_build(l, &x->code, both ? LLVMStructTypeInContext(l->ctx, types, 2, false) : type, x->looks);
	return both ? LLVMBuildExtractValue(l->b, v, 0, "") : v;
}

static bool looks(const struct lowering *l, const struct uop *u)
{
	return u->a != SLOT_ZERO && l->at.distance[u->a] == FAR;
}

/* By log2 of the bytes */
static const char *const load_insn[2][4] = { { "movzbl", "movzwl", "movl", "movq" }, { "movsbq", "movswq", "movslq", "movq" } };
static const char *const store_insn[4] = { "movb ${%u:b}, ", "movw ${%u:w}, ", "movl ${%u:k}, ", "movq $%u, " };

value windows_load(struct lowering *l, const struct uop *u, LLVMTypeRef type, unsigned log_bytes, bool is_signed)
{
	struct access x = { .looks = looks(l, u) };
	bool is_float = type != l->i64, whole = is_float || is_signed || log_bytes == 3;
	const char *insn = type == l->f64 ? "movsd" : type == l->f32 ? "movss" : load_insn[is_signed][log_bytes];
	snprintf(x.head, sizeof x.head, "%s ", insn);
	snprintf(x.tail, sizeof x.tail, ", %s", whole ? "$0" : "${0:k}");
	x.scratch = site_output(&x.code, is_float ? "=x" : x.looks ? "=&r" : "=r");
	if (x.looks && is_float)
		x.scratch = site_output(&x.code, "=&r");
	add_address(l, &x, u);
	return build_access(l, &x, u, type);
}

void windows_store(struct lowering *l, const struct uop *u, value v, unsigned log_bytes)
{
	struct access x = { .looks = looks(l, u) };
	bool is_float = LLVMTypeOf(v) != l->i64;
	if (x.looks)
		x.scratch = site_output(&x.code, "=&r");
	unsigned stored = site_operand(&x.code, v, is_float ? "x" : "re");
	snprintf(x.head, sizeof x.head, is_float ? log_bytes == 3 ? "movsd $%u, " : "movss $%u, " : store_insn[log_bytes], stored);
	add_address(l, &x, u);
	(void)build_access(l, &x, u, x.looks ? l->i64 : LLVMVoidTypeInContext(l->ctx));
}

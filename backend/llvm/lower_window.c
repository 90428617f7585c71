// SPDX-License-Identifier: Apache-2.0
/*
 * Accesses through direct windows (runtime/window.h): host = guest address + what the window's table says of its segment. The table is looked
 * at once for a base slot, not at each access: one entry serves whatever is near an address that it was looked up for, or that has been
 * accessed since with success. How far a slot may be from such an address is followed through the region.
 */
#include "backend/llvm/lower_window.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "backend/llvm/sites.h"
#include "ir/op_info.h"
#include "runtime/window.h"

#define UNKNOWN UINT32_MAX
/* Beyond this a slot counts as unknown; the rest of the guard is for displacements. */
#define FAR (WINDOW_GUARD / 2)

/* ---- how far each slot may be from an address of its entry ---- */

static uint64_t magnitude(int32_t v)
{
	return v < 0 ? -(uint64_t)v : (uint64_t)v;
}

static bool reaches_memory(const struct uop *u)
{
	enum op_format format = op_info[u->op].format;
	return format == F_LOAD || format == F_STORE;
}

static uint32_t moved(uint32_t distance, int32_t by)
{
	return distance == UNKNOWN || distance + magnitude(by) > FAR ? UNKNOWN : distance + (uint32_t)magnitude(by);
}

static int32_t shift_of(const struct uop *u)
{
	return u->op == UOP_mov ? 0 : u->imm;
}

/* The entry of slot a then serves slot d too. */
static bool passes_on(const struct lowering *l, const struct uop *u, const uint32_t distance[VCPU_SLOTS])
{
	return (u->op == UOP_add_i || u->op == UOP_mov) && l->addend[u->d] && l->addend[u->a] && moved(distance[u->a], shift_of(u)) != UNKNOWN;
}

static void step(const struct lowering *l, uint32_t distance[VCPU_SLOTS], const struct uop *u)
{
	const struct op_info *info = &op_info[u->op];
	if (u->op == UOP_helper) {	/* may flush, and change the context */
		for (unsigned slot = 0; slot < VCPU_SLOTS; slot++)
			distance[slot] = UNKNOWN;
		return;
	}
	if (reaches_memory(u) && l->addend[u->a])
		distance[u->a] = moved(0, u->imm);
	if (info->has_d)
		distance[u->d] = passes_on(l, u, distance) ? moved(distance[u->a], shift_of(u)) : 0;
}

/* Takes what is known at the end of one block into the beginning of another. */
static bool join(struct lowering *l, unsigned to, const uint32_t distance[VCPU_SLOTS], bool widen)
{
	uint32_t *at = l->near[to];
	bool changed = false;
	for (unsigned slot = 0; slot < VCPU_SLOTS; slot++)
		if (l->addend[slot] && distance[slot] != UNKNOWN && at[slot] == NOT_REACHED) {
			at[slot] = distance[slot];
			changed = true;
		} else if (l->addend[slot] && at[slot] != UNKNOWN && distance[slot] > at[slot]) {
			at[slot] = widen ? UNKNOWN : distance[slot];
			changed = true;
		}
	return changed;
}

static bool flow_block(struct lowering *l, unsigned index, bool widen)
{
	const struct region_block *rb = &l->region->block[index];
	uint32_t distance[VCPU_SLOTS];
	unsigned to[REGION_MAX_NEXT];
	bool changed = false;
	memcpy(distance, l->near[index], sizeof distance);
	for (unsigned slot = 0; slot < VCPU_SLOTS; slot++)
		if (l->addend[slot] && distance[slot] == NOT_REACHED)
			return false;
	for (unsigned i = 0; i < rb->n_uops; i++)
		step(l, distance, &rb->uop[i]);
	for (unsigned n = region_next(l->region, index, to); n-- > 0;)
		changed |= join(l, to[n], distance, widen);
	return changed;
}

/* Distances only grow; those that go on growing round a loop become unknown. */
static void flow(struct lowering *l)
{
	bool changed = true;
	for (unsigned round = 0; changed; round++) {
		changed = false;
		for (unsigned i = 0; i < l->region->n_blocks; i++)
			changed |= flow_block(l, i, round > 3);
	}
}

/* ---- lowering ---- */

static value table_entry(struct lowering *l, value va)
{
	value at = BIN(Mul, BIN(And, BIN(LShr, va, K(WINDOW_BITS)), K(WINDOW_ENTRIES - 1)), K(sizeof(uint64_t)));
	return lower_load(l, l->i64, LLVMBuildInBoundsGEP2(l->b, l->i8, lower_load(l, l->ptr, l->table), &at, 1, ""));
}

static void load_table(struct lowering *l)
{
	LLVMBuildStore(l->b, lower_load(l, l->ptr, VCPU(window_table)), l->table);
}

void windows_begin_region(struct lowering *l)
{
	const struct region *r = l->region;
	if (!r->windows)
		return;
	l->table = LLVMBuildAlloca(l->b, l->ptr, "table");
	l->near = malloc(r->n_blocks * sizeof *l->near);
	if (!l->near)
		abort();
	for (unsigned i = 0; i < r->n_blocks; i++)
		for (const struct uop *u = r->block[i].uop; u < r->block[i].uop + r->block[i].n_uops; u++)
			if (reaches_memory(u) && u->a != SLOT_ZERO && !l->addend[u->a])
				l->addend[u->a] = LLVMBuildAlloca(l->b, l->i64, "addend");
	for (unsigned i = 0; i < r->n_blocks; i++)
		for (unsigned slot = 0; slot < VCPU_SLOTS; slot++)
			l->near[i][slot] = i ? NOT_REACHED : 0;
}

/* Slots have been loaded: the entries for the addresses that base slots hold now, whether or not they are addresses. */
void windows_enter_region(struct lowering *l)
{
	if (!l->region->windows)
		return;
	load_table(l);
	for (unsigned slot = 0; slot < VCPU_SLOTS; slot++)
		if (l->addend[slot])
			LLVMBuildStore(l->b, table_entry(l, slot_get(l, slot)), l->addend[slot]);
	value sp = lower_intrinsic(l, "llvm.addressofreturnaddress", l->ptr, 0);
	lower_store(l, sp, FIELD(lower_load(l, l->ptr, VCPU(exec)), offsetof(struct stencil_calls, entry_sp)));
	flow(l);
}

void windows_end_region(struct lowering *l)
{
	free(l->near);
}

void windows_begin_block(struct lowering *l, unsigned index)
{
	for (unsigned slot = 0; l->region->windows && slot < VCPU_SLOTS; slot++)
		l->distance[slot] = l->near[index][slot] == NOT_REACHED ? UNKNOWN : l->near[index][slot];
}

void windows_before(struct lowering *l, const struct uop *u)
{
	if (l->region->windows && op_info[u->op].has_d && passes_on(l, u, l->distance) && u->a != u->d)
		LLVMBuildStore(l->b, lower_load(l, l->i64, l->addend[u->a]), l->addend[u->d]);
}

/* A new base is looked up where it is made: outside of the loop that it is for. What nothing needs LLVM drops. */
void windows_behind(struct lowering *l, const struct uop *u)
{
	if (!l->region->windows)
		return;
	if (u->op == UOP_helper)
		load_table(l);
	else if (op_info[u->op].has_d && l->addend[u->d] && !passes_on(l, u, l->distance))
		LLVMBuildStore(l->b, table_entry(l, slot_get(l, u->d)), l->addend[u->d]);
	step(l, l->distance, u);
}

/* What an access is told: the text of its instruction and of its entry in the side table, and what they name. */
struct access {
	char text[2048], places[512];
	size_t text_used, places_used;
	value operand[4 + VCPU_SLOTS];
	LLVMTypeRef type[4 + VCPU_SLOTS];
	unsigned n;
};

__attribute__((format(printf, 3, 4))) static void append(char *at, size_t *used, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	*used += (size_t)vsnprintf(at + *used, 512, format, ap);
	va_end(ap);
}

static void add_operand(struct access *x, value v, const char *place)
{
	x->operand[x->n] = v;
	x->type[x->n++] = LLVMTypeOf(v);
	append(x->places, &x->places_used, x->places_used ? ",%s" : "%s", place);
}

/* An entry of the side table's form (sites.h); first: the number of the first place. */
static void add_site(struct lowering *l, struct access *x, unsigned first)
{
	unsigned block = (unsigned)(l->block - l->region->block), uop = (unsigned)(l->bound - l->block->bound);
	append(x->text, &x->text_used, "\n.pushsection " SITE_SECTION ",\"a\"\n.long 1b-., %u\n.short 3f-2f\n2:", block << SITE_UOP_BITS | uop);
	append(x->text, &x->text_used, " .byte %u, %u\n.asciz \"$%u\"\n", SITE_ICOUNT, FORM_BITS, first);
	add_operand(x, lower_load(l, l->i64, l->icount), "r");
	for (unsigned slot = 1; slot < SLOT_TEMP; slot++)
		if (l->dirty[slot]) {
			value v = slot_told(l, slot);
			append(x->text, &x->text_used, ".byte %u, %u\n.asciz \"$%u\"\n", slot, l->form[slot], ++first);
			add_operand(x, v, LLVMTypeOf(v) == l->i64 ? "ri" : "x");
		}
	append(x->text, &x->text_used, "3: .balign 4\n.popsection");
}

/* The instruction with its operands; `type`: of what it loads, void for stores. */
static value build_access(struct lowering *l, struct access *x, LLVMTypeRef type)
{
	LLVMTypeRef fn = LLVMFunctionType(type, x->type, x->n, false);
	value insn = LLVMGetInlineAsm(fn, x->text, x->text_used, x->places, x->places_used, true, false, LLVMInlineAsmDialectATT, false);
	return LLVMBuildCall2(l->b, fn, insn, x->operand, x->n, "");
}

/* The address's operands: its base and the window's entry. */
static void add_address(struct lowering *l, struct access *x, const struct uop *u)
{
	lower_write_through(l);
	value base = A;
	if (!l->addend[u->a]) {
		add_operand(x, base, "r");
		add_operand(x, table_entry(l, BIN(Add, base, K(IMM))), "r");
		return;
	}
	if (l->distance[u->a] == UNKNOWN || l->distance[u->a] + magnitude(u->imm) + sizeof(uint64_t) > WINDOW_GUARD)
		LLVMBuildStore(l->b, table_entry(l, BIN(Add, base, K(IMM))), l->addend[u->a]);
	add_operand(x, base, "r");
	add_operand(x, lower_load(l, l->i64, l->addend[u->a]), "r");
}

/* By log2 of the bytes */
static const char *const load_insn[2][4] = { { "movzbl", "movzwl", "movl", "movq" }, { "movsbq", "movswq", "movslq", "movq" } };
static const char *const store_insn[4] = { "movb ${0:b}", "movw ${0:w}", "movl ${0:k}", "movq $0" };

value windows_load(struct lowering *l, const struct uop *u, LLVMTypeRef type, unsigned log_bytes, bool is_signed)
{
	struct access x = { .n = 0 };
	bool is_float = type != l->i64;
	const char *insn = type == l->f64 ? "movsd" : type == l->f32 ? "movss" : load_insn[is_signed][log_bytes];
	append(x.places, &x.places_used, is_float ? "=x" : "=r");
	append(x.text, &x.text_used, "1: %s %d($1,$2), %s", insn, u->imm, is_float || is_signed || log_bytes == 3 ? "$0" : "${0:k}");
	add_address(l, &x, u);
	add_site(l, &x, 3);
	return build_access(l, &x, type);
}

void windows_store(struct lowering *l, const struct uop *u, value v, unsigned log_bytes)
{
	struct access x = { .n = 0 };
	bool is_float = LLVMTypeOf(v) != l->i64;
	add_operand(&x, v, is_float ? "x" : "re");
	append(x.text, &x.text_used, "1: %s, %d($1,$2)", is_float ? log_bytes == 3 ? "movsd $0" : "movss $0" : store_insn[log_bytes], u->imm);
	add_address(l, &x, u);
	add_site(l, &x, 3);
	(void)build_access(l, &x, LLVMVoidTypeInContext(l->ctx));
}

// SPDX-License-Identifier: Apache-2.0
#include "backend/llvm/lower_site.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include "backend/llvm/sites.h"

/* What a region keeps in registers bounds the text. */
__attribute__((format(printf, 4, 0))) static void append(char *at, size_t size, size_t *used, const char *format, va_list ap)
{
	int n = vsnprintf(at + *used, size - *used, format, ap);
	if (n < 0 || (size_t)n >= size - *used)
		abort();
	*used += (size_t)n;
}

void site_text(struct site_asm *x, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	append(x->text, sizeof x->text, &x->text_used, format, ap);
	va_end(ap);
}

__attribute__((format(printf, 2, 3))) static void add_place(struct site_asm *x, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	append(x->places, sizeof x->places, &x->places_used, format, ap);
	va_end(ap);
}

static unsigned number(struct site_asm *x, const char *place)
{
	add_place(x, x->places_used ? ",%s" : "%s", place);
	return x->outputs + x->n;
}

unsigned site_output(struct site_asm *x, const char *place)
{
	unsigned n = number(x, place);
	x->outputs++;
	return n;
}

unsigned site_operand(struct site_asm *x, value v, const char *place)
{
	unsigned n = number(x, place);
	x->operand[x->n] = v;
	x->type[x->n++] = LLVMTypeOf(v);
	return n;
}

void site_state(struct lowering *l, struct site_asm *x)
{
	x->first = site_operand(x, lower_load(l, l->i64, l->icount), "r");
	for (unsigned slot = 1; slot < SLOT_TEMP; slot++)
		if (l->dirty[slot]) {
			value v = slot_told(l, slot);
			site_operand(x, v, LLVMTypeOf(v) == l->i64 ? "ri" : "x");
		}
}

void site_entry(struct lowering *l, struct site_asm *x, unsigned uop, bool copy)
{
	unsigned place = x->first;
	site_text(x, "\n.pushsection " SITE_SECTION ",\"a\"\n.long 1b-., %s, %u\n.short 3f-2f\n2: .ascii \"", copy ? "6b-." : "0",
		  lower_index(l) << SITE_UOP_BITS | uop);
	site_text(x, "\\%03o\\%03o$%u\\0", SITE_ICOUNT, FORM_BITS, place);
	for (unsigned slot = 1; slot < SLOT_TEMP; slot++)
		if (l->dirty[slot])
			site_text(x, "\\%03o\\%03o$%u\\0", slot, l->form[slot], ++place);
	site_text(x, "\"\n3: .balign 4\n.popsection");
}

value site_build(struct lowering *l, struct site_asm *x, LLVMTypeRef type, bool flags)
{
	LLVMTypeRef fn = LLVMFunctionType(type, x->type, x->n, false);
	if (flags)
		add_place(x, ",~{flags}");
	value code = LLVMGetInlineAsm(fn, x->text, x->text_used, x->places, x->places_used, true, false, LLVMInlineAsmDialectATT, false);
	return LLVMBuildCall2(l->b, fn, code, x->operand, x->n, "");
}

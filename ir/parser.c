// SPDX-License-Identifier: Apache-2.0
/*
 * Reads the text form (docs/micro-ops.md). Line by line:
 *   block N bytes [crossing]	optional, first
 *   insn +OFFSET size N		optional: a block that has none gets one of 4 bytes
 *   [SLOT =] OP operands		as ir/ops.def and ir/printer.c have them
 * '#' begins a comment, except before a helper's number.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "ir/ir.h"

#define WORD_MAX 48

struct parser {
	const char *at;			/* in the current line */
	unsigned line;
	char word[WORD_MAX];		/* the last one read, for errors */
	ir_slot_name *slot_name;
	const struct helper *helpers;
	unsigned n_helpers;
	struct error *err;
};

static bool bad(struct parser *p, const char *what)
{
	return error_set(p->err, ERROR_USAGE, "line %u: '%s': %s", p->line, p->word, what);
}

static void skip_blanks(struct parser *p)
{
	while (*p->at == ' ' || *p->at == '\t' || *p->at == '\r')
		p->at++;
	if (*p->at == '#' && !isdigit((unsigned char)p->at[1]))
		while (*p->at && *p->at != '\n')
			p->at++;
}

static bool at_end(struct parser *p)
{
	skip_blanks(p);
	return *p->at == '\n' || !*p->at;
}

static bool word_char(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '.';
}

/* A word (a name or a number with its sign), or one punctuation character. */
static void read_word(struct parser *p)
{
	unsigned n = 0;

	skip_blanks(p);
	if ((*p->at == '-' || *p->at == '+') && isdigit((unsigned char)p->at[1]))
		p->word[n++] = *p->at++;
	while (word_char(*p->at)) {
		if (n < WORD_MAX - 1)
			p->word[n++] = *p->at;
		p->at++;
	}
	if (!n && *p->at && *p->at != '\n')
		p->word[n++] = *p->at++;
	p->word[n] = 0;
}

static bool expect(struct parser *p, const char *what)
{
	read_word(p);
	if (!strcmp(p->word, what))
		return true;
	return error_set(p->err, ERROR_USAGE, "line %u: '%s': expected '%s'", p->line, p->word, what);
}

static bool word_to_number(struct parser *p, int64_t *value)
{
	const char *digits = p->word + (*p->word == '-' || *p->word == '+');
	char *end;

	errno = 0;
	uint64_t v = strtoull(digits, &end, 0);
	if (!isdigit((unsigned char)*digits) || *end)
		return bad(p, "expected a number");
	if (errno || v > (uint64_t)INT64_MAX + (*p->word == '-'))
		return bad(p, "number out of range (64 bits, signed)");
	*value = (int64_t)(*p->word == '-' ? -v : v);
	return true;
}

static bool parse_number(struct parser *p, int64_t *value)
{
	read_word(p);
	return word_to_number(p, value);
}

static bool parse_imm(struct parser *p, int32_t *imm)
{
	int64_t v;

	if (!parse_number(p, &v))
		return false;
	if (v < INT32_MIN || v > INT32_MAX)
		return bad(p, "immediate out of range (32 bits, signed)");
	*imm = (int32_t)v;
	return true;
}

static bool parse_unsigned(struct parser *p, unsigned max, unsigned *value)
{
	int64_t v;

	if (!parse_number(p, &v))
		return false;
	if (v < 0 || v > max)
		return bad(p, "number out of range");
	*value = (unsigned)v;
	return true;
}

static bool word_to_slot(struct parser *p, uint8_t *slot)
{
	for (unsigned i = 0; p->slot_name && i < VCPU_SLOTS; i++) {
		const char *name = p->slot_name(i);
		if (name && !strcmp(name, p->word)) {
			*slot = (uint8_t)i;
			return true;
		}
	}
	char *end;
	if (p->word[0] == 'r' && isdigit((unsigned char)p->word[1])) {
		unsigned long v = strtoul(p->word + 1, &end, 10);
		if (!*end && v < VCPU_SLOTS) {
			*slot = (uint8_t)v;
			return true;
		}
	}
	return bad(p, "unknown slot (r0 to r255, or the frontend's name)");
}

static bool parse_slot(struct parser *p, uint8_t *slot)
{
	read_word(p);
	return word_to_slot(p, slot);
}

static bool parse_address(struct parser *p, struct uop *u, bool displacement)
{
	if (!expect(p, "[") || !parse_slot(p, &u->a))
		return false;
	if (!displacement)
		return expect(p, "]");
	read_word(p);
	if (!strcmp(p->word, "]"))
		return true;	/* [slot] is [slot + 0] */
	if (strcmp(p->word, "+"))
		return bad(p, "expected '+' or ']'");
	return parse_imm(p, &u->imm) && expect(p, "]");
}

static bool parse_helper(struct parser *p, struct uop *u)
{
	read_word(p);
	if (!strcmp(p->word, "#")) {
		unsigned index;
		if (!parse_unsigned(p, 255, &index))
			return false;
		u->c = (uint8_t)index;
		return true;
	}
	for (unsigned i = 0; i < p->n_helpers && i < 256; i++) {
		if (!strcmp(p->helpers[i].name, p->word)) {
			u->c = (uint8_t)i;
			return true;
		}
	}
	return bad(p, "unknown helper");
}

static bool parse_list(struct parser *p, struct uop *u, const struct op_info *info)
{
	const bool has[] = { info->has_a, info->has_b, info->has_c };
	uint8_t *slot[] = { &u->a, &u->b, &u->c };
	bool first = true;

	for (unsigned i = 0; i < 3; i++) {
		if (!has[i])
			continue;
		if ((!first && !expect(p, ",")) || !parse_slot(p, slot[i]))
			return false;
		first = false;
	}
	return !info->has_imm || ((first || expect(p, ",")) && parse_imm(p, &u->imm));
}

static bool parse_operands(struct parser *p, struct ir_block *b, struct uop *u)
{
	const struct op_info *info = &op_info[u->op];

	switch (info->format) {
	case F_LOAD:
		return parse_address(p, u, true);
	case F_STORE:
	case F_ATOM:
		return parse_address(p, u, info->has_imm) && expect(p, ",") && parse_slot(p, &u->b);
	case F_BR:
		if (!parse_slot(p, &u->a) || !expect(p, ",") || !parse_slot(p, &u->b) || !expect(p, "-") || !expect(p, ">") ||
		    !parse_number(p, &b->target[0]))
			return false;
		return expect(p, "else") && parse_number(p, &b->target[1]);
	case F_JMP:
		return expect(p, "-") && expect(p, ">") && parse_number(p, &b->target[0]);
	case F_CALL:
		return parse_helper(p, u) && expect(p, "(") && parse_slot(p, &u->a) && expect(p, ",") && parse_slot(p, &u->b) &&
		       expect(p, ",") && parse_imm(p, &u->imm) && expect(p, ")");
	default:
		return parse_list(p, u, info);
	}
}

static bool find_op(struct parser *p, uint64_t *op)
{
	for (unsigned i = 0; i < UOP_COUNT; i++) {
		if (!strcmp(op_info[i].name, p->word)) {
			*op = i;
			return true;
		}
	}
	return bad(p, "unknown op (ir/ops.def lists them)");
}

/* The first word has been read. */
static bool parse_uop(struct parser *p, struct ir_block *b)
{
	struct uop u = { 0 };
	bool has_d = false;

	if (b->n_uops == BLOCK_MAX_UOPS)
		return bad(p, "too many micro-ops");
	if (!b->n_insns)
		ir_insn(b, 0, 4);
	skip_blanks(p);
	if (*p->at == '=') {
		if (!word_to_slot(p, &u.d))
			return false;
		p->at++;
		read_word(p);
		has_d = true;
	}
	if (!find_op(p, &u.op))
		return false;
	if (op_info[u.op].has_d != has_d)
		return bad(p, has_d ? "this op has no result" : "this op has a result: SLOT = …");
	if (!parse_operands(p, b, &u))
		return false;
	b->uop[b->n_uops++] = u;
	return true;
}

static bool parse_insn(struct parser *p, struct ir_block *b)
{
	unsigned offset, size;

	if (b->n_insns == BLOCK_MAX_INSNS)
		return bad(p, "too many instructions");
	if (!parse_unsigned(p, UINT16_MAX, &offset) || !expect(p, "size") || !parse_unsigned(p, UINT8_MAX, &size))
		return false;
	ir_insn(b, offset, size);
	return true;
}

static bool parse_head(struct parser *p, struct ir_block *b, unsigned *bytes)
{
	if (!parse_unsigned(p, 1 << 20, bytes) || !expect(p, "bytes"))
		return false;
	if (at_end(p))
		return true;
	b->crosses_page = true;
	return expect(p, "crossing");
}

bool ir_parse(struct ir_block *b, const char *text, ir_slot_name *slot_name, const struct helper *helpers, unsigned n_helpers, struct error *err)
{
	struct parser p = { .at = text, .line = 1, .slot_name = slot_name, .helpers = helpers, .n_helpers = n_helpers, .err = err };
	unsigned bytes = 0;
	bool has_head = false;

	ir_begin(b);
	for (;; p.line++) {
		if (!at_end(&p)) {
			read_word(&p);
			bool head = !strcmp(p.word, "block");
			if (head && (has_head || b->n_insns))
				return bad(&p, "stands once, before everything else");
			has_head |= head;
			if (head ? !parse_head(&p, b, &bytes) : !strcmp(p.word, "insn") ? !parse_insn(&p, b) : !parse_uop(&p, b))
				return false;
			if (!at_end(&p)) {
				read_word(&p);
				return bad(&p, "unexpected after the end of the line's statement");
			}
		}
		if (!*p.at)
			break;
		p.at++;
	}
	if (has_head)
		b->bytes = bytes;
	return true;
}

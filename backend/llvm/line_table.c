// SPDX-License-Identifier: Apache-2.0
#include "backend/llvm/line_table.h"
#include <libelf.h>
#include <stdlib.h>
#include <string.h>

/* Opcodes (DWARF 5, section 7.22). Others are skipped by the number of their operands. */
enum { LNS_COPY = 1, LNS_ADVANCE_PC = 2, LNS_ADVANCE_LINE = 3, LNS_CONST_ADD_PC = 8, LNS_FIXED_ADVANCE_PC = 9 };
enum { LNE_END_SEQUENCE = 1, LNE_SET_ADDRESS = 2 };

struct reader {
	const uint8_t *at, *end;
	bool bad;		/* something lay behind the end */
};

static uint64_t fixed(struct reader *r, unsigned bytes)
{
	uint64_t v = 0;
	if ((size_t)(r->end - r->at) < bytes) {
		r->bad = true;
		r->at = r->end;
		return 0;
	}
	memcpy(&v, r->at, bytes);
	r->at += bytes;
	return v;
}

static uint64_t leb(struct reader *r, bool is_signed)
{
	uint64_t v = 0;
	uint8_t byte;
	unsigned shift = 0;
	do {
		byte = (uint8_t)fixed(r, 1);
		v |= shift < 64 ? (uint64_t)(byte & 0x7f) << shift : 0;
		shift += 7;
	} while (byte & 0x80 && !r->bad);
	return is_signed && byte & 0x40 && shift < 64 ? v | ~(uint64_t)0 << shift : v;
}

struct header {
	unsigned unit, line_range, opcode_base;
	int line_base;
	uint8_t operands[256];
};

/* Leaves the reader at the program, whose end is the reader's. */
static bool read_header(struct reader *r, struct header *h)
{
	uint64_t length = fixed(r, 4);
	if (length > (uint64_t)(r->end - r->at))
		return false;
	r->end = r->at + length;
	unsigned version = (unsigned)fixed(r, 2);
	if (version < 4 || version > 5)
		return false;
	if (version == 5)
		fixed(r, 2);		/* sizes of addresses and segments */
	uint64_t header = fixed(r, 4);
	if (header > (uint64_t)(r->end - r->at))
		return false;
	const uint8_t *program = r->at + header;
	h->unit = (unsigned)fixed(r, 1);
	fixed(r, 2);			/* no VLIW; is_stmt is not looked at */
	h->line_base = (int8_t)fixed(r, 1);
	h->line_range = (unsigned)fixed(r, 1);
	h->opcode_base = (unsigned)fixed(r, 1);
	for (unsigned i = 1; i < h->opcode_base; i++)
		h->operands[i] = (uint8_t)fixed(r, 1);
	r->at = program;
	return !r->bad && h->line_range && h->opcode_base;
}

static bool add(struct line_table *t, uint64_t address, unsigned line)
{
	if (t->n && address < t->row[t->n - 1].address)
		return false;
	if (!(t->n & (t->n + 1))) {	/* room is doubled at 0, 1, 3, 7, … */
		struct line_row *more = realloc(t->row, 2 * (t->n + 1) * sizeof *more);
		if (!more)
			return false;
		t->row = more;
	}
	t->row[t->n++] = (struct line_row){ address, line };
	return true;
}

static bool read_section(struct line_table *t, const uint8_t *section, size_t size)
{
	struct reader r = { section, section + size, false };
	struct header h = { 0 };
	uint64_t address = 0, line = 1;
	if (!read_header(&r, &h))
		return false;
	bool ended = false, good = true;
	while (r.at < r.end && good && !r.bad && !ended) {
		unsigned op = (unsigned)fixed(&r, 1);
		if (op >= h.opcode_base) {
			address += (uint64_t)((op - h.opcode_base) / h.line_range) * h.unit;
			line += (uint64_t)(int64_t)(h.line_base + (int)((op - h.opcode_base) % h.line_range));
			good = add(t, address, (unsigned)line);
		} else if (!op) {
			uint64_t length = leb(&r, false);
			unsigned extended = (unsigned)fixed(&r, 1);
			if (extended == LNE_END_SEQUENCE) {
				good = add(t, address, 0);
				ended = true;
			} else if (extended == LNE_SET_ADDRESS) {	/* a second one would begin another section */
				good = !t->n;
			}
			for (uint64_t i = 1; i < length && !r.bad; i++)
				fixed(&r, 1);
		} else if (op == LNS_COPY) {
			good = add(t, address, (unsigned)line);
		} else if (op == LNS_ADVANCE_PC) {
			address += leb(&r, false) * h.unit;
		} else if (op == LNS_ADVANCE_LINE) {
			line += leb(&r, true);
		} else if (op == LNS_CONST_ADD_PC) {
			address += (uint64_t)((255 - h.opcode_base) / h.line_range) * h.unit;
		} else if (op == LNS_FIXED_ADVANCE_PC) {
			address += fixed(&r, 2);
		} else {
			for (unsigned i = 0; i < h.operands[op]; i++)
				leb(&r, false);
		}
	}
	return good && !r.bad && ended && r.at == r.end;
}

bool line_table_read(struct line_table *t, const void *object, size_t size)
{
	size_t names;
	bool good = false;
	*t = (struct line_table){ 0 };
	elf_version(EV_CURRENT);
	Elf *elf = elf_memory((char *)(uintptr_t)object, size);
	bool named = elf && !elf_getshdrstrndx(elf, &names);
	for (Elf_Scn *scn = NULL; named && !good && (scn = elf_nextscn(elf, scn));) {
		const Elf64_Shdr *h = elf64_getshdr(scn);
		const char *name = h ? elf_strptr(elf, names, h->sh_name) : NULL;
		const Elf_Data *data = name && !strcmp(name, ".debug_line") ? elf_getdata(scn, NULL) : NULL;
		good = data && read_section(t, data->d_buf, data->d_size);
	}
	elf_end(elf);
	return good;
}

const struct line_row *line_table_at(const struct line_table *t, uint64_t address)
{
	size_t lo = 0, hi = t->n;
	while (lo < hi) {	/* the first row above */
		size_t mid = lo + (hi - lo) / 2;
		if (t->row[mid].address <= address)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo ? &t->row[lo - 1] : NULL;
}

void line_table_free(struct line_table *t)
{
	free(t->row);
	*t = (struct line_table){ 0 };
}

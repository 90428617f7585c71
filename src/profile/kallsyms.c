// SPDX-License-Identifier: Apache-2.0
/*
 * What scripts/kallsyms.c of Linux writes: names are strings of tokens, a token is a byte that stands for a part of a name. The parts, each
 * aligned to 8 bytes:
 *
 *	num_syms (32 bits), names (a length and that many tokens each), markers (32 bits: where each 256th name begins), token_table (256 strings),
 *	token_index (16 bits: where each string begins), offsets (32 bits for each symbol), relative_base (64 bits)
 *
 * and before Linux 6.4 offsets and relative_base came first. Digits occur in so many names that their tokens stand for themselves: the strings
 * "0" to "9" one behind the other are what is looked for. All else follows from there, and must fit.
 */
#include "src/profile/kallsyms.h"
#include <string.h>
#include <unistd.h>
#include "runtime/phys.h"

#define TOKENS 256
#define MOST_SYMBOLS (4u << 20)
#define LONGEST_NAME 1024

struct tables {
	const uint8_t *memory;
	size_t size;
	size_t tokens, index;		/* offsets in memory */
	size_t markers, names;
	size_t offsets, base;
	uint32_t n_symbols, n_markers;
};

static uint16_t get16(const uint8_t *p) { uint16_t v; memcpy(&v, p, sizeof v); return v; }
static uint32_t get32(const uint8_t *p) { uint32_t v; memcpy(&v, p, sizeof v); return v; }
static uint64_t get64(const uint8_t *p) { uint64_t v; memcpy(&v, p, sizeof v); return v; }
static size_t align8(size_t at) { return (at + 7) & ~(size_t)7; }

/* From the string "0" back to that of token 0, and on to the index, which repeats where the strings begin. */
static bool find_tokens(struct tables *t, size_t zero)
{
	size_t at = zero;
	for (unsigned token = '0'; token > 0; token--) {
		size_t before = at;
		if (!at || t->memory[at - 1])
			return false;
		for (at--; at > 0 && t->memory[at - 1]; at--)
			if (before - at > LONGEST_NAME)
				return false;
	}
	t->tokens = at;
	uint16_t begins[TOKENS];
	for (unsigned token = 0; token < TOKENS; token++) {
		const uint8_t *end = at < t->size ? memchr(t->memory + at, 0, t->size - at) : NULL;
		if (!end || at - t->tokens > UINT16_MAX)
			return false;
		begins[token] = (uint16_t)(at - t->tokens);
		at = (size_t)(end - t->memory) + 1;
	}
	/* the first string follows the markers' padding, which looks like empty strings */
	for (t->index = align8(at); t->index <= align8(at) + 8; t->index += 4)
		if (t->index + sizeof begins <= t->size && !memcmp(t->memory + t->index, begins, sizeof begins))
			return true;
	return false;
}

/* Markers grow from 0 and end where the tokens begin, but for padding. */
static bool find_markers(struct tables *t)
{
	size_t end = t->tokens & ~(size_t)3;
	while (end >= 4 && t->tokens - end < 8 && !get32(t->memory + end - 4))
		end -= 4;
	size_t at = end;
	while (at >= 4) {
		at -= 4;
		uint32_t value = get32(t->memory + at);
		if (at + 4 < end && value >= get32(t->memory + at + 4))
			return false;
		if (!value)
			break;
	}
	t->markers = at;
	t->n_markers = (uint32_t)((end - at) / 4);
	return t->n_markers && !get32(t->memory + at) && t->n_markers <= MOST_SYMBOLS / 256;
}

/* The name at `at`: its tokens, and where the next one begins. */
static bool read_name(const struct tables *t, size_t *at, size_t *tokens, unsigned *n)
{
	if (*at >= t->markers)
		return false;
	*n = t->memory[(*at)++];
	if (*n & 0x80) {	/* since 6.1: long names */
		if (*at >= t->markers)
			return false;
		*n = (*n & 0x7f) | (unsigned)t->memory[(*at)++] << 7;
	}
	*tokens = *at;
	*at += *n;
	return *n && *at <= t->markers;
}

/* Whether names beginning here are met at every marker and end before the markers. */
static bool names_fit(const struct tables *t)
{
	size_t at = t->names, tokens;
	unsigned n;
	for (uint32_t i = 0; i < t->n_symbols; i++) {
		if (i % 256 == 0 && at != t->names + get32(t->memory + t->markers + i / 256 * 4))
			return false;
		if (!read_name(t, &at, &tokens, &n))
			return false;
	}
	return t->markers - at < 16;
}

/* The names lie before the markers, their number 8 bytes before them. How long the last 256 names are is not known. */
static bool find_names(struct tables *t)
{
	size_t least = get32(t->memory + t->markers + ((size_t)t->n_markers - 1) * 4);
	for (size_t length = least; length < least + 256 * 256 && length + 8 <= t->markers; length++) {
		t->names = t->markers - length;
		if (t->names & 7)
			continue;
		t->n_symbols = get32(t->memory + t->names - 8);
		if (t->n_symbols && t->n_symbols <= MOST_SYMBOLS && (t->n_symbols + 255) / 256 == t->n_markers && names_fit(t))
			return true;
	}
	return false;
}

static bool plausible_base(const struct tables *t)
{
	uint64_t base = get64(t->memory + t->base);
	uint32_t last = 0;
	if (!(base >> 63) || base & 0xfff)
		return false;
	for (uint32_t i = 0; i < t->n_symbols; i++) {	/* sorted */
		uint32_t offset = get32(t->memory + t->offsets + (size_t)i * 4);
		if (offset < last)
			return false;
		last = offset;
	}
	return true;
}

static bool find_addresses(struct tables *t)
{
	size_t bytes = align8((size_t)t->n_symbols * 4);
	t->offsets = align8(t->index + TOKENS * 2);
	t->base = t->offsets + bytes;
	if (t->base + 8 <= t->size && plausible_base(t))
		return true;
	if (t->names < 16 + bytes)	/* before 6.4 */
		return false;
	t->base = t->names - 16;
	t->offsets = t->base - bytes;
	return plausible_base(t);
}

/* A name's text with its type in front; 0: damaged. */
static unsigned expand(const struct tables *t, size_t at, unsigned n, char text[LONGEST_NAME])
{
	unsigned length = 0;
	for (unsigned i = 0; i < n; i++) {
		size_t part = t->tokens + get16(t->memory + t->index + 2 * t->memory[at + i]);
		while (t->memory[part]) {	/* find_tokens has seen its end */
			if (length == LONGEST_NAME - 1)
				return 0;
			text[length++] = (char)t->memory[part++];
		}
	}
	return length;
}

static bool add_symbols(struct symbols *s, const struct tables *t)
{
	uint64_t base = get64(t->memory + t->base);
	size_t at = t->names, tokens;
	char text[LONGEST_NAME];
	unsigned n;
	for (uint32_t i = 0; i < t->n_symbols && read_name(t, &at, &tokens, &n); i++) {
		unsigned length = expand(t, tokens, n, text);
		uint64_t address = base + get32(t->memory + t->offsets + (size_t)i * 4);
		if (length > 1 && !symbols_add(s, text + 1, length - 1, address, 0, symbols_is_code(text[0])))
			return false;
	}
	return true;
}

bool kallsyms_read(struct symbols *s, const uint8_t *memory, size_t size)
{
	static const char digits[] = "0\0001\0002\0003\0004\0005\0006\0007\0008\0009";
	for (size_t from = 0; from < size;) {
		const uint8_t *at = memmem(memory + from, size - from, digits, sizeof digits);
		if (!at)
			return false;
		struct tables t = { .memory = memory, .size = size };
		if (find_tokens(&t, (size_t)(at - memory)) && find_markers(&t) && find_names(&t) && find_addresses(&t))
			return add_symbols(s, &t);
		from = (size_t)(at - memory) + 1;
	}
	return false;
}

bool kallsyms_find(struct symbols *s, const struct phys *p)
{
	off_t at = 0, end;
	while ((at = lseek(p->memfd, at, SEEK_DATA)) >= 0 && (end = lseek(p->memfd, at, SEEK_HOLE)) > at) {
		if (kallsyms_read(s, p->ram + at, (size_t)(end - at)))
			return true;
		at = end;
	}
	return false;
}

// SPDX-License-Identifier: Apache-2.0
/*
 * A profile as the tools of pprof read it: google/pprof's profile.proto, as protocol buffers write it, not compressed. Field numbers are that
 * file's.
 */
#include <stdlib.h>
#include <string.h>
#include "src/profile/profile.h"

/* ---- protocol buffers ---- */

struct buffer { uint8_t *bytes; size_t n, room; bool failed; };

static void put_bytes(struct buffer *b, const void *bytes, size_t n)
{
	if (b->n + n > b->room) {
		size_t room = (b->n + n) * 2;
		uint8_t *more = b->failed ? NULL : realloc(b->bytes, room);
		if (!more) {
			b->failed = true;
			return;
		}
		b->bytes = more;
		b->room = room;
	}
	memcpy(b->bytes + b->n, bytes, n);
	b->n += n;
}

static void put_varint(struct buffer *b, uint64_t v)
{
	uint8_t bytes[10];
	unsigned n = 0;
	do {
		bytes[n] = (uint8_t)(v & 0x7f) | (v > 0x7f ? 0x80 : 0);
		n++;
		v >>= 7;
	} while (v);
	put_bytes(b, bytes, n);
}

static void put_number(struct buffer *b, unsigned field, uint64_t v)
{
	put_varint(b, field << 3);
	put_varint(b, v);
}

static void put_block(struct buffer *b, unsigned field, const void *bytes, size_t n)
{
	put_varint(b, field << 3 | 2);
	put_varint(b, n);
	if (n)
		put_bytes(b, bytes, n);
}

/* A message within a message; empties it. */
static void put_message(struct buffer *b, unsigned field, struct buffer *message)
{
	put_block(b, field, message->bytes, message->n);
	b->failed |= message->failed;
	message->n = 0;
}

/* ---- tables: things that are named by number ---- */

struct item { uint64_t a, b; const char *text; };
struct items { struct item *item; size_t n, room; };

static int by_item(const void *x, const void *y)
{
	const struct item *a = x, *b = y;
	int text = a->text && b->text ? strcmp(a->text, b->text) : 0;
	return text ? text : a->a != b->a ? (a->a < b->a ? -1 : 1) : a->b != b->b ? (a->b < b->b ? -1 : 1) : 0;
}

static bool collect(struct items *t, struct item i)
{
	if (t->n == t->room) {
		size_t room = t->room ? 2 * t->room : 256;
		struct item *more = realloc(t->item, room * sizeof *more);
		if (!more)
			return false;
		t->item = more;
		t->room = room;
	}
	t->item[t->n++] = i;
	return true;
}

static void sort(struct items *t)
{
	size_t n = 0;
	if (t->n)
		qsort(t->item, t->n, sizeof *t->item, by_item);
	for (size_t i = 0; i < t->n; i++)
		if (!n || by_item(&t->item[n - 1], &t->item[i]))
			t->item[n++] = t->item[i];
	t->n = n;
}

static size_t number_of(const struct items *t, struct item i)
{
	return (size_t)((struct item *)bsearch(&i, t->item, t->n, sizeof i, by_item) - t->item);
}

/* ---- the profile ---- */

/* Strings of which each profile has the same; string 0 must be "". */
enum { TEXT_NONE, TEXT_SAMPLES, TEXT_COUNT, TEXT_TIME, TEXT_NANOSECONDS, TEXT_INSTRUCTIONS, TEXT_EXECUTIONS, TEXT_MODE, TEXT_TIER, TEXT_SPACE,
       TEXT_MODES, TEXT_TIERS = TEXT_MODES + 3, TEXT_FIXED = TEXT_TIERS + N_TIERS };
static const char *const fixed[TEXT_MODES] = { "", "samples", "count", "time", "nanoseconds", "instructions", "executions", "mode", "tier",
					       "address space" };

struct pprof {
	const struct profile *p;
	struct items function, location;	/* names; addresses with their function's name */
	struct buffer out, part, inner;
};

static struct item function_item(const struct call *c)
{
	return (struct item){ .text = c->function.name };
}

static struct item location_item(const struct call *c)
{
	return (struct item){ .a = c->pc, .text = c->function.name };
}

static bool collect_all(struct pprof *w, const struct entry *entry, size_t n)
{
	bool good = true;
	for (const struct entry *e = entry; good && e < entry + n; e++) {
		struct call call[NAMES_MOST_CALLS];
		unsigned depth = names_stack(w->p->names, e, call, NAMES_MOST_CALLS);
		for (unsigned i = 0; good && i < depth; i++)
			good = collect(&w->function, function_item(&call[i])) && collect(&w->location, location_item(&call[i]));
	}
	sort(&w->function);
	sort(&w->location);
	return good;
}

static void put_value_type(struct pprof *w, unsigned field, unsigned type, unsigned unit)
{
	put_number(&w->part, 1, type);
	put_number(&w->part, 2, unit);
	put_message(&w->out, field, &w->part);
}

static void put_label(struct pprof *w, unsigned key, unsigned text, uint64_t number)
{
	put_number(&w->inner, 1, key);
	if (text)
		put_number(&w->inner, 2, text);
	else
		put_number(&w->inner, 3, number);
	put_message(&w->part, 3, &w->inner);
}

static void put_sample(struct pprof *w, const struct entry *e)
{
	struct call call[NAMES_MOST_CALLS];
	unsigned depth = names_stack(w->p->names, e, call, NAMES_MOST_CALLS);
	for (unsigned i = 0; i < depth; i++)
		put_varint(&w->inner, number_of(&w->location, location_item(&call[i])) + 1);
	put_message(&w->part, 1, &w->inner);
	put_varint(&w->inner, e->count);
	put_varint(&w->inner, w->p->exact ? profile_weight(w->p, e) : e->count * w->p->period_ns);
	put_message(&w->part, 2, &w->inner);
	put_label(w, TEXT_MODE, TEXT_MODES + e->privilege, 0);
	if (!w->p->exact)
		put_label(w, TEXT_TIER, TEXT_TIERS + e->tier, 0);
	if (e->space)
		put_label(w, TEXT_SPACE, 0, e->space);
	put_message(&w->out, 2, &w->part);
}

static void put_locations(struct pprof *w)
{
	for (size_t i = 0; i < w->location.n; i++) {
		const struct item *l = &w->location.item[i];
		put_number(&w->inner, 1, number_of(&w->function, (struct item){ .text = l->text }) + 1);
		put_number(&w->part, 1, i + 1);
		put_number(&w->part, 3, l->a);
		put_message(&w->part, 4, &w->inner);
		put_message(&w->out, 4, &w->part);
	}
	for (size_t i = 0; i < w->function.n; i++) {
		put_number(&w->part, 1, i + 1);
		put_number(&w->part, 2, TEXT_FIXED + i);
		put_number(&w->part, 3, TEXT_FIXED + i);
		put_message(&w->out, 5, &w->part);
	}
}

static void put_text(struct pprof *w, const char *text)
{
	put_block(&w->out, 6, text, strlen(text));
}

static void put_texts(struct pprof *w)
{
	for (unsigned i = 0; i < TEXT_MODES; i++)
		put_text(w, fixed[i]);
	for (unsigned i = 0; i < 3; i++)
		put_text(w, privilege_name(i));
	for (unsigned i = 0; i < N_TIERS; i++)
		put_text(w, tier_name(i));
	for (size_t i = 0; i < w->function.n; i++)
		put_text(w, w->function.item[i].text);
}

void profile_pprof(const struct profile *p, FILE *f)
{
	struct pprof w = { .p = p };
	size_t n;
	const struct entry *entry = tally_entries(p->tally, &n);
	bool good = collect_all(&w, entry, n);
	put_value_type(&w, 1, p->exact ? TEXT_EXECUTIONS : TEXT_SAMPLES, TEXT_COUNT);
	put_value_type(&w, 1, p->exact ? TEXT_INSTRUCTIONS : TEXT_TIME, p->exact ? TEXT_COUNT : TEXT_NANOSECONDS);
	for (size_t i = 0; good && i < n; i++)
		put_sample(&w, &entry[i]);
	put_locations(&w);
	put_texts(&w);
	put_number(&w.out, 10, p->host_ns);
	if (!p->exact) {
		put_value_type(&w, 11, TEXT_TIME, TEXT_NANOSECONDS);
		put_number(&w.out, 12, p->period_ns);
	}
	if (good && !w.out.failed)
		fwrite(w.out.bytes, 1, w.out.n, f);
	free(w.out.bytes);
	free(w.part.bytes);
	free(w.inner.bytes);
	free(w.function.item);
	free(w.location.item);
}

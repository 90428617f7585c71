// SPDX-License-Identifier: Apache-2.0
#include "backend/llvm/sites.h"
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include "runtime/fp.h"

_Static_assert(VCPU_SLOTS > UINT8_MAX, "any byte is a slot");

struct entry {
	int32_t distance[2];
	uint32_t number;
	uint16_t n_places;
	char places[];
} __attribute__((packed));

bool site_find(const char *table, const char *end, const char *pc, ptrdiff_t to_exec, struct site *site)
{
	for (const char *at = table; at < end;) {
		const struct entry *e = (const struct entry *)(const void *)at;
		if (at + e->distance[0] + to_exec == pc || (e->distance[1] && at + sizeof e->distance[0] + e->distance[1] + to_exec == pc)) {
			*site = (struct site){ e->number >> SITE_UOP_BITS, e->number & ((1u << SITE_UOP_BITS) - 1), e->places, e->n_places };
			return true;
		}
		at += (sizeof *e + e->n_places + 3) & ~3ul;
	}
	return false;
}

/* Slots, forms and terminated names. */
static bool places_hold(const char *at, const char *end)
{
	while (at < end) {
		if (end - at < 3 || (uint8_t)at[1] >= FORM_UNKNOWN)
			return false;
		const char *last = memchr(at + 2, 0, (size_t)(end - at) - 2);
		if (!last)
			return false;
		at = last + 1;
	}
	return true;
}

bool sites_hold(const char *table, const char *end, const struct region *r)
{
	for (const char *at = table; at < end;) {
		struct entry e;
		if (end - at < (ptrdiff_t)sizeof e)
			return false;
		memcpy(&e, at, sizeof e);
		unsigned block = e.number >> SITE_UOP_BITS, uop = e.number & ((1u << SITE_UOP_BITS) - 1);
		ptrdiff_t size = (ptrdiff_t)((sizeof e + e.n_places + 3) & ~3ul);
		if (size > end - at || block >= r->n_blocks || uop >= r->block[block].n_uops ||
		    !places_hold(at + sizeof e, at + sizeof e + e.n_places))
			return false;
		at += size;
	}
	return true;
}

static uint64_t bits_of(uint64_t v, enum slot_form form)
{
	switch (form) {
	case FORM_DOUBLE:
		return fp_nan64(v) ? FP_NAN64 : v;
	case FORM_SINGLE:
		return fp_box32(fp_nan32((uint32_t)v) ? FP_NAN32 : (uint32_t)v);
	case FORM_LOADED:
		return fp_box32((uint32_t)v);
	default:
		return v;
	}
}

/* By the name that assemblers give it: "%rax", or "%xmm0" */
static uint64_t register_named(const struct host_registers *r, const char *name)
{
	static const char general[][5] = {
		"%rax", "%rcx", "%rdx", "%rbx", "%rsp", "%rbp", "%rsi", "%rdi", "%r8", "%r9", "%r10", "%r11", "%r12", "%r13", "%r14", "%r15",
	};
	for (unsigned i = 0; i < ARRAY_SIZE(general); i++)
		if (!strncmp(general[i], name, sizeof general[i]))
			return r->general[i];
	unsigned long n = strncmp(name, "%xmm", 4) ? ULONG_MAX : strtoul(name + 4, NULL, 10);
	if (n >= ARRAY_SIZE(r->vector))
		abort();
	return r->vector[n];
}

void site_restore(const struct site *site, const struct host_registers *r, struct vcpu *cpu)
{
	for (const char *at = site->places, *end = at + site->n_places; at < end; at += strlen(at) + 1) {
		unsigned slot = (uint8_t)*at++;
		enum slot_form form = (uint8_t)*at++;
		uint64_t v = *at == '$' ? (uint64_t)strtoll(at + 1, NULL, 0) : register_named(r, at);
		if (slot == SITE_ICOUNT)
			cpu->icount = v;
		else
			cpu->reg[slot] = bits_of(v, form);
	}
}

// SPDX-License-Identifier: Apache-2.0
#include "src/profile/names.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "src/options.h"
#include "src/profile/kallsyms.h"

#define MOST_FILES 32

struct names {
	struct table { struct symbols *symbols; uint64_t bias; char *path; } table[MOST_FILES];	/* path: as the user named it, or NULL */
	_Atomic unsigned n;	/* grows behind what it counts: others may be looking something up */
	bool kernel;		/* some table has symbols in the upper half */
};

const char *privilege_name(enum privilege p)
{
	static const char *const name[] = { [PRIVILEGE_USER] = "user", [PRIVILEGE_KERNEL] = "kernel", [PRIVILEGE_FIRMWARE] = "firmware" };
	return name[p];
}

const char *tier_name(enum vcpu_tier t)
{
	static const char *const name[N_TIERS] = {
		[TIER_RUNTIME] = "runtime", [TIER_REGION] = "region", [TIER_STENCIL] = "stencil", [TIER_INTERP] = "interp",
		[TIER_HELPER] = "helper", [TIER_DEVICE] = "device", [TIER_TRANSLATE] = "translate",
	};
	return name[t];
}

struct names *names_new(void)
{
	return calloc(1, sizeof(struct names));
}

void names_free(struct names *n)
{
	if (!n)
		return;
	for (unsigned i = 0; i < n->n; i++) {
		symbols_free(n->table[i].symbols);
		free(n->table[i].path);
	}
	free(n);
}

/* Takes the symbols and the path. */
static void add_table(struct names *n, struct symbols *s, uint64_t bias, char *path)
{
	struct symbol_range r;
	n->table[n->n] = (struct table){ s, bias, path };
	n->n++;
	n->kernel |= symbols_last(s, &r) && (r.start + bias) >> 63;
}

bool names_add_file(struct names *n, const char *spec, struct error *err)
{
	uint64_t bias = 0;
	const char *at = strrchr(spec, '@');
	if (n->n == MOST_FILES - 1)
		return error_set(err, ERROR_USAGE, "more than %u files", MOST_FILES - 1);
	if (at && access(spec, F_OK)) {		/* a file's name may have an @ */
		if (!parse_number(at + 1, UINT64_MAX, &bias, err))
			return error_prefix(err, "the address behind @");
	} else {
		at = NULL;
	}
	char *path = at ? strndup(spec, (size_t)(at - spec)) : strdup(spec);
	if (!path)
		return error_set(err, ERROR_HOST, "out of memory");
	struct symbols *s = symbols_load(path);
	if (s) {
		add_table(n, s, bias, path);
		return true;
	}
	error_set(err, ERROR_USAGE, "%s", access(path, R_OK) ? strerror(errno) : "neither an ELF file with symbols nor a System.map");
	free(path);
	return false;
}

void names_add_image(struct names *n, const char *path)
{
	struct symbols *s = path && n->n < MOST_FILES - 1 ? symbols_load(path) : NULL;
	if (s)
		add_table(n, s, 0, NULL);
}

void names_add_guest(struct names *n, struct vm *vm)
{
	struct symbols *s = n->kernel || n->n == MOST_FILES ? NULL : symbols_new();
	if (s && kallsyms_find(s, &vm->machine.phys)) {
		symbols_sort(s);
		add_table(n, s, 0, NULL);
	} else {
		symbols_free(s);
	}
}

/* The table that names an address, and the function there; NULL: it has no name. */
static const struct table *find(const struct names *n, uint64_t pc, struct function *best)
{
	const struct table *from = NULL;
	struct symbol_range r;
	for (unsigned i = 0; i < n->n; i++) {	/* the nearest; of the same, what was named first */
		uint64_t bias = n->table[i].bias;
		if (!symbols_find(n->table[i].symbols, pc - bias, &r) || (from && r.start + bias <= best->start))
			continue;
		*best = (struct function){ r.name, r.start + bias, r.end + bias, true };
		from = &n->table[i];
	}
	return from;
}

struct function names_find(const struct names *n, uint64_t pc, enum privilege privilege)
{
	static const char *const none[] = { [PRIVILEGE_USER] = "[user]", [PRIVILEGE_KERNEL] = "[kernel]", [PRIVILEGE_FIRMWARE] = "[firmware]" };
	struct function f;
	if (find(n, pc, &f))
		return f;
	return (struct function){ none[privilege], pc & PAGE_MASK, (pc & PAGE_MASK) + PAGE_SIZE, false };
}

const char *names_file(const struct names *n, uint64_t pc, uint64_t *bias)
{
	struct function f;
	const struct table *from = find(n, pc, &f);
	*bias = from ? from->bias : 0;
	return from ? from->path : NULL;
}

bool names_value(const struct names *n, const char *name, uint64_t *address)
{
	for (unsigned i = 0; i < n->n; i++)
		if (symbols_value(n->table[i].symbols, name, address)) {
			*address += n->table[i].bias;
			return true;
		}
	return false;
}

const char *names_nearest(const struct names *n, const char *name)
{
	const char *near = NULL;
	for (unsigned i = 0; i < n->n && !near; i++)
		near = symbols_nearest(n->table[i].symbols, name);
	return near;
}

bool names_at(const struct names *n, uint64_t pc, char *text, size_t size)
{
	struct function f = names_find(n, pc, PRIVILEGE_USER);
	if (!f.known)
		return false;
	if (pc == f.start)
		snprintf(text, size, "%s", f.name);
	else
		snprintf(text, size, "%s+0x%llx", f.name, (unsigned long long)(pc - f.start));
	return true;
}

unsigned names_stack(const struct names *n, const struct entry *e, struct call *call, unsigned most)
{
	unsigned k = 0;
	if (!e->pc)
		return 0;
	struct function inner = names_find(n, e->pc, e->privilege);
	call[k++] = (struct call){ e->pc, inner };
	/* a call's return address may lie behind its function, so the one before it is looked up */
	struct function caller = names_find(n, e->caller - 1, e->privilege);
	bool leads_out = e->caller && e->caller >> 63 == e->pc >> 63 && inner.known && caller.start != inner.start;
	if (leads_out && k < most && (e->n_frames ? e->frame[0] != e->caller : caller.known))
		call[k++] = (struct call){ e->caller - 1, caller };
	for (unsigned i = 0; i < e->n_frames && k < most; i++)
		call[k++] = (struct call){ e->frame[i] - 1, names_find(n, e->frame[i] - 1, e->privilege) };
	return k;
}

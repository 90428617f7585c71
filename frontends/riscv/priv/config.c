// SPDX-License-Identifier: Apache-2.0
/* --cpu: "rv64", then ",extension=on|off", ",satp=bare|sv39|sv48|sv57", ",pmp=N" in any order; the last word on a thing counts. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "frontends/riscv/priv/cpu.h"

static const struct {
	const char *name;
	bool on;
} extensions[EXT_COUNT] = {
#define EXT(id, name, on) [EXT_##id] = { name, on },
	RISCV_EXTENSIONS(EXT)
#undef EXT
};

/* An extension, what it needs, and why */
static const struct {
	enum riscv_ext ext, needs;
} dependencies[] = {
	{ EXT_F, EXT_ZICSR },		/* volume I, chapter 20: fcsr */
	{ EXT_D, EXT_F },
	{ EXT_ZFHMIN, EXT_F },
	{ EXT_ZICNTR, EXT_ZICSR },
	{ EXT_ZIHPM, EXT_ZICSR },
	{ EXT_SSTC, EXT_ZICSR },
};

/* Nothing to work on without paging */
static const enum riscv_ext paging_extensions[] = { EXT_SVADU, EXT_SVINVAL, EXT_SVNAPOT, EXT_SVPBMT, EXT_SVVPTC };

static const struct {
	const char *name;
	unsigned levels;
} modes[] = { { "bare", 0 }, { "sv39", 3 }, { "sv48", 4 }, { "sv57", 5 } };

static bool unknown_option(const char *key, struct error *err)
{
	char list[300] = "";
	for (unsigned i = 0; i < EXT_COUNT; i++) {
		size_t n = strlen(list);
		snprintf(list + n, sizeof list - n, "%s ", extensions[i].name);
	}
	return error_set(err, ERROR_USAGE, "--cpu: '%.40s' is unknown; there are: %ssatp pmp", key, list);
}

/* `named`: extensions that the text turns on */
static bool set_option(struct cpu_config *c, uint64_t *named, const char *key, const char *value, struct error *err)
{
	if (!strcmp(key, "satp")) {
		for (unsigned i = 0; i < ARRAY_SIZE(modes); i++) {
			if (strcmp(value, modes[i].name))
				continue;
			c->satp_levels = modes[i].levels;
			return true;
		}
		return error_set(err, ERROR_USAGE, "--cpu: satp=%.40s: choose bare, sv39, sv48 or sv57", value);
	}
	if (!strcmp(key, "pmp")) {
		char *end;
		unsigned long n = strtoul(value, &end, 10);
		if (!isdigit((unsigned char)*value) || *end || n > PMP_MAX_ENTRIES)
			return error_set(err, ERROR_USAGE, "--cpu: pmp=%.40s: give a number of entries from 0 to %d", value,
					 PMP_MAX_ENTRIES);
		c->pmp_entries = (unsigned)n;
		return true;
	}
	for (unsigned i = 0; i < EXT_COUNT; i++) {
		uint64_t bit = (uint64_t)1 << i;
		if (strcmp(key, extensions[i].name))
			continue;
		if (!strcmp(value, "on")) {
			c->ext |= bit;
			*named |= bit;
		} else if (!strcmp(value, "off")) {
			c->ext &= ~bit;
			*named &= ~bit;
		} else {
			return error_set(err, ERROR_USAGE, "--cpu: %s=%.40s: say on or off", key, value);
		}
		return true;
	}
	return unknown_option(key, err);
}

static bool check(struct cpu_config *c, uint64_t named, struct error *err)
{
	for (unsigned i = 0; i < ARRAY_SIZE(dependencies); i++) {
		enum riscv_ext e = dependencies[i].ext, needs = dependencies[i].needs;
		if (riscv_has(c, e) && !riscv_has(c, needs))
			return error_set(err, ERROR_USAGE, "--cpu: %s needs %s: add %s=on, or %s=off", extensions[e].name,
					 extensions[needs].name, extensions[needs].name, extensions[e].name);
	}
	for (unsigned i = 0; !c->satp_levels && i < ARRAY_SIZE(paging_extensions); i++) {
		enum riscv_ext e = paging_extensions[i];
		if (named >> e & 1)
			return error_set(err, ERROR_USAGE, "--cpu: %s needs paging: choose satp=sv39 or wider, or %s=off",
					 extensions[e].name, extensions[e].name);
		c->ext &= ~((uint64_t)1 << e);	/* on by default only */
	}
	return true;
}

static bool parse(struct cpu_config *c, char *text, struct error *err)
{
	uint64_t named = 0;
	char *rest = text, *word = strsep(&rest, ",");
	if (strcmp(word, "rv64"))
		return error_set(err, ERROR_USAGE, "--cpu: '%.40s' is unknown: begin with rv64, for instance rv64,zba=off", word);
	while ((word = strsep(&rest, ","))) {
		char *value = strchr(word, '=');
		if (!*word || !value)
			return error_set(err, ERROR_USAGE, "--cpu: '%.40s': options are name=value, for instance zba=off or satp=sv39",
					 word);
		*value++ = 0;
		if (!set_option(c, &named, word, value, err))
			return false;
	}
	return check(c, named, err);
}

struct cpu_config *riscv_config_parse(const char *text, struct error *err)
{
	struct cpu_config *c = calloc(1, sizeof *c);
	char *copy = strdup(text);
	if (!c || !copy) {
		error_set(err, ERROR_HOST, "--cpu: out of memory");
		free(copy);
		free(c);
		return NULL;
	}
	for (unsigned i = 0; i < EXT_COUNT; i++)
		c->ext |= (uint64_t)extensions[i].on << i;
	c->satp_levels = 5;
	c->pmp_entries = 16;
	snprintf(c->name, sizeof c->name, "%s", text);
	bool ok = parse(c, copy, err);
	free(copy);
	if (!ok) {
		free(c);
		return NULL;
	}
	return c;
}

void riscv_config_free(struct cpu_config *config)
{
	free(config);
}

const char *riscv_config_extension(const struct cpu_config *config, unsigned index, bool *on)
{
	if (index >= EXT_COUNT)
		return NULL;
	*on = riscv_has(config, index);
	return extensions[index].name;
}

/* The order of volume I, chapter 35 (naming): single letters, Z extensions by category, S extensions */
static const enum riscv_ext isa_order[] = {
	EXT_ZICBOM, EXT_ZICBOP, EXT_ZICBOZ, EXT_ZICNTR, EXT_ZICOND, EXT_ZICSR, EXT_ZIFENCEI, EXT_ZIHINTPAUSE, EXT_ZIHPM,
	EXT_ZFHMIN, EXT_ZBA, EXT_ZBB, EXT_ZBC, EXT_ZBS,
	EXT_SSTC, EXT_SVADU, EXT_SVINVAL, EXT_SVNAPOT, EXT_SVPBMT, EXT_SVVPTC,
};
static const enum riscv_ext isa_letters[] = { EXT_M, EXT_A, EXT_F, EXT_D, EXT_C };
_Static_assert(ARRAY_SIZE(isa_order) + ARRAY_SIZE(isa_letters) == EXT_COUNT, "every extension is in the ISA string");

void riscv_isa_string(const struct cpu_config *config, char *text, unsigned size)
{
	unsigned at = 0;
	if (!size)
		return;
#define APPEND(...) do { if (at < size) at += (unsigned)snprintf(text + at, size - at, __VA_ARGS__); } while (0)
	APPEND("rv64i");
	for (unsigned i = 0; i < ARRAY_SIZE(isa_letters); i++)
		if (riscv_has(config, isa_letters[i]))
			APPEND("%s", extensions[isa_letters[i]].name);
	for (unsigned i = 0; i < ARRAY_SIZE(isa_order); i++)
		if (riscv_has(config, isa_order[i]))
			APPEND("_%s", extensions[isa_order[i]].name);
#undef APPEND
}

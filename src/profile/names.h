/* SPDX-License-Identifier: Apache-2.0 */
/* What guest addresses are called: the kernel's own symbols, and those of files that the user names. */
#pragma once
#include "src/profile/tally.h"
#include "src/symbols.h"
#include "src/vm.h"

/* One thread adds; others may look something up meanwhile. */
struct names;
/* NULL: out of memory. */
struct names *names_new(void);
void names_free(struct names *n);
/*
 * Adds FILE or FILE@ADDRESS: an ELF file, or a System.map. ADDRESS is where the file's address 0 lies (position-independent programs). False: err
 * says what is wrong with it.
 */
MUST_CHECK bool names_add_file(struct names *n, const char *spec, struct error *err);
/* Adds those of an ELF file that the run itself names (NULL: it names none); there need not be any. */
void names_add_image(struct names *n, const char *path);
/* Adds what the guest's kernel says of itself, unless kernel symbols are there already. The vCPUs are parked. */
void names_add_guest(struct names *n, struct vm *vm);

/* A function, or what stands for it where no name is known. */
struct function {
	const char *name;	/* as long as names */
	uint64_t start, end;
	bool known;		/* false: name is "[kernel]", "[user]" or "[firmware]", and [start, end) the page */
};
struct function names_find(const struct names *n, uint64_t pc, enum privilege privilege);
/*
 * The file, of those that names_add_file was given, that an address has its name from: as long as names, and *bias is where the file's address 0 lies.
 * NULL: it has no name, or that is from elsewhere.
 */
const char *names_file(const struct names *n, uint64_t pc, uint64_t *bias);
/* "name+0x12"; false: the address has no name. */
bool names_at(const struct names *n, uint64_t pc, char *text, size_t size);
/* The address of a symbol; false: nobody has it. */
bool names_value(const struct names *n, const char *name, uint64_t *address);
/* The name that `name` was probably meant to be, as long as n, or NULL. */
const char *names_nearest(const struct names *n, const char *name);

/*
 * The functions of a sample's stack, the innermost first, at most `most`. The return address that is still in its register is put in its place.
 * pc 0 gives none.
 */
struct call { uint64_t pc; struct function function; };
unsigned names_stack(const struct names *n, const struct entry *e, struct call *call, unsigned most);
#define NAMES_MOST_CALLS (SAMPLE_FRAMES + 2)

const char *privilege_name(enum privilege p);	/* "user", "kernel", "firmware" */
const char *tier_name(enum vcpu_tier t);	/* "region", "stencil", … */

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the code that is lifted comes from: bytes by virtual address, and names. A file, bytes from the command line, or the memory of a guest that
 * runs; whatever else can hand out the bytes of a page fills in the same struct.
 */
#pragma once
#include "frontends/frontend.h"
#include "runtime/error.h"

/* What is to be lifted. */
struct lift_range {
	uint64_t va;
	uint64_t size;		/* bytes; 0: up to the end of the block that begins there */
};
#define LIFT_OPEN UINT64_MAX	/* a size: as far as there is code */

struct lift_source {
	const struct frontend *frontend;
	/*
	 * The bytes at va, up to the end of its page or of the code: *size of them. They stay as they are until the source is closed. NULL: there are none.
	 */
	const uint8_t *(*bytes)(const struct lift_source *s, uint64_t va, unsigned *size);
	/* "memcpy+0x12"; false: the address has no name. */
	bool (*name)(const struct lift_source *s, uint64_t va, char *text, size_t size);
	/* Which code is meant by a name, an address or a section (NULL: the source's own beginning). */
	bool (*find)(const struct lift_source *s, const char *at, struct lift_range *range, struct error *err);
	void (*close)(struct lift_source *s);
	/* What is known beside the code: its processor, as for --cpu; the mode that code at va runs in (NULL: not known). Each may be NULL. */
	const char *cpu;
	const struct frontend_mode *(*mode)(const struct lift_source *s, uint64_t va);
};

/* What a source is opened from. Strings that are not given are NULL. */
struct lift_input {
	char *arch;		/* NULL: the file's, or the first of frontends[] */
	char *file, *hex, *vm;	/* one of them: vm is the path of a control socket */
	unsigned vcpu;		/* whose page tables and mode, with vm */
	bool has_base;
	uint64_t base;		/* where a flat file or the bytes stand */
	char *symbols;		/* a file with symbols beside the code's own */
};

/* A source over a file (ELF; flat, perhaps packed) or bytes in hex; NULL: err. Ends with its `close`. */
struct lift_source *source_open(const struct lift_input *in, struct error *err);
/* The same over the memory of a running guest (in->vm), as one vCPU's page tables map it. */
struct lift_source *source_attach(const struct lift_input *in, struct error *err);

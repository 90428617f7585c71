/* SPDX-License-Identifier: Apache-2.0 */
/* A jitdump file (Linux: tools/perf/Documentation/jitdump-specification.txt). */
#pragma once
#include <stdio.h>
#include "src/vm.h"

struct jitdump {
	FILE *f, *text;		/* text: the guest's instructions, a line each */
	char text_path[64];
	void *mark;		/* the mapping of the file by which perf record learns of it */
	uint64_t index;		/* of the next piece of code */
	unsigned line;		/* of the next instruction in text, from 1 */
};

/* Creates the files. False: err; jitdump_close is still to be called. */
MUST_CHECK bool jitdump_open(struct jitdump *j, struct error *err);
void jitdump_add(struct jitdump *j, struct vm *vm, const struct generated *g, const char *name);
/* False: not all could be written. */
MUST_CHECK bool jitdump_close(struct jitdump *j);

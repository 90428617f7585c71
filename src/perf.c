// SPDX-License-Identifier: Apache-2.0
#include "src/perf.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "src/jitdump.h"

struct perf_out {
	struct vm *vm;
	const struct names *names;
	enum perf_form form;
	FILE *map;
	char path[256];
	struct jitdump dump;
};

/* "memcpy+0x1e [region]", "0x80001234 [stencil]" */
static void name_code(const struct perf_out *p, const struct generated *g, char *text, size_t size)
{
	char name[160];
	if (!names_at(p->names, g->va, name, sizeof name))
		snprintf(name, sizeof name, "0x%" PRIx64, g->va);
	snprintf(text, size, "%s [%s]", name, tier_name(g->tier));
}

static void on_generated(void *opaque, const struct generated *g)
{
	struct perf_out *p = opaque;
	char name[200];
	name_code(p, g, name, sizeof name);
	if (p->form == PERF_JITDUMP)
		jitdump_add(&p->dump, p->vm, g, name);
	else
		fprintf(p->map, "%" PRIxPTR " %zx %s\n", (uintptr_t)g->begin, (size_t)(g->end - g->begin), name);
}

/* In a folder that all may write to: what an earlier process with this number has left goes, and nobody's link is followed. */
static bool open_map(struct perf_out *p, const char *path, struct error *err)
{
	if (path)
		snprintf(p->path, sizeof p->path, "%s", path);
	else
		snprintf(p->path, sizeof p->path, "/tmp/perf-%u.map", (unsigned)getpid());
	if (!path)
		unlink(p->path);
	int fd = open(p->path, O_WRONLY | O_CREAT | O_CLOEXEC | (path ? O_TRUNC : O_EXCL | O_NOFOLLOW), 0644);
	p->map = fd < 0 ? NULL : fdopen(fd, "w");
	if (p->map)	/* perf may look while the guest runs */
		setlinebuf(p->map);
	return p->map || error_set(err, ERROR_HOST, "perf map %.200s: %s", p->path, strerror(errno));
}

struct perf_out *perf_start(struct vm *vm, const struct names *names, enum perf_form form, const char *path, struct error *err)
{
	struct error ignored;
	struct perf_out *p = calloc(1, sizeof *p);
	if (!p) {
		error_set(err, ERROR_HOST, "out of memory");
		return NULL;
	}
	p->vm = vm;
	p->names = names;
	p->form = form;
	bool good = form == PERF_JITDUMP ? jitdump_open(&p->dump, err) : open_map(p, path, err);
	if (good && (vm_observe(vm, &(struct observer){ .generated = on_generated, .opaque = p }) ||
		     error_set(err, ERROR_HOST, "too many observers")))
		return p;
	(void)!perf_end(p, &ignored);
	return NULL;
}

bool perf_end(struct perf_out *p, struct error *err)
{
	if (!p)
		return true;
	bool good = p->form == PERF_JITDUMP ? jitdump_close(&p->dump) : !p->map || !ferror(p->map) & !fclose(p->map);
	free(p);
	return good || error_set(err, ERROR_HOST, "perf: not all names of generated code could be written: is the disk full?");
}

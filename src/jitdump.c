// SPDX-License-Identifier: Apache-2.0
#include "src/jitdump.h"
#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "runtime/clock.h"
#include "src/generated.h"

enum { CODE_LOAD = 0, CODE_DEBUG_INFO = 2, CODE_CLOSE = 3 };

struct header {
	uint32_t magic, version, size, machine, padding, pid;
	uint64_t time, flags;
};
struct record { uint32_t id, size; uint64_t time; };
struct load {
	struct record record;
	uint32_t pid, tid;
	uint64_t vma, address, size, index;
};
struct debug_info { struct record record; uint64_t address, n; };
struct debug_line { uint64_t address; uint32_t line, discriminator; };

#define HOST_MACHINE EM_X86_64	/* the one for which there is machine code */

static FILE *create(const char *path, struct error *err)
{
	FILE *f = fopen(path, "w+e");
	if (!f)
		error_set(err, ERROR_HOST, "--perf jitdump: %.100s: %s", path, strerror(errno));
	return f;
}

bool jitdump_open(struct jitdump *j, struct error *err)
{
	char path[64];
	unsigned pid = (unsigned)getpid();
	const struct header h = { 0x4a695444, 1, sizeof h, HOST_MACHINE, 0, pid, clock_host_now(), 0 };
	*j = (struct jitdump){ .mark = MAP_FAILED, .line = 1 };
	snprintf(path, sizeof path, "jit-%u.dump", pid);
	snprintf(j->text_path, sizeof j->text_path, "jit-%u.s", pid);
	if (!(j->f = create(path, err)) || !(j->text = create(j->text_path, err)))
		return false;
	fwrite(&h, sizeof h, 1, j->f);
	fflush(j->f);
	/* perf record notes executable mappings of files; nothing is executed there */
	j->mark = mmap(NULL, (size_t)sysconf(_SC_PAGESIZE), PROT_READ | PROT_EXEC, MAP_PRIVATE, fileno(j->f), 0);
	return j->mark != MAP_FAILED || error_set(err, ERROR_HOST, "--perf jitdump: %s cannot be mapped: %s", path, strerror(errno));
}

/* Each line is an instruction of the guest; machine code of one that comes in several places names its line again. */
static void add_lines(struct jitdump *j, struct vm *vm, const struct generated *g)
{
	unsigned *number = calloc(g->n_lines + 1u, sizeof *number);
	size_t name = strlen(j->text_path) + 1;
	const struct debug_info info = {
		{ CODE_DEBUG_INFO, (uint32_t)(sizeof info + g->n_lines * (sizeof(struct debug_line) + name)), clock_host_now() },
		(uint64_t)(uintptr_t)g->begin, g->n_lines };
	if (!number || !g->n_lines) {
		free(number);
		return;
	}
	fwrite(&info, sizeof info, 1, j->f);
	for (unsigned i = 0; i < g->n_lines; i++) {
		char text[160];
		unsigned same = 0;
		while (g->line[same].va != g->line[i].va)
			same++;
		if (same == i) {
			number[i] = j->line++;
			fprintf(j->text, "%s\n", generated_disassemble(vm, g, &g->line[i], text, sizeof text) ? text : "?");
		}
		const struct debug_line line = { (uint64_t)(uintptr_t)(g->begin + g->line[i].at), number[same], 0 };
		fwrite(&line, sizeof line, 1, j->f);
		fwrite(j->text_path, name, 1, j->f);
	}
	free(number);
}

void jitdump_add(struct jitdump *j, struct vm *vm, const struct generated *g, const char *name)
{
	size_t size = (size_t)(g->end - g->begin), length = strlen(name) + 1;
	add_lines(j, vm, g);
	const struct load load = {
		{ CODE_LOAD, (uint32_t)(sizeof load + length + size), clock_host_now() }, (uint32_t)getpid(), (uint32_t)gettid(),
		(uint64_t)(uintptr_t)g->begin, (uint64_t)(uintptr_t)g->begin, size, j->index++ };
	fwrite(&load, sizeof load, 1, j->f);
	fwrite(name, length, 1, j->f);
	fwrite(g->begin, size, 1, j->f);
	fflush(j->f);
}

/* Whether all has been written. */
static bool close_whole(FILE *f)
{
	bool good = !ferror(f);
	return !fclose(f) && good;
}

bool jitdump_close(struct jitdump *j)
{
	const struct record last = { CODE_CLOSE, sizeof last, clock_host_now() };
	bool good = true;
	if (j->f) {
		fwrite(&last, sizeof last, 1, j->f);
		good = close_whole(j->f);
	}
	if (j->text)
		good &= close_whole(j->text);
	if (j->mark != MAP_FAILED)
		munmap(j->mark, (size_t)sysconf(_SC_PAGESIZE));
	return good;
}

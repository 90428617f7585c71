// SPDX-License-Identifier: Apache-2.0
#include "backend/cache/code_memory.h"
#include <sys/mman.h>

bool code_memory_map(struct code_memory *m, uint64_t bytes)
{
	*m = (struct code_memory){ .size = bytes };
	uint8_t *write = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (write == MAP_FAILED)
		return false;
	m->write = write;
	/* the same pages once more: with an old size of 0 a shared mapping stays where it is, too */
	uint8_t *exec = mremap(write, 0, bytes, MREMAP_MAYMOVE);
	if (exec == MAP_FAILED)
		return false;
	m->to_exec = (uint64_t)(exec - write);
	return !mprotect(exec, bytes, PROT_READ | PROT_EXEC);
}

void code_memory_unmap(struct code_memory *m)
{
	if (m->write)
		munmap(m->write, m->size);
	if (m->to_exec)
		munmap(m->write + m->to_exec, m->size);
	*m = (struct code_memory){ 0 };
}

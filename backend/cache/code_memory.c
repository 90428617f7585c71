// SPDX-License-Identifier: Apache-2.0
#include "backend/cache/code_memory.h"
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

bool code_memory_map(struct code_memory *m, const char *name, uint64_t bytes)
{
	*m = (struct code_memory){ .size = bytes };
	int fd = memfd_create(name, MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, (off_t)bytes)) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	uint8_t *write = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
	uint8_t *exec = mmap(NULL, bytes, PROT_READ | PROT_EXEC, MAP_SHARED | MAP_NORESERVE, fd, 0);
	int error = errno;
	close(fd);
	errno = error;
	if (write != MAP_FAILED)
		m->write = write;
	if (exec != MAP_FAILED)
		m->to_exec = (uint64_t)(exec - write);
	return write != MAP_FAILED && exec != MAP_FAILED;
}

void code_memory_unmap(struct code_memory *m)
{
	if (m->write)
		munmap(m->write, m->size);
	if (m->to_exec)
		munmap(m->write + m->to_exec, m->size);
	*m = (struct code_memory){ 0 };
}

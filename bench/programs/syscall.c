/* SPDX-License-Identifier: Apache-2.0 */
/* The shortest system call */
#include "bench.h"
#include <sys/syscall.h>

static uint64_t bench(unsigned rounds)
{
	uint64_t sum = 0;

	while (rounds--)
		sum += syscall(SYS_getppid) > 0;
	return sum;
}

BENCH("syscall", 1000000)

/* SPDX-License-Identifier: Apache-2.0 */
/* A byte to and fro between two processes: system calls, wake-ups and address-space switches */
#include "bench.h"
#include <sched.h>
#include <sys/wait.h>

static uint64_t bench(unsigned rounds)
{
	int to[2], from[2], status;
	uint64_t sum = 0;
	uint8_t byte = 0;
	unsigned i;
	cpu_set_t one;
	pid_t pid;

	/* both on one processor, so that each turn is a switch */
	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	sched_setaffinity(0, sizeof(one), &one);
	if (pipe(to) || pipe(from) || (pid = fork()) < 0)
		bench_fail("pipe");
	if (!pid) {
		close(to[1]);
		while (read(to[0], &byte, 1) == 1) {
			byte++;
			if (write(from[1], &byte, 1) != 1)
				_exit(1);
		}
		_exit(0);
	}
	for (i = 0; i < rounds; i++) {
		if (write(to[1], &byte, 1) != 1 || read(from[0], &byte, 1) != 1)
			bench_fail("pipe");
		sum += byte;
	}
	close(to[1]);
	waitpid(pid, &status, 0);
	return sum;
}

BENCH("pipe", 50000)

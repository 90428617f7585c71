/* SPDX-License-Identifier: Apache-2.0 */
/* A process made, replaced by another program and waited for */
#include "bench.h"
#include <sys/wait.h>

static uint64_t bench(unsigned rounds)
{
	uint64_t sum = 0;

	while (rounds--) {
		int status;
		pid_t pid = fork();

		if (pid < 0)
			bench_fail("fork");
		if (!pid) {
			execl("/proc/self/exe", "forkexec", "child", (char *)NULL);
			_exit(1);
		}
		if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 42)
			bench_fail("forkexec: the child failed");
		sum += WEXITSTATUS(status);
	}
	return sum;
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "child"))
		_exit(42);
	return bench_main("forkexec", 300, NULL, argc, argv);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* main() for a Check program: runs the suites and prints the line that tools/check adds up. */
#pragma once
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

/* Seconds: Check's 4 are too few for a busy machine. It looks when a test case is made, thus before run_suites. */
__attribute__((constructor)) static void allow_time(void)
{
	setenv("CK_DEFAULT_TIMEOUT", "60", 0);
}

static int run_suites(const char *name, unsigned n, Suite **suites)
{
	SRunner *runner = srunner_create(NULL);
	for (unsigned i = 0; i < n; i++)
		srunner_add_suite(runner, suites[i]);
	srunner_run_all(runner, CK_ENV);
	int ran = srunner_ntests_run(runner), failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	printf("%s: %d passed, %d failed, 0 skipped\n", name, ran - failed, failed);
	return failed || !ran ? EXIT_FAILURE : EXIT_SUCCESS;
}

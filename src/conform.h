/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of `calque conform`. */
#pragma once
#include <stdio.h>
#include "src/vm.h"

#define CONFORM_LAST 16		/* instructions shown of a failed test */

struct conform_options {
	struct vm_config config;	/* what all tests share */
	uint64_t timeout_ns;
	unsigned jobs;
	char *format, *signature;
	unsigned granularity;		/* bytes a line of the signature */
	bool all_output;		/* console output of passing tests too */
};

enum conform_verdict { CONFORM_PASS, CONFORM_FAIL, CONFORM_TIMEOUT, CONFORM_ERROR };

struct conform_result {
	char *path;
	enum conform_verdict verdict;
	bool done;
	struct guest_exit exit;
	uint64_t number;		/* of the failing check in the test, 0: not known */
	uint64_t insns, host_ns;
	uint64_t pc;			/* where the test went wrong, or was when it ended */
	char symbol[128];		/* of pc */
	char where[160];		/* label and address of the failing check, "" if not known */
	char text[400];			/* in words why it did not pass */
	char *last;			/* last instructions, one a line, or NULL */
	char *console;			/* what the test printed, or NULL */
};

struct conform_totals { unsigned pass, fail, timeout, error; uint64_t host_ns, insns; };

/* Runs one test; the result's path is set. */
void conform_run(const struct conform_options *o, struct conform_result *r);
void conform_result_free(struct conform_result *r);

/* An output format: functions may be NULL. */
struct conform_format {
	const char *name;
	void (*begin)(const struct conform_options *o, unsigned n, FILE *f);
	void (*test)(const struct conform_options *o, const struct conform_result *r, unsigned index, FILE *f);
	void (*end)(const struct conform_options *o, const struct conform_result *r, unsigned n,
		const struct conform_totals *t, FILE *f);
};
extern const struct conform_format conform_formats[];
extern const unsigned n_conform_formats;

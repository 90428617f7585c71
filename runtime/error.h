/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one error object: a code that becomes the exit status and a message of one line that names the thing and the mend.
 * Functions that can fail take a `struct error *` (never NULL) and return false, NULL or a negative number.
 */
#pragma once
#include <stdbool.h>

enum error_code {
	ERROR_NONE = 0,
	ERROR_USAGE = 2,	/* the user can mend it: an option, a file, a size; exit status 2 */
	ERROR_HOST = 3,		/* the host refused: memory, a thread, a file system; exit status 3 */
};

struct error {
	enum error_code code;
	char text[400];
};

/* Sets code and message; always returns false, so that `return error_set(…)` reads well. */
bool error_set(struct error *err, enum error_code code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Puts "PREFIX: " before the message that err holds. Returns false. */
bool error_prefix(struct error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

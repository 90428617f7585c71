// SPDX-License-Identifier: Apache-2.0
#include "runtime/error.h"
#include <stdarg.h>
#include <stdio.h>

bool error_set(struct error *err, enum error_code code, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	err->code = code;
	vsnprintf(err->text, sizeof err->text, fmt, ap);
	va_end(ap);
	return false;
}

bool error_prefix(struct error *err, const char *fmt, ...)
{
	char head[200], tail[sizeof err->text];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(head, sizeof head, fmt, ap);
	va_end(ap);
	snprintf(tail, sizeof tail, "%s", err->text);
	snprintf(err->text, sizeof err->text, "%.199s: %.198s", head, tail);
	return false;
}

// SPDX-License-Identifier: Apache-2.0
#include "runtime/log.h"
#include <stdarg.h>
#include <stdio.h>

bool log_covers(const struct machine *m, uint64_t at, uint64_t size)
{
	uint64_t last = at + (size ? size - 1 : 0);
	for (unsigned i = 0; i < m->n_log_ranges; i++)
		if (at <= m->log_range[i].last && last >= m->log_range[i].first)
			return true;
	return !m->n_log_ranges;
}

void log_line(const struct machine *m, const struct vcpu *cpu, const char *fmt, ...)
{
	FILE *f = m->log_file;
	va_list ap;
	if (!f)
		return;
	va_start(ap, fmt);
	flockfile(f);
	if (cpu)
		fprintf(f, "vcpu %u: ", cpu->index);
	vfprintf(f, fmt, ap);
	putc_unlocked('\n', f);
	funlockfile(f);
	va_end(ap);
}

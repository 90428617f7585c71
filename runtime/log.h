/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The logs of -d as the runtime, the frontends and the devices write them: machine->log has a bit for each channel that is wanted, and is all that a run
 * without logs looks at. Each call writes one line, whole, whichever threads write at the same time.
 */
#pragma once
#include "runtime/machine.h"

/* Whether a channel is wanted, LOG_*. */
static inline bool log_wants(const struct machine *m, uint32_t channel)
{
	return unlikely(m->log & channel);
}
/* Whether something in [at, at + size) is to be logged: with no ranges all is. What an address is depends on the channel (docs/logging.md). */
bool log_covers(const struct machine *m, uint64_t at, uint64_t size);
/* Writes "vcpu 1: " and the text; without cpu (NULL) the text alone. Any thread. */
void log_line(const struct machine *m, const struct vcpu *cpu, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

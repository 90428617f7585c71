/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guest time in ns since the machine's start. It follows CLOCK_MONOTONIC while the machine runs and stands still while it is
 * paused; in deterministic mode it is derived from vCPU 0's retired instructions plus the time skipped while it waited.
 */
#pragma once
#include "runtime/util.h"

struct machine;

/* Guest time now. Any thread; in deterministic mode only on the vCPU's thread or while it is stopped. */
uint64_t clock_now(const struct machine *m);
/* The host's CLOCK_MONOTONIC time at which guest time will be `ns` if the machine keeps running; UINT64_MAX stays UINT64_MAX. */
uint64_t clock_to_host(const struct machine *m, uint64_t ns);
uint64_t clock_host_now(void);
/* Wall-clock time of day for the RTC: ns since 1970 (deterministic: a fixed start plus guest time). */
uint64_t clock_wall(const struct machine *m);

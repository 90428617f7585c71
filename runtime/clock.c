// SPDX-License-Identifier: Apache-2.0
#include "runtime/clock.h"
#include <time.h>
#include "runtime/machine.h"

uint64_t clock_host_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

uint64_t clock_now(const struct machine *m)
{
	if (m->deterministic)	/* one instruction is one nanosecond */
		return m->vcpu[0]->icount + m->clock_skipped;
	uint64_t base = __atomic_load_n(&m->clock_base, __ATOMIC_RELAXED);
	return __atomic_load_n(&m->clock_running, __ATOMIC_ACQUIRE) ? clock_host_now() - base : base;
}

uint64_t clock_to_host(const struct machine *m, uint64_t ns)
{
	uint64_t base = __atomic_load_n(&m->clock_base, __ATOMIC_RELAXED);
	return ns > UINT64_MAX - base ? UINT64_MAX : ns + base;
}

uint64_t clock_wall(const struct machine *m)
{
	return m->wall_base + clock_now(m);
}

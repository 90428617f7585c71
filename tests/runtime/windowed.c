// SPDX-License-Identifier: Apache-2.0
#include "tests/runtime/windowed.h"
#include <check.h>
#include "tests/runtime/guarded.h"

/* The sanitizer's own handler would be there before ours, and report what ours repairs. */
const char *__asan_default_options(void);
const char *__asan_default_options(void) { return "handle_segv=0:handle_sigbus=0:allow_user_segv_handler=1"; }

struct fake f;
struct vcpu *cpu;
unsigned faults, left;

/* What an engine's handler does; one that is asked for the same again and again is a failure of its own. */
static bool on_fault(void *opaque, struct process_fault *p)
{
	static uint64_t last_address;
	static unsigned last;
	faults++;
	last = p->located && p->address == last_address ? last + 1 : 0;
	last_address = p->address;
	ck_assert_uint_lt(last, 3);
	if (p->located && window_fault(cpu, p->address, p->write) == WINDOW_RETRY)
		return true;
	last = 0;
	left++;
	guarded_leave(p);
	return true;
}

void windowed_start(unsigned n_vcpus)
{
	struct error err = { 0 };
	fake_init(&f, n_vcpus);
	cpu = f.m.vcpu[0];
	ck_assert_msg(window_enable(&f.m, &err), "%s", err.text);
	ck_assert_msg(process_add_code(guarded_begin, guarded_end, on_fault, NULL, &err), "%s", err.text);
	mmu_set_context(cpu, 1, 0, 1);
	faults = left = 0;
}

void windowed_setup(void) { windowed_start(1); }

void windowed_teardown(void)
{
	process_remove_code(guarded_begin);
	fake_destroy(&f);
}

void flush_all(void) { mmu_flush(cpu, &(struct mmu_flush){ .all_addresses = true, .all_contexts = true }); }
void flush_at(uint64_t va) { mmu_flush(cpu, &(struct mmu_flush){ .va = va, .all_contexts = true }); }
uint8_t *ram(uint64_t offset) { return (uint8_t *)phys_dma(&f.m.phys, GPA(FAKE_RAM), FAKE_RAM_SIZE) + offset; }
struct phys_page *ram_page(uint64_t offset)
{
	return phys_page(&f.m.phys, phys_find(&f.m.phys, GPA(FAKE_RAM)), GPA(FAKE_RAM + offset));
}

struct mmu_stats stats(void)
{
	struct mmu_stats s;
	mmu_get_stats(cpu, &s);
	return s;
}

uint64_t host_of(uint64_t va)
{
	return va + cpu->window_table[WINDOW_INDEX(va)];
}

bool poisoned(uint64_t va)
{
	return cpu->window_table[WINDOW_INDEX(va)] == WINDOW_POISON(va);
}

bool direct_load(uint64_t va, unsigned size, uint64_t *v) { return guarded_load(host_of(va), size, v); }
bool direct_store(uint64_t va, unsigned size, uint64_t v) { return guarded_store(host_of(va), size, v); }

bool load(uint64_t va, unsigned size, uint64_t *v)
{
	return direct_load(va, size, v) || (poisoned(va) && window_fault_at(cpu, va, false) == WINDOW_RETRY && direct_load(va, size, v));
}

bool store(uint64_t va, unsigned size, uint64_t v)
{
	return direct_store(va, size, v) || (poisoned(va) && window_fault_at(cpu, va, true) == WINDOW_RETRY && direct_store(va, size, v));
}

uint64_t must_load(uint64_t va)
{
	uint64_t v;
	ck_assert_msg(load(va, 8, &v), "load at %#llx was left", (unsigned long long)va);
	return v;
}

void must_store(uint64_t va, uint64_t v)
{
	ck_assert_msg(store(va, 8, v), "store at %#llx was left", (unsigned long long)va);
}

bool maps(uint64_t va, bool write)
{
	uint64_t v;
	unsigned before = faults;
	if (poisoned(va))
		return false;
	bool ok = direct_load(va, 8, &v) && (!write || direct_store(va, 8, v));
	return ok && faults == before;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* A machine without guest code whose clock the test moves, a character backend that remembers, and register accesses.
 */
#pragma once
#include <check.h>
#include <string.h>
#include "devices/chardev.h"
#include "devices/device.h"

struct rig {
	struct machine m;
	struct bus bus;
	struct guest_exit exit;
	unsigned exits;
};

#define RIG_RAM	     0x80000000u
#define RIG_RAM_SIZE (16u << 20)

static inline void rig_exit(void *opaque, const struct guest_exit *e)
{
	struct rig *r = opaque;
	r->exit = *e;
	r->exits++;
}

static inline void rig_bare(struct rig *r, unsigned n_vcpus, uint64_t memory)
{
	struct error err = { 0 };
	static const struct arch_ops arch;
	*r = (struct rig){ 0 };
	ck_assert_msg(machine_init(&r->m, memory, &err), "%s", err.text);
	r->m.arch = &arch;
	r->m.deterministic = true;	/* time is icount + clock_skipped: it moves when the test says so */
	r->m.observer = (struct observer){ .exit = rig_exit, .opaque = r };
	for (unsigned i = 0; i < n_vcpus; i++) {
		r->m.vcpu[i] = vcpu_create(&r->m, i, &err);
		ck_assert_msg(r->m.vcpu[i] != NULL, "%s", err.text);
		r->m.n_vcpus++;
	}
	r->bus.machine = &r->m;
}

static inline void rig_init(struct rig *r, unsigned n_vcpus)
{
	struct error err = { 0 };
	rig_bare(r, n_vcpus, RIG_RAM_SIZE);
	ck_assert_msg(phys_add_ram(&r->m.phys, GPA(RIG_RAM), RIG_RAM_SIZE, "ram", &err), "%s", err.text);
}

static inline void rig_done(struct rig *r)
{
	bus_destroy(&r->bus);
	machine_destroy(&r->m);
}

static inline void rig_attach(struct rig *r, struct device *d, uint64_t base, uint64_t size)
{
	struct error err = { 0 };
	ck_assert_ptr_nonnull(d);
	ck_assert_msg(bus_attach(&r->bus, d, GPA(base), size, &err), "%s", err.text);
}

/* Guest time goes on by ns, and the timers that are due run. */
static inline void rig_advance(struct rig *r, uint64_t ns)
{
	r->m.clock_skipped += ns;
	guest_timers_run(&r->m, clock_now(&r->m));
}

static inline bool rig_try_read(struct rig *r, uint64_t at, unsigned size, uint64_t *value)
{
	const struct phys_range *range = phys_find(&r->m.phys, GPA(at));
	ck_assert_ptr_nonnull(range);
	return range->ops->read(range->opaque, at - range->base.v, size, value);
}

static inline uint64_t rig_read(struct rig *r, uint64_t at, unsigned size)
{
	uint64_t value = 0xdead;
	ck_assert_msg(rig_try_read(r, at, size, &value), "read of %u bytes at 0x%lx refused", size, (unsigned long)at);
	return value;
}

static inline bool rig_try_write(struct rig *r, uint64_t at, unsigned size, uint64_t value)
{
	const struct phys_range *range = phys_find(&r->m.phys, GPA(at));
	ck_assert_ptr_nonnull(range);
	return range->ops->write(range->opaque, at - range->base.v, size, value);
}

static inline void rig_write(struct rig *r, uint64_t at, unsigned size, uint64_t value)
{
	ck_assert_msg(rig_try_write(r, at, size, value), "write of %u bytes at 0x%lx refused", size, (unsigned long)at);
}

/* Level of a vCPU's interrupt line */
static inline bool rig_line(struct rig *r, unsigned vcpu, unsigned n)
{
	return r->m.vcpu[vcpu]->irq_lines >> n & 1;
}

/* xorshift: the same hostile script each time */
static inline uint64_t rig_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	return *state ^= *state << 17;
}

/* Every size at every offset of the device and a little beyond the registers, with random values: must only not crash.
 */
static inline void rig_hostile(struct rig *r, uint64_t base, uint64_t size, unsigned rounds)
{
	uint64_t state = 0x9e3779b97f4a7c15, value;
	for (unsigned i = 0; i < rounds; i++) {
		unsigned bytes = 1u << rig_random(&state) % 4;
		uint64_t at = base + (rig_random(&state) % size & ~(uint64_t)(bytes - 1));
		if (rig_random(&state) & 1)
			(void)rig_try_read(r, at, bytes, &value);
		else
			(void)rig_try_write(r, at, bytes, rig_random(&state) >> rig_random(&state) % 64);
		if (i % 16 == 0)
			rig_advance(r, rig_random(&state) >> rig_random(&state) % 64 >> 20);
	}
}

/* An interrupt input that counts. */
struct line_probe {
	bool level;
	unsigned changes;
};

static inline void line_probe_set(void *opaque, unsigned n, bool level)
{
	struct line_probe *p = opaque;
	p->level = level;
	p->changes++;
}

/* A character backend that remembers. */
struct memory_chardev {
	struct chardev c;
	char text[4096];
	unsigned size, kicks;
};

static inline void memory_write(struct chardev *c, const uint8_t *bytes, unsigned n)
{
	struct memory_chardev *mem = (struct memory_chardev *)c;
	ck_assert_uint_le(n, sizeof(mem->text) - 1 - mem->size);
	memcpy(mem->text + mem->size, bytes, n);
	mem->size += n;
	mem->text[mem->size] = 0;
}

static inline void memory_kick(struct chardev *c)
{
	((struct memory_chardev *)c)->kicks++;
}

static inline void memory_destroy(struct chardev *c)
{
}

static inline struct memory_chardev memory_chardev(void)
{
	return (struct memory_chardev){.c = {.write = memory_write, .kick = memory_kick, .destroy = memory_destroy}};
}

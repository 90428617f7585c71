// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <stdlib.h>
#include "devices/clint.h"
#include "devices/fdt.h"

enum { MSIP = 0, MTIMECMP = 0x4000, MTIME = 0xbff8 };

struct clint;
struct clint_hart {
	struct clint *clint;
	struct guest_timer *timer;
	unsigned index;
};

struct clint {
	struct device dev;
	struct clint_config config;
	uint64_t ns_per_tick;
	unsigned n_harts;
	struct clint_hart hart[MACHINE_MAX_VCPUS];
	uint64_t mtimecmp[MACHINE_MAX_VCPUS];
	bool msip[MACHINE_MAX_VCPUS];
};

/* mtime and the harts' time CSR are one counter (3.2.1): guest time in ticks, plus what the guest added by writing
 * mtime. */
static uint64_t clint_time(const struct clint *c)
{
	return clock_now(c->dev.machine) / c->ns_per_tick + c->dev.machine->ticks_offset;
}

/* Privileged specification 3.2.1: MTIP is set while mtime >= mtimecmp, both unsigned. Locked. */
static void update_timer(struct clint *c, unsigned n)
{
	uint64_t now = clint_time(c), when = UINT64_MAX;
	bool due = now >= c->mtimecmp[n];
	if (!due) {
		/* The tick's first nanosecond; beyond the end of guest time (584 years) it never comes. */
		uint64_t tick = clock_now(c->dev.machine) / c->ns_per_tick, ahead = c->mtimecmp[n] - now;
		if (ahead <= UINT64_MAX / c->ns_per_tick - tick)
			when = (tick + ahead) * c->ns_per_tick;
	}
	guest_timer_set(c->hart[n].timer, when);
	vcpu_set_irq(c->dev.machine->vcpu[n], c->config.timer_line, due);
}

static void timer_fired(void *opaque)
{
	struct clint_hart *h = opaque;
	device_lock(&h->clint->dev);
	update_timer(h->clint, h->index);
	device_unlock(&h->clint->dev);
}

/* The part of a 64-bit register that an aligned access of `size` at `offset` sees, and the register after a write to
 * it. */
static uint64_t part(uint64_t reg, uint64_t offset, unsigned size)
{
	return size == 8 ? reg : extract(reg, offset & 4 ? 32 : 0, 32);
}

static uint64_t merge(uint64_t reg, uint64_t offset, unsigned size, uint64_t value)
{
	if (size == 8)
		return value;
	return offset & 4 ? (uint32_t)reg | value << 32 : (reg >> 32 << 32) | (uint32_t)value;
}

static bool clint_read(struct device *d, uint64_t offset, unsigned size, uint64_t *value)
{
	struct clint *c = CONTAINER_OF(d, struct clint, dev);
	if (offset < MTIMECMP) {
		for (unsigned i = 0; i < size / 4; i++)
			if (offset / 4 + i < c->n_harts)
				*value |= (uint64_t)c->msip[offset / 4 + i] << 32 * i;
	} else if (offset >= MTIME && offset < MTIME + 8) {
		*value = part(clint_time(c), offset, size);
	} else if ((offset - MTIMECMP) / 8 < c->n_harts) {
		*value = part(c->mtimecmp[(offset - MTIMECMP) / 8], offset, size);
	}
	return true;	/* the rest is reserved and reads 0 */
}

static void write_msip(struct clint *c, unsigned n, uint32_t value)
{
	if (n >= c->n_harts)
		return;
	c->msip[n] = value & 1;
	vcpu_set_irq(c->dev.machine->vcpu[n], c->config.soft_line, c->msip[n]);
}

static bool clint_write(struct device *d, uint64_t offset, unsigned size, uint64_t value)
{
	struct clint *c = CONTAINER_OF(d, struct clint, dev);
	if (offset < MTIMECMP) {
		for (unsigned i = 0; i < size / 4; i++)
			write_msip(c, offset / 4 + i, value >> 32 * i);
	} else if (offset >= MTIME && offset < MTIME + 8) {
		uint64_t now = clint_time(c);
		d->machine->ticks_offset += merge(now, offset, size, value) - now;
		for (unsigned i = 0; i < c->n_harts; i++)
			update_timer(c, i);
		d->flush_wanted = true;
	} else if ((offset - MTIMECMP) / 8 < c->n_harts) {
		unsigned n = (offset - MTIMECMP) / 8;
		c->mtimecmp[n] = merge(c->mtimecmp[n], offset, size, value);
		update_timer(c, n);
	}
	return true;
}

/* After a write to mtime: the harts' own timers compare with the same counter. */
static void clint_flush(struct device *d)
{
	struct machine *m = d->machine;
	for (unsigned i = 0; i < m->n_vcpus; i++)
		vcpu_recheck_timer(m->vcpu[i]);
}

static void clint_reset(struct device *d)
{
	struct clint *c = CONTAINER_OF(d, struct clint, dev);
	d->machine->ticks_offset = 0;
	for (unsigned i = 0; i < c->n_harts; i++) {
		c->mtimecmp[i] = UINT64_MAX;
		write_msip(c, i, 0);
		update_timer(c, i);
	}
}

static void clint_describe(struct device *d, struct fdt *tree)
{
	struct clint *c = CONTAINER_OF(d, struct clint, dev);
	uint32_t lines[MACHINE_MAX_VCPUS * 4];
	for (unsigned i = 0; i < c->n_harts; i++) {
		char name[24];
		snprintf(name, sizeof(name), "cpu%u-intc", i);
		lines[i * 4] = lines[i * 4 + 2] = fdt_phandle(tree, name);
		lines[i * 4 + 1] = c->config.soft_line;
		lines[i * 4 + 3] = c->config.timer_line;
	}
	fdt_begin(tree, "clint@%lx", (unsigned long)d->base.v);
	fdt_bytes(tree, "compatible", "sifive,clint0\0riscv,clint0", sizeof("sifive,clint0\0riscv,clint0"));
	fdt_reg(tree, d->base.v, d->size);
	fdt_cells(tree, "interrupts-extended", c->n_harts * 4, lines);
	fdt_end(tree);
}

static void clint_destroy(struct device *d)
{
	struct clint *c = CONTAINER_OF(d, struct clint, dev);
	for (unsigned i = 0; i < c->n_harts; i++)
		guest_timer_free(c->hart[i].timer);
	device_fini(d);
	free(c);
}

static const struct device_field clint_fields[] = {
	DEVICE_ARRAY(struct clint, mtimecmp),
	DEVICE_ARRAY(struct clint, msip),
};

static const struct device_ops clint_ops = {
	.type = "clint",
	.min_access = 4,
	.max_access = 8,
	.read = clint_read,
	.write = clint_write,
	.reset = clint_reset,
	.flush = clint_flush,
	.describe = clint_describe,
	.destroy = clint_destroy,
	.fields = clint_fields,
	.n_fields = ARRAY_SIZE(clint_fields),
};

struct device *clint_new(struct machine *m, const struct clint_config *config)
{
	struct clint *c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	device_init(&c->dev, &clint_ops, m);
	c->config = *config;
	c->ns_per_tick = 1000000000 / config->hz;
	for (unsigned i = 0; i < m->n_vcpus; i++) {
		struct clint_hart *h = &c->hart[i];
		*h = (struct clint_hart){ .clint = c, .index = i };
		c->mtimecmp[i] = UINT64_MAX;
		h->timer = guest_timer_new(m, timer_fired, h);
		if (!h->timer) {
			clint_destroy(&c->dev);
			return NULL;
		}
		c->n_harts++;
	}
	return &c->dev;
}

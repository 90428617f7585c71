// SPDX-License-Identifier: Apache-2.0
/* The list of a machine's devices, and the way of an MMIO access to one of them: size check, lock, callback. */
#include <inttypes.h>
#include <stdio.h>
#include "devices/device.h"

static bool size_ok(struct device *d, uint64_t offset, unsigned size, const char *what)
{
	if (size >= d->ops->min_access && size <= d->ops->max_access)
		return true;
	device_guest_error(d, "%u-byte %s at offset 0x%" PRIx64 " refused", size, what, offset);
	return false;
}

static bool bus_read(void *opaque, uint64_t offset, unsigned size, uint64_t *value)
{
	struct device *d = opaque;
	*value = 0;
	if (!size_ok(d, offset, size, "read"))
		return false;
	device_lock(d);
	bool ok = d->ops->read(d, offset, size, value);
	device_unlock(d);
	if (size < 8)
		*value &= ((uint64_t)1 << size * 8) - 1;
	return ok;
}

static bool bus_write(void *opaque, uint64_t offset, unsigned size, uint64_t value)
{
	struct device *d = opaque;
	if (!size_ok(d, offset, size, "write"))
		return false;
	if (size < 8)
		value &= ((uint64_t)1 << size * 8) - 1;
	device_lock(d);
	bool ok = d->ops->write(d, offset, size, value);
	device_unlock(d);
	return ok;
}

static const struct mmio_ops bus_mmio = { .read = bus_read, .write = bus_write };

bool bus_attach(struct bus *bus, struct device *d, gpa_t base, uint64_t size, struct error *err)
{
	d->base = base;
	d->size = size;
	snprintf(d->name, sizeof(d->name), "%s@%" PRIx64, d->ops->type, base.v);
	/* a device without registers (size 0) sits on the bus for reset and drain only */
	if (size && !phys_add_mmio(&bus->machine->phys, base, size, d->name, &bus_mmio, d, err))
		return false;
	struct device **at = &bus->devices;
	while (*at)
		at = &(*at)->next;
	d->next = NULL;
	*at = d;
	return true;
}

void bus_reset(struct bus *bus)
{
	for (struct device *d = bus->devices; d; d = d->next) {
		if (!d->ops->reset)
			continue;
		device_lock(d);
		d->ops->reset(d);
		device_unlock(d);
	}
}

void bus_drain(struct bus *bus)
{
	for (struct device *d = bus->devices; d; d = d->next)
		if (d->ops->drain)
			d->ops->drain(d);
}

void bus_resume(struct bus *bus)
{
	for (struct device *d = bus->devices; d; d = d->next)
		if (d->ops->resume)
			d->ops->resume(d);
}

void bus_describe(struct bus *bus, struct fdt *tree)
{
	for (struct device *d = bus->devices; d; d = d->next)
		if (d->ops->describe)
			d->ops->describe(d, tree);
}

void bus_destroy(struct bus *bus)
{
	/* In order of attachment, so that interrupt controllers go last: boards attach them first. Hence the walk from
	 * the end. */
	while (bus->devices) {
		struct device **at = &bus->devices;
		while ((*at)->next)
			at = &(*at)->next;
		struct device *d = *at;
		*at = NULL;
		d->ops->destroy(d);
	}
}

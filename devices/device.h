/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a device is. One file declares one device whole: registers, reset, its device-tree node, its state as a field table.
 *
 * Locking: each device has one lock. The bus takes it around read, write, reset and pause; a device's own threads and event callbacks
 * take it with device_lock. A device sets its interrupt with device_irq while locked; the line moves when the lock is
 * released (device_unlock), so that no device lock is ever held while raising an interrupt. No host I/O and no call into
 * another part under the lock.
 */
#pragma once
#include "runtime/machine.h"

/* An input of an interrupt controller. set may be called from any thread. */
struct irq_line {
	void (*set)(void *opaque, unsigned n, bool level);
	void *opaque;
	unsigned n;
};

struct device;
struct fdt;	/* devices/fdt.h */

/* A field of a device's state, for snapshots and for `calque machine`: where it lies and how it is laid out. */
struct device_field {
	const char *name;
	uint32_t offset, size, count;
};
#define DEVICE_FIELD(type, f) { #f, offsetof(type, f), sizeof(((type *)0)->f), 1 }
#define DEVICE_ARRAY(type, f) { #f, offsetof(type, f), sizeof(((type *)0)->f[0]), sizeof(((type *)0)->f) / sizeof(((type *)0)->f[0]) }

struct device_ops {
	const char *type;			/* "uart16550" */
	unsigned min_access, max_access;	/* sizes in bytes that reach read and write; others are refused (access fault) */
	bool (*read)(struct device *d, uint64_t offset, unsigned size, uint64_t *value);
	bool (*write)(struct device *d, uint64_t offset, unsigned size, uint64_t value);
	void (*reset)(struct device *d);
	/* Stops own host I/O and waits until none is in flight (pause), and lets it go on. NULL where there is none. Called unlocked. */
	void (*drain)(struct device *d);
	void (*resume)(struct device *d);
	/* Adds the device's node to the tree. */
	void (*describe)(struct device *d, struct fdt *tree);
	void (*destroy)(struct device *d);
	/* Called unlocked after a read or write that set d->flush_wanted: host I/O and calls into other parts that the access
	 * asked for. NULL where there are none. */
	void (*flush)(struct device *d);
	const struct device_field *fields;
	unsigned n_fields;
};

struct device {
	const struct device_ops *ops;
	char name[32];			/* "uart@10000000" */
	struct machine *machine;
	gpa_t base;
	uint64_t size;
	struct irq_line irq;		/* set NULL: none */
	unsigned irq_number;		/* at its controller, for the tree */
	bool irq_level, irq_raised;	/* wanted, and last told */
	bool flush_wanted;		/* set under the lock: call ops->flush after it */
	pthread_mutex_t lock;
	pthread_mutex_t irq_lock;	/* orders moves of the line; taken before lock, never while holding it */
	struct device *next;		/* the bus's list */
};

struct bus {
	struct machine *machine;
	struct device *devices;		/* in order of attachment */
};

/* Initialises the common part of a device that the caller allocated, and releases it (ops->destroy calls that, then frees). */
void device_init(struct device *d, const struct device_ops *ops, struct machine *m);
void device_fini(struct device *d);
void device_lock(struct device *d);
/* Unlocks, then moves the interrupt line if device_irq asked for it; after both, calls ops->flush if it is wanted. */
void device_unlock(struct device *d);
static inline void device_irq(struct device *d, bool level) { d->irq_level = level; }

/* Maps the device at [base, base + size) and takes ownership: bus_destroy destroys it. On failure it stays the caller's. */
MUST_CHECK bool bus_attach(struct bus *bus, struct device *d, gpa_t base, uint64_t size, struct error *err);
void bus_reset(struct bus *bus);
void bus_drain(struct bus *bus);
void bus_resume(struct bus *bus);
void bus_describe(struct bus *bus, struct fdt *tree);
void bus_destroy(struct bus *bus);
/* Prints an unexpected register access under -d guest_errors. */
void device_guest_error(struct device *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

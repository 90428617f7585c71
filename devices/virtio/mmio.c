// SPDX-License-Identifier: Apache-2.0
/* virtio-mmio, version 2 (VirtIO 1.2, 4.2): one device, one page of registers, one level interrupt. */
#include "devices/virtio/virtio.h"
#include <endian.h>
#include <stdlib.h>
#include "devices/fdt.h"

enum reg {	/* table 4.1 */
	MAGIC = 0x00, VERSION = 0x04, DEVICE_ID = 0x08, VENDOR_ID = 0x0c,
	DEVICE_FEATURES = 0x10, DEVICE_FEATURES_SEL = 0x14, DRIVER_FEATURES = 0x20, DRIVER_FEATURES_SEL = 0x24,
	QUEUE_SEL = 0x30, QUEUE_NUM_MAX = 0x34, QUEUE_NUM = 0x38, QUEUE_READY = 0x44, QUEUE_NOTIFY = 0x50,
	INTERRUPT_STATUS = 0x60, INTERRUPT_ACK = 0x64, STATUS = 0x70,
	QUEUE_DESC_LOW = 0x80, QUEUE_DESC_HIGH = 0x84, QUEUE_DRIVER_LOW = 0x90, QUEUE_DRIVER_HIGH = 0x94,
	QUEUE_DEVICE_LOW = 0xa0, QUEUE_DEVICE_HIGH = 0xa4,
	SHM_SEL = 0xac, SHM_LEN_LOW = 0xb0, SHM_LEN_HIGH = 0xb4, SHM_BASE_LOW = 0xb8, SHM_BASE_HIGH = 0xbc,
	CONFIG_GENERATION = 0xfc, CONFIG = 0x100,
};

enum { INT_QUEUE = 1, INT_CONFIG = 2 };

struct virtio_mmio {
	struct device dev;
	struct virtio_device *virtio;
	uint32_t device_features_sel, driver_features_sel, queue_sel;
	uint32_t interrupts;		/* INT_* */
};

static void set_interrupts(struct virtio_mmio *t, uint32_t interrupts)
{
	t->interrupts = interrupts;
	device_irq(&t->dev, interrupts != 0);
}

static void notify_queue(struct virtio_device *v, unsigned n)
{
	struct virtio_mmio *t = CONTAINER_OF(v->host, struct virtio_mmio, dev);
	set_interrupts(t, t->interrupts | INT_QUEUE);
}

static void notify_config(struct virtio_device *v)
{
	struct virtio_mmio *t = CONTAINER_OF(v->host, struct virtio_mmio, dev);
	set_interrupts(t, t->interrupts | INT_CONFIG);
}

static const struct virtio_transport_ops mmio_transport = {
	.name = "virtio-mmio",
	.notify_queue = notify_queue,
	.notify_config = notify_config,
};

static struct virtio_queue *selected(struct virtio_mmio *t)
{
	return t->queue_sel < t->virtio->n_queues ? &t->virtio->queue[t->queue_sel] : NULL;
}

static uint32_t read_register(struct virtio_mmio *t, uint64_t offset)
{
	struct virtio_device *v = t->virtio;
	struct virtio_queue *q = selected(t);
	switch (offset) {
	case MAGIC:
		return 0x74726976;	/* "virt" */
	case VERSION:
		return 2;
	case DEVICE_ID:
		return v->ops->id;
	case VENDOR_ID:
		return 0x51434c43;	/* "CLCQ" */
	case DEVICE_FEATURES:
		return t->device_features_sel < 2 ? (uint32_t)(v->offered >> (32 * t->device_features_sel)) : 0;
	case QUEUE_NUM_MAX:
		return q ? q->max : 0;
	case QUEUE_READY:
		return q && q->ready;
	case INTERRUPT_STATUS:
		return t->interrupts;
	case STATUS:
		return v->status;
	case SHM_LEN_LOW: case SHM_LEN_HIGH: case SHM_BASE_LOW: case SHM_BASE_HIGH:
		return UINT32_MAX;	/* 4.2.2.1: no such region */
	case CONFIG_GENERATION:
		return v->config_generation;
	default:
		device_guest_error(&t->dev, "read of register %#x", (unsigned)offset);
		return 0;
	}
}

static void set_half(uint64_t *address, uint64_t offset, uint32_t value)
{
	*address = offset & 4 ? (uint32_t)*address | (uint64_t)value << 32 : (*address >> 32 << 32) | value;
}

static void write_queue(struct virtio_mmio *t, struct virtio_queue *q, uint64_t offset, uint32_t value)
{
	if (offset == QUEUE_READY) {
		virtio_queue_ready(q, value & 1);
		return;
	}
	if (q->ready || t->virtio->resetting) {		/* 4.2.2.2: only while it is not in use */
		device_guest_error(&t->dev, "register %#x written while queue %u is ready", (unsigned)offset, q->index);
		return;
	}
	switch (offset) {
	case QUEUE_NUM:
		q->size = value <= q->max ? value : 0;
		break;
	case QUEUE_DESC_LOW: case QUEUE_DESC_HIGH:
		set_half(&q->desc, offset, value);
		break;
	case QUEUE_DRIVER_LOW: case QUEUE_DRIVER_HIGH:
		set_half(&q->avail, offset, value);
		break;
	default:
		set_half(&q->used, offset, value);
		break;
	}
}

static void write_register(struct virtio_mmio *t, uint64_t offset, uint32_t value)
{
	struct virtio_device *v = t->virtio;
	struct virtio_queue *q = selected(t);
	switch (offset) {
	case DEVICE_FEATURES_SEL:
		t->device_features_sel = value;
		break;
	case DRIVER_FEATURES:
		virtio_set_features(v, t->driver_features_sel, value);
		break;
	case DRIVER_FEATURES_SEL:
		t->driver_features_sel = value;
		break;
	case QUEUE_SEL:
		t->queue_sel = value;
		break;
	case QUEUE_NUM: case QUEUE_READY:
	case QUEUE_DESC_LOW: case QUEUE_DESC_HIGH:
	case QUEUE_DRIVER_LOW: case QUEUE_DRIVER_HIGH:
	case QUEUE_DEVICE_LOW: case QUEUE_DEVICE_HIGH:
		if (q)
			write_queue(t, q, offset, value);
		break;
	case QUEUE_NOTIFY:
		virtio_notify(v, value);
		break;
	case INTERRUPT_ACK:
		set_interrupts(t, t->interrupts & ~value);
		break;
	case STATUS:
		virtio_set_status(v, value);
		if (!v->status)
			set_interrupts(t, 0);
		break;
	case SHM_SEL:
		break;
	default:
		device_guest_error(&t->dev, "write to register %#x", (unsigned)offset);
	}
}

static bool mmio_read(struct device *d, uint64_t offset, unsigned size, uint64_t *value)
{
	struct virtio_mmio *t = CONTAINER_OF(d, struct virtio_mmio, dev);
	if (offset >= CONFIG) {
		uint64_t le = 0;
		virtio_config_read(t->virtio, offset - CONFIG, &le, size);
		*value = le64toh(le);
	} else if (size == 4) {
		*value = read_register(t, offset);
	} else {
		device_guest_error(d, "%u-byte read of register %#x, 4 bytes are a must", size, (unsigned)offset);
	}
	return true;
}

static bool mmio_write(struct device *d, uint64_t offset, unsigned size, uint64_t value)
{
	struct virtio_mmio *t = CONTAINER_OF(d, struct virtio_mmio, dev);
	if (offset >= CONFIG) {
		uint64_t le = htole64(value);
		virtio_config_write(t->virtio, offset - CONFIG, &le, size);
	} else if (size == 4) {
		write_register(t, offset, value);
	} else {
		device_guest_error(d, "%u-byte write of register %#x, 4 bytes are a must", size, (unsigned)offset);
	}
	return true;
}

static void mmio_reset(struct device *d)
{
	struct virtio_mmio *t = CONTAINER_OF(d, struct virtio_mmio, dev);
	t->device_features_sel = t->driver_features_sel = t->queue_sel = 0;
	virtio_reset(t->virtio, true);
	set_interrupts(t, 0);
}

static void mmio_drain(struct device *d)
{
	virtio_drain(CONTAINER_OF(d, struct virtio_mmio, dev)->virtio);
}

static void mmio_resume(struct device *d)
{
	virtio_resume(CONTAINER_OF(d, struct virtio_mmio, dev)->virtio);
}

static void mmio_describe(struct device *d, struct fdt *tree)
{
	fdt_begin(tree, "virtio_mmio@%llx", (unsigned long long)d->base.v);
	fdt_str(tree, "compatible", "virtio,mmio");
	fdt_reg(tree, d->base.v, d->size);
	fdt_u32(tree, "interrupt-parent", fdt_phandle(tree, "plic"));
	fdt_u32(tree, "interrupts", d->irq_number);
	fdt_empty(tree, "dma-coherent");
	fdt_end(tree);
}

static void mmio_destroy(struct device *d)
{
	struct virtio_mmio *t = CONTAINER_OF(d, struct virtio_mmio, dev);
	virtio_destroy(t->virtio);
	device_fini(d);
	free(t);
}

static const struct device_field mmio_fields[] = {
	DEVICE_FIELD(struct virtio_mmio, device_features_sel), DEVICE_FIELD(struct virtio_mmio, driver_features_sel),
	DEVICE_FIELD(struct virtio_mmio, queue_sel), DEVICE_FIELD(struct virtio_mmio, interrupts),
};

static const struct device_ops mmio_ops = {
	.type = "virtio-mmio",
	.min_access = 1,
	.max_access = 8,	/* configuration fields of 8 bytes; 4.2.2.2 asks drivers for two accesses */
	.read = mmio_read,
	.write = mmio_write,
	.reset = mmio_reset,
	.drain = mmio_drain,
	.resume = mmio_resume,
	.describe = mmio_describe,
	.destroy = mmio_destroy,
	.fields = mmio_fields,
	.n_fields = ARRAY_SIZE(mmio_fields),
};

struct device *virtio_mmio_new(struct machine *m, struct virtio_device *v, struct error *err)
{
	struct virtio_mmio *t = calloc(1, sizeof(*t));
	if (!t) {
		virtio_destroy(v);
		error_set(err, ERROR_HOST, "virtio-mmio: out of memory");
		return NULL;
	}
	device_init(&t->dev, &mmio_ops, m);
	t->virtio = v;
	virtio_attach(v, &mmio_transport, &t->dev);
	return &t->dev;
}

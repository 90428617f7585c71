// SPDX-License-Identifier: Apache-2.0
/*
 * libFuzzer target: a hostile driver for a virtio device. The input is a script of register accesses and writes to guest memory;
 * its first byte picks the device. Nothing may crash, hang or leave RAM.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "devices/virtio/netbackend.h"
#include "tests/devices/virtio/echo.h"

#define RAM_BASE 0x80000000ull
#define RAM_SIZE (1ull << 20)
#define DEVICES 5
#define MMIO_BASE 0x10001000ull

static struct machine machine;
static struct bus bus;
static struct device *device[DEVICES];
static uint8_t *ram;

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t size);

/* ---- backends that go nowhere ---- */

static bool null_start(struct netbackend *b, struct events *ev, struct error *err)
{
	return true;
}

static bool null_send(struct netbackend *b, const struct iovec *iov, unsigned n)
{
	return true;
}

static void null_kick(struct netbackend *b)
{
	static const uint8_t frame[1500];
	for (unsigned i = 0; i < 4 && b->receive(b->front, frame, sizeof(frame) >> i); i++)
		;
}

static void null_destroy(struct netbackend *b)
{
}

static const struct netbackend_ops null_ops = { null_start, null_send, null_kick, null_destroy };
static struct netbackend null_net = { .ops = &null_ops };

static void console_write(struct chardev *c, const uint8_t *bytes, unsigned n)
{
}

static void console_kick(struct chardev *c)
{
	unsigned n = c->can_receive(c->front);
	if (n)
		c->receive(c->front, (const uint8_t *)"0123456789", n < 10 ? n : 10);
}

static struct chardev null_console = { .write = console_write, .kick = console_kick };

static void set_up(void)
{
	struct error err;
	char image[] = "/tmp/calque-fuzz-XXXXXX";
	int fd = mkstemp(image);
	struct disk_config disk = { .path = image, .overlay_tmp = true };
	static const uint8_t mac[6] = { 2 };
	if (fd < 0 || ftruncate(fd, 1 << 20) || !machine_init(&machine, RAM_SIZE, &err) ||
	    !phys_add_ram(&machine.phys, GPA(RAM_BASE), RAM_SIZE, "ram", &err))
		abort();
	machine.deterministic = true;	/* the disk works at the notification: a finding can be repeated */
	ram = phys_dma(&machine.phys, GPA(RAM_BASE), RAM_SIZE);
	bus.machine = &machine;
	struct virtio_device *v[DEVICES] = {
		echo_new(&machine, &err), virtio_blk_new(&machine, &disk, &err), virtio_net_on(&machine, mac, &null_net, &err),
		virtio_console_new(&machine, &null_console, &err), virtio_rng_new(&machine, true, 1, &err),
	};
	for (unsigned i = 0; i < DEVICES; i++) {
		device[i] = v[i] ? virtio_mmio_new(&machine, v[i], &err) : NULL;
		if (!device[i] || !bus_attach(&bus, device[i], GPA(MMIO_BASE + i * 0x1000), VIRTIO_MMIO_SIZE, &err))
			abort();
	}
	close(fd);
	unlink(image);
}

static void set(unsigned d, unsigned offset, unsigned size, uint64_t value)
{
	const struct phys_range *r = phys_find(&machine.phys, GPA(MMIO_BASE + d * 0x1000));
	(void)!r->ops->write(r->opaque, offset, size, value);
}

/* Driver up to DRIVER_OK with queues where the fuzzer's writes go */
static void start_driver(unsigned d, unsigned size_bits, uint32_t features)
{
	set(d, 0x70, 4, 0);
	set(d, 0x70, 4, 3);
	for (unsigned word = 0; word < 2; word++) {
		set(d, 0x24, 4, word);
		set(d, 0x20, 4, word ? 1 : features);
	}
	set(d, 0x70, 4, 11);
	for (unsigned q = 0; q < 2; q++) {
		uint64_t at = RAM_BASE + q * 0x4000;
		set(d, 0x30, 4, q);
		set(d, 0x38, 4, 1u << size_bits % 9);
		set(d, 0x80, 4, at);
		set(d, 0x84, 4, 0);
		set(d, 0x90, 4, at + 0x1000);
		set(d, 0x94, 4, 0);
		set(d, 0xa0, 4, at + 0x2000);
		set(d, 0xa4, 4, 0);
		set(d, 0x44, 4, 1);
	}
	set(d, 0x70, 4, 15);
}

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t size)
{
	if (!ram)
		set_up();
	if (size < 3)
		return 0;
	unsigned d = in[0] % DEVICES;
	const struct phys_range *r = phys_find(&machine.phys, GPA(MMIO_BASE + d * 0x1000));
	const uint32_t offered = d == 1 ? 1u << 9 | 1u << 13 | 1u << 14 : d == 2 ? 1u << 15 : 0;
	memset(ram, 0, 0x20000);
	start_driver(d, in[1], (in[2] & 1 ? 1u << 28 : 0) | (in[2] & 2 ? 1u << 29 : 0) | (in[2] & 4 ? offered : 0));
	for (size_t at = 3; at + 12 <= size; at += 12) {
		uint16_t where;
		uint64_t value;
		memcpy(&where, in + at + 2, 2);
		memcpy(&value, in + at + 4, 8);
		unsigned width = 1u << in[at + 1] % 4;
		switch (in[at] % 8) {
		case 0: case 1:		/* guest memory */
			memcpy(ram + where, &value, width);
			break;
		case 2: {		/* a descriptor of queue 0 or 1, or in an indirect table, with an address in RAM */
			uint64_t address = RAM_BASE + (value & 0x1ffff);
			uint8_t *entry = ram + (where & 0x4000) + (where & 0x8000 ? 0x8000 : 0) + where % 64 * 16;
			uint32_t len = value >> 32 & 0xffff;
			memcpy(entry, &address, 8);
			memcpy(entry + 8, &len, 4);
			memcpy(entry + 12, (const uint8_t *)&value + 6, 2);
			entry[13] = 0;
			entry[14] = in[at + 1] % 64;
			entry[15] = 0;
			break;
		}
		case 3: {		/* make available */
			uint8_t *avail = ram + (where & 0x4000) + 0x1000;
			uint16_t idx, head = value & 0xff, n = 1u << in[1] % 9;
			memcpy(&idx, avail + 2, 2);
			memcpy(avail + 4 + 2 * (idx % n), &head, 2);
			idx++;
			memcpy(avail + 2, &idx, 2);
			break;
		}
		case 4: case 5:
			set(d, 0x50, 4, where % 3);
			break;
		case 6:
			set(d, where % VIRTIO_MMIO_SIZE & ~(width - 1), width, value);
			break;
		default:
			(void)!r->ops->read(r->opaque, where % VIRTIO_MMIO_SIZE & ~(width - 1), width, &value);
		}
	}
	bus_drain(&bus);
	bus_reset(&bus);
	bus_resume(&bus);
	return 0;
}

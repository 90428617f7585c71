// SPDX-License-Identifier: Apache-2.0
#include "src/boards/riscv_virt.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "devices/clint.h"
#include "devices/goldfish_rtc.h"
#include "devices/htif.h"
#include "devices/plic.h"
#include "devices/syscon.h"
#include "devices/uart16550.h"
#include "devices/virtio/virtio.h"
#include "src/boards/riscv_sbi.h"

const struct board_region riscv_virt_map[VIRT_REGIONS] = {
#define X(id, name, base, size, irq) [VIRT_##id] = { base, size, name, irq },
	RISCV_VIRT_MAP(X)
#undef X
};

#define GIB ((uint64_t)1 << 30)

static uint64_t memory_size(const struct vm_config *c)
{
	return c->ram + riscv_virt_map[VIRT_MROM].size;
}

/* ---- consoles ---- */

bool riscv_start_consoles(struct machine *m, struct error *err)
{
	struct riscv_virt *b = riscv_virt(m);
	if (b->consoles_started)
		return true;
	b->consoles_started = true;
	for (unsigned i = 0; i < ARRAY_SIZE(b->console); i++)
		if (b->console[i] && b->console[i]->start && !b->console[i]->start(b->console[i], m->events, err))
			return false;
	return true;
}

/* A machine that was never told to load images starts its consoles when it first runs. */
static void consoles_resume(struct device *d)
{
	struct error err;
	if (!riscv_start_consoles(d->machine, &err))
		machine_end(d->machine, EXIT_DIED, 0, "%.190s", err.text);
}

static void consoles_destroy(struct device *d)
{
	device_fini(d);
}

static const struct device_ops consoles_ops = {
	.type = "consoles", .resume = consoles_resume, .destroy = consoles_destroy};

/* ---- devices ---- */

/* Attaches a device, whose creation may have failed, at its place in the map. */
static bool attach_sized(
	struct machine *m, struct device *d, enum riscv_virt_region where, uint64_t size, struct error *err)
{
	struct riscv_virt *b = riscv_virt(m);
	const struct board_region *r = &riscv_virt_map[where];
	if (!d)
		return error_set(err, ERROR_HOST, "%s: out of memory", r->name);
	if (r->irq >= 0) {
		d->irq = plic_input(b->plic, r->irq);
		d->irq_number = r->irq;
	}
	if (bus_attach(&b->bus, d, GPA(r->base), size, err))
		return true;
	d->ops->destroy(d);
	return false;
}

static bool attach(struct machine *m, struct device *d, enum riscv_virt_region where, struct error *err)
{
	return attach_sized(m, d, where, riscv_virt_map[where].size, err);
}

/* A virtio device, whose creation may have failed (then err is set), into the next free slot. */
static bool attach_virtio(struct machine *m, struct virtio_device *v, unsigned *slot, struct error *err)
{
	if (!v)
		return false;
	struct device *d = virtio_mmio_new(m, v, err);
	return d && attach_sized(m, d, VIRT_VIRTIO0 + (*slot)++, VIRTIO_MMIO_SIZE, err);
}

static bool add_virtio(struct machine *m, const struct vm_config *c, struct error *err)
{
	unsigned wanted = c->n_disks + c->n_nets + (c->virtio_console != NULL), slot = 0;
	bool rng = !c->bare;
	if (wanted + rng > VIRT_VIRTIO_SLOTS)
		return error_set(err, ERROR_USAGE,
			"%u disks, networks and consoles, but the board has places for %u; leave some out", wanted,
			VIRT_VIRTIO_SLOTS - rng);
	for (unsigned i = 0; i < c->n_disks; i++)
		if (!attach_virtio(m, virtio_blk_new(m, &c->disk[i], err), &slot, err))
			return false;
	for (unsigned i = 0; i < c->n_nets; i++)
		if (!attach_virtio(m, virtio_net_new(m, &c->net[i], i, err), &slot, err))
			return false;
	if (c->virtio_console && !attach_virtio(m, virtio_console_new(m, c->virtio_console, err), &slot, err))
		return false;
	/* a deterministic machine must not see the host's entropy */
	if (rng && !attach_virtio(m, virtio_rng_new(m, c->has_seed || c->deterministic, c->seed, err), &slot, err))
		return false;
	/* the power button is there if what was asked for leaves it a place */
	if (c->bare || slot == VIRT_VIRTIO_SLOTS)
		return true;
	riscv_virt(m)->button = virtio_button_new(m, err);
	return attach_virtio(m, riscv_virt(m)->button, &slot, err);
}

static bool add_devices(struct machine *m, const struct vm_config *c, bool htif, struct error *err)
{
	struct riscv_virt *b = riscv_virt(m);
	static const struct clint_config clint = { .soft_line = IRQ_MSI, .timer_line = IRQ_MTI, .hz = RISCV_TIMEBASE };
	b->plic = plic_new(m, IRQ_MEI, IRQ_SEI);
	/* bare programs with HTIF have their console there */
	b->uart = uart16550_new(m, htif ? NULL : c->serial, VIRT_UART_CLOCK);
	return attach(m, b->plic, VIRT_PLIC, err) &&
	       attach(m, clint_new(m, &clint), VIRT_CLINT, err) &&
	       attach(m, syscon_new(m), VIRT_TEST, err) &&
	       attach(m, goldfish_rtc_new(m), VIRT_RTC, err) &&
	       attach(m, b->uart, VIRT_UART, err) &&
	       add_virtio(m, c, err);
}

/* ---- built-in SBI: its console is the serial port ---- */

static void sbi_write(void *opaque, const uint8_t *bytes, unsigned n)
{
	uart16550_send(opaque, bytes, n);
}

static unsigned sbi_read(void *opaque, uint8_t *bytes, unsigned max)
{
	return uart16550_take(opaque, bytes, max);
}

static bool add_sbi(struct machine *m, struct error *err)
{
	struct riscv_virt *b = riscv_virt(m);
	struct riscv_sbi_console console = { .write = sbi_write, .read = sbi_read, .opaque = b->uart };
	b->sbi = riscv_sbi_init(m, &console, err);
	return b->sbi;
}

/* ---- memory ---- */

static bool add_plain_ram(struct machine *m, uint64_t from, uint64_t to, struct error *err)
{
	return from == to || phys_add_ram(&m->phys, GPA(from), to - from, "ram", err);
}

/* RAM in which the pages that hold tohost tell of stores. */
static bool add_watched_ram(
	struct machine *m, const struct vm_config *c, const struct riscv_htif_place *place, struct error *err)
{
	uint64_t end = VIRT_RAM_BASE + c->ram;
	uint64_t from = place->tohost & PAGE_MASK, to = (place->tohost + 7 + PAGE_SIZE) & PAGE_MASK;
	if (place->tohost < VIRT_RAM_BASE || place->tohost >= end || to > end)
		return error_set(err, ERROR_USAGE, "%s: its symbol tohost, 0x%llx, is not in RAM; link it for 0x%llx",
			c->kernel, (unsigned long long)place->tohost, (unsigned long long)VIRT_RAM_BASE);
	struct htif_config config = { place->tohost, place->fromhost, place->tohost_size, c->serial, true };
	struct device *htif = htif_new(m, &config);
	if (!htif || !bus_attach(&riscv_virt(m)->bus, htif, GPA(place->tohost), 0, err))
		return error_set(err, ERROR_HOST, "htif: out of memory");
	htif_set_watched(htif, GPA(from));
	return add_plain_ram(m, VIRT_RAM_BASE, from, err) &&
	       phys_add_watched_ram(&m->phys, GPA(from), to - from, "ram (tohost)", &htif_watch, htif, err) &&
	       add_plain_ram(m, to, end, err);
}

static bool add_memory(struct machine *m, const struct vm_config *c, bool *htif, struct error *err)
{
	const struct board_region *rom = &riscv_virt_map[VIRT_MROM];
	struct riscv_htif_place place;
	*err = (struct error){ 0 };
	*htif = c->bare && c->kernel && riscv_find_htif(c, &place, err);
	if (err->code)
		return false;
	if (!phys_add_rom(&m->phys, GPA(rom->base), rom->size, rom->name, err))
		return false;
	return *htif ? add_watched_ram(m, c, &place, err)
		     : add_plain_ram(m, VIRT_RAM_BASE, VIRT_RAM_BASE + c->ram, err);
}

/* ---- life ---- */

static void destroy(struct machine *m)
{
	struct riscv_virt *b = riscv_virt(m);
	if (b->sbi)
		riscv_sbi_destroy(m);
	bus_destroy(&b->bus);
	m->board = NULL;
	free(b);
}

static bool create(struct machine *m, const struct vm_config *c, const struct cpu_config *cpu, struct error *err)
{
	if (c->ram % PAGE_SIZE)
		return error_set(err, ERROR_USAGE, "RAM of %llu bytes is not a multiple of 4096; round it",
				 (unsigned long long)c->ram);
	struct riscv_virt *b = calloc(1, sizeof(*b));
	if (!b)
		return error_set(err, ERROR_HOST, "board: out of memory");
	m->board = b;
	b->bus.machine = m;
	b->cpu = cpu;
	b->console[0] = c->serial;
	b->console[1] = c->virtio_console;
	device_init(&b->consoles, &consoles_ops, m);
	bool htif;
	if (!bus_attach(&b->bus, &b->consoles, GPA(0), 0, err) || !add_memory(m, c, &htif, err) ||
		!add_devices(m, c, htif, err) || (!c->bare && !c->firmware && !add_sbi(m, err))) {
		destroy(m);
		return false;
	}
	if (c->bare)
		m->breakpoint_call = riscv_semihost;
	bus_reset(&b->bus);
	return true;
}

static bool request_poweroff(struct machine *m)
{
	struct virtio_device *button = riscv_virt(m)->button;
	return button && virtio_button_press(button);
}

static struct bus *bus(struct machine *m)
{
	return &riscv_virt(m)->bus;
}

static struct irq_line irq_input(struct machine *m, unsigned n)
{
	return n && n < PLIC_SOURCES ? plic_input(riscv_virt(m)->plic, n) : (struct irq_line){ 0 };
}

const struct board_ops riscv_virt_board = {
	.name = "virt",
	.arch = "riscv64",
	.summary = "generic board with virtio devices, memory map as QEMU's virt",
	.map = riscv_virt_map,
	.n_regions = VIRT_REGIONS,
	.ram_base = VIRT_RAM_BASE,
	.ram_default = GIB,
	.ram_min = 8 << 20,
	.ram_max = 256 * GIB,
	.max_vcpus = MACHINE_MAX_VCPUS,
	.memory_size = memory_size,
	.create = create,
	.load = riscv_load,
	.request_poweroff = request_poweroff,
	.dump_dtb = riscv_dump_dtb,
	.bus = bus,
	.irq_input = irq_input,
	.destroy = destroy,
};

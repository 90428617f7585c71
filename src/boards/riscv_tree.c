// SPDX-License-Identifier: Apache-2.0
/* The board's device tree: nodes that belong to no device, around those that the devices write. Bindings: the kernel's
 * Documentation/devicetree/bindings, above all riscv/cpus.yaml and extensions.yaml. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include "devices/fdt.h"
#include "devices/syscon.h"
#include "src/boards/riscv_virt.h"

/* "rv64imafdc_zicsr_zba" as the list "i", "m", … "zicsr", "zba", each with its NUL. Returns the bytes. */
static unsigned split_isa(const char *isa, char *list, unsigned room)
{
	unsigned n = 0;
	const char *at = isa + strlen("rv64");
	while (*at && *at != '_' && n + 2 < room) {
		list[n++] = *at++;
		list[n++] = 0;
	}
	while (*at == '_') {
		unsigned length = strcspn(++at, "_");
		if (n + length + 1 > room)
			break;
		memcpy(list + n, at, length);
		n += length;
		list[n++] = 0;
		at += length;
	}
	return n;
}

static const char *mmu_type(const struct cpu_config *cpu)
{
	return cpu->satp_levels >= 5 ? "riscv,sv57" : cpu->satp_levels == 4 ? "riscv,sv48" : "riscv,sv39";
}

static void describe_cpu(struct fdt *t, const struct cpu_config *cpu, unsigned n)
{
	char isa[512], list[512], intc[24], self[24];
	riscv_isa_string(cpu, isa, sizeof(isa));
	snprintf(intc, sizeof(intc), "cpu%u-intc", n);
	snprintf(self, sizeof(self), "cpu%u", n);
	fdt_begin(t, "cpu@%x", n);
	fdt_str(t, "device_type", "cpu");
	fdt_u32(t, "reg", n);
	fdt_str(t, "status", "okay");
	fdt_str(t, "compatible", "riscv");
	fdt_str(t, "riscv,isa", isa);
	fdt_str(t, "riscv,isa-base", "rv64i");
	fdt_bytes(t, "riscv,isa-extensions", list, split_isa(isa, list, sizeof(list)));
	fdt_str(t, "mmu-type", mmu_type(cpu));
	if (riscv_has(cpu, EXT_ZICBOM))
		fdt_u32(t, "riscv,cbom-block-size", CBO_BLOCK);
	if (riscv_has(cpu, EXT_ZICBOP))
		fdt_u32(t, "riscv,cbop-block-size", CBO_BLOCK);
	if (riscv_has(cpu, EXT_ZICBOZ))
		fdt_u32(t, "riscv,cboz-block-size", CBO_BLOCK);
	fdt_u32(t, "phandle", fdt_phandle(t, self));
	fdt_begin(t, "interrupt-controller");
	fdt_str(t, "compatible", "riscv,cpu-intc");
	fdt_empty(t, "interrupt-controller");
	fdt_u32(t, "#interrupt-cells", 1);
	fdt_u32(t, "#address-cells", 0);
	fdt_u32(t, "phandle", fdt_phandle(t, intc));
	fdt_end(t);
	fdt_end(t);
}

static void describe_cpus(struct fdt *t, const struct machine *m)
{
	fdt_begin(t, "cpus");
	fdt_u32(t, "#address-cells", 1);
	fdt_u32(t, "#size-cells", 0);
	fdt_u32(t, "timebase-frequency", RISCV_TIMEBASE);
	for (unsigned i = 0; i < m->n_vcpus; i++)
		describe_cpu(t, riscv_virt(m)->cpu, i);
	fdt_begin(t, "cpu-map");
	fdt_begin(t, "cluster0");
	for (unsigned i = 0; i < m->n_vcpus; i++) {
		char name[24];
		snprintf(name, sizeof(name), "cpu%u", i);
		fdt_begin(t, "core%u", i);
		fdt_u32(t, "cpu", fdt_phandle(t, name));
		fdt_end(t);
	}
	fdt_end(t);
	fdt_end(t);
	fdt_end(t);
}

/* splitmix64: any seed will do, 0 too */
static uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

void riscv_rng_seed(const struct vm_config *c, uint8_t seed[RNG_SEED_SIZE])
{
	/* apart from the entropy device's stream of the same seed */
	uint64_t state = c->seed ^ 0x63686f73656e;
	if (!c->has_seed && !c->deterministic && getrandom(seed, RNG_SEED_SIZE, 0) == RNG_SEED_SIZE)
		return;
	for (unsigned i = 0; i < RNG_SEED_SIZE; i += 8) {
		uint64_t r = next_random(&state);
		memcpy(seed + i, &r, 8);
	}
}

static void describe_chosen(struct fdt *t, const struct vm_config *c, uint64_t initrd_start, uint64_t initrd_end)
{
	uint8_t seed[RNG_SEED_SIZE];
	riscv_rng_seed(c, seed);
	fdt_begin(t, "chosen");
	fdt_str(t, "stdout-path", "/soc/serial@10000000");
	if (c->append)
		fdt_str(t, "bootargs", c->append);
	if (initrd_end) {
		fdt_u64(t, "linux,initrd-start", initrd_start);
		fdt_u64(t, "linux,initrd-end", initrd_end);
	}
	fdt_bytes(t, "rng-seed", seed, sizeof(seed));
	fdt_end(t);
}

bool riscv_build_tree(struct machine *m, const struct vm_config *c, uint64_t initrd_start, uint64_t initrd_end,
	void **blob, unsigned *size, struct error *err)
{
	struct fdt *t = fdt_new();
	if (!t)
		return error_set(err, ERROR_HOST, "device tree: out of memory");
	fdt_begin(t, "%s", "");
	fdt_u32(t, "#address-cells", 2);
	fdt_u32(t, "#size-cells", 2);
	fdt_str(t, "compatible", "riscv-virtio");
	fdt_str(t, "model", "riscv-virtio,calque");
	fdt_begin(t, "aliases");
	fdt_str(t, "serial0", "/soc/serial@10000000");
	fdt_end(t);
	describe_chosen(t, c, initrd_start, initrd_end);
	fdt_begin(t, "memory@%lx", (unsigned long)VIRT_RAM_BASE);
	fdt_str(t, "device_type", "memory");
	fdt_reg(t, VIRT_RAM_BASE, c->ram);
	fdt_end(t);
	describe_cpus(t, m);
	syscon_describe_power(t);
	fdt_begin(t, "soc");
	fdt_u32(t, "#address-cells", 2);
	fdt_u32(t, "#size-cells", 2);
	fdt_str(t, "compatible", "simple-bus");
	fdt_empty(t, "ranges");
	bus_describe(&riscv_virt(m)->bus, t);
	fdt_end(t);
	fdt_end(t);
	return fdt_done(t, blob, size, err);
}

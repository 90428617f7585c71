// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include "devices/fdt.h"
#include "devices/syscon.h"

enum { FINISH_FAIL = 0x3333, FINISH_PASS = 0x5555, FINISH_RESET = 0x7777 };

struct syscon {
	struct device dev;
	uint32_t command;	/* written and not acted on */
};

static bool syscon_read(struct device *d, uint64_t offset, unsigned size, uint64_t *value)
{
	return true;	/* reads 0 */
}

static bool syscon_write(struct device *d, uint64_t offset, unsigned size, uint64_t value)
{
	struct syscon *s = CONTAINER_OF(d, struct syscon, dev);
	uint16_t status = value;
	if (offset == 0 && (status == FINISH_FAIL || status == FINISH_PASS || status == FINISH_RESET)) {
		s->command = value;
		d->flush_wanted = true;
	} else {
		device_guest_error(d, "write of 0x%lx at offset 0x%lx", (unsigned long)value, (unsigned long)offset);
	}
	return true;
}

static void syscon_flush(struct device *d)
{
	struct syscon *s = CONTAINER_OF(d, struct syscon, dev);
	device_lock(d);
	uint32_t command = s->command;
	s->command = 0;
	device_unlock(d);
	/* A failure stays one: without a code of its own it is 1. */
	uint32_t code = command >> 16 ? command >> 16 : 1;
	switch (command & 0xffff) {
	case FINISH_PASS:
		machine_end(d->machine, EXIT_POWEROFF, 0, "the guest powered off");
		break;
	case FINISH_RESET:
		machine_end(d->machine, EXIT_REBOOT, 0, "the guest asked for a reset");
		break;
	case FINISH_FAIL:
		machine_end(d->machine, EXIT_CODE, code, "the guest ended with code %u (test device)", code);
		break;
	}
}

static void syscon_reset(struct device *d)
{
	CONTAINER_OF(d, struct syscon, dev)->command = 0;
}

static void syscon_describe(struct device *d, struct fdt *tree)
{
	static const char compatible[] = "sifive,test1\0sifive,test0\0syscon";
	fdt_begin(tree, "test@%lx", (unsigned long)d->base.v);
	fdt_bytes(tree, "compatible", compatible, sizeof(compatible));
	fdt_reg(tree, d->base.v, d->size);
	fdt_u32(tree, "phandle", fdt_phandle(tree, "test"));
	fdt_end(tree);
}

void syscon_describe_power(struct fdt *tree)
{
	static const struct { const char *name, *compatible; uint32_t value; } node[] = {
		{ "poweroff", "syscon-poweroff", FINISH_PASS }, { "reboot", "syscon-reboot", FINISH_RESET },
	};
	for (unsigned i = 0; i < ARRAY_SIZE(node); i++) {
		fdt_begin(tree, "%s", node[i].name);
		fdt_str(tree, "compatible", node[i].compatible);
		fdt_u32(tree, "regmap", fdt_phandle(tree, "test"));
		fdt_u32(tree, "offset", 0);
		fdt_u32(tree, "value", node[i].value);
		fdt_end(tree);
	}
}

static void syscon_destroy(struct device *d)
{
	device_fini(d);
	free(CONTAINER_OF(d, struct syscon, dev));
}

static const struct device_ops syscon_ops = {
	.type = "test",
	.min_access = 2,
	.max_access = 4,
	.read = syscon_read,
	.write = syscon_write,
	.reset = syscon_reset,
	.flush = syscon_flush,
	.describe = syscon_describe,
	.destroy = syscon_destroy,
};

struct device *syscon_new(struct machine *m)
{
	struct syscon *s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	device_init(&s->dev, &syscon_ops, m);
	return &s->dev;
}

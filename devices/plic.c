// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <stdlib.h>
#include "devices/fdt.h"
#include "devices/plic.h"

/* Register map: PLIC specification, chapter 3 */
enum {
	PRIORITY = 0, PENDING = 0x1000, ENABLE = 0x2000, ENABLE_STRIDE = 0x80, CONTEXT = 0x200000,
	CONTEXT_STRIDE = 0x1000, THRESHOLD = 0, CLAIM = 4,
};
#define WORDS	     (PLIC_SOURCES / 32)
#define MAX_PRIORITY 7
#define MAX_CONTEXTS (2 * MACHINE_MAX_VCPUS)

struct plic {
	struct device dev;
	unsigned line[2];		/* of even and odd contexts */
	unsigned n_contexts;
	uint8_t priority[PLIC_SOURCES];
	uint8_t threshold[MAX_CONTEXTS];
	bool raised[MAX_CONTEXTS];	/* what the context's line was last told */
	uint32_t level[WORDS];		/* the inputs */
	uint32_t pending[WORDS];
	uint32_t in_flight[WORDS];	/* forwarded by the gateway, not completed: pending or being served */
	uint32_t enable[MAX_CONTEXTS][WORDS];
};

/* The pending, enabled source of highest priority (lowest number among equals) above `above`; 0 if none. */
static unsigned best_source(const struct plic *p, unsigned context, unsigned above)
{
	unsigned best = 0;
	for (unsigned w = 0; w < WORDS; w++) {
		for (uint32_t set = p->pending[w] & p->enable[context][w]; set; set &= set - 1) {
			unsigned n = w * 32 + __builtin_ctz(set);
			if (p->priority[n] > above) {
				best = n;
				above = p->priority[n];
			}
		}
	}
	return best;
}

/* Lets the gateways forward what they may, then tells the contexts whose notification changed. Locked. */
static void update(struct plic *p)
{
	for (unsigned w = 0; w < WORDS; w++) {
		uint32_t forward = p->level[w] & ~p->in_flight[w];
		p->pending[w] |= forward;
		p->in_flight[w] |= forward;
	}
	for (unsigned c = 0; c < p->n_contexts; c++) {
		bool raise = best_source(p, c, p->threshold[c]) != 0;
		if (raise == p->raised[c])
			continue;
		p->raised[c] = raise;
		/* Setting a line takes no lock; doing it under ours keeps two changes in order. */
		vcpu_set_irq(p->dev.machine->vcpu[c / 2], p->line[c & 1], raise);
	}
}

static void plic_input_set(void *opaque, unsigned n, bool level)
{
	struct plic *p = opaque;
	uint32_t bit = 1u << n % 32;
	device_lock(&p->dev);
	p->level[n / 32] = level ? p->level[n / 32] | bit : p->level[n / 32] & ~bit;
	update(p);
	device_unlock(&p->dev);
}

struct irq_line plic_input(struct device *plic, unsigned n)
{
	return (struct irq_line){ .set = plic_input_set, .opaque = CONTAINER_OF(plic, struct plic, dev), .n = n };
}

/* Claims consider priority 0 as "never" but not the threshold (chapters 6 and 8). */
static unsigned claim(struct plic *p, unsigned context)
{
	unsigned n = best_source(p, context, 0);
	p->pending[n / 32] &= ~(1u << n % 32);
	update(p);
	return n;
}

/* Chapter 9: an ID that is not enabled for this context is ignored. */
static void complete(struct plic *p, unsigned context, uint64_t n)
{
	if (n >= PLIC_SOURCES || !(p->enable[context][n / 32] >> n % 32 & 1)) {
		device_guest_error(&p->dev, "context %u completes source %lu, which it has not enabled", context,
			(unsigned long)n);
		return;
	}
	/* A source that is pending again was not the one being served. */
	p->in_flight[n / 32] &= ~(1u << n % 32) | p->pending[n / 32];
	update(p);
}

static bool plic_read(struct device *d, uint64_t offset, unsigned size, uint64_t *value)
{
	struct plic *p = CONTAINER_OF(d, struct plic, dev);
	if (offset < PENDING) {
		*value = offset / 4 < PLIC_SOURCES ? p->priority[offset / 4] : 0;
	} else if (offset < ENABLE) {
		*value = (offset - PENDING) / 4 < WORDS ? p->pending[(offset - PENDING) / 4] : 0;
	} else if (offset < CONTEXT) {
		unsigned c = (offset - ENABLE) / ENABLE_STRIDE, w = (offset - ENABLE) % ENABLE_STRIDE / 4;
		*value = c < p->n_contexts && w < WORDS ? p->enable[c][w] : 0;
	} else {
		unsigned c = (offset - CONTEXT) / CONTEXT_STRIDE, reg = (offset - CONTEXT) % CONTEXT_STRIDE;
		if (c < p->n_contexts && reg == THRESHOLD)
			*value = p->threshold[c];
		else if (c < p->n_contexts && reg == CLAIM)
			*value = claim(p, c);
	}
	return true;	/* the rest is reserved and reads 0 */
}

static bool plic_write(struct device *d, uint64_t offset, unsigned size, uint64_t value)
{
	struct plic *p = CONTAINER_OF(d, struct plic, dev);
	if (offset < PENDING) {
		if (offset && offset / 4 < PLIC_SOURCES)
			p->priority[offset / 4] = value & MAX_PRIORITY;	/* WARL */
	} else if (offset < ENABLE) {
		return true;						/* pending bits are read-only */
	} else if (offset < CONTEXT) {
		unsigned c = (offset - ENABLE) / ENABLE_STRIDE, w = (offset - ENABLE) % ENABLE_STRIDE / 4;
		if (c < p->n_contexts && w < WORDS)
			p->enable[c][w] = value & (w ? ~0u : ~1u);	/* source 0 does not exist */
	} else {
		unsigned c = (offset - CONTEXT) / CONTEXT_STRIDE, reg = (offset - CONTEXT) % CONTEXT_STRIDE;
		if (c < p->n_contexts && reg == THRESHOLD)
			p->threshold[c] = value & MAX_PRIORITY;		/* WARL */
		else if (c < p->n_contexts && reg == CLAIM)
			complete(p, c, value);
	}
	update(p);
	return true;
}

static void plic_reset(struct device *d)
{
	struct plic *p = CONTAINER_OF(d, struct plic, dev);
	for (unsigned i = 0; i < PLIC_SOURCES; i++)
		p->priority[i] = 0;
	for (unsigned w = 0; w < WORDS; w++)
		p->pending[w] = p->in_flight[w] = 0;	/* the inputs are as their devices drive them */
	for (unsigned c = 0; c < p->n_contexts; c++) {
		p->threshold[c] = 0;
		for (unsigned w = 0; w < WORDS; w++)
			p->enable[c][w] = 0;
	}
	update(p);
}

static void plic_describe(struct device *d, struct fdt *tree)
{
	struct plic *p = CONTAINER_OF(d, struct plic, dev);
	uint32_t lines[MAX_CONTEXTS * 2];
	for (unsigned c = 0; c < p->n_contexts; c++) {
		char name[24];
		snprintf(name, sizeof(name), "cpu%u-intc", c / 2);
		lines[c * 2] = fdt_phandle(tree, name);
		lines[c * 2 + 1] = p->line[c & 1];
	}
	fdt_begin(tree, "plic@%lx", (unsigned long)d->base.v);
	fdt_bytes(tree, "compatible", "sifive,plic-1.0.0\0riscv,plic0", sizeof("sifive,plic-1.0.0\0riscv,plic0"));
	fdt_empty(tree, "interrupt-controller");
	fdt_u32(tree, "#interrupt-cells", 1);
	fdt_u32(tree, "#address-cells", 0);
	fdt_reg(tree, d->base.v, d->size);
	fdt_u32(tree, "riscv,ndev", PLIC_SOURCES - 1);
	fdt_cells(tree, "interrupts-extended", p->n_contexts * 2, lines);
	fdt_u32(tree, "phandle", fdt_phandle(tree, "plic"));
	fdt_end(tree);
}

static void plic_destroy(struct device *d)
{
	device_fini(d);
	free(CONTAINER_OF(d, struct plic, dev));
}

static const struct device_field plic_fields[] = {
	DEVICE_ARRAY(struct plic, priority), DEVICE_ARRAY(struct plic, threshold), DEVICE_ARRAY(struct plic, raised),
	DEVICE_ARRAY(struct plic, level), DEVICE_ARRAY(struct plic, pending), DEVICE_ARRAY(struct plic, in_flight),
	DEVICE_ARRAY(struct plic, enable),
};

static const struct device_ops plic_ops = {
	.type = "plic",
	.min_access = 4,
	.max_access = 4,
	.read = plic_read,
	.write = plic_write,
	.reset = plic_reset,
	.describe = plic_describe,
	.destroy = plic_destroy,
	.fields = plic_fields,
	.n_fields = ARRAY_SIZE(plic_fields),
};

struct device *plic_new(struct machine *m, unsigned machine_line, unsigned supervisor_line)
{
	struct plic *p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	device_init(&p->dev, &plic_ops, m);
	p->line[0] = machine_line;
	p->line[1] = supervisor_line;
	p->n_contexts = 2 * m->n_vcpus;
	return &p->dev;
}

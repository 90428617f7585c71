// SPDX-License-Identifier: Apache-2.0
#include "tests/runtime/fake.h"
#include <check.h>
#include <sched.h>

static struct fake *fake_of(const struct vcpu *cpu)
{
	return (struct fake *)cpu->machine;
}

struct fake_page *fake_find(struct fake *f, uint64_t va)
{
	for (unsigned i = f->n_pages; i-- > 0;)		/* the newest first */
		if (f->page[i].valid && (f->page[i].va ^ va) >> f->page[i].size_bits == 0)
			return &f->page[i];
	return NULL;
}

void fake_map(struct fake *f, uint64_t va, uint64_t pa, unsigned prot, unsigned size_bits, bool global)
{
	ck_assert_uint_lt(f->n_pages, FAKE_PAGES);
	f->page[f->n_pages++] = (struct fake_page){ va, pa, prot, size_bits, global, true, false };
}

static void raise(struct vcpu *cpu, uint64_t base, uint64_t va, enum mmu_access access)
{
	cpu->exception = (struct exception){ base + access, va, true };
}

static bool translate(struct vcpu *cpu, uint64_t va, enum mmu_access access, unsigned index, bool debug, struct mmu_leaf *leaf)
{
	struct fake *f = fake_of(cpu);
	f->walks++;
	struct fake_page *p = fake_find(f, va);
	if (!p || !(p->prot >> access & 1)) {
		if (!debug)
			raise(cpu, FAKE_PAGE_FAULT, va, access);
		return false;
	}
	if (access == MMU_WRITE && !debug)
		p->clean = false;
	uint64_t mask = ((uint64_t)1 << p->size_bits) - 1;
	*leaf = (struct mmu_leaf){ .pa = p->pa | (va & mask), .size_bits = (uint8_t)p->size_bits, .prot = (uint8_t)(p->clean ? p->prot & ~MMU_PROT_W : p->prot),
				   .global = p->global };
	return true;
}

static bool probe(struct vcpu *cpu, uint64_t va, unsigned index, struct mmu_leaf *leaf)
{
	struct fake *f = fake_of(cpu);
	unsigned walks = f->walks;
	bool ok = translate(cpu, va, MMU_READ, index, true, leaf);
	f->walks = walks;
	f->probes++;
	return ok;
}

static void raise_misaligned(struct vcpu *cpu, uint64_t va, enum mmu_access access) { raise(cpu, FAKE_MISALIGNED, va, access); }
static void raise_access_fault(struct vcpu *cpu, uint64_t va, enum mmu_access access) { raise(cpu, FAKE_ACCESS_FAULT, va, access); }
static void take_exception(struct vcpu *cpu) { cpu->exception.pending = false; }
static bool take_interrupt(struct vcpu *cpu) { return false; }
static bool has_work(struct vcpu *cpu) { return fake_of(cpu)->work || cpu->irq_lines; }
static void update_timer(struct vcpu *cpu)
{
	cpu->timer_deadline = UINT64_MAX;
	vcpu_set_irq(cpu, 5, true);
}

static const struct arch_ops arch = { translate, raise_misaligned, raise_access_fault, take_exception, take_interrupt, has_work, update_timer,
				     probe };

/* Guest code that counts until it is tripped. */
static void run(struct vcpu *cpu)
{
	struct fake *f = fake_of(cpu);
	do {
		if (f->helper)
			f->helper(cpu);
		cpu->icount++;
		cpu->reg[1]++;
		atomic_fetch_add(&f->runs, 1);
		if (cpu->icount % 1024 == 0)
			sched_yield();	/* four of these spin on whatever cores there are */
	} while (cpu->icount < cpu->deadline && !cpu->single_step);
}

static void invalidate(struct machine *m, struct phys_page *page, uint64_t granules)
{
	((struct fake *)m)->invalidated++;
	atomic_store(&page->code, 0);
}

static const struct exec_ops exec = { .name = "fake", .run = run, .invalidate = invalidate };

static bool mmio_read(void *opaque, uint64_t offset, unsigned size, uint64_t *value)
{
	struct fake *f = opaque;
	if (offset >= sizeof f->mmio)
		return false;
	*value = f->mmio[offset / 8] >> offset % 8 * 8 & (size == 8 ? ~(uint64_t)0 : ((uint64_t)1 << size * 8) - 1);
	return true;
}

static bool mmio_write(void *opaque, uint64_t offset, unsigned size, uint64_t value)
{
	struct fake *f = opaque;
	if (offset >= sizeof f->mmio || size != 8)
		return false;
	f->mmio[offset / 8] = value;
	return true;
}

static const struct mmio_ops mmio = { mmio_read, mmio_write };

static bool watch_write(void *opaque, uint64_t offset, unsigned size, uint64_t value)
{
	((struct fake *)opaque)->watched++;
	return true;
}

static const struct mmio_ops watch = { .write = watch_write };

void fake_init(struct fake *f, unsigned n_vcpus)
{
	struct error err = { 0 };
	*f = (struct fake){ 0 };
	ck_assert_msg(machine_init(&f->m, FAKE_RAM_SIZE + 2 * PAGE_SIZE, &err), "%s", err.text);
	f->m.arch = &arch;
	f->m.exec = &exec;
	ck_assert(phys_add_ram(&f->m.phys, GPA(FAKE_RAM), FAKE_RAM_SIZE, "ram", &err));
	ck_assert(phys_add_rom(&f->m.phys, GPA(0x1000), PAGE_SIZE, "rom", &err));
	ck_assert(phys_add_watched_ram(&f->m.phys, GPA(FAKE_WATCHED), PAGE_SIZE, "watched", &watch, f, &err));
	ck_assert(phys_add_mmio(&f->m.phys, GPA(FAKE_MMIO), PAGE_SIZE, "device", &mmio, f, &err));
	for (unsigned i = 0; i < n_vcpus; i++) {
		f->m.vcpu[i] = vcpu_create(&f->m, i, &err);
		ck_assert_msg(f->m.vcpu[i] != NULL, "%s", err.text);
		f->m.n_vcpus++;
	}
}

void fake_destroy(struct fake *f)
{
	machine_destroy(&f->m);
}

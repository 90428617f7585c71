// SPDX-License-Identifier: Apache-2.0
/* What debuggers, traces and the public API look at: memory by virtual or physical address, registers by name. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "src/vm.h"

/* The part of [pa, pa + size) that lies in one RAM or ROM range, as host memory; NULL: none. */
static uint8_t *host_at(struct machine *m, uint64_t pa, uint64_t *size)
{
	const struct phys_range *r = phys_find(&m->phys, GPA(pa));
	if (!r || r->kind == PHYS_MMIO)
		return NULL;
	uint64_t offset = pa - r->base.v;
	if (*size > r->size - offset)
		*size = r->size - offset;
	return r->host + offset;
}

/* Checks first, so that a refused access changes nothing. */
static bool phys_access(struct machine *m, uint64_t pa, void *to, const void *from, uint64_t size)
{
	if (size > UINT64_MAX - pa)
		return false;
	for (uint64_t at = 0; at < size;) {
		uint64_t n = size - at;
		if (!host_at(m, pa + at, &n))
			return false;
		at += n;
	}
	for (uint64_t at = 0, n; at < size;) {
		n = size - at;
		gpa_t here = GPA(pa + at);
		(void)host_at(m, pa + at, &n);	/* to the end of this range */
		if (to) {
			if (!phys_read(&m->phys, here, (uint8_t *)to + at, n))
				return false;
		} else if (!phys_write(&m->phys, here, (const uint8_t *)from + at, n)) {
			/* ROM: loaders may, and then code that was translated from it is stale, too */
			if (!phys_load(&m->phys, here, (const uint8_t *)from + at, n))
				return false;
			phys_dma_done(&m->phys, here, n);
		}
		at += n;
	}
	return true;
}

bool vm_phys_read(struct machine *m, uint64_t pa, void *to, uint64_t size)
{
	return phys_access(m, pa, to, NULL, size);
}

bool vm_phys_write(struct machine *m, uint64_t pa, const void *from, uint64_t size)
{
	return phys_access(m, pa, NULL, from, size);
}

static bool debug_access(struct vcpu *cpu, uint64_t va, void *to, const void *from, uint64_t size)
{
	for (uint64_t at = 0; at < size;) {
		uint64_t pa, n = PAGE_SIZE - ((va + at) & ~PAGE_MASK);
		if (n > size - at)
			n = size - at;
		if (!mmu_debug_translate(cpu, va + at, &pa))
			return false;
		if (!phys_access(cpu->machine, pa, to ? (uint8_t *)to + at : NULL,
			    from ? (const uint8_t *)from + at : NULL, n))
			return false;
		at += n;
	}
	return true;
}

bool vm_debug_read(struct vcpu *cpu, uint64_t va, void *to, uint64_t size)
{
	return debug_access(cpu, va, to, NULL, size);
}

bool vm_debug_write(struct vcpu *cpu, uint64_t va, const void *from, uint64_t size)
{
	return debug_access(cpu, va, NULL, from, size);
}

int vm_find_reg(const struct vm *vm, const char *name)
{
	const struct frontend *f = vm->frontend;
	for (unsigned i = 0; i < f->n_regs; i++)
		if (!strcmp(f->regs[i].name, name) || (f->regs[i].alias && !strcmp(f->regs[i].alias, name)))
			return (int)i;
	return -1;
}

uint64_t vm_icount(const struct vm *vm)
{
	uint64_t n = 0;
	for (unsigned i = 0; i < vm->machine.n_vcpus; i++)
		n += vm->machine.vcpu[i]->icount;
	return n;
}

/* ---- instructions ---- */

unsigned vm_read_code(struct vcpu *cpu, uint64_t pc, uint8_t code[VM_MAX_CODE])
{
	unsigned first = (unsigned)(PAGE_SIZE - (pc & ~PAGE_MASK));
	if (first >= VM_MAX_CODE)
		return vm_debug_read(cpu, pc, code, VM_MAX_CODE) ? VM_MAX_CODE : 0;
	if (!vm_debug_read(cpu, pc, code, first))
		return 0;
	return vm_debug_read(cpu, pc + first, code + first, VM_MAX_CODE - first) ? VM_MAX_CODE : first;
}

void vm_format_insn(const struct vm *vm, uint64_t pc, const uint8_t *code, unsigned have, char *text, unsigned size)
{
	char insn[100], bytes[2 * VM_MAX_CODE + 1];
	unsigned len = vm->frontend->disassemble(vm->cpu_config, pc, code, have, insn, sizeof insn);
	if (len > have)
		len = have;
	for (unsigned i = 0; i < len; i++)
		snprintf(bytes + 2 * i, 3, "%02x", code[len - 1 - i]);
	for (char *tab = insn; (tab = strchr(tab, '\t'));)
		*tab = ' ';
	snprintf(text, size, "%016" PRIx64 "  %-8s  %s", pc, bytes, insn + strspn(insn, " "));
}

bool vm_disassemble(struct vm *vm, struct vcpu *cpu, uint64_t pc, char *text, unsigned size)
{
	uint8_t code[VM_MAX_CODE];
	unsigned have = vm_read_code(cpu, pc, code);
	if (have)
		vm_format_insn(vm, pc, code, have, text, size);
	return have != 0;
}

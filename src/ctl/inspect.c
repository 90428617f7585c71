// SPDX-License-Identifier: Apache-2.0
/* Commands: registers, memory, addresses and their names. A vCPU is held for the moment that a look takes. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "src/ctl/internal.h"
#include "src/lift/hex.h"
#include "src/options.h"
#include "src/profile/names.h"

#define MEMORY_DEFAULT 64

static unsigned long long wide(uint64_t v) { return v; }

/* ---- registers ---- */

struct look {
	const struct ctl_call *call;
	struct json *json;
};

static void put_registers(struct vcpu *cpu, void *opaque)
{
	const struct look *l = opaque;
	const struct frontend *f = l->call->ctl->vm->frontend;
	const char *group = NULL;
	uint64_t value;
	json_string(l->json, "mode", privilege_name(f->privilege(cpu->mode)));
	json_number(l->json, "mode_bits", cpu->mode);
	json_hex(l->json, "pc", cpu->pc);
	json_open(l->json, "registers", '{');
	for (const struct frontend_reg *r = f->regs; r < f->regs + f->n_regs; r++) {
		if (!group || strcmp(group, r->group)) {
			if (group)
				json_close(l->json, '}');
			json_open(l->json, r->group, '{');
			group = r->group;
		}
		if (f->reg_read(cpu, (unsigned)(r - f->regs), &value))
			json_hex(l->json, r->alias ? r->alias : r->name, value);
	}
	if (group)
		json_close(l->json, '}');
	json_close(l->json, '}');
}

bool ctl_regs(struct ctl_call *call, struct error *err)
{
	struct vcpu *cpu = ctl_vcpu(call, err);
	if (!cpu)
		return false;
	json_number(call->json, "vcpu", cpu->index);
	vm_on_vcpu(call->ctl->vm, cpu, put_registers, &(struct look){ call, call->json });
	return true;
}

/* ---- memory ---- */

struct access {
	uint64_t address, size;
	bool physical, write, good;
	uint8_t *bytes;
};

static void do_access(struct vcpu *cpu, void *opaque)
{
	struct access *a = opaque;
	if (a->physical)
		a->good = a->write ? vm_phys_write(cpu->machine, a->address, a->bytes, a->size)
				   : vm_phys_read(cpu->machine, a->address, a->bytes, a->size);
	else
		a->good = a->write ? vm_debug_write(cpu, a->address, a->bytes, a->size) : vm_debug_read(cpu, a->address, a->bytes, a->size);
}

static bool refuse(const struct access *a, struct error *err)
{
	if (a->physical)
		return error_set(err, ERROR_USAGE, "physical 0x%" PRIx64 " and %" PRIu64 " bytes: not all of it is RAM or ROM", a->address, a->size);
	return error_set(err, ERROR_USAGE, "0x%" PRIx64 " and %" PRIu64 " bytes: not all of it is mapped to RAM or ROM", a->address, a->size);
}

/* What the request asks for; on success a->bytes is malloc'd, and holds the data of a write. */
static bool prepare(const struct ctl_request *q, struct access *a, struct error *err)
{
	const struct ctl_value *size = ctl_value(q, "size"), *data = ctl_value(q, "data");
	*a = (struct access){ .address = ctl_value(q, "address")->number, .physical = ctl_value(q, "physical")->number, .write = data->given,
			      .size = size->given ? size->number : MEMORY_DEFAULT };
	if (a->write && !parse_hex(data->text, &a->bytes, &a->size, err))
		return error_prefix(err, "data");
	bool good = true;
	if (a->write && size->given && size->number != a->size)
		good = error_set(err, ERROR_USAGE, "size: %llu, but data has %llu bytes; leave size out", wide(size->number), wide(a->size));
	else if (!a->size || a->size > CTL_MEMORY)
		good = error_set(err, ERROR_USAGE, "%llu bytes: from 1 to %u at a time", wide(a->size), CTL_MEMORY);
	else if (!a->write && !(a->bytes = malloc(a->size)))
		good = error_set(err, ERROR_HOST, "out of memory");
	if (!good)
		free(a->bytes);
	return good;
}

bool ctl_mem(struct ctl_call *call, struct error *err)
{
	struct access a;
	struct vcpu *cpu = ctl_vcpu(call, err);
	if (!cpu || !prepare(call->request, &a, err))
		return false;
	vm_on_vcpu(call->ctl->vm, cpu, do_access, &a);
	bool good = a.good || refuse(&a, err);
	if (good) {
		json_hex(call->json, "address", a.address);
		json_number(call->json, "size", a.size);
		if (!a.write)
			json_bytes(call->json, "data", a.bytes, a.size);
	}
	free(a.bytes);
	return good;
}

/* ---- addresses ---- */

struct walk { uint64_t va, pa; bool good; };

static void do_walk(struct vcpu *cpu, void *opaque)
{
	struct walk *w = opaque;
	w->good = mmu_debug_translate(cpu, w->va, &w->pa);
}

bool ctl_translate(struct ctl_call *call, struct error *err)
{
	static const char *const kinds[] = { [PHYS_RAM] = "ram", [PHYS_ROM] = "rom", [PHYS_MMIO] = "device" };
	struct walk w = { .va = ctl_value(call->request, "address")->number };
	struct vcpu *cpu = ctl_vcpu(call, err);
	if (!cpu)
		return false;
	vm_on_vcpu(call->ctl->vm, cpu, do_walk, &w);
	if (!w.good)
		return error_set(err, ERROR_USAGE, "0x%" PRIx64 " is not mapped on vCPU %u", w.va, cpu->index);
	const struct phys_range *r = phys_find(&cpu->machine->phys, GPA(w.pa));
	json_hex(call->json, "address", w.va);
	json_hex(call->json, "physical", w.pa);
	json_string(call->json, "kind", r ? kinds[r->kind] : "none");
	json_string(call->json, "name", r ? r->name : NULL);
	return true;
}

/* An address, or SYMBOL or SYMBOL+OFFSET. */
static bool find_place(const struct names *n, const char *at, uint64_t *address, struct error *err)
{
	uint64_t offset = 0;
	char head[256];
	const char *plus = strrchr(at, '+');
	if (*at >= '0' && *at <= '9')
		return parse_number(at, UINT64_MAX, address, err) || error_prefix(err, "%.100s", at);
	if (names_value(n, at, address))
		return true;
	snprintf(head, sizeof head, "%.*s", plus ? (int)(plus - at) : 250, at);
	if (!names_value(n, head, address)) {
		const char *near = names_nearest(n, head);
		return near ? error_set(err, ERROR_USAGE, "no such symbol: %.100s: did you mean %.100s?", head, near)
			    : error_set(err, ERROR_USAGE, "no such symbol: %.100s", head);
	}
	if (!plus)
		return true;
	if (!parse_number(plus + 1, UINT64_MAX, &offset, err))
		return error_prefix(err, "%.100s", at);
	*address += offset;
	return true;
}

bool ctl_symbol(struct ctl_call *call, struct error *err)
{
	uint64_t address;
	const struct names *n = ctl_names(call);
	if (!n)
		return error_set(err, ERROR_HOST, "out of memory");
	if (!find_place(n, ctl_value(call->request, "at")->text, &address, err))
		return false;
	struct function f = names_find(n, address, PRIVILEGE_KERNEL);
	json_hex(call->json, "address", address);
	json_string(call->json, "symbol", f.known ? f.name : NULL);
	if (f.known) {
		json_hex(call->json, "start", f.start);
		json_number(call->json, "size", f.end - f.start);
	}
	return true;
}

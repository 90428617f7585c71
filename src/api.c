// SPDX-License-Identifier: Apache-2.0
/* The public API: configuration and life of VMs. */
#include "src/api.h"
#include <stdatomic.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "src/serial/serial.h"
#include "src/version.h"
#include "src/vm_options.h"

/* ---- errors and callbacks ---- */

bool api_error(struct calque_error *to, const struct error *from)
{
	if (to) {
		to->code = from->code == ERROR_USAGE ? CALQUE_USAGE : CALQUE_HOST;
		snprintf(to->text, sizeof to->text, "%s", from->text);
	}
	return false;
}

bool api_fail(struct calque_error *to, enum calque_code code, const char *fmt, ...)
{
	va_list ap;
	if (!to)
		return false;
	to->code = code;
	va_start(ap, fmt);
	vsnprintf(to->text, sizeof to->text, fmt, ap);
	va_end(ap);
	return false;
}

static _Thread_local const struct calque_vm *inside;

const struct calque_vm *api_inside(void)
{
	return inside;
}

const struct calque_vm *api_enter(const struct calque_vm *vm)
{
	const struct calque_vm *before = inside;
	inside = vm;
	return before;
}

void api_leave(const struct calque_vm *before)
{
	inside = before;
}

bool api_outside(const struct calque_vm *vm, struct calque_error *err)
{
	return inside != vm ||
		api_fail(err, CALQUE_STATE, "called from one of the VM's callbacks, which would wait for itself");
}

const char *calque_version(void)
{
	return CALQUE_VERSION_TEXT;
}

/* ---- configuration ---- */

calque_config *calque_config_new(void)
{
	calque_config *c = calloc(1, sizeof *c);
	if (c)
		vm_config_init(&c->vm);
	return c;
}

void calque_config_free(calque_config *c)
{
	if (!c)
		return;
	for (unsigned i = 0; i < c->n_devices; i++)
		free(c->device[i]);
	free(c->serial);
	free(c->virtio_console);
	vm_config_free(&c->vm);
	free(c);
}

static const struct option api_options[] = {
	{ "serial", 0, "SPEC", option_string, offsetof(struct calque_config, serial), "" },
	{ "virtio-console", 0, "SPEC", option_string, offsetof(struct calque_config, virtio_console), "" },
	{ "no-reboot", 0, NULL, option_flag, offsetof(struct calque_config, no_reboot), "" },
};

bool calque_config_set(calque_config *c, const char *key, const char *value, struct calque_error *err)
{
	struct error e = { 0 };
	bool good;
	bool own = false;
	for (unsigned i = 0; i < ARRAY_SIZE(api_options); i++)
		own |= !strcmp(api_options[i].name, key);
	if (own)
		good = options_set(api_options, ARRAY_SIZE(api_options), c, key, value, &e);
	else
		good = options_set(vm_options, n_vm_options, &c->vm, key, value, &e);
	return good || api_error(err, &e);
}

void calque_config_set_ram(calque_config *c, uint64_t bytes)
{
	c->vm.ram = bytes;
}

void calque_config_set_vcpus(calque_config *c, unsigned n)
{
	c->vm.smp = n;
}

void calque_config_set_bare(calque_config *c, bool bare)
{
	c->vm.bare = bare;
}

/* Takes over *r on success. */
static bool add_range(
	calque_config *c, uint64_t align, struct range_config r, const char *name, struct calque_error *err)
{
	if (!r.size || (r.base | r.size) % align || r.size > UINT64_MAX - r.base)
		return api_fail(err, CALQUE_USAGE,
			"%s at 0x%llx: base and size must be multiples of %llu, and size not 0", name,
			(unsigned long long)r.base, (unsigned long long)align);
	if (c->vm.n_extra == ARRAY_SIZE(c->vm.extra))
		return api_fail(
			err, CALQUE_USAGE, "%s: at most %zu additions to a board", name, ARRAY_SIZE(c->vm.extra));
	r.name = strdup(name);
	if (!r.name)
		return api_fail(err, CALQUE_HOST, "out of memory");
	c->vm.extra[c->vm.n_extra++] = r;
	return true;
}

bool calque_config_add_ram(calque_config *c, uint64_t base, uint64_t size, const char *name, struct calque_error *err)
{
	return add_range(c, PAGE_SIZE, (struct range_config){ .base = base, .size = size }, name, err);
}

static bool device_read(void *opaque, uint64_t offset, unsigned size, uint64_t *value)
{
	struct api_device *d = opaque;
	const struct calque_vm *before = api_enter(d->vm);
	*value = 0;
	bool good = d->ops.read && d->ops.read(d->opaque, offset, size, value);
	api_leave(before);
	return good;
}

static bool device_write(void *opaque, uint64_t offset, unsigned size, uint64_t value)
{
	struct api_device *d = opaque;
	const struct calque_vm *before = api_enter(d->vm);
	bool good = d->ops.write && d->ops.write(d->opaque, offset, size, value);
	api_leave(before);
	return good;
}

static const struct mmio_ops device_ops = { .read = device_read, .write = device_write };

bool calque_config_add_device(calque_config *c, uint64_t base, uint64_t size, const char *name,
	const struct calque_device *device, void *opaque, struct calque_error *err)
{
	struct api_device *d = calloc(1, sizeof *d);
	if (!d)
		return api_fail(err, CALQUE_HOST, "out of memory");
	d->ops = *device;
	d->opaque = opaque;
	if (!add_range(c, 8, (struct range_config){.base = base, .size = size, .ops = &device_ops, .opaque = d}, name,
		    err)) {
		free(d);
		return false;
	}
	c->device[c->n_devices++] = d;
	return true;
}

/* ---- life ---- */

static bool open_consoles(struct calque_vm *vm, struct calque_config *c, struct error *err)
{
	if (c->serial)
		c->vm.serial = serial_open(c->serial, err);
	else
		c->vm.serial = vm->console = serial_mem(api_output, vm, err);
	if (c->vm.serial && c->virtio_console)
		c->vm.virtio_console = serial_open(c->virtio_console, err);
	return c->vm.serial && (!c->virtio_console || c->vm.virtio_console);
}

static void close_consoles(struct vm_config *c)
{
	if (c->serial)
		serial_destroy(c->serial);
	if (c->virtio_console)
		serial_destroy(c->virtio_console);
	c->serial = c->virtio_console = NULL;
}

calque_vm *calque_vm_create(calque_config *c, struct calque_error *err)
{
	struct error e = { 0 };
	calque_vm *vm = calloc(1, sizeof *vm);
	if (!vm) {
		api_fail(err, CALQUE_HOST, "out of memory");
		return NULL;
	}
	if (open_consoles(vm, c, &e))
		vm->vm = c->vm.kernel || c->vm.firmware ? vm_create(&c->vm, &e) : vm_create_empty(&c->vm, &e);
	if (!vm->vm) {
		close_consoles(&c->vm);
		free(vm);
		api_error(err, &e);
		return NULL;
	}
	vm->no_reboot = c->no_reboot;
	for (unsigned i = 0; i < c->n_devices; i++) {
		vm->device[i] = c->device[i];
		vm->device[i]->vm = vm;
	}
	vm->n_devices = c->n_devices;
	c->n_devices = 0;
	free(c->serial);
	free(c->virtio_console);
	c->serial = c->virtio_console = NULL;
	c->no_reboot = false;
	vm->state = CALQUE_PAUSED;
	if (!api_observe_machine(vm)) {
		calque_vm_destroy(vm);
		api_fail(err, CALQUE_HOST, "out of memory");
		return NULL;
	}
	return vm;
}

void calque_vm_destroy(calque_vm *vm)
{
	if (!vm || api_inside() == vm)
		return;
	vm->kinds = 0;	/* whatever still happens is nobody's concern */
	vm_destroy(vm->vm);
	for (unsigned i = 0; i < vm->n_devices; i++)
		free(vm->device[i]);
	free(vm);
}

static bool has_ended(const calque_vm *vm)
{
	return atomic_load(&vm->vm->machine.ended);
}

enum calque_vm_state calque_vm_state(const calque_vm *vm)
{
	const struct machine *m = &vm->vm->machine;
	if (has_ended(vm))
		return CALQUE_ENDED;
	return atomic_load(&m->paused) ? CALQUE_PAUSED : CALQUE_RUNNING;
}

bool calque_vm_start(calque_vm *vm, struct calque_error *err)
{
	struct error e = { 0 };
	if (!api_outside(vm, err))
		return false;
	if (has_ended(vm))
		return api_fail(err, CALQUE_STATE, "the guest has ended: calque_vm_reset first");
	if (calque_vm_state(vm) == CALQUE_RUNNING)
		return true;
	api_set_state(vm, CALQUE_RUNNING);
	if (vm_resume(vm->vm, &e))
		return true;
	api_set_state(vm, CALQUE_PAUSED);
	return api_error(err, &e);
}

bool calque_vm_resume(calque_vm *vm, struct calque_error *err)
{
	return calque_vm_start(vm, err);
}

bool calque_vm_pause(calque_vm *vm, struct calque_error *err)
{
	if (!api_outside(vm, err))
		return false;
	vm_pause(vm->vm);
	api_set_state(vm, CALQUE_PAUSED);
	return true;
}

bool calque_vm_reset(calque_vm *vm, struct calque_error *err)
{
	struct error e = { 0 };
	if (!api_outside(vm, err))
		return false;
	bool good = vm_reset(vm->vm, &e);
	api_set_state(vm, CALQUE_PAUSED);
	return good || api_error(err, &e);
}

void calque_vm_stop(calque_vm *vm)
{
	machine_end(&vm->vm->machine, EXIT_STOPPED, 0, "by the program");
}

bool calque_vm_request_poweroff(calque_vm *vm)
{
	const struct board_ops *b = vm->vm->board;
	return b->request_poweroff && b->request_poweroff(&vm->vm->machine);
}

void api_exit(struct calque_exit *to, const struct guest_exit *from)
{
	static const enum calque_exit_cause causes[] = {
		[EXIT_NONE] = CALQUE_EXIT_NONE,
		[EXIT_POWEROFF] = CALQUE_EXIT_POWEROFF,
		[EXIT_REBOOT] = CALQUE_EXIT_REBOOT,
		[EXIT_CODE] = CALQUE_EXIT_CODE,
		[EXIT_DIED] = CALQUE_EXIT_DIED,
		[EXIT_TIMEOUT] = CALQUE_EXIT_STOPPED,
		[EXIT_STOPPED] = CALQUE_EXIT_STOPPED,
	};
	*to = (struct calque_exit){ .cause = causes[from->cause], .code = from->code, .vcpu = from->vcpu };
	snprintf(to->text, sizeof to->text, "%s", from->text);
}

bool calque_vm_wait(calque_vm *vm, uint64_t timeout_ns, struct calque_exit *exit)
{
	struct guest_exit e;
	uint64_t start = clock_host_now();
	if (!api_outside(vm, NULL))
		return false;
	for (;;) {
		uint64_t spent = timeout_ns == CALQUE_FOREVER ? 0 : clock_host_now() - start;
		if (!vm_wait(vm->vm, spent < timeout_ns ? timeout_ns - spent : 0, true, &e))
			return false;
		if (e.cause != EXIT_REBOOT || vm->no_reboot)
			break;
		struct calque_error err;
		if (calque_vm_reset(vm, &err) && calque_vm_start(vm, &err))
			continue;
		e.cause = EXIT_DIED;
		snprintf(e.text, sizeof e.text, "cannot restart after the guest's reboot: %.140s", err.text);
		break;
	}
	if (exit)
		api_exit(exit, &e);
	return true;
}

uint64_t calque_vm_run(calque_vm *vm, unsigned vcpu, uint64_t n)
{
	if (!api_outside(vm, NULL) || vcpu >= vm->vm->machine.n_vcpus || has_ended(vm))
		return 0;
	api_set_state(vm, CALQUE_RUNNING);
	uint64_t ran = vm_run_vcpu(vm->vm, vcpu, n);
	api_set_state(vm, CALQUE_PAUSED);
	return ran;
}

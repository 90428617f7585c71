/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of the public API. */
#pragma once
#include <calque/calque.h>
#include <stdatomic.h>
#include "devices/chardev.h"
#include "src/vm.h"

#define API_DEVICES ARRAY_SIZE(((struct vm_config *)0)->extra)

struct api_device {
	struct calque_device ops;
	void *opaque;
	struct calque_vm *vm;
};

struct calque_config {
	struct vm_config vm;
	char *serial, *virtio_console;		/* specifications; NULL: in memory, none */
	bool no_reboot;
	struct api_device *device[API_DEVICES];	/* each the opaque of one of vm.extra */
	unsigned n_devices;
};

struct calque_vm {
	struct vm *vm;
	bool no_reboot;
	struct chardev *console;	/* in memory; NULL: elsewhere */
	struct api_device *device[API_DEVICES];
	unsigned n_devices;
	_Atomic int state;		/* enum calque_vm_state that the last state event told of */
	_Atomic unsigned kinds;			/* of events wanted; the VM is paused when they change */
	calque_event_fn *fn;
	void *opaque;
};

/* Fills in *to from what the inner parts say, if it is wanted; returns false. */
bool api_error(struct calque_error *to, const struct error *from);
bool api_fail(struct calque_error *to, enum calque_code code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The VM whose callback this thread is in, or NULL. */
const struct calque_vm *api_inside(void);
/* Marks this thread as in a callback of vm; returns what it was in before, to be given back to api_leave. */
const struct calque_vm *api_enter(const struct calque_vm *vm);
void api_leave(const struct calque_vm *before);
/* Refuses in callbacks of this VM. */
MUST_CHECK bool api_outside(const struct calque_vm *vm, struct calque_error *err);

/* Delivers an event if its kind is wanted. */
bool api_deliver(struct calque_vm *vm, struct calque_event *e);
void api_set_state(struct calque_vm *vm, enum calque_vm_state state);
/* What the observer of the machine is to be for vm->kinds. */
MUST_CHECK bool api_observe_machine(struct calque_vm *vm);
void api_output(void *opaque, const uint8_t *bytes, unsigned n);
void api_exit(struct calque_exit *to, const struct guest_exit *from);

/* SPDX-License-Identifier: Apache-2.0 */
/* Between machine.c and vcpu.c only. */
#pragma once
#include "runtime/machine.h"

/* A vCPU's thread: its run loop, until VCPU_REQ_EXIT. */
void *vcpu_thread(void *vcpu);
/* Marks the machine paused and kicks all vCPUs; does not wait. Any thread. */
void machine_request_pause(struct machine *m);

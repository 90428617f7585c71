/* SPDX-License-Identifier: Apache-2.0 */
/* A National 16550A serial port with 16-byte FIFOs; its registers are bytes (PC16550D data sheet, section 8). */
#pragma once
#include "devices/chardev.h"
#include "devices/device.h"

#define UART16550_SIZE 0x100

/*
 * c may be NULL: what is sent is lost, nothing is received. It stays the caller's, who destroys it first when all ends
 * (its callbacks run on the event thread; the device makes no call of it any more once the vCPUs stand).
 */
struct device *uart16550_new(struct machine *m, struct chardev *c, uint32_t clock_hz);

/* For firmware inside the machine whose console is this port (SBI): sends without going through the registers, and
 * takes received bytes out of the FIFO; returns how many. No lock held. */
void uart16550_send(struct device *uart, const uint8_t *bytes, unsigned n);
unsigned uart16550_take(struct device *uart, uint8_t *bytes, unsigned max);

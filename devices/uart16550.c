// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <string.h>
#include "devices/fdt.h"
#include "devices/uart16550.h"

enum { RBR_THR_DLL = 0, IER_DLM = 1, IIR_FCR = 2, LCR = 3, MCR = 4, LSR = 5, MSR = 6, SCR = 7, REGISTERS = 8 };
enum { IER_RX = 1, IER_THRE = 2, IER_LINE = 4, IER_MODEM = 8, IER_ALL = 15 };
enum { IIR_NONE = 1, IIR_MODEM = 0, IIR_THRE = 2, IIR_RX = 4, IIR_LINE = 6, IIR_TIMEOUT = 0xc, IIR_FIFOS = 0xc0 };
enum { FCR_ENABLE = 1, FCR_CLEAR_RX = 2, FCR_CLEAR_TX = 4, FCR_KEPT = 0xc9 };
enum { LCR_DLAB = 0x80 };
enum { MCR_DTR = 1, MCR_RTS = 2, MCR_OUT1 = 4, MCR_OUT2 = 8, MCR_LOOP = 16, MCR_ALL = 31 };
enum { LSR_DATA = 1, LSR_OVERRUN = 2, LSR_THRE = 0x20, LSR_IDLE = 0x40 };
enum { MSR_CTS = 0x10, MSR_DSR = 0x20, MSR_RI = 0x40, MSR_DCD = 0x80 };

#define FIFO_SIZE 16
#define OUT_SIZE  64	/* bytes on their way to the chardev */

struct uart {
	struct device dev;
	struct chardev *chardev;
	uint32_t clock_hz;
	pthread_mutex_t out_lock;	/* orders calls of chardev->write; taken without the device's lock */

	uint8_t ier, lcr, mcr, msr_delta, scr, fcr;
	uint16_t divisor;
	bool overrun;
	bool thre_pending;		/* THRE interrupt since the last write to THR or read of IIR */
	uint8_t rx[FIFO_SIZE], rx_last;
	uint32_t rx_head, rx_count;
	uint8_t out[OUT_SIZE];
	uint32_t out_count;
	bool kick_wanted;		/* the chardev was told 0 by can_receive */
};

static unsigned rx_capacity(const struct uart *u)
{
	return u->fcr & FCR_ENABLE ? FIFO_SIZE : 1;
}

static unsigned rx_trigger(const struct uart *u)
{
	static const uint8_t level[4] = { 1, 4, 8, 14 };
	return u->fcr & FCR_ENABLE ? level[u->fcr >> 6] : 1;
}

/* In loop mode the modem control outputs are the modem status inputs (8.6.7); else a modem that is always ready. */
static uint8_t modem_lines(const struct uart *u)
{
	if (!(u->mcr & MCR_LOOP))
		return MSR_CTS | MSR_DSR | MSR_DCD;
	return (u->mcr & MCR_RTS ? MSR_CTS : 0) | (u->mcr & MCR_DTR ? MSR_DSR : 0) | (u->mcr & MCR_OUT1 ? MSR_RI : 0) |
	       (u->mcr & MCR_OUT2 ? MSR_DCD : 0);
}

/*
 * The interrupt of highest priority (8.6.5, table II). The time-out of a FIFO below its trigger level is four character
 * times without traffic; bytes arrive here as fast as the host gives them, so these count as over at once.
 */
static uint8_t interrupt_id(const struct uart *u)
{
	if ((u->ier & IER_LINE) && u->overrun)
		return IIR_LINE;
	if ((u->ier & IER_RX) && u->rx_count)
		return u->rx_count >= rx_trigger(u) ? IIR_RX : IIR_TIMEOUT;
	if ((u->ier & IER_THRE) && u->thre_pending)
		return IIR_THRE;
	if ((u->ier & IER_MODEM) && u->msr_delta)
		return IIR_MODEM;
	return IIR_NONE;
}

static void update(struct uart *u)
{
	device_irq(&u->dev, interrupt_id(u) != IIR_NONE);
}

/* ---- data ---- */

static void rx_push(struct uart *u, uint8_t byte)
{
	if (u->rx_count >= rx_capacity(u)) {
		/* 8.6.4: without FIFO the new character replaces the old one, with it the new one is lost */
		u->overrun = true;
		if (!(u->fcr & FCR_ENABLE))
			u->rx[u->rx_head] = byte;
		return;
	}
	u->rx[(u->rx_head + u->rx_count++) % FIFO_SIZE] = byte;
}

static uint8_t rx_pop(struct uart *u)
{
	if (!u->rx_count)
		return u->rx_last;	/* an empty FIFO gives the last byte again */
	u->rx_last = u->rx[u->rx_head];
	u->rx_head = (u->rx_head + 1) % FIFO_SIZE;
	u->rx_count--;
	if (u->kick_wanted)
		u->dev.flush_wanted = true;
	return u->rx_last;
}

static void rx_clear(struct uart *u)
{
	u->rx_head = u->rx_count = 0;
	if (u->kick_wanted)
		u->dev.flush_wanted = true;
}

/* Sending takes no time: the holding register is empty again when the write is over. */
static void transmit(struct uart *u, uint8_t byte)
{
	u->thre_pending = true;
	if (u->mcr & MCR_LOOP) {
		rx_push(u, byte);
		return;
	}
	/* Each write is flushed before the vCPU goes on, so that only as many bytes wait as vCPUs write at once. */
	if (u->out_count < OUT_SIZE)
		u->out[u->out_count++] = byte;
	u->dev.flush_wanted = true;
}

/* What the access asked of the chardev, without the device's lock. */
static void uart_flush(struct device *d)
{
	struct uart *u = CONTAINER_OF(d, struct uart, dev);
	uint8_t bytes[OUT_SIZE];
	pthread_mutex_lock(&u->out_lock);
	device_lock(d);
	unsigned n = u->out_count;
	bool kick = u->kick_wanted && u->rx_count < rx_capacity(u);
	memcpy(bytes, u->out, n);
	u->out_count = 0;
	if (kick)
		u->kick_wanted = false;
	device_unlock(d);
	if (n && u->chardev)
		u->chardev->write(u->chardev, bytes, n);
	pthread_mutex_unlock(&u->out_lock);
	if (kick && u->chardev && u->chardev->kick)
		u->chardev->kick(u->chardev);
}

/* ---- chardev's front, on the event thread ---- */

static unsigned can_receive(void *front)
{
	struct uart *u = front;
	device_lock(&u->dev);
	unsigned room = u->mcr & MCR_LOOP ? 0 : rx_capacity(u) - u->rx_count;
	if (!room)
		u->kick_wanted = true;
	device_unlock(&u->dev);
	return room;
}

static void receive(void *front, const uint8_t *bytes, unsigned n)
{
	struct uart *u = front;
	device_lock(&u->dev);
	for (unsigned i = 0; i < n; i++)
		rx_push(u, bytes[i]);
	update(u);
	device_unlock(&u->dev);
}

/* ---- the machine's own firmware ---- */

void uart16550_send(struct device *uart, const uint8_t *bytes, unsigned n)
{
	struct uart *u = CONTAINER_OF(uart, struct uart, dev);
	uart_flush(uart);	/* what was written to the registers comes first */
	pthread_mutex_lock(&u->out_lock);
	if (u->chardev)
		u->chardev->write(u->chardev, bytes, n);
	pthread_mutex_unlock(&u->out_lock);
}

unsigned uart16550_take(struct device *uart, uint8_t *bytes, unsigned max)
{
	struct uart *u = CONTAINER_OF(uart, struct uart, dev);
	unsigned n = 0;
	device_lock(uart);
	while (n < max && u->rx_count)
		bytes[n++] = rx_pop(u);
	update(u);
	device_unlock(uart);
	return n;
}

/* ---- registers ---- */

static bool uart_read(struct device *d, uint64_t offset, unsigned size, uint64_t *value)
{
	struct uart *u = CONTAINER_OF(d, struct uart, dev);
	bool dlab = u->lcr & LCR_DLAB;
	switch (offset) {
	case RBR_THR_DLL:
		*value = dlab ? u->divisor & 0xff : rx_pop(u);
		break;
	case IER_DLM:
		*value = dlab ? u->divisor >> 8 : u->ier;
		break;
	case IIR_FCR: {
		uint8_t id = interrupt_id(u);
		if (id == IIR_THRE)
			u->thre_pending = false;
		*value = id | (u->fcr & FCR_ENABLE ? IIR_FIFOS : 0);
		break;
	}
	case LCR:
		*value = u->lcr;
		break;
	case MCR:
		*value = u->mcr;
		break;
	case LSR:
		*value = LSR_THRE | LSR_IDLE | (u->rx_count ? LSR_DATA : 0) | (u->overrun ? LSR_OVERRUN : 0);
		u->overrun = false;
		break;
	case MSR:
		*value = modem_lines(u) | u->msr_delta;
		u->msr_delta = 0;
		break;
	case SCR:
		*value = u->scr;
		break;
	default:
		*value = 0;
	}
	update(u);
	return true;
}

static void write_ier(struct uart *u, uint8_t value)
{
	/* Enabling the THRE interrupt while the register is empty raises it: drivers start sending so. */
	if ((value & IER_THRE) && !(u->ier & IER_THRE))
		u->thre_pending = true;
	u->ier = value & IER_ALL;
}

static void write_fcr(struct uart *u, uint8_t value)
{
	/* 8.6.3: changing the enable bit clears the FIFOs; the other bits count only together with it */
	if ((value ^ u->fcr) & FCR_ENABLE || ((value & FCR_ENABLE) && (value & FCR_CLEAR_RX)))
		rx_clear(u);
	u->fcr = value & FCR_ENABLE ? value & FCR_KEPT : 0;
}

static void write_mcr(struct uart *u, uint8_t value)
{
	uint8_t before = modem_lines(u);
	u->mcr = value & MCR_ALL;
	uint8_t after = modem_lines(u), changed = before ^ after;
	/* Deltas of CTS, DSR and DCD on any change, of RI on its trailing edge (8.6.8). */
	u->msr_delta |= (changed & (MSR_CTS | MSR_DSR | MSR_DCD)) >> 4 | (before & ~after & MSR_RI) >> 4;
	if (u->kick_wanted)
		u->dev.flush_wanted = true;
}

static bool uart_write(struct device *d, uint64_t offset, unsigned size, uint64_t value)
{
	struct uart *u = CONTAINER_OF(d, struct uart, dev);
	bool dlab = u->lcr & LCR_DLAB;
	switch (offset) {
	case RBR_THR_DLL:
		if (dlab)
			u->divisor = (u->divisor & 0xff00) | value;
		else
			transmit(u, value);
		break;
	case IER_DLM:
		if (dlab)
			u->divisor = (u->divisor & 0xff) | value << 8;
		else
			write_ier(u, value);
		break;
	case IIR_FCR:
		write_fcr(u, value);
		break;
	case LCR:
		u->lcr = value;
		break;
	case MCR:
		write_mcr(u, value);
		break;
	case SCR:
		u->scr = value;
		break;
	}
	update(u);
	return true;
}

static void uart_reset(struct device *d)
{
	struct uart *u = CONTAINER_OF(d, struct uart, dev);
	u->ier = u->lcr = u->mcr = u->msr_delta = u->scr = u->fcr = 0;
	u->divisor = u->rx_last = 0;
	u->overrun = u->thre_pending = false;
	rx_clear(u);
	update(u);
}

static void uart_describe(struct device *d, struct fdt *tree)
{
	struct uart *u = CONTAINER_OF(d, struct uart, dev);
	fdt_begin(tree, "serial@%lx", (unsigned long)d->base.v);
	fdt_str(tree, "compatible", "ns16550a");
	fdt_reg(tree, d->base.v, d->size);
	fdt_u32(tree, "clock-frequency", u->clock_hz);
	fdt_u32(tree, "interrupt-parent", fdt_phandle(tree, "plic"));
	fdt_u32(tree, "interrupts", d->irq_number);
	fdt_end(tree);
}

static void uart_destroy(struct device *d)
{
	struct uart *u = CONTAINER_OF(d, struct uart, dev);
	pthread_mutex_destroy(&u->out_lock);
	device_fini(d);
	free(u);
}

static const struct device_field uart_fields[] = {
	DEVICE_FIELD(struct uart, ier),
	DEVICE_FIELD(struct uart, lcr),
	DEVICE_FIELD(struct uart, mcr),
	DEVICE_FIELD(struct uart, msr_delta),
	DEVICE_FIELD(struct uart, scr),
	DEVICE_FIELD(struct uart, fcr),
	DEVICE_FIELD(struct uart, divisor),
	DEVICE_FIELD(struct uart, overrun),
	DEVICE_FIELD(struct uart, thre_pending),
	DEVICE_ARRAY(struct uart, rx),
	DEVICE_FIELD(struct uart, rx_last),
	DEVICE_FIELD(struct uart, rx_head),
	DEVICE_FIELD(struct uart, rx_count),
};

static const struct device_ops uart_ops = {
	.type = "uart16550",
	.min_access = 1,
	.max_access = 1,
	.read = uart_read,
	.write = uart_write,
	.reset = uart_reset,
	.flush = uart_flush,
	.describe = uart_describe,
	.destroy = uart_destroy,
	.fields = uart_fields,
	.n_fields = ARRAY_SIZE(uart_fields),
};

struct device *uart16550_new(struct machine *m, struct chardev *c, uint32_t clock_hz)
{
	struct uart *u = calloc(1, sizeof(*u));
	if (!u)
		return NULL;
	device_init(&u->dev, &uart_ops, m);
	pthread_mutex_init(&u->out_lock, NULL);
	u->chardev = c;
	u->clock_hz = clock_hz;
	if (c) {
		c->front = u;
		c->can_receive = can_receive;
		c->receive = receive;
	}
	return &u->dev;
}

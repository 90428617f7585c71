// SPDX-License-Identifier: Apache-2.0
/* Registers: "Goldfish virtual hardware", section Goldfish RTC, of the Android emulator's documentation. */
#include <stdlib.h>
#include "devices/fdt.h"
#include "devices/goldfish_rtc.h"

enum {
	TIME_LOW = 0x00, TIME_HIGH = 0x04, ALARM_LOW = 0x08, ALARM_HIGH = 0x0c, IRQ_ENABLED = 0x10, CLEAR_ALARM = 0x14,
	ALARM_STATUS = 0x18, CLEAR_INTERRUPT = 0x1c,
};

struct rtc {
	struct device dev;
	struct guest_timer *timer;
	uint64_t offset;		/* ns that the guest added to the wall clock by setting it */
	uint64_t alarm;
	uint32_t time_high, written_high;	/* latches */
	bool alarm_running, irq_pending, irq_enabled;
};

static uint64_t rtc_time(const struct rtc *r)
{
	return clock_wall(r->dev.machine) + r->offset;
}

static void update(struct rtc *r)
{
	device_irq(&r->dev, r->irq_pending && r->irq_enabled);
}

/* Fires the alarm, or arms the timer for it. Locked. */
static void check_alarm(struct rtc *r)
{
	uint64_t when = UINT64_MAX, now = rtc_time(r);
	if (r->alarm_running && r->alarm <= now) {
		r->alarm_running = false;
		r->irq_pending = true;
	} else if (r->alarm_running) {
		uint64_t guest = clock_now(r->dev.machine), ahead = r->alarm - now;
		when = ahead > UINT64_MAX - guest ? UINT64_MAX : guest + ahead;
	}
	guest_timer_set(r->timer, when);
	update(r);
}

static void timer_fired(void *opaque)
{
	struct rtc *r = opaque;
	device_lock(&r->dev);
	check_alarm(r);
	device_unlock(&r->dev);
}

static bool rtc_read(struct device *d, uint64_t offset, unsigned size, uint64_t *value)
{
	struct rtc *r = CONTAINER_OF(d, struct rtc, dev);
	switch (offset) {
	case TIME_LOW: {
		/* latches the high half, so that the two belong together */
		uint64_t now = rtc_time(r);
		r->time_high = now >> 32;
		*value = (uint32_t)now;
		break;
	}
	case TIME_HIGH:
		*value = r->time_high;
		break;
	case ALARM_LOW:
		*value = (uint32_t)r->alarm;
		break;
	case ALARM_HIGH:
		*value = r->alarm >> 32;
		break;
	case IRQ_ENABLED:
		*value = r->irq_enabled;
		break;
	case ALARM_STATUS:
		*value = r->alarm_running;
		break;
	default:
		device_guest_error(d, "read of register 0x%lx", (unsigned long)offset);
	}
	return true;
}

static bool rtc_write(struct device *d, uint64_t offset, unsigned size, uint64_t value)
{
	struct rtc *r = CONTAINER_OF(d, struct rtc, dev);
	switch (offset) {
	case TIME_HIGH:
		r->written_high = value;
		break;
	case TIME_LOW:
		/* sets the clock together with the high half written before */
		r->offset += ((uint64_t)r->written_high << 32 | value) - rtc_time(r);
		check_alarm(r);
		break;
	case ALARM_HIGH:
		r->alarm = value << 32 | (uint32_t)r->alarm;
		break;
	case ALARM_LOW:
		r->alarm = r->alarm >> 32 << 32 | value;
		r->alarm_running = true;
		check_alarm(r);
		break;
	case IRQ_ENABLED:
		r->irq_enabled = value & 1;
		update(r);
		break;
	case CLEAR_ALARM:
		r->alarm_running = false;
		check_alarm(r);
		break;
	case CLEAR_INTERRUPT:
		r->irq_pending = false;
		update(r);
		break;
	default:
		device_guest_error(d, "write of register 0x%lx", (unsigned long)offset);
	}
	return true;
}

static void rtc_reset(struct device *d)
{
	struct rtc *r = CONTAINER_OF(d, struct rtc, dev);
	/* the clock itself runs from a battery and keeps what the guest set */
	r->alarm = 0;
	r->time_high = r->written_high = 0;
	r->alarm_running = r->irq_pending = r->irq_enabled = false;
	check_alarm(r);
}

static void rtc_describe(struct device *d, struct fdt *tree)
{
	fdt_begin(tree, "rtc@%lx", (unsigned long)d->base.v);
	fdt_str(tree, "compatible", "google,goldfish-rtc");
	fdt_reg(tree, d->base.v, d->size);
	fdt_u32(tree, "interrupt-parent", fdt_phandle(tree, "plic"));
	fdt_u32(tree, "interrupts", d->irq_number);
	fdt_end(tree);
}

static void rtc_destroy(struct device *d)
{
	struct rtc *r = CONTAINER_OF(d, struct rtc, dev);
	guest_timer_free(r->timer);
	device_fini(d);
	free(r);
}

static const struct device_field rtc_fields[] = {
	DEVICE_FIELD(struct rtc, offset), DEVICE_FIELD(struct rtc, alarm), DEVICE_FIELD(struct rtc, time_high),
	DEVICE_FIELD(struct rtc, written_high), DEVICE_FIELD(struct rtc, alarm_running),
	DEVICE_FIELD(struct rtc, irq_pending), DEVICE_FIELD(struct rtc, irq_enabled),
};

static const struct device_ops rtc_ops = {
	.type = "goldfish-rtc",
	.min_access = 4,
	.max_access = 4,
	.read = rtc_read,
	.write = rtc_write,
	.reset = rtc_reset,
	.describe = rtc_describe,
	.destroy = rtc_destroy,
	.fields = rtc_fields,
	.n_fields = ARRAY_SIZE(rtc_fields),
};

struct device *goldfish_rtc_new(struct machine *m)
{
	struct rtc *r = calloc(1, sizeof(*r));
	if (!r)
		return NULL;
	device_init(&r->dev, &rtc_ops, m);
	r->timer = guest_timer_new(m, timer_fired, r);
	if (!r->timer) {
		rtc_destroy(&r->dev);
		return NULL;
	}
	return &r->dev;
}

// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "devices/device.h"
#include "runtime/log.h"

void device_init(struct device *d, const struct device_ops *ops, struct machine *m)
{
	*d = (struct device){ .ops = ops, .machine = m };
	snprintf(d->name, sizeof(d->name), "%s", ops->type);
	pthread_mutex_init(&d->lock, NULL);
	pthread_mutex_init(&d->irq_lock, NULL);
}

void device_fini(struct device *d)
{
	pthread_mutex_destroy(&d->lock);
	pthread_mutex_destroy(&d->irq_lock);
}

void device_lock(struct device *d)
{
	pthread_mutex_lock(&d->lock);
}

/*
 * Two threads may leave the device's lock with opposite wishes. irq_lock makes the one that comes last tell the line's
 * final level: it looks at the wish again when its turn has come.
 */
static void move_irq(struct device *d)
{
	pthread_mutex_lock(&d->irq_lock);
	pthread_mutex_lock(&d->lock);
	bool level = d->irq_level, changed = level != d->irq_raised;
	d->irq_raised = level;
	pthread_mutex_unlock(&d->lock);
	if (changed && d->irq.set)
		d->irq.set(d->irq.opaque, d->irq.n, level);
	pthread_mutex_unlock(&d->irq_lock);
}

void device_unlock(struct device *d)
{
	bool move = d->irq_level != d->irq_raised, flush = d->flush_wanted;
	d->flush_wanted = false;
	pthread_mutex_unlock(&d->lock);
	if (move)
		move_irq(d);
	if (flush && d->ops->flush)
		d->ops->flush(d);
}

void device_guest_error(struct device *d, const char *fmt, ...)
{
	if (!log_wants(d->machine, LOG_GUEST_ERRORS))
		return;
	char text[200];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_line(d->machine, vcpu_current(), "guest error: %s: %s", d->name, text);
}

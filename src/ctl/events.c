// SPDX-License-Identifier: Apache-2.0
/* What has happened, told to those who have asked for it. */
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include "src/ctl/internal.h"
#include "src/report.h"

/* Any thread. */
static void post(struct ctl *ctl, const char *text, size_t size)
{
	pthread_mutex_lock(&ctl->lock);
	char *more = realloc(ctl->events, ctl->n_events + size);
	if (more) {
		ctl->events = more;
		memcpy(more + ctl->n_events, text, size);
		ctl->n_events += size;
	}
	pthread_mutex_unlock(&ctl->lock);
	eventfd_write(ctl->wake_fd, 1);
}

static void put_end(struct json *j, const struct ctl *ctl, const struct guest_exit *e)
{
	json_string(j, "cause", report_cause(e->cause));
	json_number(j, "status", (uint64_t)report_status(e, 0));
	if (e->cause == EXIT_CODE)
		json_number(j, "code", e->code);
	if (e->text[0])
		json_string(j, "text", e->text);
	const struct vcpu *cpu = vcpu_current();
	if (cpu && cpu->machine == &ctl->vm->machine) {
		json_number(j, "vcpu", cpu->index);
		json_hex(j, "pc", cpu->pc);
	}
}

void ctl_on_end(void *opaque, const struct guest_exit *e)
{
	struct ctl *ctl = opaque;
	bool reboot = e->cause == EXIT_REBOOT && ctl->config.reboots;
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);
	if (!f)
		return;
	struct json j = { .f = f };
	json_open(&j, NULL, '{');
	json_string(&j, "event", reboot ? "reboot" : "end");
	if (!reboot)
		put_end(&j, ctl, e);
	json_close(&j, '}');
	if (!fclose(f))
		post(ctl, text, size);
	free(text);
}

static void tell_subscribers(struct ctl *ctl, const char *text, size_t size)
{
	for (struct ctl_client *c = ctl->client; c < ctl->client + CTL_CLIENTS; c++)
		if (c->fd >= 0 && c->subscribed)
			client_put_event(c, text, size);
}

void ctl_event(struct ctl *ctl, const char *name)
{
	char line[64];
	int n = snprintf(line, sizeof line, "{\"event\": \"%s\"}\n", name);
	tell_subscribers(ctl, line, (size_t)n);
}

void ctl_take_events(struct ctl *ctl)
{
	pthread_mutex_lock(&ctl->lock);
	char *events = ctl->events;
	size_t size = ctl->n_events;
	ctl->events = NULL;
	ctl->n_events = 0;
	pthread_mutex_unlock(&ctl->lock);
	if (size)
		tell_subscribers(ctl, events, size);
	free(events);
}

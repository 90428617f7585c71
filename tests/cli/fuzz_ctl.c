// SPDX-License-Identifier: Apache-2.0
/*
 * libFuzzer target: lines for the control socket, from bytes to replies. Each gets at most one, which is one line of JSON. What only looks is
 * carried out, on a machine that stands still.
 */
#include <stdlib.h>
#include <string.h>
#include "src/ctl/internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static struct ctl *make_ctl(void)
{
	struct vm_config config;
	struct error err;
	struct ctl *ctl = calloc(1, sizeof *ctl);
	vm_config_init(&config);
	config.ram = 16 << 20;
	ctl->vm = vm_create_empty(&config, &err);
	ctl->config.debugged = true;	/* nothing starts and stops the machine */
	for (unsigned i = 0; i < CTL_CLIENTS; i++)
		ctl->client[i].fd = -1;
	if (!ctl->vm)
		abort();
	return ctl;
}

/* Replies are lines of one JSON object each: read as a request, what they lack is the command. */
static void check_output(const char *text, size_t size)
{
	for (const char *end; size; size -= (size_t)(end + 1 - text), text = end + 1) {
		struct ctl_request q;
		struct error err = { 0 };
		end = memchr(text, '\n', size);
		if (!end || ctl_request_parse(&q, text, (size_t)(end + 1 - text), &err) || strncmp(err.text, "no command", 10))
			abort();
		ctl_request_free(&q);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static struct ctl *ctl;
	struct ctl_client *c;
	if (!ctl)
		ctl = make_ctl();
	if (size > CTL_LINE)
		return 0;
	c = &ctl->client[0];
	client_open(c, -1);
	memcpy(c->in, bytes, size);
	c->n_in = size;
	c->ended = true;
	while (client_serve(ctl, c))
		;
	check_output(c->out, c->n_out);
	client_close(c);
	return 0;
}
